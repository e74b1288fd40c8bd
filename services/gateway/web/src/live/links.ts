import { randomId } from '../ui/random-id.ts';
import { createHub, type Hub, type HubClient } from './hub.ts';
import { type FromHub, nameOf, type StreamKey, type ToHub } from './messages.ts';

/** A page's way to its hub. */
export type Link = { readonly send: (message: ToHub) => void; readonly close: () => void };

export type LinkParts = {
  readonly key: StreamKey;
  readonly receive: (message: FromHub) => void;
  /** A hub that knows nothing of this page has come: it is to say again that it watches. */
  readonly renewed: () => void;
  /** This way does not work here. */
  readonly failed: () => void;
};

export type OpenLink = (parts: LinkParts) => Link;

/** Ways that are open to this page, the best one first. */
export const linksFor = ({ base }: StreamKey): readonly OpenLink[] => [
  // A worker's script must come from the page's own origin.
  ...('SharedWorker' in globalThis && new URL(base).origin === location.origin ? [linkToWorker] : []),
  ...('locks' in navigator && 'BroadcastChannel' in globalThis ? [linkToLeader] : []),
  linkToItself,
];

const linkToWorker: OpenLink = ({ key, receive, failed }) => {
  const worker = new SharedWorker(`${key.base}${BATON_LIVE_WORKER}`, { type: 'module', name: nameOf(key) });
  const { port } = worker;
  worker.addEventListener('error', failed);
  port.onmessage = ({ data }: MessageEvent<FromHub>) => receive(data);
  return {
    send: (message) => port.postMessage(message),
    close: () => {
      worker.removeEventListener('error', failed);
      port.postMessage({ kind: 'leave' } satisfies ToHub);
      port.close();
    },
  };
};

/** On the common channel of all pages: what one says to the hub, whoever that is, or that there is a new one. */
type Said = { readonly page: string; readonly message: ToHub } | 'new-hub';

/**
 * The page that holds a lock has the hub, and talks with the others over channels. The browser gives the lock to the
 * next one when a page goes, whatever it dies of.
 */
const linkToLeader: OpenLink = ({ key, receive, renewed }) => {
  const name = nameOf(key);
  const page = randomId();
  const stopped = new AbortController();
  const common = new BroadcastChannel(name);
  const own = new BroadcastChannel(`${name} ${page}`);
  let leading: { readonly hub: Hub; readonly self: HubClient } | undefined;
  const others = new Map<string, { readonly channel: BroadcastChannel; readonly client: HubClient }>();

  const hear = (hub: Hub, from: string, message: ToHub): void => {
    let other = others.get(from);
    if (other === undefined) {
      if (message.kind !== 'watch') return;
      const channel = new BroadcastChannel(`${name} ${from}`);
      const gone = (): void => forget(from);
      other = { channel, client: hub.connect((told) => channel.postMessage(told), gone) };
      others.set(from, other);
    }
    other.client.receive(message);
    if (message.kind === 'leave') forget(from);
  };
  const forget = (from: string): void => {
    others.get(from)?.channel.close();
    others.delete(from);
  };
  common.onmessage = ({ data }: MessageEvent<Said>) => {
    if (data === 'new-hub') renewed();
    else if (leading !== undefined) hear(leading.hub, data.page, data.message);
  };
  own.onmessage = ({ data }: MessageEvent<FromHub>) => receive(data);

  const lead = (): Promise<void> =>
    new Promise((resolve) => {
      const hub = createHub(key);
      leading = { hub, self: hub.connect(receive) };
      const end = (): void => {
        leading = undefined;
        hub.close();
        for (const from of others.keys()) forget(from);
        resolve();
      };
      stopped.signal.addEventListener('abort', end);
      common.postMessage('new-hub' satisfies Said);
      renewed();
    });
  navigator.locks.request(name, { signal: stopped.signal }, lead).catch(() => undefined); // stopped before it led

  return {
    send: (message) => {
      if (leading !== undefined) leading.self.receive(message);
      else common.postMessage({ page, message } satisfies Said);
    },
    close: () => {
      if (leading === undefined) common.postMessage({ page, message: { kind: 'leave' } } satisfies Said);
      stopped.abort();
      common.close();
      own.close();
    },
  };
};

/** A stream of its own, where a browser has nothing to share one by. */
const linkToItself: OpenLink = ({ key, receive }) => {
  const hub = createHub(key);
  const client = hub.connect(receive);
  return { send: client.receive, close: hub.close };
};
