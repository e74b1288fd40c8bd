import { PROJECTION_READER_MS, type Names } from '@baton/protocols';
import { BatonError, type ReaderOptions } from '@baton/runtime';
import { ApiError } from '../errors.ts';
import type { FaultListener, JetStreamApi } from '../wire.ts';
import { apiCodes, NANOS_PER_MS } from '../codes.ts';

/** A durable pull consumer of ours as it has to be: in the words of the server's API, durations in nanoseconds. */
export type WantedConsumer = {
  readonly stream: string;
  readonly name: string;
  readonly config: {
    readonly filter_subject?: string;
    readonly ack_policy: 'explicit';
    /** A message that is not acknowledged comes again after this long. */
    readonly ack_wait: number;
    /** Messages that may be delivered and not acknowledged, over all who read. */
    readonly max_ack_pending: number;
    readonly deliver_policy: 'all';
    readonly priority_groups?: readonly string[];
    readonly priority_policy?: 'pinned_client';
    readonly priority_timeout?: number;
    /** Forgotten when nobody has asked for so long. */
    readonly inactive_threshold?: number;
  };
};

export type ConsumerInfo = {
  readonly config: Readonly<Record<string, unknown>>;
  /** When this one was made. */
  readonly created: string;
  readonly num_pending: number;
  readonly num_ack_pending: number;
  readonly paused?: boolean;
};

export type ConsumerDifference = { readonly field: string; readonly wanted: unknown; readonly actual: unknown };

/** Longer than everything a supervisor may wait for while it carries a command out. */
const COMMAND_ACK_WAIT_MS = 30_000;
/** Long, since nobody waits for it: a reader that is served anew goes back to what is acknowledged. */
const PINNED_ACK_WAIT_MS = 600_000;
/** Whoever reads once may wait for a database for long. */
const ONCE_MS = 86_400_000;
const MOST_UNACKED = 100_000;

const shared = (stream: string, name: string, ackWaitMs: number, filter?: string): WantedConsumer => ({
  stream,
  name,
  config: {
    ...(filter === undefined ? {} : { filter_subject: filter }),
    ack_policy: 'explicit',
    ack_wait: ackWaitMs * NANOS_PER_MS,
    max_ack_pending: MOST_UNACKED,
    deliver_policy: 'all',
  },
});

/** All readers of a consumer that serves one at a time are of one group. */
export const READER_GROUP = 'reader';

/**
 * Of several readers it serves one, until he asks for nothing for a while.
 *
 * Not `ack_policy: all`, though one acknowledgement is for all before it: when a record is written over that was delivered
 * and not acknowledged, the server takes the old version for acknowledged, and with it all before it.
 */
export const pinnedConsumer = (stream: string, name: string, { once = false }: ReaderOptions = {}): WantedConsumer => ({
  stream,
  name,
  config: {
    ack_policy: 'explicit',
    ack_wait: PINNED_ACK_WAIT_MS * NANOS_PER_MS,
    max_ack_pending: MOST_UNACKED,
    deliver_policy: 'all',
    priority_groups: [READER_GROUP],
    priority_policy: 'pinned_client',
    priority_timeout: PROJECTION_READER_MS * NANOS_PER_MS,
    ...(once ? { inactive_threshold: ONCE_MS * NANOS_PER_MS } : {}),
  },
});

/** Every consumer that services share by name. What is made for one reader and forgotten with it is not among them. */
export const sharedConsumers = (names: Names) => ({
  commands: shared(names.commandsStream, names.commandsConsumer, COMMAND_ACK_WAIT_MS, names.allCommands),
  documents: pinnedConsumer(names.tasksStream, names.projections.documents),
  log: pinnedConsumer(names.tasksStream, names.projections.log),
  archive: pinnedConsumer(names.tasksStream, names.projections.archive),
});

/** The consumer is there with another configuration; or it could not be made, since somebody takes it away just now. */
const NOT_MADE: readonly number[] = [apiCodes.consumerExists, apiCodes.consumerCreate];

/** Tries, where others make, mend or delete the same one meanwhile. */
const TRIES = 5;

/** What changes nothing of which messages come, so that the server changes it under those who read. */
const CHANGED_IN_PLACE: readonly string[] = [
  'ack_wait',
  'max_ack_pending',
  'backoff',
  'max_batch',
  'max_expires',
  'max_bytes',
  'inactive_threshold',
  'rate_limit_bps',
];

/** Fields that keep messages from us, or lose our place, when they are not at their default. */
const SAFE_DEFAULTS: Readonly<Record<string, readonly unknown[]>> = {
  deliver_subject: [''],
  deliver_group: [''],
  opt_start_seq: [0],
  opt_start_time: [],
  backoff: [null],
  rate_limit_bps: [0],
  headers_only: [false],
  max_batch: [0],
  max_expires: [0],
  max_bytes: [0],
  inactive_threshold: [0],
  mem_storage: [false],
  priority_groups: [null],
  priority_policy: ['', 'none'],
};

type Parts = { readonly api: JetStreamApi; readonly onFault: FaultListener };

