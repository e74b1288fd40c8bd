import {
  DEFAULT_RUN_OPTIONS,
  type Backoff,
  type Priority,
  type Scope,
  type SubmitMode,
  type WhenAborting,
  type CatchUp,
  type Overlap,
  type Tags,
} from '@baton/core';
import { ARGS_SCHEMA_LIMIT, decodeData, encodeData } from '@baton/protocols';
import {
  applyOverrides,
  checkField,
  checkNames,
  InvalidArgumentError,
  optionNames,
  rules,
  submitFault,
  type Canceller,
  type RunOverrides,
  type TaskDefinition,
} from '@baton/runtime';
import { checkDependsOn, type DependencyOption } from './dependencies.ts';
import { durationMs, type Duration } from './duration.ts';
import { TYPE_LIMIT_NAMES, typeLimitsOf, type TypeLimitOptions } from './type-limits.ts';

export const TaskScope = { Private: 'private', Shared: 'shared', System: 'system' } as const;
export type TaskScope = (typeof TaskScope)[keyof typeof TaskScope];

export type RetryOptions = {
  /** Failures of the body until the task fails; 1: no retry (the default). */
  readonly maxAttempts?: number;
  readonly backoff?: {
    readonly initial?: Duration;
    readonly factor?: number;
    readonly max?: Duration;
    /** Share of the delay that is random, 0 to 1. */
    readonly jitter?: number;
  };
  /** Whether a failure is worth another attempt. Asked in the worker. */
  readonly retryOn?: (error: unknown) => boolean;
};

/** What a definition and a call may both set; the call's word counts (behaviour X3). */
type SharedOptions = {
  /** Per attempt. `0` or `null` at a call switches the definition's off. */
  readonly timeout?: Duration | null;
  readonly queue?: string;
  readonly priority?: Priority;
  /** Whose task it is, of those that share the queue: a tenant, a customer. Limits and turns go by it. */
  readonly group?: string;
  /**
   * What it shares with others that are limited together, whatever their group: a warehouse, an account at a provider. Limits
   * of keys count by it; where a definition has one, by the task key when this is not set.
   */
  readonly limitKey?: string;
  /** Of the units of a rate it takes so many; 1 when not set. */
  readonly units?: number;
  /**
   * What tasks are found by: up to 32 names with text, a number or a boolean each, `{ tenant: 'acme', order: 17 }` (behaviour
   * B2). Those of a call stand beside those of the definition; of one name the call's value counts.
   */
  readonly tags?: Tags;
  readonly retry?: RetryOptions;
  /** Times the task is run again after its worker died; 2 when not set. */
  readonly maxRescues?: number;
  /** What becomes of a task whose worker died: run again (the default), or fail. */
  readonly onOrphan?: 'retry' | 'fail';
  /** How long an aborted body may take before it is shown as not stopping; 60 s when not set. */
  readonly abortGrace?: Duration;
  /**
   * What a submit does where its key has a task already (behaviour Q10): `join` it (the default); be refused (`reject`);
   * `replace` the arguments and options of one that has not begun; `coalesce` into one that has not begun; `debounce`:
   * replace, and start when nobody has come for a window; `throttle`: at most one task in a window. `replace`, `coalesce`
   * and `debounce` wait behind one that runs.
   */
  readonly mode?: SubmitMode['kind'];
  /** Of `debounce` and `throttle`. */
  readonly window?: Duration;
  /** Of `debounce`: the start is put off no longer than this from the first submit on; ten windows when not set. */
  readonly maxWait?: Duration;
  /**
   * Not started this long after it could be, the task ends `aborted` with the reason `expired` (behaviour Q11). `0` or
   * `null` at a call switches the definition's off.
   */
  readonly expires?: Duration | null;
};

/** What is said of a type, and not at a call, stands apart from what both say. */
type DefinitionOptions = SharedOptions & TypeLimitOptions;

