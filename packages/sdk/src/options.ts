import type { Backoff, Policy, Priority, Scope, WhenAborting } from '@baton/core';
import { DEFAULT_BACKOFF } from '@baton/core';
import { KEY_LENGTH, NAME_LENGTH, NAME_PATTERN } from '@baton/protocols';
import { InvalidArgumentError, type TaskDefinition } from '@baton/runtime';
import { durationMs, type Duration } from './duration.ts';

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
  readonly retry?: RetryOptions;
  /** Times the task is run again after its worker died; 2 when not set. */
  readonly maxRescues?: number;
  /** What becomes of a task whose worker died: run again (the default), or fail. */
  readonly onOrphan?: 'retry' | 'fail';
  /** How long an aborted body may take before it is shown as not stopping; 60 s when not set. */
  readonly abortGrace?: Duration;
};

export type TaskOptions = SharedOptions & {
  /** The type. The function's own name when not set. */
  readonly name?: string;
  readonly scope?: Scope;
  /**
   * `thread`: the handler runs in a worker thread. It may compute as long as it likes, and is ended when it has not
   * stopped within `abortGrace` (behaviour T5). Needs `module`.
   */
  readonly isolation?: 'thread';
  /** `import.meta.url` of the module that defines the task: the thread imports it to find the handler. */
  readonly module?: string | URL;
  /** Most memory a thread's objects may take, MiB; the attempt fails beyond it. 512 when not set. */
  readonly threadMemoryMb?: number;
};

export type CallOptions = Omit<SharedOptions, 'retry'> & {
  readonly retry?: Omit<RetryOptions, 'retryOn'>;
  /** Deduplication key: while a task of this key is active, another call joins it. */
  readonly taskKey?: string;
  /** For people; the key, then the type, when not set. */
  readonly taskName?: string;
  /** Not before this moment. */
  readonly runAt?: Date;
  /** Not before this long from now. */
  readonly delay?: Duration;
  /** When the last task of the key is still aborting: wait behind it (the default), join it, or be refused. */
  readonly whenAborting?: WhenAborting;
  /**
   * Names this submit: a second one with the same name within a day gives the task of the first, also when that has ended
   * or nobody knows what became of it (behaviour D7). Every user has names of his own.
   */
  readonly operationId?: string;
  /** How long an inline call waits for a task it joined; without limit when not set. */
  readonly waitTimeout?: Duration;
};

const OPTION_NAMES = ['timeout', 'queue', 'priority', 'retry', 'maxRescues', 'onOrphan', 'abortGrace'];
const TASK_OPTION_NAMES = new Set([...OPTION_NAMES, 'name', 'scope', 'isolation', 'module', 'threadMemoryMb']);
const CALL_OPTION_NAMES = new Set([
  ...OPTION_NAMES,
  'taskKey',
  'taskName',
  'runAt',
  'delay',
  'whenAborting',
  'operationId',
  'waitTimeout',
]);

/** A misspelt option that is silently ignored is a timeout that never comes. */
const checkNames = (options: object, allowed: ReadonlySet<string>): void => {
  for (const name of Object.keys(options)) {
    if (!allowed.has(name))
      throw new InvalidArgumentError(`unknown option '${name}'; known are ${[...allowed].join(', ')}`);
  }
};

