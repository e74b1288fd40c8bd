export {
  BatonError,
  ChildFailedError,
  ChildrenTimeoutError,
  ConfigError,
  InvalidArgumentError,
  NotConnectedError,
  OutcomeUnknownError,
  PayloadTooLargeError,
  PermissionDeniedError,
  ServerTooOldError,
  ServerUnfitError,
  SignalTimeoutError,
  SpawnRefusedError,
  StoreRefusedError,
  UnknownTypeError,
  UnreadableRecordError,
  CancelHandleRefusedError,
  StepRefusedError,
  WaitRefusedError,
} from './errors.ts';
export { SPAWN } from './children/child-task.ts';
export { Catalogue } from './definitions/catalogue.ts';
export { publicPart } from './definitions/announcer.ts';
export { applyOverrides, OVERRIDES } from './client/run-options.ts';
export { WrongScopeError } from './run/scope-guard.ts';
export { requireSchema } from './client/args-schema.ts';
export { encodeArguments } from './client/arguments.ts';
export { sumLines } from './dispatch/lanes.ts';
export { WorkerQueues } from './dispatch/worker-queues.ts';
export { durationMs, parseDuration } from './client/duration.ts';
export { checkField, checkNames, optionNames, requireField, rules } from './client/rules.ts';
export { ownedIn } from './client/owned-document.ts';
export { FILTER_TEXT, FILTER_VALUES, filterValues, STATUSES, taskFilterShape } from './client/task-filter.ts';
export { refusalText } from './client/refusal-text.ts';
export { readAnswer } from './commands/answer.ts';
export { commandShapes, dependenciesShape, notBoth, submitFields } from './commands/shapes.ts';
export { BULK, BULK_QUEUE, BULK_TYPE, bulkDefinition, roleOf } from './bulk/bulk-task.ts';
export { bulkOptions, bulkOrder, bulkShape, BULK_OPERATIONS } from './bulk/order.ts';
export { cancelTask } from './client/cancel.ts';
export { findTask } from './client/find-task.ts';
export { isPassing } from './client/passing.ts';
export { changePriority } from './client/change-priority.ts';
export { whyJson, whyShape } from './client/why-json.ts';
export { whyWaits } from './client/why.ts';
export { signalIdOf } from './client/operations.ts';
export { signalRequest, signalTask } from './client/signal.ts';
export { retryTask, sourceOfDocument, sourceOfRecord } from './client/retry.ts';
export { submitTask } from './client/submit.ts';
export { DependencyNotFoundError } from './dependencies/edges.ts';
export {
  activeText,
  dependencyFailedText,
  RECORD_FULL_TEXT,
  throttledText,
  WAITS_FOR_ITSELF_TEXT,
  BEHIND_TEXT,
  begunText,
  changedText,
  endedText,
  NOT_ALONE_TEXT,
  CHILDREN_FULL_TEXT,
  SIGNALS_FULL_TEXT,
} from './client/refusal-text.ts';
export { submitFault } from './client/submit-mode.ts';
export { DataLostError, dropObject, loadObject, loadValue, storeObject } from './data/large-data.ts';
export { describe, isError } from './describe.ts';
export { createKernel, recordOf } from './kernel.ts';
export { startProjector } from './projector/projector.ts';
export { rebuildViews } from './projector/rebuild.ts';
export { createLog, silentLog, taskFields } from './log.ts';
export { zeroOutcomes } from './metrics/counts.ts';
export { GROUP_BOUNDS, Histogram } from './metrics/histogram.ts';
export { LabelCap, OTHER } from './metrics/label-cap.ts';
export { TaskMeter } from './metrics/task-meter.ts';
export { startJanitor } from './retention/janitor.ts';
export { checkRule as checkPruneRule, prune } from './retention/prune.ts';
export { sweepObjects } from './retention/sweep-objects.ts';
export { hideSecrets } from './redact.ts';
export { exitCodes, runService, startService } from './service.ts';
export { readSettings, serversFault } from './settings.ts';
export { fileReason } from './settings-files.ts';
export { SETTINGS, settingsHelp } from './settings-table.ts';
export { describeSettings, secretsOf } from './settings-secrets.ts';
export { currentContext, getContext, isInside, StopReason } from './run/context.ts';
export { RunHost } from './run/run-host.ts';
export { promote } from './successors.ts';
export { takeStrayError } from './run/stray-error.ts';
export { taskErrorOf, TerminalError } from './run/task-error.ts';
export { checkMost } from './queues/check-limit.ts';
export { changeSettings, loadSettings } from './queues/change-settings.ts';
export { createSettingsKernel } from './queues/settings-actor.ts';
export { createSupervisor, SUPERVISOR_TIMINGS } from './supervisor/index.ts';
export { systemChance, systemClock } from './system.ts';
export { isTracing } from './trace/tracer.ts';
export { traceSubmit, traceWait } from './trace/client-spans.ts';
export { passWarnings, repeatWarning } from './thread/warnings.ts';
export { announceDefinition, isLoadingTasks } from './thread/inside.ts';
export { faultWords } from './client/fault-words.ts';
export { readBody } from './commands/read-command.ts';
export { nodeNameOf } from './work/read-request.ts';
export { workShapes } from './work/shapes.ts';
export { CLAIMED_TOO_LATE, Worker } from './worker/worker.ts';