export type TaskOptions = DefinitionOptions & {
  /** The type. The function's own name when not set. */
  readonly name?: string;
  readonly scope?: Scope;
  /**
   * Cancels what a run has begun elsewhere when its worker has died: called in another worker, with what the run has set by
   * `ctx.setCancelHandle`, before the task is run again or ends (behaviour G7). Called up to three times where it throws,
   * for 60 s at most each; may be called again for the same handle, and in another process than the handler.
   */
  readonly canceller?: Canceller;
  /** What the type is called where people read of it. */
  readonly title?: string;
  readonly description?: string;
  /**
   * Makes a schedule of the type's name, as the user of the client whose worker serves it, whenever one starts; the same one
   * again keeps its cadence (behaviour H4). It stays when it is left out later: remove it by `baton.schedules.remove`.
   */
  readonly schedule?: TaskSchedule;
  /**
   * JSON Schema of the list of arguments, draft 2020-12 (or draft-07, where its `$schema` says so). It travels with the
   * definition: every door refuses arguments that do not fit, and forms show it. Its patterns run wherever tasks are
   * submitted, so they are to be such as cannot run away. A worker refuses to start with one that cannot be used.
   */
  readonly argsSchema?: object;
  /**
   * `thread`: the handler runs in a worker thread. It may compute as long as it likes, and is ended when it has not
   * stopped within `abortGrace` (behaviour T5). Needs `module`.
   */
  readonly isolation?: 'thread';
  /** `import.meta.url` of the module that defines the task: the thread imports it to find the handler. */
  readonly module?: string | URL;
  /**
   * Most memory a thread's objects may take, MiB, and its buffers and typed arrays as much again; the attempt fails beyond
   * it. 512 when not set. Buffers are looked at while the event loop of the thread turns, and for one second before the
   * end: bound the process as well where a body may fill many without a pause.
   */
  readonly threadMemoryMb?: number;
};

export type CallOptions = Omit<SharedOptions, 'retry'> & {
  /** Another scope than the type's takes an admin; where no worker has ever served the type, it is this one. */
  readonly scope?: Scope;
  /** True: a type no worker has ever served is refused, with UnknownTypeError. */
  readonly strict?: boolean;
  readonly retry?: Omit<RetryOptions, 'retryOn'>;
  /** Deduplication key: while a task of this key is active, another call joins it. */
  readonly taskKey?: string;
  /** For people; the key, then the type, when not set. */
  readonly taskName?: string;
  /** Not before this moment. */
  readonly runAt?: Date;
  /** Not before this long from now. */
  readonly delay?: Duration;
  /** Not started by this moment, the task ends `aborted` with the reason `expired`. */
  readonly expiresAt?: Date;
  /**
   * Tasks that have to end before this one begins, 100 at most; until then it is `pending`. The handler finds what they left
   * in `ctx.dependencies`. Not for inline calls, nor with mode `replace` or `debounce`.
   */
  readonly dependsOn?: readonly DependencyOption[];
  /** When the last task of the key is still aborting: wait behind it (the default), join it, or be refused. */
  readonly whenAborting?: WhenAborting;
  /**
   * Names this submit: a second one with the same name within a day gives the task of the first, also when that has ended
   * or nobody knows what became of it (behaviour D7). Every user has names of his own.
   */
  readonly operationId?: string;
  /**
   * The trace this call belongs to, as W3C headers write it, for callers without an OpenTelemetry span: what is active in
   * this process counts first. What is no trace context is left out.
   */
  readonly trace?: { readonly traceparent: string; readonly tracestate?: string | undefined };
  /**
   * Of a child, for `ctx.spawn` alone: whether it is cancelled when its parent is cancelled, times out or fails (`cancel`, the
   * default), or goes on (`leave`).
   */
  readonly onParentEnd?: 'cancel' | 'leave';
  /** How long an inline call waits for a task it joined; without limit when not set. */
  readonly waitTimeout?: Duration;
};

