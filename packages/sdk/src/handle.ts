import {
  durationMs,
  etaMs,
  isTerminal,
  queuedMs,
  shownProgress,
  type Data,
  type ExecutionMode,
  type Priority,
  type Progress,
  type Scope,
  type Status,
  type SubmitOutcome,
  type Subscriber,
  type TaskError,
  type Tags,
  type TaskRecord,
  type Why,
} from '@baton/core';
import { decodeData, RECORD_LIMIT, type Address } from '@baton/protocols';
import {
  BatonError,
  checkNames,
  endedText,
  optionNames,
  type Held,
  type SignalOutcome,
  type Subscription,
} from '@baton/runtime';
import type { Duration } from './duration.ts';
import { TaskAbortFailedError, TaskEndedError, TaskNotFoundError } from './errors.ts';
import type { Seen } from './watch.ts';

/**
 * What became of a submit (behaviour D2, Q10): a task of its own; one that was active, joined; one that waits and has its
 * arguments now, at once or later; or none, since one was made in the same window, which is the handle's.
 */
export type Outcome = SubmitOutcome;

export type HandleWaitOptions = {
  /** No longer than this; without limit when not set. */
  readonly timeout?: Duration;
  /** False: a large result is left where it is. */
  readonly fetch?: boolean;
};

export type CancelOptions = {
  /** An admin's: ends a task that does not stop, and one others wait for. */
  readonly force?: boolean;
};

export type EventsOptions = {
  /** Revision of the last snapshot that was handled. */
  readonly after?: number;
};

const WAIT_NAMES = optionNames<HandleWaitOptions>({ timeout: true, fetch: true });
const CANCEL_NAMES = optionNames<CancelOptions>({ force: true });
const EVENTS_NAMES = optionNames<EventsOptions>({ after: true });

export type SignalOptions = {
  /** The same one again is the same signal. */
  readonly operationId?: string;
};

export type SignalResult = {
  /** `delivered`: the task waited for it and goes on. `kept`: it is there when the task waits for it. */
  readonly outcome: SignalOutcome;
};

export type CancelResult = {
  /** `aborted`: it is stopped or being stopped. `unsubscribed`: the user left, the task runs on for others. */
  readonly action: 'aborted' | 'unsubscribed';
};

export type TaskSnapshot = Pick<TaskRecord, 'id' | 'status' | 'attempt'> & {
  readonly progress: Progress | undefined;
  readonly payload: unknown;
  readonly revision: number;
  readonly record: TaskRecord;
  /** Changes between the last snapshot and this one may be missing: the connection was away, or they were not read. */
  readonly reset: boolean;
};

/** What a handle asks of its client. */
export type HandleClient = {
  readonly load: (address: Address, id: string) => Promise<Held>;
  /** `known`: the revision of the newest version the handle has seen. */
  readonly wait: (address: Address, id: string, known: number, timeoutMs: number | undefined) => Promise<Held>;
  /** With the task as it is then. */
  readonly cancel: (address: Address, id: string, force: boolean) => Promise<CancelResult & Held>;
  readonly changePriority: (address: Address, id: string, priority: Priority) => Promise<Held>;
  readonly why: (address: Address, id: string) => Promise<Why>;
  readonly signal: (
    address: Address,
    id: string,
    name: string,
    data: unknown,
    options: SignalOptions,
  ) => Promise<SignalResult>;
  readonly retry: (address: Address, record: TaskRecord) => Promise<TaskHandle>;
  readonly events: (address: Address, id: string, known: number, after?: number) => AsyncIterable<Seen>;
  readonly live: (address: Address, id: string, listener: (live: LiveProgress) => void) => Promise<Subscription>;
  /** The value behind data of a record, wherever it lies. */
  readonly data: (of: Data | undefined) => Promise<unknown>;
  readonly durationMs: (value: Duration) => number;
  readonly now: () => number;
  /** Whether `error` shows its stack trace (behaviour L5). */
  readonly showStacktrace: boolean;
};

/** Progress as it happens, up to ten a second; what is stored follows at its own pace. */
export type LiveProgress = { readonly at: Date; readonly progress: Progress | undefined; readonly payload: unknown };

/**
 * One task as it was last seen. `refresh` and `wait` look again. Made by submitting, and by `Baton.open`.
 *
 * @hideconstructor
 */
export class TaskHandle<Result = unknown> {
  readonly uuid: string;
  readonly address: Address;
  /** Absent for a handle that was not got by submitting. */
  readonly outcome: Outcome | undefined;
  /** The submit joined a task whose arguments or options are others than the ones given. */
  readonly differs: boolean;
  /** False: when it was submitted, no worker had ever served tasks of its type. */
  readonly known: boolean;
  private readonly client: HandleClient;
  private held: Held;
  private fetched: Fetched | undefined;

