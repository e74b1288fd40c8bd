import { DEAD_MAX_AGE_MS, EVENTS_DUPLICATES_MS, EVENTS_MAX_AGE_MS, LEASE_MS, OPERATION_TTL_MS } from './defaults.ts';
import {
  COMMAND_LIMIT,
  COMMANDS_MAX_BYTES,
  DEAD_MAX_BYTES,
  DEFINITION_LIMIT,
  EVENTS_MAX_BYTES,
  PARTITIONS,
  QUEUE_SETTINGS_LIMIT,
  RECORD_LIMIT,
  SCHEDULE_LIMIT,
} from './limits.ts';
import type { Names } from './names.ts';

/**
 * The wanted configuration of every stream, as the server's API takes it (durations in nanoseconds). They are made with
 * the stream API and not with the key-value helper, which forces settings that forbid what is needed here. What the
 * server answers is compared with this, since an old server drops fields it does not know without a word.
 */
export type StreamConfig = {
  readonly name: string;
  readonly subjects?: readonly string[];
  readonly retention: 'limits' | 'workqueue';
  readonly storage: 'file';
  readonly discard: 'old' | 'new';
  readonly num_replicas: number;
  readonly max_msgs_per_subject?: number;
  readonly max_age?: number;
  readonly max_bytes?: number;
  readonly max_msg_size?: number;
  readonly duplicate_window?: number;
  readonly allow_direct?: boolean;
  readonly allow_atomic?: boolean;
  readonly allow_msg_ttl?: boolean;
  readonly allow_rollup_hdrs?: boolean;
  readonly deny_delete?: boolean;
  readonly persist_mode?: 'async';
  readonly compression?: 's2';
  readonly republish?: { readonly src: string; readonly dest: string };
  readonly metadata?: Readonly<Record<string, string>>;
};

export type StreamOptions = {
  /** 1, 3 or 5. Derived streams acknowledge before the disk write only where there is one copy. */
  readonly replicas: number;
  /** Most bytes the records of all tasks may take; no new tasks are taken before it is reached. Absent: no limit. */
  readonly tasksMaxBytes?: number;
  /** False: there is no event log. */
  readonly events?: boolean;
  /** Most bytes the event log may take; the oldest go first. Absent: EVENTS_MAX_BYTES; 0: no limit but age. */
  readonly eventsMaxBytes?: number;
};

const NANOS_PER_MS = 1_000_000;

const PROTOCOL_METADATA = 'baton.protocol';
const PARTITIONS_METADATA = 'baton.partitions';

export const metadataKeys = { protocol: PROTOCOL_METADATA, partitions: PARTITIONS_METADATA } as const;