const SHARED_NAMES: Readonly<Record<keyof SharedOptions, true>> = {
  timeout: true,
  queue: true,
  priority: true,
  group: true,
  limitKey: true,
  units: true,
  tags: true,
  retry: true,
  maxRescues: true,
  onOrphan: true,
  abortGrace: true,
  mode: true,
  window: true,
  maxWait: true,
  expires: true,
};
const TASK_OPTION_NAMES = optionNames<TaskOptions>({
  name: true,
  scope: true,
  ...SHARED_NAMES,
  ...TYPE_LIMIT_NAMES,
  title: true,
  description: true,
  schedule: true,
  argsSchema: true,
  isolation: true,
  module: true,
  threadMemoryMb: true,
  canceller: true,
});
const CALL_OPTION_NAMES = optionNames<CallOptions>({
  ...SHARED_NAMES,
  scope: true,
  strict: true,
  taskKey: true,
  taskName: true,
  runAt: true,
  delay: true,
  expiresAt: true,
  dependsOn: true,
  whenAborting: true,
  operationId: true,
  trace: true,
  onParentEnd: true,
  waitTimeout: true,
});
const RETRY_NAMES = optionNames<NonNullable<CallOptions['retry']>>({ maxAttempts: true, backoff: true });
const DEFINED_RETRY_NAMES = optionNames<RetryOptions>({ maxAttempts: true, backoff: true, retryOn: true });
const BACKOFF_NAMES = optionNames<NonNullable<RetryOptions['backoff']>>({
  initial: true,
  factor: true,
  max: true,
  jitter: true,
});

export const checkTaskOptions = (options: TaskOptions): void => {
  checkNames(options, TASK_OPTION_NAMES);
  checkField('scope', options.scope, rules.scope);
  checkField('isolation', options.isolation, rules.isolation);
  checkField('title', options.title, rules.title);
  checkField('description', options.description, rules.description);
  if (options.canceller !== undefined && typeof options.canceller !== 'function')
    throw new InvalidArgumentError('canceller: is a function');
  checkSchema(options.argsSchema);
  checkWhole('threadMemoryMb', options.threadMemoryMb, LEAST_THREAD_MEMORY_MB);
  checkShared(options, DEFINED_RETRY_NAMES);
  typeLimitsOf(options);
  const { submit } = applyOverrides(DEFAULT_RUN_OPTIONS, overridesOf(options));
  const fault = submit === undefined ? undefined : submitFault(submit);
  if (fault !== undefined) throw new InvalidArgumentError(fault);
};

const DEFAULT_THREAD_MEMORY_MB = 512;

/** Below this a thread does not get as far as the handler. */
const LEAST_THREAD_MEMORY_MB = 32;

/** Where and how the thread of an isolated task finds its handler; undefined for a task that is not isolated. */
export const threadOf = (options: TaskOptions): TaskDefinition['thread'] => {
  if (options.isolation === undefined) return undefined;
  const module = options.module instanceof URL ? options.module.href : options.module;
  if (typeof module !== 'string' || !URL.canParse(module)) {
    throw new InvalidArgumentError(
      "isolation: 'thread' needs the module that defines the task, so that the thread can import it: " +
        "task({ isolation: 'thread', module: import.meta.url }, ...)",
    );
  }
  return { module, memoryMb: options.threadMemoryMb ?? DEFAULT_THREAD_MEMORY_MB };
};

/** When, and what (behaviour H). */
export type ScheduleOptions = Pick<
  CallOptions,
  | 'taskName'
  | 'scope'
  | 'queue'
  | 'priority'
  | 'group'
  | 'limitKey'
  | 'units'
  | 'tags'
  | 'timeout'
  | 'retry'
  | 'maxRescues'
  | 'onOrphan'
  | 'abortGrace'
  | 'expires'
