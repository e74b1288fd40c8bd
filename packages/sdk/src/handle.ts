import {
  durationMs,
  isTerminal,
  queuedMs,
  type ExecutionMode,
  type Progress,
  type Scope,
  type Status,
  type Subscriber,
  type TaskError,
  type TaskRecord,
} from '@baton/core';
import { decodeData, RECORD_LIMIT, type Address } from '@baton/protocols';
import { BatonError, type Held, type Subscription } from '@baton/runtime';
import type { Duration } from './duration.ts';

/** How a submit ended: a task of its own, or one that was active already (behaviour D2). */
export type Outcome = 'created' | 'joined';

export type CancelResult = {
  /** `aborted`: it is stopped or being stopped. `unsubscribed`: the user left, the task runs on for others. */
  readonly action: 'aborted' | 'unsubscribed';
};

export type TaskSnapshot = Pick<TaskRecord, 'id' | 'status' | 'attempt'> & {
  readonly progress: Progress | undefined;
  readonly payload: unknown;
  readonly revision: number;
  readonly record: TaskRecord;
};

/** What a handle asks of its client. */
export type HandleClient = {
  readonly load: (address: Address, id: string) => Promise<Held>;
  readonly wait: (address: Address, id: string, timeoutMs: number | undefined) => Promise<Held>;
  readonly cancel: (address: Address, id: string, force: boolean) => Promise<CancelResult>;
  readonly events: (address: Address, id: string) => AsyncIterable<Held>;
  readonly live: (id: string, listener: (live: LiveProgress) => void) => Promise<Subscription>;
  readonly durationMs: (value: Duration) => number;
  readonly now: () => number;
  /** Whether `error` shows its stack trace (behaviour L5). */
  readonly showStacktrace: boolean;
};

/** Progress as it happens, up to ten a second; what is stored follows at its own pace. */
export type LiveProgress = { readonly at: Date; readonly progress: Progress | undefined; readonly payload: unknown };

/** One task as it was last seen. `refresh` and `wait` look again. */
export class TaskHandle<Result = unknown> {
  readonly uuid: string;
  readonly address: Address;
  /** Absent for a handle that was not got by submitting. */
  readonly outcome: Outcome | undefined;
  /** The submit joined a task whose arguments or options are others than the ones given. */
  readonly differs: boolean;
  private readonly client: HandleClient;
  private held: Held;

  constructor(
    client: HandleClient,
    address: Address,
    held: Held,
    submitted: { readonly outcome: Outcome; readonly differs: boolean } | undefined,
  ) {
    this.client = client;
    this.address = address;
    this.uuid = held.record.id;
    this.held = held;
    this.outcome = submitted?.outcome;
    this.differs = submitted?.differs ?? false;
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
  get progress(): Progress | undefined {
    return this.record.progress;
  }
  get payload(): unknown {
    return dataOf(this.record.payload);
  }
  /** What the body returned; undefined until the task is a success. */
  get result(): Result | undefined {
    return dataOf(this.record.result) as Result | undefined;
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

  /** Reads the task from the store. Throws TaskNotFoundError once it is only in the projection. */
  async refresh(): Promise<this> {
    if (!this.isTerminal) this.held = await this.client.load(this.address, this.uuid);
    return this;
  }

  /** Resolves when the task is terminal, whatever the outcome. Throws WaitTimeoutError; the task runs on then. */
  async wait(options: { readonly timeout?: Duration } = {}): Promise<this> {
    if (this.isTerminal) return this;
    const timeoutMs = options.timeout === undefined ? undefined : this.client.durationMs(options.timeout);
    this.held = await this.client.wait(this.address, this.uuid, timeoutMs);
    return this;
  }

  /** Throws TaskNotAbortableError, TaskAbortFailedError, TaskNotFoundError or PermissionDeniedError (behaviour A). */
  async cancel(options: { readonly force?: boolean } = {}): Promise<CancelResult> {
    return this.client.cancel(this.address, this.uuid, options.force ?? false);
  }

  /** Calls `listener` for every live update from now on (behaviour E3): at most once each, and nothing that was missed. */
  onProgress(listener: (live: LiveProgress) => void): Promise<Subscription> {
    return this.client.live(this.uuid, listener);
  }

  /** The present state first, then every change seen, until the task is terminal. */
  async *events(): AsyncGenerator<TaskSnapshot> {
    for await (const held of this.client.events(this.address, this.uuid)) {
      this.held = held;
      const { record, revision } = held;
      const { id, status, attempt, progress } = record;
      yield { id, status, attempt, progress, payload: dataOf(record.payload), revision, record };
    }
  }
}

const dateOf = (ms: number | undefined): Date | undefined => (ms === undefined ? undefined : new Date(ms));

const dataOf = (data: TaskRecord['result']): unknown => {
  if (data === undefined) return undefined;
  if (data instanceof Uint8Array) return decodeData(data, RECORD_LIMIT);
  throw new BatonError('DATA_ELSEWHERE', `the data is in the object store under ${data.object}`);
};
