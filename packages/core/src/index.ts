export { canForce, canOpen, canSee, canSubmit, isSubscriber, meaningOfCancel } from './access.ts';
export { ERROR_MESSAGE_LENGTH, ERROR_STACK_LENGTH } from './bounded.ts';
export { ALL_REFUSAL_REASONS, SUBMIT_OUTCOMES } from './command.ts';
export { answerOfChildren, countChildren, openChildren, shareOf, shownProgress } from './children.ts';
export { decide, fold } from './decide.ts';
export { byUser } from './decision.ts';
export {
  abortGraceMsOf,
  backoffOf,
  CHILDREN_LIMIT,
  DEBOUNCE_WINDOWS,
  DEFAULT_ABORT_GRACE_MS,
  DEFAULT_BACKOFF,
  DEFAULT_MAX_ATTEMPTS,
  DEFAULT_MAX_RESCUES,
  HISTORY_LIMIT,
  maxAttemptsOf,
  maxRescuesOf,
  CANCELLER_TRIES,
  SIGNALS_LIMIT,
  STEPS_LIMIT,
} from './defaults.ts';
export { DEPENDENCIES_LIMIT, failedDependency, isBlocked, openDependencies, sameDependencies } from './dependency.ts';
export { chooseDefinition, CONFLICTS_SHOWN, DEFAULT_RUN_OPTIONS, definitionDifferences } from './definition.ts';
export { mayExpire } from './expiry.ts';
export { durationMs, queuedMs, readyAtOf, waitedMs } from './durations.ts';
export { evolve } from './evolve.ts';
export { describeDuration, describeProgress, etaMs, fractionOf, parseProgress } from './progress.ts';
export { taskOf } from './promote.ts';
export { Gate } from './queue/gate.ts';
export { Pace } from './queue/pace.ts';
export { HOLDERS_SHOWN } from './queue/standing.ts';
export { whyOf, whyOfEnded } from './why/why.ts';
export { isForQueue } from './why/own-reasons.ts';
export { awaitsCanceller } from './cancel-handle.ts';
export { isLimited, isSameLimits, limitsOf, overruledBy } from './queue/defined.ts';
export { describeCounted, describeLimit } from './queue/limit.ts';
export {
  decideSettings,
  definedFor,
  describePart,
  emptySettings,
  evolveSettings,
  pauseOf,
  SETTINGS_VERSION,
} from './queue/settings.ts';
export { LOWER_SHARE, TaskQueue } from './queue/task-queue.ts';
export { commandsOf, endOfForgotten, hasEndedBy, runOf, verdictOn } from './remote-run.ts';
export { backoffDelayMs } from './retry.ts';
export { outcomesGone, takesRoom } from './room.ts';
export { answerToWait } from './signal.ts';
export { stepOf } from './step.ts';
export {
  areFew,
  fitsTagFilter,
  hasTags,
  isTags,
  tagChangesIn,
  isTagValue,
  TAG_NAME_LENGTH,
  TAG_NAME_PATTERN,
  TAG_TEXT_LENGTH,
  tagFilterOf,
  TAGS_LIMIT,
  tagTerm,
  tagTermsOf,
  withTags,
} from './tags.ts';
export { differs } from './submit.ts';
export { liveSuccessorOf, SUCCESSOR_LIMIT, successorsOf } from './successors.ts';
export { compareFences, isOwnedUnder, isTerminal, RECORD_VERSION, TERMINAL_STATUSES } from './task.ts';

export type { CancelMeaning, Owned } from './access.ts';
export type { Actor } from './actor.ts';
export type {
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
export type { ChildrenAnswer, ChildrenCount } from './children.ts';
export type { Decision } from './decision.ts';
export type { TaskEvent } from './event.ts';
export type { RecordBudget } from './queue/kept-records.ts';
export type { HeldTask, ReadyTask, Return, TaskOffer } from './queue/entry.ts';
export type { Displacement } from './queue/crowds.ts';
export type { AppliedLimit, DefinedLimits, TypeLimit } from './queue/defined.ts';
export type { Counted, LimitWish, QueueLimit, Rate, WhenFull } from './queue/limit.ts';
export type {
  Pause,
  QueuePart,
  QueueSettings,
  SettingsAnswer,
  SettingsChange,
  SettingsCommand,
  SettingsDecision,
  SettingsEvent,
  SettingsRefusal,
  Weight,
} from './queue/settings.ts';
export type { Throughput } from './queue/pace.ts';
export type { InTheWay, QueueView, Standing } from './queue/standing.ts';
export type { Holder, WaitReason, Why } from './why/reason.ts';
export type { TaskQueueOptions } from './queue/task-queue.ts';
export type { Former } from './former.ts';
export type { TagChanges, TagFilter, Tags, TagValue } from './tags.ts';
export type { ParsedProgress, ProgressInput } from './progress.ts';
export type { Reporting, RunReport, RunVerdict } from './remote-run.ts';
export type {
  BodyOutcome,
  Abort,
  AbortCause,
  Backoff,
  CancelHandle,
  Cause,
  Child,
  Data,
  Dependency,
  ExecutionMode,
  Fence,
  Millis,
  NotedEnd,
  ObjectReference,
  Owner,
  Parent,
  Policy,
  Priority,
  Progress,
  Scope,
  SignalEntry,
  Status,
  StepEntry,
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
  Waiting,
} from './task.ts';
export { decideSchedule, maySeeSchedule } from './schedule/decide.ts';
export { evolveSchedule } from './schedule/evolve.ts';
export { MISSED_AFTER_MS, SCHEDULE_VERSION, SKIP_WHY, WAITING_FIRES } from './schedule/schedule.ts';
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
