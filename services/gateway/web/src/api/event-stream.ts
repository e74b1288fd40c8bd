import { ApiError, errorOf, type Server, urlOf, type Query } from './http.ts';
import { createEventParser, type ServerEvent } from './event-parser.ts';

export type StreamState = 'connecting' | 'live' | 'offline' | 'denied';

type StreamOptions = {
  readonly server: Server;
  readonly path: string;
  readonly query?: Query;
  readonly onEvent: (event: ServerEvent) => void;
  readonly onState: (state: StreamState) => void;
};

const FIRST_RETRY_MS = 500;
const MAX_RETRY_MS = 10_000;
/** Three missed keep-alives (behaviour E2): the connection is dead, whatever the browser believes. */
const SILENCE_MS = 45_000;

/**
 * Follows server-sent events until it is told to stop, with the last event's id after each break. Not by EventSource:
 * that one can neither send a token nor say why it was refused.
 */
export const followEvents = (options: StreamOptions): (() => void) => {
  const stopped = new AbortController();
  void follow(options, stopped.signal);
  return () => stopped.abort();
};

const follow = async (options: StreamOptions, stopped: AbortSignal): Promise<void> => {
  let lastId = '';
  let failures = 0;
  options.onState('connecting');
  while (!stopped.aborted) {
    const outcome = await readOnce(options, lastId, stopped, (event) => {
      failures = 0;
      if (event.id !== '') lastId = event.id;
      options.onEvent(event);
    });
    if (stopped.aborted) return;
    if (outcome === 'denied') return options.onState('denied');
    options.onState('offline');
    await pause(retryMs(failures++), stopped);
  }
};

const readOnce = async (
  { server, path, query, onState }: StreamOptions,
  lastId: string,
  stopped: AbortSignal,
  onEvent: (event: ServerEvent) => void,
): Promise<'ended' | 'denied'> => {
  const silence = new AbortController();
  let timer = setTimeout(() => silence.abort(), SILENCE_MS);
  const heard = (): void => {
    clearTimeout(timer);
    timer = setTimeout(() => silence.abort(), SILENCE_MS);
  };
  try {
    const response = await fetch(urlOf(server, path, query), {
      headers: {
        Accept: 'text/event-stream',
        ...(lastId === '' ? {} : { 'Last-Event-ID': lastId }),
        ...(await server.headers()),
      },
      credentials: 'same-origin',
      cache: 'no-store',
      signal: AbortSignal.any([stopped, silence.signal]),
    });
    if (!response.ok) throw await errorOf(response);
    if (response.body === null) return 'ended';
    onState('live');
    const parser = createEventParser(onEvent);
    const text = response.body.pipeThrough(new TextDecoderStream());
    for await (const chunk of text as unknown as AsyncIterable<string>) {
      heard();
      parser(chunk);
    }
    return 'ended';
  } catch (error) {
    // Every other fault is a connection that is gone, and is tried again.
    return error instanceof ApiError && (error.status === 401 || error.status === 403) ? 'denied' : 'ended';
  } finally {
    clearTimeout(timer);
  }
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
