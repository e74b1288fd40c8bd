import { hashOf, headers, type Lane } from '@baton/protocols';
import type { RunQueue } from '@baton/runtime';
import { ApiError } from './errors.ts';
import { ensureConsumer, type ConsumerSettings } from './run-queue-consumer.ts';
import { LaneReader, type ReaderSettings } from './run-queue-reader.ts';
import type { Wire } from './wire.ts';

/** No message in the stream matches. */
const NO_MESSAGE = 10_037;

export type RunQueueSettings = ConsumerSettings & ReaderSettings;

/** The run queue on a work-queue stream with one durable consumer a lane. */
export const createRunQueue = (wire: Wire, settings: RunQueueSettings = {}): RunQueue => ({
  put: (lane, entry) =>
    wire.publisher.publish(wire.names.runSubject(lane, hashOf(entry.address)), entry.bytes, {
      headers: { [headers.revision]: String(entry.revision) },
    }),

  oldestAt: (lane) => oldestAt(wire, lane),

  open: async (lanes, take) => {
    const known = await Promise.all(
      lanes.map(async (lane) => ({ lane, waiting: await ensureConsumer(wire, lane, settings) })),
    );
    return LaneReader.start(wire, known, take, settings);
  },
});

type StoredMessage = { readonly message: { readonly time: string } };

/** A message leaves a work queue when it is acknowledged, so the first that is stored is the oldest that waits. */
const oldestAt = async ({ api, names }: Wire, lane: Lane): Promise<number | undefined> => {
  try {
    const query = { seq: 1, next_by_subj: names.laneSubject(lane) };
    const { message } = await api.call<StoredMessage>(`STREAM.MSG.GET.${names.runStream}`, query);
    return Date.parse(message.time);
  } catch (error) {
    if (error instanceof ApiError && error.apiCode === NO_MESSAGE) return undefined;
    throw error;
  }
};