/**
 * Makes a consumer that is missing and mends one that is not as it has to be: somebody may have changed it, and then
 * messages stay away without a word. Where only its pace differs it is changed in place. Otherwise it is made anew and reads
 * from the start, because what passed it by cannot be told; everything that reads here takes a message twice without harm.
 * What was mended is said to `onFault`. Rejects as `JetStreamApi.call` does.
 */
export const ensureConsumer = async (
  { api, onFault }: Parts,
  wanted: WantedConsumer,
  timeoutMs?: number,
): Promise<ConsumerInfo> => {
  for (let tries = 1; ; tries++) {
    const info = (await create(api, wanted, timeoutMs)) ?? (await findConsumer(api, wanted, timeoutMs));
    const found = info === undefined ? [] : consumerDifferences(wanted, info);
    if (info !== undefined && found.length === 0) return info;
    if (tries === TRIES) throw new BatonError('STORE_REFUSED', `${textOf(wanted, found)}: it could not be mended`);
    if (found.length === 0) continue;
    const inPlace = found.every(({ field }) => CHANGED_IN_PLACE.includes(field));
    if (inPlace) await send(api, wanted, 'update', timeoutMs);
    else await forgetConsumer(api, wanted, timeoutMs);
    const how = inPlace ? 'it was put right' : 'it was made anew and reads from the start';
    onFault(`consumer ${wanted.name} of ${wanted.stream}`, new Error(`${textOf(wanted, found)}: ${how}`));
  }
};

/** Undefined: there is none. */
export const findConsumer = async (
  api: JetStreamApi,
  { stream, name }: Pick<WantedConsumer, 'stream' | 'name'>,
  timeoutMs?: number,
): Promise<ConsumerInfo | undefined> => {
  try {
    return await api.call<ConsumerInfo>(`CONSUMER.INFO.${stream}.${name}`, undefined, timeoutMs);
  } catch (fault) {
    if (fault instanceof ApiError && fault.apiCode === apiCodes.consumerNotFound) return undefined;
    throw fault;
  }
};

/** Takes it away, with its place in the stream. It may be gone already. */
export const forgetConsumer = async (
  api: JetStreamApi,
  { stream, name }: Pick<WantedConsumer, 'stream' | 'name'>,
  timeoutMs?: number,
): Promise<void> => {
  try {
    await api.call(`CONSUMER.DELETE.${stream}.${name}`, undefined, timeoutMs);
  } catch (fault) {
    if (!(fault instanceof ApiError) || fault.apiCode !== apiCodes.consumerNotFound) throw fault;
  }
};

/** Undefined: there is one, and it is another one. */
const create = async (
  api: JetStreamApi,
  wanted: WantedConsumer,
  timeoutMs: number | undefined,
): Promise<ConsumerInfo | undefined> => {
  try {
    return await send(api, wanted, 'create', timeoutMs);
  } catch (fault) {
    if (fault instanceof ApiError && NOT_MADE.includes(fault.apiCode)) return undefined;
    throw fault;
  }
};

const send = (
  api: JetStreamApi,
  wanted: WantedConsumer,
  action: 'create' | 'update',
  timeoutMs: number | undefined,
): Promise<ConsumerInfo> => {
  const { stream, name, config } = wanted;
  const { filter_subject: filter } = config;
  const path = `CONSUMER.CREATE.${stream}.${name}${filter === undefined ? '' : `.${filter}`}`;
  const body = { stream_name: stream, action, config: { ...ALWAYS, ...config, name, durable_name: name } };
  return api.call<ConsumerInfo>(path, body, timeoutMs);
};

/** What every one has, whatever else: all of the stream, as fast as it can be taken, until it is acknowledged. */
const ALWAYS = { replay_policy: 'instant', max_deliver: -1 } as const;

/** Every field in which a consumer is not what is needed. Copies, metadata and descriptions are the operator's. */
export const consumerDifferences = (wanted: WantedConsumer, info: ConsumerInfo): readonly ConsumerDifference[] => {
  const found: ConsumerDifference[] = [];
  const compare = (field: string, want: unknown, have: unknown): void => {
    if (JSON.stringify(want) !== JSON.stringify(have)) found.push({ field, wanted: want, actual: have });
  };
  const { filter_subject: filter, ...config } = wanted.config;
  compare('filter_subjects', filter === undefined ? [] : [filter], filtersOf(info.config));
  for (const [field, want] of Object.entries({ ...ALWAYS, ...config })) compare(field, want, info.config[field]);
  for (const [field, safe] of Object.entries(SAFE_DEFAULTS)) {
    const have = info.config[field];
    if (!(field in config) && have !== undefined && !safe.includes(have)) compare(field, safe[0], have);
  }
  compare('paused', false, info.paused === true);
  return found;
};

const filtersOf = (config: ConsumerInfo['config']): readonly unknown[] => {
  const { filter_subject: one, filter_subjects: several } = config;
  if (Array.isArray(several) && several.length > 0) return several;
  return one === undefined || one === '' ? [] : [one];
};

const textOf = ({ stream, name }: WantedConsumer, found: readonly ConsumerDifference[]): string => {
  const fields = found.map(
    ({ field, wanted, actual }) => `${field} was ${JSON.stringify(actual)}, ${JSON.stringify(wanted)} is needed`,
  );
  return `the consumer ${name} of ${stream} was not what is needed (${fields.join('; ') || 'it came and went'})`;
};
