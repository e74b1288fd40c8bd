import type { ServerEvent } from '../api/event-parser.ts';
import type { Server } from '../api/http.ts';
import { followEvents, type Follower, type FollowerState } from './event-follower.ts';
import { BEAT_MS, type FromHub, GONE_MS, type StreamKey, type StreamState, type ToHub } from './messages.ts';

/** One page, from the hub's side. */
export type HubClient = { readonly receive: (message: ToHub) => void };

export type Hub = {
  /** `gone`: the page gave no sign of life any more. */
  readonly connect: (post: (message: FromHub) => void, gone?: () => void) => HubClient;
  readonly close: () => void;
};

type Client = {
  readonly post: (message: FromHub) => void;
  readonly gone: () => void;
  progressOf: readonly string[];
  /** On the monotonic clock. */
  seenAt: number;
};

type Answer = (headers: Readonly<Record<string, string>> | undefined) => void;

/** How long a page may take to say its credentials: a token may have to be fetched. */
const HEADERS_MS = 10_000;
/** As many as the server takes. */
const PROGRESS_LIMIT = 10;

/**
 * One stream of events for all pages of a user in this browser: it is open while a page watches, and carries all that
 * the user sees; pages take out of it what they show. It runs in a shared worker, or in one of the pages.
 */
export const createHub = (key: StreamKey, onIdle: () => void = () => undefined): Hub => {
  const clients = new Set<Client>();
  const answers = new Map<number, Answer>();
  let calls = 0;
  let state: StreamState = 'connecting';
  /** The server hears of changes itself, and keeps its promise to say a word now and then. */
  let isFed = true;
  let isHeard = true;
  let follower: Follower | undefined;
  let progressOf: readonly string[] = [];
  let sweeping: ReturnType<typeof setInterval> | undefined;

  const tellAll = (message: FromHub): void => {
    for (const client of clients) client.post(message);
  };
  const enter = (next: StreamState): void => {
    if (next === state) return;
    state = next;
    tellAll({ kind: 'state', state });
  };

  const onState = (next: FollowerState): void => {
    if (next.kind === 'late' || next.kind === 'heard') {
      isHeard = next.kind === 'heard';
      return rate();
    }
    isHeard = true;
    if (next.kind !== 'open') return enter(next.kind);
    ({ isFed } = next);
    enter(next.isResumed ? standing() : 'connecting');
  };
  /** Of a stream that has begun. */
  const standing = (): StreamState => (isFed && isHeard ? 'live' : 'late');
  /** What has not begun yet is not late. */
  const rate = (): void => {
    if (state === 'live' || state === 'late') enter(standing());
  };
  const onEvent = (event: ServerEvent): void => {
    if (event.event === 'snapshot') {
      enter(standing());
      tellAll({ kind: 'begin' });
    } else if (event.event === 'reset') enter('connecting');
    else if (event.event === 'feed') {
      isFed = (JSON.parse(event.data) as { readonly live: boolean }).live;
      rate();
    } else tellAll({ kind: 'event', event });
  };

  /** The page that was heard last is the surest to answer; if it does not, the others are asked. */
  const headers = async (): Promise<Readonly<Record<string, string>>> => {
    for (const client of [...clients].toSorted((a, b) => b.seenAt - a.seenAt)) {
      const told = await headersOf(client);
      if (told !== undefined) return told;
    }
    throw new Error('no page has said who asks');
  };
  const headersOf = (client: Client): Promise<Readonly<Record<string, string>> | undefined> =>
    new Promise((resolve) => {
      const call = ++calls;
      const answer: Answer = (told) => {
        clearTimeout(timer);
        answers.delete(call);
        resolve(told);
      };
      const timer = setTimeout(() => answer(undefined), HEADERS_MS);
      answers.set(call, answer);
      client.post({ kind: 'headers', call });
    });

  const server: Server = { base: key.base, headers };
  const begin = (): void => {
    follower?.stop();
    progressOf = wanted();
    follower = followEvents({
      server,
      path: '/api/v1/task/events',
      query: () => ({ page_size: '1', progress: progressOf }),
      isMeant: (response) => isStreamOf(response, key),
      onEvent,
      onState,
    });
    sweeping ??= setInterval(sweep, BEAT_MS);
  };
  const end = (): void => {
    follower?.stop();
    follower = undefined;
    clearInterval(sweeping);
    sweeping = undefined;
    state = 'connecting';
    onIdle();
  };

  const wanted = (): readonly string[] =>
    [...new Set([...clients].flatMap((client) => client.progressOf))].toSorted().slice(0, PROGRESS_LIMIT);

  /** With a task more the stream is begun anew at once; with one less there is time. */
  const refresh = (how: 'when-more' | 'when-other'): void => {
    if (clients.size === 0) return end();
    const next = wanted();
    const isEnough = next.every((uuid) => progressOf.includes(uuid));
    if (isEnough && (how === 'when-more' || next.length === progressOf.length)) return;
    progressOf = next;
    follower?.again();
  };

  const sweep = (): void => {
    for (const client of clients) {
      if (performance.now() - client.seenAt <= GONE_MS) continue;
      clients.delete(client);
      client.gone();
    }
    refresh('when-other');
  };

  const watch = (client: Client, wants: readonly string[]): void => {
    const isNew = !clients.has(client);
    clients.add(client);
    client.seenAt = performance.now();
    client.progressOf = wants;
    // Who was refused may have signed in again: a page that comes anew asks anew.
    if (follower === undefined || (isNew && state === 'denied')) begin();
    else refresh('when-more');
    client.post({ kind: 'state', state });
    if (isNew && (state === 'live' || state === 'late')) client.post({ kind: 'begin' });
  };

  return {
    connect: (post, gone = () => undefined) => {
      const client: Client = { post, gone, progressOf: [], seenAt: 0 };
      return {
        receive: (message) => {
          if (message.kind === 'watch') watch(client, message.progressOf);
          else if (message.kind === 'headers') answers.get(message.call)?.(message.headers);
          else if (clients.delete(client)) refresh('when-more');
        },
      };
    },
    close: () => {
      clients.clear();
      end();
    },
  };
};

/** A cookie may be another user's by now, and what he sees is not for pages of this one. */
const isStreamOf = ({ headers }: Response, { user, admin }: StreamKey): boolean =>
  headers.get('X-Baton-User') === encodeURIComponent(user.replace(/\p{Surrogate}/gu, '\ufffd')) &&
  headers.get('X-Baton-Admin') === String(admin);
