import { DecodeError, decode, DUE_TTL_MS, encode, hashOf, parseAddress } from '@baton/protocols';
import type { Delayed, Later } from '@baton/runtime';
import type { NatsWire } from './connect.ts';
import { sharedConsumers } from './consumers.ts';
import { WorkReader, type Work } from './work-reader.ts';

/** A message is an address, an id and a number. */
const MESSAGE_LIMIT = 1_024;

/** The schedules of the server (ADR-51): `@at` a time, to a subject of the same stream. */
export const createLater = (wire: NatsWire): Later => ({
  now: () => wire.clock.now(),

  put: (delayed) => {
    const { names, publisher } = wire;
    const hash = hashOf(delayed.address);
    return publisher.publish(names.laterSubject(hash), encode(delayed), {
      headers: {
        'Nats-Schedule': `@at ${new Date(delayed.runAt).toISOString()}`,
        'Nats-Schedule-Target': names.dueSubject(hash),
        'Nats-Schedule-TTL': `${DUE_TTL_MS / 1_000}s`,
      },
    });
  },

  open: (take, { most }) => {
    const { due: consumer } = sharedConsumers(wire.names);
    return WorkReader.open(wire, { consumer, most }, (work) => {
      const delayed = read(wire, work);
      if (delayed === undefined) work.ack();
      else take({ ...delayed, ack: work.ack, again: work.again });
    });
  },
});

/** Undefined for what was not written by this protocol. */
const read = (wire: NatsWire, { msg }: Work): Delayed | undefined => {
  // The mark the server leaves where a message has outlived its time.
  if (msg.data.length === 0) return undefined;
  try {
    const value = decode(msg.data, MESSAGE_LIMIT);
    const map: Readonly<Record<string, unknown>> = typeof value === 'object' && value !== null ? { ...value } : {};
    const { address: text, id, runAt } = map;
    const address = typeof text === 'string' ? parseAddress(text) : undefined;
    if (address !== undefined && typeof id === 'string' && typeof runAt === 'number') return { address, id, runAt };
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
  }
  wire.onFault('what is due', new Error(`${msg.subject} holds what is no delayed task; it was left out`));
  return undefined;
};
