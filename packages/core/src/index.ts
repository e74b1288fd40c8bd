export { canForce, canOpen, canSee, canSubmit, isSubscriber, meaningOfCancel } from './access.ts';
export { ERROR_MESSAGE_LENGTH, ERROR_STACK_LENGTH } from './bounded.ts';
export { ALL_REFUSAL_REASONS, SUBMIT_OUTCOMES } from './command.ts';
export { decide, fold } from './decide.ts';
export { byUser } from './decision.ts';
export {
  abortGraceMsOf,
  backoffOf,
  DEBOUNCE_WINDOWS,
  DEFAULT_ABORT_GRACE_MS,
  DEFAULT_BACKOFF,
  DEFAULT_MAX_ATTEMPTS,
  DEFAULT_MAX_RESCUES,
  HISTORY_LIMIT,
  maxAttemptsOf,
  maxRescuesOf,
} from './defaults.ts';
export { chooseDefinition, CONFLICTS_SHOWN, DEFAULT_RUN_OPTIONS, definitionDifferences } from './definition.ts';
export { mayExpire } from './expiry.ts';
export { durationMs, queuedMs, readyAtOf, waitedMs } from './durations.ts';
export { evolve } from './evolve.ts';
export { describeDuration, describeProgress, etaMs, fractionOf, parseProgress } from './progress.ts';
export { taskOf } from './promote.ts';
export { Gate } from './queue/gate.ts';
export {
  decideSettings,
  describeCounted,
  describeLimit,
  describePart,
  emptySettings,
  evolveSettings,
  isLimited,
  pauseOf,
  SETTINGS_VERSION,
} from './queue/settings.ts';
export { LOWER_SHARE, TaskQueue } from './queue/task-queue.ts';
export { commandsOf, endOfForgotten, hasEndedBy, runOf, verdictOn } from './remote-run.ts';
export { backoffDelayMs } from './retry.ts';
export { outcomesGone, takesRoom } from './room.ts';
export { differs } from './submit.ts';
export { liveSuccessorOf, SUCCESSOR_LIMIT, successorsOf } from './successors.ts';
export { compareFences, isOwnedUnder, isTerminal, RECORD_VERSION, TERMINAL_STATUSES } from './task.ts';

export type { CancelMeaning, Owned } from './access.ts';
export type {
  Actor,
  Answer,
  ClientCommand,
  Command,
  Refusal,
  RefusalReason,
  SubmitMode,
  SubmitOutcome,
  SupervisorCommand,
  WhenAborting,
  WorkerCommand,
} from './command.ts';
export type {
  DefinitionConflict,
  KeptDefinition,
  ServedDefinition,
  RunOptions,
  SubmitOptions,
  TypeDefinition,
  KnownType,
} from './definition.ts';
export type { Decision } from './decision.ts';
export type { TaskEvent } from './event.ts';
export type { HeldTask, ReadyTask, Return, TaskOffer } from './queue/entry.ts';
export type { Block } from './queue/gate.ts';
export type {
  Counted,
  LimitWish,
  Pause,
  QueueLimit,
  QueuePart,
  QueueSettings,
  Rate,
  SettingsAnswer,
  SettingsChange,
  SettingsCommand,
  SettingsDecision,
  SettingsEvent,
  SettingsRefusal,
  Weight,
} from './queue/settings.ts';
export type { Standing, TaskQueueOptions } from './queue/task-queue.ts';
export type { Former } from './retry-ended.ts';
export type { ParsedProgress, ProgressInput } from './progress.ts';
export type { Reporting, RunReport, RunVerdict } from './remote-run.ts';
export type {
  BodyOutcome,
  Abort,
  AbortCause,
  Backoff,
  Cause,
  Data,
  ExecutionMode,
  Fence,
  Millis,
  ObjectReference,
  Owner,
  Policy,
  Priority,
  Progress,
  Scope,
  Status,
  Subscriber,
  Successor,
  TaskError,
  TaskId,
  TaskRecord,
  TaskSpec,
  TerminalStatus,
  TraceContext,
  Transition,
  UserId,
} from './task.ts';
export { decideSchedule, maySeeSchedule } from './schedule/decide.ts';
export { evolveSchedule } from './schedule/evolve.ts';
export { MISSED_AFTER_MS, SCHEDULE_VERSION, WAITING_FIRES } from './schedule/schedule.ts';
export type {
  ScheduleAnswer,
  ScheduleCommand,
  ScheduleDecision,
  ScheduleEvent,
  ScheduleRefusal,
} from './schedule/decide.ts';
export type {
  CatchUp,
  Fire,
  Overlap,
  ScheduledTask,
  ScheduleEntry,
  ScheduleRecord,
  ScheduleSpec,
} from './schedule/schedule.ts';
