export { withAmbient } from './ambient.ts';
export { Baton } from './baton.ts';
export { connect } from './connect.ts';
export { createBaton } from './create.ts';
export { durationMs } from './duration.ts';
export {
  GlobalTaskFrameworkDisabledError,
  TaskAbortFailedError,
  TaskActiveError,
  TaskAbortingError,
  TaskNotAbortableError,
  TaskNotTerminalError,
  TaskNotFoundError,
  TaskThrottledError,
  WaitTimeoutError,
  WrongRoleError,
} from './errors.ts';
export { TaskHandle } from './handle.ts';
export { TaskScope } from './options.ts';
export { Queues } from './queues.ts';
export { OrphanedTaskError, RetryableError } from './task-errors.ts';
export { task } from './task.ts';
export { BatonWorker } from './worker.ts';
export {
  BatonError,
  DataLostError,
  getContext,
  InvalidArgumentError,
  NotConnectedError,
  OutcomeUnknownError,
  PayloadTooLargeError,
  PermissionDeniedError,
  ScheduleNotFoundError,
  ServerTooOldError,
  ServerUnfitError,
  StoreRefusedError,
  takeStrayError,
  TerminalError,
  UnknownTypeError,
} from '@baton/runtime';

export type { User } from './baton.ts';
export type { ConnectOptions } from './connect.ts';
export type { CreateOptions, Role } from './create.ts';
export type { Duration } from './duration.ts';
export type { CancelResult, LiveProgress, Outcome, TaskSnapshot } from './handle.ts';
export type { CallOptions, RetryOptions, TaskOptions } from './options.ts';
export type { BackfillOptions, ScheduleInfo, ScheduleOptions, Schedules, TaskSchedule } from './schedules.ts';
export type { LimitOptions, PauseOptions, QueuePartOptions } from './queues.ts';
export type { Task } from './task.ts';
export type { DrainOptions, WorkerOptions, WorkerStats } from './worker.ts';
export type { WorkerMetrics } from './worker-metrics.ts';
export type { Progress, QueueSettings, Scope, Status } from '@baton/core';
export type { Log, TaskContext, TaskUpdate, UpdateOptions } from '@baton/runtime';