export type { Definitions, DefinitionsListener } from './ports/definitions.ts';
export type { SettingsParts, SettingsWish } from './queues/change-settings.ts';
export type { SettingsKernel } from './queues/settings-actor.ts';
export type { QueueSettingsListener, QueueSettingsPort } from './ports/queue-settings.ts';
export type { OfferedTask } from './dispatch/queue-client.ts';
export type { QueueSize } from './dispatch/queue-host.ts';
export type {
  ChildOutcome,
  ChildTask,
  ResultOf,
  Spawnable,
  SpawnOrder,
  WaitForOptions,
} from './children/child-task.ts';
export type { Duration } from './client/duration.ts';
export type { CommandAnswer, TaskView } from './commands/answer.ts';
export type { GivenArguments } from './client/arguments.ts';
export type { BulkParts, BulkReport } from './bulk/bulk-task.ts';
export type { BulkFilter, BulkOperation, BulkOrder, BulkRequest } from './bulk/order.ts';
export type { BulkViews, FoundPage } from './bulk/views.ts';
export type { Cancellation, CancelTarget } from './client/cancel.ts';
export type { PriorityChange } from './client/change-priority.ts';
export type { Signalling, SignalOutcome, SignalRequest } from './client/signal.ts';
export type { EndedTaskSource, RetryOptions } from './client/retry.ts';
export type { WantedDependency } from './dependencies/edges.ts';
export type { DependencyOutcome } from './dependencies/handed-over.ts';
export type { RunOverrides, UnknownTypes } from './client/run-options.ts';
export type { SubmitParts, SubmitRequest } from './client/submit.ts';
export type { ClientParts, NotDone, Submission } from './client/submission.ts';
export type { Asked, AskOptions, Held, Kernel, StoredListener } from './kernel.ts';
export type { Chance, Clock, Closing, Link, Subscription } from './ports/environment.ts';
export type { CommandMessage, Commands, CommandSent, CommandVerb, Place } from './ports/commands.ts';
export type { DataStore } from './ports/data.ts';
export type {
  Credit,
  CreditAnswer,
  CreditReply,
  Dispatch,
  HostingState,
  OfferBatch,
  ReadyMessage,
  StandingQuestion,
  StandingReply,
  WaitingLine,
} from './ports/dispatch.ts';
export type { Entry, RecordStore, TaskStore, WriteOptions, WriteResult } from './ports/store.ts';
export type {
  EntryBatch,
  EntryReader,
  EventLog,
  LoggedEntry,
  ProjectionProgress,
  Projections,
  ReaderOptions,
  Unreadable,
  Version,
} from './ports/projections.ts';
export type { FeedListener, FeedReading, RecordFeed } from './ports/feed.ts';
export type {
  Lease,
  LeaseListener,
  NodeChange,
  FullRecord,
  NodeInfo,
  NodesListener,
  NodeState,
  Presence,
} from './ports/presence.ts';
export type { Operation, Operations } from './ports/operations.ts';
export type { Ports } from './ports.ts';
export type { Signals } from './ports/signals.ts';
export type { ThreadWarning } from './thread/warnings.ts';
export type { LeaseCounts, WriteCounts, WriteOutcomes } from './metrics/counts.ts';
export type { HistogramCounts } from './metrics/histogram.ts';
export type { TypeCounts, Vouch } from './metrics/task-meter.ts';
export type { Log, LogFields, LogMethod, LogOptions } from './log.ts';
export type { WorkTask } from './work/answers.ts';
export type { WorkRequest, WorkRequests } from './ports/work.ts';
export type { Service, ServiceContext, ServiceOptions, ServiceStart } from './service.ts';
export type { LogLevel, Settings, VariableName } from './settings.ts';
export type { SettingReader, SettingRow } from './settings-table.ts';
export type { StopCause, TaskContext, TaskUpdate, UpdateOptions, WaitOptions } from './run/context.ts';
export type { CancelledRun, Canceller, TaskDefinition } from './run/definition.ts';
export type { RunEnd } from './run/run.ts';
export type { Claimed, RunHostSettings } from './run/run-host.ts';
export type { DrainOptions, WorkerSettings } from './worker/worker.ts';
export type {
  Action,
  ActionCounts,
  QueueDepth,
  Supervisor,
  SupervisorOptions,
  SupervisorReport,
  SupervisorStats,
  SupervisorTimings,
  WaitingLane,
} from './supervisor/index.ts';
export type { Fault, ProjectResult, Quarantined, QuarantineKind, TaskViews } from './projector/views.ts';
export type { EndedTask, EndedViews } from './retention/ended-views.ts';
export type { Janitor, JanitorOptions, JanitorParts } from './retention/janitor.ts';
export type { PruneOptions, PruneReport, PruneRule } from './retention/prune.ts';
export type { Projector, ProjectorOptions, ProjectorPorts } from './projector/projector.ts';
export type { RebuildOptions, RebuildReport } from './projector/rebuild.ts';
export type { Counters as ProjectorCounters } from './projector/counters.ts';
export type { Lag } from './projector/lag.ts';
export type { Sink } from './projector/sink.ts';
export { FireTimes } from './schedules/fire-times.ts';
export { createScheduleKernel, scheduleOf } from './schedules/kernel.ts';
export { ScheduleClient, ScheduleNotFoundError } from './schedules/schedule-client.ts';
export { readScheduleBody, scheduleShape, scheduleSpecOf } from './schedules/shapes.ts';
export type { ScheduleKernel } from './schedules/kernel.ts';
export type { Schedules, SchedulesListener } from './ports/schedules.ts';