  constructor(
    client: HandleClient,
    address: Address,
    held: Held,
    submitted: { readonly outcome: Outcome; readonly differs: boolean; readonly known: boolean } | undefined,
  ) {
    this.client = client;
    this.address = address;
    this.uuid = held.record.id;
    this.held = held;
    this.outcome = submitted?.outcome;
    this.differs = submitted?.differs ?? false;
    this.known = submitted?.known ?? true;
  }

  get record(): TaskRecord {
    return this.held.record;
  }
  get revision(): number {
    return this.held.revision;
  }
  get type(): string {
    return this.record.type;
  }
  get key(): string {
    return this.record.key;
  }
  get name(): string {
    return this.record.name;
  }
  get scope(): Scope {
    return this.record.scope;
  }
  get status(): Status {
    return this.record.status;
  }
  get isTerminal(): boolean {
    return isTerminal(this.record.status);
  }
  /** As they are now: those of the submit, and what the handler has made of them. */
  get tags(): Tags {
    return this.record.tags ?? {};
  }
  /** What the handler has told; of one that tells nothing and has spawned others, the mean of theirs (behaviour G3). */
  get progress(): Progress | undefined {
    return shownProgress(this.record);
  }
  get payload(): unknown {
    return inlineValue(this.record.payload);
  }
  /**
   * What the body returned; undefined until the task is a success. A large one is here once `wait` or `fetchResult` has
   * brought it; before that, BatonError `RESULT_NOT_FETCHED` is thrown.
   */
  get result(): Result | undefined {
    const { result } = this.record;
    if (result === undefined || result instanceof Uint8Array) return inlineValue(result) as Result | undefined;
    const { fetched } = this;
    if (fetched?.kind === 'value') return fetched.value as Result;
    const text = `the result is ${result.size} bytes and lies in the object store: await handle.fetchResult()`;
    throw new BatonError('RESULT_NOT_FETCHED', text, fetched === undefined ? {} : { cause: fetched.cause });
  }
  /** Of the last failure; with its stack trace only where `SHOW_STACKTRACE` is on. */
  get error(): TaskError | undefined {
    const { error } = this.record;
    if (error === undefined || this.client.showStacktrace) return error;
    return { message: error.message, type: error.type };
  }
  get attempt(): number {
    return this.record.attempt;
  }
  get subscribers(): readonly Subscriber[] {
    return this.record.subscribers;
  }
  get createdAt(): Date {
    return new Date(this.record.createdAt);
  }
  get startedAt(): Date | undefined {
    return dateOf(this.record.startedAt);
  }
  get endedAt(): Date | undefined {
    return dateOf(this.record.endedAt);
  }
  /** `sync`: run inline by the process that called it. */
  get executionMode(): ExecutionMode {
    return this.record.mode;
  }
  /** It runs and can be told to stop. */
  get isAbortable(): boolean {
    return this.record.abortable === true && !this.isTerminal;
  }
  /** Of the current or last attempt, up to now while it runs; undefined: never started. */
  get durationSeconds(): number | undefined {
    const ms = durationMs(this.record, this.client.now());
    return ms === undefined ? undefined : ms / 1_000;
  }
  /** From when it could begin to its start, its end or now. */
  get queuedSeconds(): number {
    return queuedMs(this.record, this.client.now()) / 1_000;
  }
  /** Expected time to the end, by its progress; undefined where none can honestly be told (behaviour C9). */
  get etaSeconds(): number | undefined {
    const { progress, durationSeconds } = this;
    if (progress === undefined || durationSeconds === undefined || this.status !== 'in_progress') return undefined;
    const ms = etaMs(progress, durationSeconds * 1_000);
    return ms === undefined ? undefined : ms / 1_000;
  }

  /** Reads the task from the store. Throws TaskNotFoundError once it is only in the projection. */
  async refresh(): Promise<this> {
    if (!this.isTerminal) this.held = await this.client.load(this.address, this.uuid);
    return this;
  }

  /**
   * Resolves when the task is terminal, whatever the outcome, with the result: a large one is fetched, unless `fetch` is
   * false. One that cannot be had now does not make this fail; reading `result` does, and `fetchResult` tries again.
   * Throws WaitTimeoutError; the task runs on then.
   */
  async wait(options: HandleWaitOptions = {}): Promise<this> {
    checkNames(options, WAIT_NAMES);
    if (!this.isTerminal) {
      const timeoutMs = options.timeout === undefined ? undefined : this.client.durationMs(options.timeout);
      this.held = await this.client.wait(this.address, this.uuid, this.revision, timeoutMs);
    }
    if (options.fetch !== false) await this.fetch();
    return this;
  }

