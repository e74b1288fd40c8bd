import { headers, NODE_ID_PATTERN, parseAddress, STORE_TIMEOUT_MS } from '@baton/protocols';
import { InvalidArgumentError, NotConnectedError, type Signals, type Subscription } from '@baton/runtime';
import type { Msg } from '@nats-io/nats-core';
import { headerBlock, headerLines } from '../commit/header-bytes.ts';
import { headersOf } from '../foreign-headers.ts';
import { listen, type Wire } from '../wire.ts';

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** Longest address; a signal that is longer is none. */
const ADDRESS_LIMIT = 200;

/** The push path on core subjects: at most once, nothing stored. */
export const createSignals = (wire: Wire): Signals => ({
  poke: (worker, address) => push(wire, () => wire.names.signalSubject(checked(worker)), encoder.encode(address)),

  onPoke: (worker, listener) =>
    listen(wire, wire.names.signalSubject(checked(worker)), ({ data }) => {
      const address = data.length > ADDRESS_LIMIT ? undefined : parseAddress(decoder.decode(data));
      if (address === undefined) throw new Error('a signal that is no address was left out');
      listener(address);
    }),

  record: ({ address, revision, bytes }) => {
    if (!wire.link.connected) return;
    try {
      const lines = headerLines({ headers: { [headers.revision]: String(revision) } });
      wire.nc.publish(wire.names.liveSubject(address), bytes, { headers: headerBlock(lines) });
    } catch (fault) {
      wire.onFault('live record', fault);
    }
  },

  onRecord: (address, listener) =>
    heard(wire, wire.names.liveSubject(address), (msg) => {
      const revision = revisionOf(msg);
      if (revision === undefined) throw new Error(`a live record without ${headers.revision} was left out`);
      listener({ address, revision, bytes: msg.data });
    }),

  progress: (taskId, bytes) => push(wire, () => wire.names.progressSubject(checked(taskId)), bytes),

  onProgress: async (taskId, listener) =>
    heard(wire, wire.names.progressSubject(checked(taskId)), ({ data }) => listener(data)),
});

const revisionOf = (msg: Msg): number | undefined => {
  const revision = Number(headersOf(msg)?.get(headers.revision));
  return Number.isSafeInteger(revision) && revision > 0 ? revision : undefined;
};

const checked = (id: string): string => {
  if (!NODE_ID_PATTERN.test(id))
    throw new InvalidArgumentError(`an id is 1 to 100 letters, digits, '-' and '_'; got '${id}'`);
  return id;
};

/** What is pushed while there is no connection is lost, as is allowed here: the store has it. Never throws. */
const push = (wire: Wire, subject: () => string, bytes: Uint8Array): void => {
  if (!wire.link.connected) return;
  try {
    wire.nc.publish(subject(), bytes);
  } catch (fault) {
    wire.onFault('signal', fault);
  }
};

/** Resolves when the server has answered behind the subscription: it knows of the interest then. */
const heard = async (wire: Wire, subject: string, onMessage: (msg: Msg) => void): Promise<Subscription> => {
  if (!wire.link.connected) throw new NotConnectedError('no connection to NATS: nothing can be listened to');
  const subscription = listen(wire, subject, onMessage);
  try {
    await within(STORE_TIMEOUT_MS, wire.nc.flush());
    return subscription;
  } catch (fault) {
    subscription.close();
    throw new NotConnectedError('the connection was lost before the server knew of the interest', { cause: fault });
  }
};

const within = async (ms: number, promise: Promise<void>): Promise<void> => {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer within ${ms} ms`)), ms);
  });
  try {
    await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
};
