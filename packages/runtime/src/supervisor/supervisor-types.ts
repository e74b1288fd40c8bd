import type { Lane } from '@baton/protocols';
import type { UnknownTypes } from '../client/run-options.ts';
import type { CommandRules } from '../commands/carry-out.ts';
import type { CommandCounts } from '../commands/command-handler.ts';
import type { QueueSize } from '../dispatch/queue-host.ts';
import type { Log } from '../log.ts';
import type { TaskMeter } from '../metrics/task-meter.ts';
import type { ActionCounts } from './tasks/action-runner.ts';
import type { FireCounts } from '../schedules/fire-counts.ts';
import type { SupervisorReport } from './queue-depths.ts';
import type { SupervisorTimings } from './timings.ts';

export type SupervisorOptions = {
  /** Counts what this supervisor does to tasks; nothing is counted without. */
  readonly meter?: TaskMeter;
  /** Unique among all nodes, one subject token; stands in histories as `supervisor:<id>`. */
  readonly id: string;
  readonly log: Log;
  readonly timings?: Partial<SupervisorTimings>;
  /** How commands are taken; everything is allowed when not set. */
  readonly commands?: Partial<CommandRules & { readonly unknownTypes: UnknownTypes }>;
};

/** Tasks of one lane that wait for a worker, in the partitions of this supervisor. */
export type WaitingLane = { readonly lane: Lane; readonly tasks: number; readonly served: boolean };

export type SupervisorStats = {
  readonly id: string;
  readonly partitions: number;
  readonly supervisors: number;
  readonly workers: number;
  /** Workers without rights of their own that this supervisor speaks for. */
  readonly remoteWorkers: number;
  /** The reader of the records has caught up. */
  readonly ready: boolean;
  /** Tasks watched, and those of them with a timer. */
  readonly tasks: number;
  readonly timers: number;
  readonly entries: { readonly taken: number; readonly decoded: number };
  /** The queues this supervisor hosts. */
  readonly queues: readonly QueueSize[];
  /** Schedules it fires, and what became of its fires. */
  readonly schedules: { readonly size: number; readonly fires: FireCounts };
  readonly commands: CommandCounts;
  readonly actions: ActionCounts;
  /** ActionRunner under way or queued. */
  readonly load: number;
  readonly unreadable: number;
  readonly restarts: { readonly records: number; readonly nodes: number };
};

export type Supervisor = {
  readonly id: string;
  /** Takes a lease and begins. Rejects when no lease can be had. Again: nothing. */
  readonly start: () => Promise<void>;
  /** Begins nothing more, lets what has begun end, gives the lease back. Never rejects. Again: the same end. */
  readonly stop: () => Promise<void>;
  readonly stats: () => SupervisorStats;
  /** The lanes in which tasks wait, longest line first. */
  readonly waiting: () => readonly WaitingLane[];
  /** For monitoring. Looks at every task that waits. */
  readonly report: () => SupervisorReport;
};
