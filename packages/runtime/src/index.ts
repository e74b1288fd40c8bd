export {
  BatonError,
  InvalidArgumentError,
  NotConnectedError,
  OutcomeUnknownError,
  PayloadTooLargeError,
  ServerTooOldError,
  ServerUnfitError,
  StoreRefusedError,
  UnreadableRecordError,
} from './errors.ts';
export { createKernel, recordOf } from './kernel.ts';
export { systemChance, systemClock } from './system.ts';

export type { Asked, AskOptions, Held, Kernel } from './kernel.ts';
export type {
  Chance,
  Clock,
  Dispatch,
  Entry,
  EventBatch,
  EventLog,
  EventReader,
  FeedListener,
  Lease,
  LeaseListener,
  Link,
  NodeInfo,
  NodesListener,
  NodeState,
  Ports,
  Presence,
  RecordFeed,
  RecordStore,
  RunQueue,
  RunReader,
  Signals,
  Subscription,
  WriteResult,
} from './ports.ts';
