/**
 * `@baton/sdk`: what a program imports to define, submit, run and follow tasks.
 *
 * @module sdk
 */
export { withAmbient } from './ambient.ts';
export { Baton } from './baton.ts';
export { connect } from './connect.ts';
export { createBaton } from './create.ts';
export { durationMs } from './duration.ts';
export {
  DependencyFailedError,
  GlobalTaskFrameworkDisabledError,
  RecordFullError,
  SignalsFullError,
  TaskAbortFailedError,
  TaskActiveError,
  TaskAbortingError,
  TaskBehindError,
  TaskEndedError,
  TaskNotPendingError,
  TaskNotAbortableError,
  TaskNotTerminalError,
  TaskNotFoundError,
  TaskThrottledError,
  WaitsForItselfError,
  WaitTimeoutError,
  WrongRoleError,
} from './errors.ts';
export { TaskHandle } from './handle.ts';
export { TaskScope } from './options.ts';
export { Queues } from './queues.ts';
export { OrphanedTaskError, RetryableError } from './task-errors.ts';
export { task } from './task.ts';
export { Tasks } from './tasks.ts';
export { BatonWorker } from './worker.ts';
export { DecodeError, decodeLargeData as decodeData, decodeRecord } from '@baton/protocols';
export {
  BatonError,
  ChildFailedError,
  ChildrenTimeoutError,
  DataLostError,
  DependencyNotFoundError,
  getContext,
  InvalidArgumentError,
  NotConnectedError,
  OutcomeUnknownError,
  PayloadTooLargeError,
  PermissionDeniedError,
  ScheduleNotFoundError,
  ServerTooOldError,
  ServerUnfitError,
  SignalTimeoutError,
  SpawnRefusedError,
  StoreRefusedError,
  takeStrayError,
  TerminalError,
  UnknownTypeError,
  CancelHandleRefusedError,
  StepRefusedError,
  WaitRefusedError,
} from '@baton/runtime';

export type { User } from './baton.ts';
export type { ConnectOptions } from './connect.ts';
export type { CreateOptions, Role } from './create.ts';
export type { DependencyOption, TaskRef } from './dependencies.ts';
export type { Duration } from './duration.ts';
export type {
  CancelOptions,
  CancelResult,
  EventsOptions,
  HandleWaitOptions,
  LiveProgress,
  Outcome,
  SignalOptions,
  SignalResult,
  TaskSnapshot,
} from './handle.ts';
export type { CallOptions, RetryOptions, TaskOptions } from './options.ts';
export type { BackfillOptions, ScheduleInfo, Schedules } from './schedules.ts';
export type { ScheduleOptions, TaskSchedule } from './options.ts';
export type { LimitOptions, PauseOptions, QueueInfo, QueueLimitInfo, QueuePartOptions } from './queues.ts';
export type { Task } from './task.ts';
export type { GatewayOptions, ListedTask, TaskListOptions, TaskPage } from './tasks.ts';
export type { DrainOptions, WorkerOptions } from './worker.ts';
export type { WorkerStats } from './worker-metrics.ts';
export type { WorkerMetrics } from './worker-metrics.ts';
export type { Progress, Scope, Status, TagChanges, Tags, TagValue, TaskRecord, WaitReason, Why } from '@baton/core';
export type {
  CancelledRun,
  Canceller,
  ChildOutcome,
  ChildTask,
  DependencyOutcome,
  Log,
  Spawnable,
  TaskContext,
  TaskUpdate,
  UpdateOptions,
  WaitForOptions,
} from '@baton/runtime';
