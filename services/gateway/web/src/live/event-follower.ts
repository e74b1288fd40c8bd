import { createEventParser, type ServerEvent } from '../api/event-parser.ts';
import { ApiError, errorOf, type Query, type Server, urlOf } from '../api/http.ts';

/** `open`: the server has answered; with an id it gives what was missed, without one a beginning. */
export type FollowerState = { readonly kind: 'connecting' | 'late' | 'heard' | 'offline' | 'denied' } | Opened;
/** `isFed`: the server hears of changes itself. */
type Opened = { readonly kind: 'open'; readonly isResumed: boolean; readonly isFed: boolean };

export type FollowerOptions = {
  readonly server: Server;
  readonly path: string;
  /** Asked before each connection. */
  readonly query: () => Query;
  /** Whether an answer is the one that was meant; otherwise it is refused like one to a stranger. */
  readonly isMeant: (response: Response) => boolean;
  readonly onEvent: (event: ServerEvent) => void;
  readonly onState: (state: FollowerState) => void;
};

export type Follower = {
  /** Connects anew, with another query: what comes meanwhile is not missed. */
  readonly again: () => void;
  readonly stop: () => void;
};

const FIRST_RETRY_MS = 500;
const MAX_RETRY_MS = 10_000;
/** A keep-alive is late (behaviour E2: one every 15 s). */
const LATE_MS = 20_000;
/** Three are missing: the connection is dead, whatever the browser believes. */
const SILENCE_MS = 45_000;

type End = 'ended' | 'denied' | 'again';

/**
 * Follows server-sent events until it is told to stop, with the last event's id after each break. Not by EventSource:
 * that one can neither send a token nor say why it was refused.
 */
export const followEvents = (options: FollowerOptions): Follower => {
  const stopped = new AbortController();
  let connection = new AbortController();
  let lastId = '';

  const take = (event: ServerEvent): void => {
    // After a reset nothing that came before counts.
    if (event.event === 'reset') lastId = '';
    else if (event.id !== '') lastId = event.id;
    options.onEvent(event);
  };

  const follow = async (): Promise<void> => {
    let failures = 0;
    options.onState({ kind: 'connecting' });
    while (!stopped.signal.aborted) {
      connection = new AbortController();
      const signal = AbortSignal.any([stopped.signal, connection.signal]);
      const end = await readOnce(options, lastId, signal, (event) => {
        failures = 0;
        take(event);
      });
      if (stopped.signal.aborted) return;
      if (end === 'denied') return options.onState({ kind: 'denied' });
      if (end === 'again') continue;
      options.onState({ kind: 'offline' });
      await pause(retryMs(failures++), signal);
    }
  };
  void follow();
  return { again: () => connection.abort(), stop: () => stopped.abort() };
};

const readOnce = async (
  options: FollowerOptions,
  lastId: string,
  signal: AbortSignal,
  onEvent: (event: ServerEvent) => void,
): Promise<End> => {
  const silence = watchSilence(options);
  try {
    const response = await connect(options, lastId, AbortSignal.any([signal, silence.signal]));
    if (response.body === null) return 'ended';
    options.onState({
      kind: 'open',
      isResumed: lastId !== '',
      isFed: response.headers.get('X-Baton-Live') !== 'false',
    });
    const parser = createEventParser(onEvent);
    const text = response.body.pipeThrough(new TextDecoderStream());
    for await (const chunk of text as unknown as AsyncIterable<string>) {
      silence.heard();
      parser(chunk);
    }
    return 'ended';
  } catch (error) {
    if (signal.aborted) return 'again';
    // Every other fault is a connection that is gone, and is tried again.
    return error instanceof ApiError && (error.status === 401 || error.status === 403) ? 'denied' : 'ended';
  } finally {
    silence.stop();
  }
};

const connect = async (
  { server, path, query, isMeant }: FollowerOptions,
  lastId: string,
  signal: AbortSignal,
): Promise<Response> => {
  const response = await fetch(urlOf(server, path, query()), {
    headers: {
      Accept: 'text/event-stream',
      ...(lastId === '' ? {} : { 'Last-Event-ID': lastId }),
      ...(await server.headers()),
    },
    credentials: 'same-origin',
    cache: 'no-store',
    signal,
  });
  if (!response.ok) throw await errorOf(response);
  if (isMeant(response)) return response;
  await response.body?.cancel();
  throw new ApiError(403, 'other_user', 'The browser is signed in as somebody else.');
};

const watchSilence = ({ onState }: FollowerOptions) => {
  const silence = new AbortController();
  let isLate = false;
  let timers: ReturnType<typeof setTimeout>[] = [];
  const stop = (): void => timers.forEach(clearTimeout);
  const begin = (): void => {
    stop();
    const late = (): void => {
      isLate = true;
      onState({ kind: 'late' });
    };
    timers = [setTimeout(late, LATE_MS), setTimeout(() => silence.abort(), SILENCE_MS)];
  };
  const heard = (): void => {
    begin();
    if (isLate) onState({ kind: 'heard' });
    isLate = false;
  };
  begin();
  return { signal: silence.signal, heard, stop };
};

/** Doubles from half a second to ten, and a random half of it: a thousand pages must not come back at once. */
const retryMs = (failures: number): number => {
  const whole = Math.min(MAX_RETRY_MS, FIRST_RETRY_MS * 2 ** failures);
  return whole / 2 + (Math.random() * whole) / 2;
};

/** Cut short when the browser says that the network is back. */
const pause = (ms: number, stopped: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    const done = (): void => {
      clearTimeout(timer);
      stopped.removeEventListener('abort', done);
      removeEventListener('online', done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    stopped.addEventListener('abort', done);
    addEventListener('online', done);
  });