> & {
  /** Expressions of 5 or 6 fields, the first of 6 being seconds. One of `cron` and `every` is there, or both. */
  readonly cron?: string | readonly string[];
  readonly every?: Duration;
  /** IANA name of the zone the expressions are read in; `UTC` when not set. */
  readonly timezone?: string;
  /** Days at which nothing fires, `2030-12-24`, in that zone. */
  readonly skipDates?: readonly string[];
  /** While the task of an earlier fire is active: `skip` (the default), `buffer_one`, `buffer_all`, `cancel_other`, `allow`. */
  readonly overlap?: Overlap;
  /** What is made up for of times that were missed: `none`, the `last` of them (the default) or `all`, ... */
  readonly catchUp?: CatchUp;
  /** ... no further back than this; a day when not set. */
  readonly catchUpWindow?: Duration;
  /** Each fire comes up to this much later, by chance that is the same for the same fire. */
  readonly jitter?: Duration;
  readonly task: string | Pick<TaskDefinition, 'type'> | { readonly definition: Pick<TaskDefinition, 'type'> };
  readonly args?: readonly unknown[];
};

/** Of a task definition: all of it but the task. */
export type TaskSchedule = Omit<ScheduleOptions, 'task'>;

export const checkCallOptions = (options: CallOptions): void => {
  checkNames(options, CALL_OPTION_NAMES);
  checkShared(options, RETRY_NAMES);
  checkField('scope', options.scope, rules.scope);
  checkField('strict', options.strict, rules.strict);
  checkField('taskKey', options.taskKey, rules.key);
  checkField('taskName', options.taskName, rules.taskName);
  checkField('operationId', options.operationId, rules.operationId);
  checkField('whenAborting', options.whenAborting, rules.whenAborting);
  checkField('onParentEnd', options.onParentEnd, rules.onParentEnd);
  checkField('delay', options.delay, rules.duration);
  checkField('waitTimeout', options.waitTimeout, rules.duration);
  if (options.runAt !== undefined && options.delay !== undefined) {
    throw new InvalidArgumentError('runAt and delay cannot both be set');
  }
  if (options.expiresAt !== undefined && (options.expires ?? undefined) !== undefined) {
    throw new InvalidArgumentError('expiresAt and expires cannot both be set');
  }
  checkDependsOn(options.dependsOn);
  checkDate('runAt', options.runAt);
  checkDate('expiresAt', options.expiresAt);
};

const checkDate = (name: string, value: unknown): void => {
  if (value === undefined || (value instanceof Date && !Number.isNaN(value.getTime()))) return;
  throw new InvalidArgumentError(`${name} is a valid Date`);
};

/** The whole of it, also when nobody asks for a policy yet: a fault is told where it was written. */
const checkShared = (options: SharedOptions, retryNames: ReadonlySet<string>): void => {
  const { retry, timeout } = options;
  if (retry !== undefined) checkRetry(retry, retryNames);
  checkField('priority', options.priority, rules.priority);
  checkField('group', options.group, rules.group);
  checkField('limitKey', options.limitKey, rules.limitKey);
  checkField('units', options.units, rules.units);
  checkField('tags', options.tags, rules.tags);
  checkField('onOrphan', options.onOrphan, rules.onOrphan);
  checkField('queue', options.queue, rules.queue);
  checkField('maxRescues', options.maxRescues, rules.maxRescues);
  checkField('timeout', timeout ?? undefined, rules.duration);
  checkField('abortGrace', options.abortGrace, rules.duration);
  checkField('mode', options.mode, rules.mode);
  checkField('window', options.window, rules.duration);
  checkField('maxWait', options.maxWait, rules.duration);
  checkField('expires', options.expires ?? undefined, rules.duration);
};