  /**
   * The result, wherever it lies (behaviour X4); undefined until the task is a success. Throws DataLostError once the task
   * was pruned, NotConnectedError and the like when it may work later.
   */
  async fetchResult(): Promise<Result | undefined> {
    const fetched = await this.fetch();
    if (fetched?.kind === 'failed') throw fetched.cause;
    return this.result;
  }

  /** Keeps what a large result is, or why it is not here. */
  private async fetch(): Promise<Fetched | undefined> {
    const { result } = this.record;
    if (result === undefined || result instanceof Uint8Array || this.fetched?.kind === 'value') return this.fetched;
    try {
      this.fetched = { kind: 'value', value: await this.client.data(result) };
    } catch (cause) {
      if (!(cause instanceof Error)) throw cause;
      this.fetched = { kind: 'failed', cause };
    }
    return this.fetched;
  }

  /** Throws TaskNotAbortableError, TaskAbortFailedError, TaskNotFoundError or PermissionDeniedError (behaviour A). */
  async cancel(options: CancelOptions = {}): Promise<CancelResult> {
    checkNames(options, CANCEL_NAMES);
    try {
      const { action, record, revision } = await this.client.cancel(this.address, this.uuid, options.force ?? false);
      // One that waited has left the record it waited in by the time somebody asks again.
      if (isTerminal(record.status)) this.held = { record, revision };
      return { action };
    } catch (error) {
      if (error instanceof TaskNotFoundError && this.isTerminal) throw new TaskAbortFailedError(this.status);
      throw error;
    }
  }

  /**
   * Why it waits (behaviour Q9), as data and in words: what comes before it, who has paused what, which limit is reached and
   * who holds it, that no worker takes it, when it starts. `reasons` is empty where it does not wait. Where nobody answers
   * for its queue that is the reason, and nothing is made up. Throws TaskNotFoundError, and what `refresh` throws.
   */
  why(): Promise<Why> {
    return this.client.why(this.address, this.uuid);
  }

  /**
   * Sends the task a signal, for `ctx.waitForSignal(name)` (behaviour G5): JSON-like data up to 64 KiB. For whoever may see
   * the task, as a cancel. With an `operationId` it may be repeated without being sent twice. Throws TaskEndedError,
   * TaskNotFoundError, TaskBehindError, SignalsFullError, RecordFullError.
   */
  async signal(name: string, data?: unknown, options: SignalOptions = {}): Promise<SignalResult> {
    try {
      const { outcome } = await this.client.signal(this.address, this.uuid, name, data, options);
      return { outcome };
    } catch (error) {
      if (error instanceof TaskNotFoundError && this.isTerminal)
        throw new TaskEndedError(endedText(this.record), this.status);
      throw error;
    }
  }

  /**
   * Gives the task, which waits, another place in line (behaviour B1). For whoever it is the only one's, and for admins. Throws
   * TaskNotPendingError once it has begun, PermissionDeniedError where others wait for it, too, TaskNotFoundError,
   * WrongRoleError for a publisher.
   */
  async changePriority(priority: Priority): Promise<void> {
    this.held = await this.client.changePriority(this.address, this.uuid, priority);
  }

  /** Runs the ended task again, as `Baton.retry` does (behaviour R7). */
  async retry(): Promise<TaskHandle<Result>> {
    await this.refresh();
    return (await this.client.retry(this.address, this.record)) as TaskHandle<Result>;
  }

  /** Calls `listener` for every live update from now on (behaviour E3): at most once each, and nothing that was missed. */
  onProgress(listener: (live: LiveProgress) => void): Promise<Subscription> {
    return this.client.live(this.address, this.uuid, listener);
  }

  /**
   * The present state first, then every change, until the task is terminal. `after`: the revision of the last snapshot
   * that was handled, to go on from there; whether anything is missing says `reset`.
   */
  async *events(options: EventsOptions = {}): AsyncGenerator<TaskSnapshot> {
    checkNames(options, EVENTS_NAMES);
    for await (const seen of this.client.events(this.address, this.uuid, this.revision, options.after)) {
      this.held = seen;
      const { record, revision, reset } = seen;
      const { id, status, attempt } = record;
      const progress = shownProgress(record);
      yield { id, status, attempt, progress, payload: inlineValue(record.payload), revision, record, reset };
    }
  }
}

const dateOf = (ms: number | undefined): Date | undefined => (ms === undefined ? undefined : new Date(ms));

/** A payload always lies in the record; other data of another place is not looked for here. */
const inlineValue = (data: Data | undefined): unknown =>
  data instanceof Uint8Array ? decodeData(data, RECORD_LIMIT) : undefined;

type Fetched = { readonly kind: 'value'; readonly value: unknown } | { readonly kind: 'failed'; readonly cause: Error };