export const streamConfigs = (names: Names, options: StreamOptions): readonly StreamConfig[] => {
  const common = { storage: 'file', num_replicas: options.replicas } as const;
  const derived = options.replicas === 1 ? ({ persist_mode: 'async' } as const) : {};
  return [
    {
      ...common,
      name: names.tasksStream,
      subjects: [names.allRecords],
      retention: 'limits',
      // Full is said to who writes: a record goes when its task has been archived, never to make room.
      discard: 'new',
      ...(options.tasksMaxBytes === undefined ? {} : { max_bytes: options.tasksMaxBytes }),
      max_msgs_per_subject: 1,
      max_msg_size: RECORD_LIMIT + 4_096,
      // Message ids are not used: they do not make a compare-and-set safe to repeat, and each costs memory.
      duplicate_window: 100 * NANOS_PER_MS,
      // For reads of many at once (TaskStore.loadFromCopy). What is decided by one read alone is read from the leader.
      allow_direct: true,
      allow_atomic: true,
      allow_msg_ttl: true,
      allow_rollup_hdrs: false,
      metadata: { [PROTOCOL_METADATA]: '1', [PARTITIONS_METADATA]: String(PARTITIONS) },
    },
    ...(options.events === false ? [] : [eventsConfig(names, options, { ...common, ...derived })]),
    {
      ...common,
      name: names.objectsStream,
      subjects: [names.allChunks, names.allObjects],
      retention: 'limits',
      // Full is said to who writes; nothing is lost for it.
      discard: 'new',
      duplicate_window: 100 * NANOS_PER_MS,
      allow_direct: false,
      // Whoever may write an object could empty the store by a header.
      allow_rollup_hdrs: false,
    },
    {
      ...common,
      name: names.commandsStream,
      subjects: [names.allCommands],
      retention: 'workqueue',
      // Full is said to who publishes; nothing that was accepted is lost for it.
      discard: 'new',
      max_bytes: COMMANDS_MAX_BYTES,
      max_msg_size: COMMAND_LIMIT + 4_096,
      duplicate_window: 100 * NANOS_PER_MS,
    },
    {
      ...common,
      ...derived,
      name: names.deadStream,
      subjects: [names.allDead],
      retention: 'limits',
      discard: 'old',
      max_age: DEAD_MAX_AGE_MS * NANOS_PER_MS,
      max_bytes: DEAD_MAX_BYTES,
      duplicate_window: 100 * NANOS_PER_MS,
    },
    {
      ...common,
      name: names.operationsStream,
      subjects: [names.allOperations],
      retention: 'limits',
      discard: 'old',
      max_msgs_per_subject: 1,
      max_age: OPERATION_TTL_MS * NANOS_PER_MS,
      duplicate_window: 100 * NANOS_PER_MS,
      allow_direct: false,
      allow_rollup_hdrs: false,
    },
    {
      ...common,
      name: names.definitionsStream,
      subjects: [names.allDefinitions],
      // Kept also while no worker runs: what a type is does not end with its last worker.
      retention: 'limits',
      discard: 'new',
      max_msgs_per_subject: 1,
      max_msg_size: DEFINITION_LIMIT + 4_096,
      duplicate_window: 100 * NANOS_PER_MS,
      allow_direct: false,
      allow_rollup_hdrs: false,
      republish: { src: names.allDefinitions, dest: `${names.definedPrefix}>` },
    },
    {
      ...common,
      name: names.schedulesStream,
      subjects: [names.allSchedules],
      retention: 'limits',
      discard: 'new',
      max_msgs_per_subject: 1,
      max_msg_size: SCHEDULE_LIMIT + 4_096,
      duplicate_window: 100 * NANOS_PER_MS,
      allow_direct: false,
      // One that was removed goes by itself.
      allow_msg_ttl: true,
      allow_rollup_hdrs: false,
      republish: { src: names.allSchedules, dest: `${names.scheduledPrefix}>` },
    },
    {
      ...common,
      name: names.queuesStream,
      subjects: [names.allQueues],
      // Kept: a pause outlives every process, and ends when somebody ends it.
      retention: 'limits',
      discard: 'new',
      max_msgs_per_subject: 1,
      max_msg_size: QUEUE_SETTINGS_LIMIT + 4_096,
      duplicate_window: 100 * NANOS_PER_MS,
      allow_direct: false,
      allow_rollup_hdrs: false,
      republish: { src: names.allQueues, dest: `${names.queueSetPrefix}>` },
    },
    {
      ...common,
      ...derived,
      name: names.nodesStream,
      subjects: [names.allNodes],
      retention: 'limits',
      discard: 'old',
      max_msgs_per_subject: 1,
      max_age: 10 * LEASE_MS * NANOS_PER_MS,
      duplicate_window: 100 * NANOS_PER_MS,
      allow_direct: false,
      allow_rollup_hdrs: false,
    },
  ];
};

type Common = Pick<StreamConfig, 'storage' | 'num_replicas' | 'persist_mode'>;

const eventsConfig = (
  names: Names,
  { eventsMaxBytes = EVENTS_MAX_BYTES }: StreamOptions,
  common: Common,
): StreamConfig => ({
  ...common,
  name: names.eventsStream,
  subjects: [names.allEvents],
  retention: 'limits',
  discard: 'old',
  max_age: EVENTS_MAX_AGE_MS * NANOS_PER_MS,
  // A version that is written again, because its acknowledgement was lost, is known by its id for as long as that takes.
  duplicate_window: EVENTS_DUPLICATES_MS * NANOS_PER_MS,
  // Records of tasks are alike: a third of the disk, for 4 µs of the server's processor a version.
  compression: 's2',
  ...(eventsMaxBytes === 0 ? {} : { max_bytes: eventsMaxBytes }),
});
