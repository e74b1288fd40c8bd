// The hub as a shared worker: one for each server and user, for all pages of this origin. Its name says whose it is.
import { createHub } from './hub.ts';
import { type FromHub, keyIn, type ToHub } from './messages.ts';

/** A page that changes from one view to the next leaves for a moment. */
const IDLE_MS = 5_000;

type WorkerScope = {
  readonly name: string;
  readonly close: () => void;
  onconnect: ((event: MessageEvent) => void) | null;
};
const scope = globalThis as unknown as WorkerScope;

let idle: ReturnType<typeof setTimeout> | undefined;

/** With nobody left the worker ends, even if the browser would let it stay. */
const endSoon = (): void => {
  clearTimeout(idle);
  idle = setTimeout(() => scope.close(), IDLE_MS);
};

const hub = createHub(keyIn(scope.name), endSoon);

scope.onconnect = ({ ports: [port] }) => {
  if (port === undefined) return;
  const client = hub.connect((message: FromHub) => port.postMessage(message));
  port.onmessage = ({ data }: MessageEvent<ToHub>) => {
    if (data.kind === 'watch') clearTimeout(idle);
    client.receive(data);
  };
};
