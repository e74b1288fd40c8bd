import type { Definitions } from './ports/definitions.ts';
import type { QueueSettingsPort } from './ports/queue-settings.ts';
import type { Schedules } from './ports/schedules.ts';
import type { WorkRequests } from './ports/work.ts';
import type { WriteCounts } from './metrics/counts.ts';
import type { Commands } from './ports/commands.ts';
import type { DataStore } from './ports/data.ts';
import type { Dispatch } from './ports/dispatch.ts';
import type { Chance, Clock, Link } from './ports/environment.ts';
import type { RecordFeed } from './ports/feed.ts';
import type { Operations } from './ports/operations.ts';
import type { Presence } from './ports/presence.ts';
import type { EventLog, Projections } from './ports/projections.ts';
import type { Signals } from './ports/signals.ts';
import type { TaskStore } from './ports/store.ts';

/** The narrow functions the runtime needs from the world. NATS and memory both provide them, under one contract suite. */
export type Ports = {
  /** Absent where nothing is written to a server. */
  readonly writes?: WriteCounts;
  readonly store: TaskStore;
  readonly feed: RecordFeed;
  readonly projections: Projections;
  readonly log: EventLog;
  readonly data: DataStore;
  readonly operations: Operations;
  readonly commands: Commands;
  readonly definitions: Definitions;
  readonly schedules: Schedules;
  readonly queues: QueueSettingsPort;
  readonly dispatch: Dispatch;
  readonly presence: Presence;
  readonly signals: Signals;
  readonly work: WorkRequests;
  readonly link: Link;
  readonly clock: Clock;
  readonly chance: Chance;
};
