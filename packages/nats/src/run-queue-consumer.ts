import { RUN_ACK_WAIT_MS, type Lane } from '@baton/protocols';
import { StoreRefusedError } from '@baton/runtime';
import { ApiError } from './errors.ts';
import type { Wire } from './wire.ts';

const NANOS_PER_MS = 1_000_000;

/** The consumer is there with another configuration. */
const CONSUMER_EXISTS = 10_148;

/** Delivered and not answered messages of one lane, over all workers. Far above all slots there can be. */
const MAX_UNANSWERED = 1_000_000;

/** Pulls of all workers that may stand on one lane. */
const MAX_PULLS = 16_384;

export type ConsumerSettings = { readonly ackWaitMs?: number };

type Info = { readonly num_pending?: number; readonly config: { readonly filter_subject?: string } };

/**
 * Makes the durable consumer of a lane unless it is there. Every worker of the lane asks for the same one. Answers how
 * many messages wait in the lane.
 */
export const ensureConsumer = async (
  wire: Pick<Wire, 'api' | 'names'>,
  lane: Lane,
  settings: ConsumerSettings = {},
  timeoutMs?: number,
): Promise<number> => {
  const { names, api } = wire;
  const name = names.laneConsumer(lane);
  const filter = names.laneSubject(lane);
  try {
    // `create`, and not "create or update": with the latter a clash of names would take the lane from its workers.
    const config = consumerConfig(name, filter, settings);
    const request = { stream_name: names.runStream, action: 'create', config };
    const path = `CONSUMER.CREATE.${names.runStream}.${name}.${filter}`;
    return (await api.call<Info>(path, request, timeoutMs)).num_pending ?? 0;
  } catch (error) {
    if (!(error instanceof ApiError) || error.apiCode !== CONSUMER_EXISTS) throw error;
    return existing(wire, name, filter);
  }
};

const consumerConfig = (name: string, filter: string, { ackWaitMs = RUN_ACK_WAIT_MS }: ConsumerSettings) => ({
  name,
  durable_name: name,
  filter_subject: filter,
  ack_policy: 'explicit',
  ack_wait: ackWaitMs * NANOS_PER_MS,
  deliver_policy: 'all',
  replay_policy: 'instant',
  max_deliver: -1,
  max_ack_pending: MAX_UNANSWERED,
  max_waiting: MAX_PULLS,
});

/** One made by another version serves as well, as long as it reads this lane. */
const existing = async ({ api, names }: Pick<Wire, 'api' | 'names'>, name: string, filter: string): Promise<number> => {
  const { config, num_pending = 0 } = await api.call<Info>(`CONSUMER.INFO.${names.runStream}.${name}`);
  if (config.filter_subject === filter) return num_pending;
  const text =
    `the consumer ${name} of ${names.runStream} reads ${config.filter_subject ?? 'everything'} and not ${filter}: ` +
    'delete it, or give this installation a namespace of its own';
  throw new StoreRefusedError('STORE_REFUSED', text);
};

/** Pause before a broken lane is tried again: doubled each time, with jitter, up to the last. */
const FIRST_PAUSE_MS = 20;
const LAST_PAUSE_MS = 2_000;
const TRY_TIMEOUT_MS = 2_000;

export type Reopening = {
  readonly lane: Lane;
  /** What the server said when the lane broke. */
  readonly reason: string;
  readonly settings: ConsumerSettings;
  readonly isWanted: () => boolean;
};

/** Tries until the consumer is there again, whatever became of it: deleted, moved to another server, overrun. */
export const reopenConsumer = async (wire: Wire, { lane, reason, settings, isWanted }: Reopening): Promise<number> => {
  let said = false;
  for (let tries = 0; isWanted(); tries++) {
    await pause(Math.min(LAST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** tries) * (0.5 + 0.5 * Math.random()));
    try {
      return await ensureConsumer(wire, lane, settings, TRY_TIMEOUT_MS);
    } catch (fault) {
      // Once a lane and not every two seconds: an outage has one cause.
      if (!said) wire.onFault(`run queue lane (${reason})`, fault);
      said = true;
    }
  }
  return 0;
};

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms).unref());
