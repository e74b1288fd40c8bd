import { headers as ourHeaders, partitionOfAddress, typeTokenOf, untoken } from '@baton/protocols';
import { StoreRefusedError, type Entry, type EventLog, type WriteResult } from '@baton/runtime';
import type { NatsWire } from './connect.ts';
import { ApiError } from './errors.ts';
import { EventLogReader } from './event-log-reader.ts';
import { apiCodes } from './publisher/outcome.ts';

const NANOS_PER_MS = 1_000_000;

export type EventLogSettings = {
  /** A delivered and unacknowledged event comes again after this long: longer than any batch should take. Default 30,000. */
  readonly ackWaitMs?: number;
};

const ACK_WAIT_MS = 30_000;
/** Events that may be delivered and unacknowledged, over all readers of one name. */
const MAX_UNACKED = 100_000;
const CONSUMER_EXISTS = 10_148;

export const createEventLog = (wire: NatsWire, { ackWaitMs = ACK_WAIT_MS }: EventLogSettings = {}): EventLog => ({
  publish: (entry) => publish(wire, entry),
  reader: async (consumer) => {
    const ensure = () => ensureConsumer(wire, consumer, ackWaitMs);
    await ensure();
    return new EventLogReader(wire, consumer, ensure, () => forgetConsumer(wire, consumer));
  },
});

const publish = ({ names, publisher }: NatsWire, { address, revision, bytes }: Entry): Promise<WriteResult> =>
  publisher.publish(names.eventSubject(partitionOfAddress(address), untoken(typeTokenOf(address))), bytes, {
    headers: { [ourHeaders.revision]: String(revision), [ourHeaders.address]: address },
  });

const ensureConsumer = async ({ api, names }: NatsWire, name: string, ackWaitMs: number): Promise<void> => {
  const config = {
    name,
    durable_name: name,
    ack_policy: 'explicit',
    ack_wait: ackWaitMs * NANOS_PER_MS,
    deliver_policy: 'all',
    replay_policy: 'instant',
    max_deliver: -1,
    max_ack_pending: MAX_UNACKED,
  };
  try {
    // `create`, and not "create or update": two versions must not change it under each other.
    await api.call(`CONSUMER.CREATE.${names.eventsStream}.${name}`, {
      stream_name: names.eventsStream,
      action: 'create',
      config,
    });
  } catch (fault) {
    if (!(fault instanceof ApiError) || fault.apiCode !== CONSUMER_EXISTS) throw asStoreFault(fault);
  }
};

const CONSUMER_NOT_FOUND = 10_014;

const forgetConsumer = async ({ api, names }: NatsWire, name: string): Promise<void> => {
  try {
    await api.call(`CONSUMER.DELETE.${names.eventsStream}.${name}`);
  } catch (fault) {
    if (!(fault instanceof ApiError) || fault.apiCode !== CONSUMER_NOT_FOUND) throw asStoreFault(fault);
  }
};

const asStoreFault = (fault: unknown): unknown => {
  if (!(fault instanceof ApiError)) return fault;
  const code = fault.apiCode === apiCodes.streamNotFound ? 'STORE_MISSING' : 'STORE_REFUSED';
  return new StoreRefusedError(code, fault.message, { cause: fault });
};