export const checkTaskOptions = (options: TaskOptions): void => {
  checkNames(options, TASK_OPTION_NAMES);
  oneOf('scope', options.scope, ['private', 'shared', 'system']);
  oneOf('isolation', options.isolation, ['thread']);
  checkWhole('threadMemoryMb', options.threadMemoryMb, LEAST_THREAD_MEMORY_MB);
  checkShared(options);
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

export const checkCallOptions = (options: CallOptions): void => {
  checkNames(options, CALL_OPTION_NAMES);
  checkShared(options);
  checkText('taskKey', options.taskKey, KEY_LENGTH);
  checkText('taskName', options.taskName, NAME_LENGTH);
  checkText('operationId', options.operationId, KEY_LENGTH);
  oneOf('whenAborting', options.whenAborting, ['queue', 'join', 'reject']);
  if (options.runAt !== undefined && options.delay !== undefined) {
    throw new InvalidArgumentError('runAt and delay cannot both be set');
  }
  if (options.runAt !== undefined && !(options.runAt instanceof Date && !Number.isNaN(options.runAt.getTime()))) {
    throw new InvalidArgumentError('runAt is a valid Date');
  }
};

const checkShared = (options: SharedOptions): void => {
  oneOf('priority', options.priority, ['high', 'normal', 'low']);
  oneOf('onOrphan', options.onOrphan, ['retry', 'fail']);
  checkWhole('maxRescues', options.maxRescues, 0);
  checkWhole('retry.maxAttempts', options.retry?.maxAttempts, 1);
  if (options.queue !== undefined && !NAME_PATTERN.test(options.queue)) {
    throw new InvalidArgumentError(
      `queue is 1 to 100 of letters, digits, _ . and -; got ${JSON.stringify(options.queue)}`,
    );
  }
};

const oneOf = (name: string, value: unknown, allowed: readonly string[]): void => {
  if (value === undefined || (typeof value === 'string' && allowed.includes(value))) return;
  throw new InvalidArgumentError(`${name} is one of ${allowed.join(', ')}; got ${JSON.stringify(value)}`);
};

const checkWhole = (name: string, value: unknown, min: number): void => {
  if (value === undefined || (typeof value === 'number' && Number.isSafeInteger(value) && value >= min)) return;
  throw new InvalidArgumentError(`${name} is a whole number, ${min} or more; got ${JSON.stringify(value)}`);
};

export const checkText = (name: string, value: unknown, length: number): void => {
  if (value === undefined) return;
  if (typeof value === 'string' && value !== '' && value.length <= length && value.isWellFormed()) return;
  throw new InvalidArgumentError(
    `${name} is text of 1 to ${length} characters; got ${JSON.stringify(value)?.slice(0, 80)}`,
  );
};

/** The policy of a definition, or of a call on top of one. */
export const policyOf = (options: SharedOptions, base: Policy = {}): Policy => {
  const policy: { -readonly [K in keyof Policy]: Policy[K] } = { ...base };
  const { timeout, retry, maxRescues, onOrphan, abortGrace } = options;
  if (timeout !== undefined) {
    const ms = timeout === null ? 0 : durationMs(timeout, 'timeout');
    if (ms === 0) delete policy.timeoutMs;
    else policy.timeoutMs = ms;
  }
  if (retry?.maxAttempts !== undefined) policy.maxAttempts = retry.maxAttempts;
  if (retry?.backoff !== undefined) policy.backoff = backoffOf(retry.backoff, base.backoff ?? DEFAULT_BACKOFF);
  if (maxRescues !== undefined) policy.maxRescues = maxRescues;
  if (onOrphan !== undefined) policy.onOrphan = onOrphan;
  if (abortGrace !== undefined) policy.abortGraceMs = durationMs(abortGrace, 'abortGrace');
  return policy;
};

const backoffOf = (options: NonNullable<RetryOptions['backoff']>, base: Backoff): Backoff => {
  const { initial, factor, max, jitter } = options;
  if (factor !== undefined && !(factor >= 1 && factor <= 100))
    throw new InvalidArgumentError('backoff.factor is 1 to 100');
  if (jitter !== undefined && !(jitter >= 0 && jitter <= 1)) throw new InvalidArgumentError('backoff.jitter is 0 to 1');
  return {
    initialMs: initial === undefined ? base.initialMs : durationMs(initial, 'backoff.initial'),
    factor: factor ?? base.factor,
    maxMs: max === undefined ? base.maxMs : durationMs(max, 'backoff.max'),
    jitter: jitter ?? base.jitter,
  };
};