const checkRetry = (retry: RetryOptions, names: ReadonlySet<string>): void => {
  checkNames(retry, names, 'retry');
  const { backoff, maxAttempts, retryOn } = retry;
  checkField('retry.maxAttempts', maxAttempts, rules.maxAttempts);
  if (retryOn !== undefined && typeof retryOn !== 'function')
    throw new InvalidArgumentError('retry.retryOn: is a function');
  if (backoff === undefined) return;
  checkNames(backoff, BACKOFF_NAMES, 'retry.backoff');
  checkField('retry.backoff.initial', backoff.initial, rules.duration);
  checkField('retry.backoff.max', backoff.max, rules.duration);
  checkField('retry.backoff.factor', backoff.factor, rules.factor);
  checkField('retry.backoff.jitter', backoff.jitter, rules.jitter);
};

const checkWhole = (name: string, value: unknown, min: number): void => {
  if (value === undefined || (typeof value === 'number' && Number.isSafeInteger(value) && value >= min)) return;
  throw new InvalidArgumentError(`${name}: is a whole number, ${min} or more`);
};

/** It travels as data, and is shown to whoever may submit. */
const checkSchema = (schema: unknown): void => {
  if (schema === undefined) return;
  const says = `is a JSON Schema, an object of up to ${ARGS_SCHEMA_LIMIT / 1_024} KiB of JSON`;
  const isMap = typeof schema === 'object' && schema !== null && !Array.isArray(schema);
  if (!isMap || !fits(schema)) throw new InvalidArgumentError(`argsSchema: ${says}`);
};

/** As others read it: without members that are undefined, which no wire has. */
export const plainSchema = (schema: object): object => decodeData(encodeData(schema), ARGS_SCHEMA_LIMIT) as object;

const fits = (schema: object): boolean => {
  try {
    return encodeData(schema).length <= ARGS_SCHEMA_LIMIT;
  } catch {
    return false;
  }
};

/** What a definition, or a call on top of one, says of how a task is to be run. */
export const overridesOf = (options: SharedOptions & { readonly scope?: Scope }): RunOverrides => {
  const { scope, queue, priority, group, limitKey, units, tags, timeout, retry, maxRescues, onOrphan, abortGrace } =
    options;
  const { mode, window, maxWait, expires } = options;
  // By assignment: most submits say nothing of it, and an object spread for each field is dear.
  const said: { -readonly [K in keyof RunOverrides]: RunOverrides[K] } = {};
  if (scope !== undefined) said.scope = scope;
  if (queue !== undefined) said.queue = queue;
  if (priority !== undefined) said.priority = priority;
  if (group !== undefined) said.group = group;
  if (limitKey !== undefined) said.limitKey = limitKey;
  if (units !== undefined) said.units = units;
  if (tags !== undefined) said.tags = { ...tags };
  if (timeout !== undefined) said.timeoutMs = timeout === null ? 0 : durationMs(timeout, 'timeout');
  if (retry?.maxAttempts !== undefined) said.maxAttempts = retry.maxAttempts;
  if (retry?.backoff !== undefined) said.backoff = backoffOf(retry.backoff);
  if (maxRescues !== undefined) said.maxRescues = maxRescues;
  if (onOrphan !== undefined) said.onOrphan = onOrphan;
  if (abortGrace !== undefined) said.abortGraceMs = durationMs(abortGrace, 'abortGrace');
  if (mode !== undefined) said.mode = mode;
  if (window !== undefined) said.windowMs = durationMs(window, 'window');
  if (maxWait !== undefined) said.maxWaitMs = durationMs(maxWait, 'maxWait');
  if (expires !== undefined) said.expiresMs = expires === null ? 0 : durationMs(expires, 'expires');
  return said;
};

const backoffOf = ({ initial, factor, max, jitter }: NonNullable<RetryOptions['backoff']>): Partial<Backoff> => ({
  ...(initial === undefined ? {} : { initialMs: durationMs(initial, 'retry.backoff.initial') }),
  ...(factor === undefined ? {} : { factor }),
  ...(max === undefined ? {} : { maxMs: durationMs(max, 'retry.backoff.max') }),
  ...(jitter === undefined ? {} : { jitter }),
});
