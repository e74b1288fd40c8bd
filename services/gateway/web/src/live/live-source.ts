import type { ServerEvent } from '../api/event-parser.ts';
import type { Server } from '../api/http.ts';
import type { Session } from '../api/session.ts';
import { type Link, linksFor } from './links.ts';
import { BEAT_MS, type FromHub, GONE_MS, nameOf, type StreamKey, type StreamState } from './messages.ts';

export type LiveListener = {
  readonly state: (state: StreamState) => void;
  /** From here on nothing is missed: what was read before may be older. */
  readonly begin: () => void;
  readonly event: (event: ServerEvent) => void;
};

/** The changes of all tasks that a user sees, as they happen. */
export type LiveSource = {
  readonly listen: (listener: LiveListener) => () => void;
  /** Live progress of one task comes too, as the event `progress`. */
  readonly wantProgress: (uuid: string) => () => void;
};

/** A page that nobody has looked at for this long needs no stream. */
const REST_MS = 30_000;

type SharedSource = {
  readonly listen: (listener: LiveListener, server: Server) => () => void;
  readonly wantProgress: LiveSource['wantProgress'];
};

const sources = new Map<string, SharedSource>();

/** One for each server and user in this page, however many lists are in it. */
export const liveSourceOf = (server: Server, { user, admin }: Session): LiveSource => {
  const base = new URL(`${server.base}/`, location.href).href.replace(/\/+$/, '');
  const key: StreamKey = { base, user, admin };
  const name = nameOf(key);
  const source = sources.get(name) ?? createLiveSource(key);
  sources.set(name, source);
  return { ...source, listen: (listener) => source.listen(listener, server) };
};

const createLiveSource = (key: StreamKey): SharedSource => {
  const ways = linksFor(key);
  const listeners = new Map<LiveListener, Server>();
  const wishes = new Set<{ readonly uuid: string }>();
  let way = 0;
  /** Since the present link was made. */
  let wasHeard = false;
  let link: Link | undefined;
  let heardAt = 0;
  let beat: ReturnType<typeof setInterval> | undefined;
  let rest: ReturnType<typeof setTimeout> | undefined;
  let state: StreamState = 'connecting';

  const enter = (next: StreamState): void => {
    state = next;
    for (const listener of listeners.keys()) listener.state(next);
  };

  const answerHeaders = async (call: number): Promise<void> => {
    const asked = link;
    const [server] = listeners.values();
    // A page whose own token cannot be had lets another one answer.
    const headers = await server?.headers().catch(() => undefined);
    asked?.send({ kind: 'headers', call, headers });
  };
  const receive = (message: FromHub): void => {
    heardAt = performance.now();
    wasHeard = true;
    if (message.kind === 'headers') return void answerHeaders(message.call);
    if (message.kind === 'state') return enter(message.state);
    for (const listener of listeners.keys()) {
      if (message.kind === 'begin') listener.begin();
      else listener.event(message.event);
    }
  };

  const watch = (): void =>
    link?.send({ kind: 'watch', progressOf: [...new Set([...wishes].map(({ uuid }) => uuid))] });
  const leave = (): void => {
    clearInterval(beat);
    clearTimeout(rest);
    rest = undefined;
    const left = link;
    link = undefined;
    left?.close();
    enter('connecting');
  };
  const join = (): void => {
    const open = ways[way];
    if (link !== undefined || open === undefined || listeners.size === 0) return;
    if (document.visibilityState === 'hidden') return;
    heardAt = performance.now();
    wasHeard = false;
    try {
      link = open({ key, receive, renewed: watch, failed: nextWay });
    } catch {
      return nextWay(); // refused by a policy of the page around
    }
    watch();
    beat = setInterval(() => {
      if (performance.now() - heardAt <= GONE_MS) watch();
      else if (wasHeard) rejoin();
      else nextWay();
    }, BEAT_MS);
  };
  /** A hub that has died, or a computer that has slept. */
  const rejoin = (): void => {
    leave();
    join();
  };
  /** The last one works everywhere. */
  const nextWay = (): void => {
    way = Math.min(way + 1, ways.length - 1);
    rejoin();
  };

  document.addEventListener('visibilitychange', () => {
    clearTimeout(rest);
    if (document.visibilityState === 'hidden') rest = setTimeout(leave, REST_MS);
    else join();
  });
  addEventListener('pagehide', leave);
  addEventListener('pageshow', join);

  return {
    listen: (listener, server) => {
      listeners.set(listener, server);
      listener.state(state);
      if (link === undefined) join();
      else if (state === 'live' || state === 'late') listener.begin();
      return () => {
        listeners.delete(listener);
        if (listeners.size === 0) leave();
      };
    },
    wantProgress: (uuid) => {
      const wish = { uuid };
      wishes.add(wish);
      watch();
      return () => {
        if (wishes.delete(wish)) watch();
      };
    },
  };
};
