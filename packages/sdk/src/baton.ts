import {
  backoffDelayMs,
  canOpen,
  isTerminal,
  type Actor,
  type KeptDefinition,
  type Priority,
  type SubmitOutcome,
  type Why,
} from '@baton/core';
import { parseAddress, readTraceContext, type Address, type TaskDocument } from '@baton/protocols';
import {
  changePriority,
  checkField,
  checkNames,
  encodeArguments,
  findTask,
  InvalidArgumentError,
  isInside,
  isTracing,
  loadValue,
  optionNames,
  OutcomeUnknownError,
  requireField,
  retryTask,
  rules,
  signalIdOf,
  signalRequest,
  sourceOfDocument,
  sourceOfRecord,
  submitTask,
  traceSubmit,
  traceWait,
  whyWaits,
  type EndedTaskSource,
  type Held,
  type Link,
  type NotDone,
  type PriorityChange,
  type RunHost,
  type SignalOutcome,
  type Submission,
  type SubmitRequest,
  type TaskDefinition,
} from '@baton/runtime';
import type { Connection, Core } from './core.ts';
import { withAmbient } from './ambient.ts';
import { durationMs } from './duration.ts';
import { GlobalTaskFrameworkDisabledError, TaskNotFoundError, WrongRoleError } from './errors.ts';
import { TaskHandle, type CancelResult, type HandleClient, type SignalOptions, type SignalResult } from './handle.ts';
import { checkCallOptions, type CallOptions, type ScheduleOptions } from './options.ts';
import { Tasks } from './tasks.ts';
import { unlessDisconnected } from './connection-limit.ts';
import { findLate } from './late-submit.ts';
import { readLive } from './live.ts';
import { Queues } from './queues.ts';
import { ofType, requestOf, type Mutable, type OfType } from './request.ts';
import { refusalError } from './refusal-error.ts';
import { Schedules, type ScheduleInfo } from './schedules.ts';
import { refuseForChildren } from './spawn-order.ts';
import { TaskWatch, waitForEnd, type Seen, type WatchSettings } from './watch.ts';
import { BatonWorker, type WorkerOptions } from './worker.ts';

export type User = { readonly id: string; readonly admin?: boolean };

/** Between two claims of an inline task that came to nothing. */
const AGAIN = { initialMs: 250, factor: 2, maxMs: 5_000, jitter: 0.5 };

type DoneSubmit = Extract<Submission, { kind: 'done' }>;

type Submitted = { readonly handle: TaskHandle; readonly held: Held; readonly done: DoneSubmit };

/**
 * A client: a connection, seen as one user. Made by `connect` and `as`.
 *
 * @hideconstructor
 */
export class Baton {
  private readonly core: Core;
  private readonly actor: Actor;
  private readonly handles: HandleClient;
  private readonly watching: WatchSettings;
  /** What admins set for queues: pauses, limits, weights. */
  readonly queues: Queues;

  constructor(core: Core, user: User | undefined) {
    this.core = core;
    this.actor = user === undefined ? { admin: false } : { user: user.id, admin: user.admin ?? false };
    this.queues = new Queues(core.settings, this.actor);
    this.watching = { ports: core.ports, kernel: core.kernel, sees: (record) => canOpen(record, this.actor) };
    this.handles = {
      load: (address, id) => this.load(address, id),
      wait: async (address, id, known, timeoutMs) => {
        if (isInside(id)) throw waitsForItself();
        const wait = () => waitForEnd(this.watching, address, id, known, timeoutMs);
        return isTracing() ? traceWait(wait) : wait();
      },
      cancel: (address, id, force) => this.cancel(address, id, force),
      signal: async (address, id, name, data, options) => ({
        outcome: await this.sendSignal(address, id, name, data, options),
      }),
      events: (address, id, known, after) => this.events(address, id, known, after),
      live: async (address, id, listener) => {
        await this.load(address, id);
        return core.ports.signals.onProgress(id, (bytes) => listener(readLive(bytes)));
      },
      why: (address, id) => this.why(address, id),
      changePriority: (address, id, priority) => this.changePriority(address, id, priority),
      retry: (address, record) => this.retrySource(sourceOfRecord(address, record)),
      data: (of) => loadValue(core.ports.data, of),
      durationMs: (value) => durationMs(value, 'timeout'),
      now: () => core.ports.clock.now(),
      showStacktrace: core.showStacktrace,
    };
  }

  /** The same connection for another user. Throws InvalidArgumentError for an id that is none. */
  as(user: User): Baton {
    requireUser(user);
    return new Baton(this.core, user);
  }

  /** Makes this client the one that task calls inside `body` use. */
  within<T>(body: () => T): T {
    return withAmbient(this, body);
  }

  /** The connection, for whoever has to know how it is. */
  get link(): Link {
    return this.core.ports.link;
  }

  /** The same, with what was written over it and whether the store has room: for monitoring. */
  get connection(): Connection {
    return this.core.ports;
  }

  /** Schedules: tasks at times of their own (behaviour H). */
  get schedules(): Schedules {
    return new Schedules(this.core.schedules, this.actor);
  }

  /** The tasks this user may see, by tags, status, type and more; asked for at a gateway (behaviour B2). */
  get tasks(): Tasks {
    return new Tasks(this.core.gateway, this.actor);
  }

  /**
   * Submits a task, of a type or of its name alone: then it is run as the workers of the type define it (behaviour D10).
   * Throws before anything is sent for input it cannot take; see `Task.schedule`.
   */
  schedule<Result = unknown>(
    task: TaskDefinition | string | { readonly definition: TaskDefinition },
    args?: readonly unknown[],
    options?: CallOptions,
  ): Promise<TaskHandle<Result>>;
  /** Makes a schedule of that name, as `schedules.set` does. */
  schedule(name: string, schedule: ScheduleOptions): Promise<ScheduleInfo>;
  async schedule(
    task: TaskDefinition | string | { readonly definition: TaskDefinition },
    args: readonly unknown[] | ScheduleOptions = [],
    options: CallOptions = {},
  ): Promise<TaskHandle | ScheduleInfo> {
    if (isSchedule(args)) return this.schedules.set(typeof task === 'string' ? task : ofType(task).type, args);
    const request = this.requested(ofType(task), args, options, undefined);
    return (await this.submit(request, () => this.core.writes.submit(this.actor, request))).handle;
  }

  /** Runs a task inline, or waits for the active one of its key. */
  async run<Result>(
    definition: TaskDefinition,
    args: readonly unknown[],
    options: CallOptions = {},
  ): Promise<TaskHandle<Result>> {
    const host = this.core.hosts?.forCall();
    if (host === undefined) throw new WrongRoleError('a publisher runs no task inline: schedule it, a worker runs it');
    if (!this.core.enabled) throw new GlobalTaskFrameworkDisabledError();
    const waitMs = options.waitTimeout === undefined ? undefined : durationMs(options.waitTimeout, 'waitTimeout');
    // A drain waits for it as far as it runs here.
    const { handle, held, done, end } = await host.called(async () => {
      await host.start();
      const made = await this.submitHere(host, definition, args, options);
      const isOurs = made.held.record.id === made.handle.uuid;
      const end = isOurs ? await this.runHere(host, made.handle.address, made.held, definition) : undefined;
      return { ...made, end };
    });
    if (end !== undefined) return this.handle(handle.address, end, done).wait() as Promise<TaskHandle<Result>>;
    if (isInside(held.record.id)) throw waitsForItself();
    return (await handle.wait(waitMs === undefined ? {} : { timeout: waitMs / 1_000 })) as TaskHandle<Result>;
  }

  /**
   * A handle of a task that was submitted elsewhere, by its id and the address that stands beside it in every document.
   * Throws TaskNotFoundError, also for a task this user may not see.
   */
  async open<Result = unknown>(task: { readonly uuid: string; readonly address: string }): Promise<TaskHandle<Result>> {
    const address = placeOf(task);
    return new TaskHandle<Result>(this.handles, address, await this.load(address, task.uuid), undefined);
  }

  /**
   * Runs an ended task again (behaviour R7): a new task with the same key, arguments and options, or the active one of
   * that key, joined. Who waited for it retries it for himself; an admin does it for those who waited. Takes a handle, or
   * a document where the record has been forgotten; on behalf of the user of this client, whoever the handle is of. `trace`: of the caller, and
   * `operationId`: retried again under the same one it is the same task, as `schedule` takes them. Throws TaskNotTerminalError, TaskNotFoundError, DataLostError where
   * large arguments were pruned, and what `schedule` throws.
   */
  async retry<Result = unknown>(
    task: TaskHandle<Result> | TaskDocument,
    options: RetryCallOptions = {},
  ): Promise<TaskHandle<Result>> {
    checkNames(options, RETRY_NAMES);
    if (task instanceof TaskHandle) await task.refresh();
    const source = task instanceof TaskHandle ? sourceOfRecord(task.address, task.record) : sourceOfDocument(task);
    return (await this.retrySource(source, options)) as TaskHandle<Result>;
  }

  private async retrySource(
    source: EndedTaskSource,
    { trace: said, operationId }: RetryCallOptions = {},
  ): Promise<TaskHandle> {
    const { core } = this;
    checkField('operationId', operationId, rules.operationId);
    if (core.hosts === undefined)
      throw new WrongRoleError('a publisher retries no task: connect as a runtime, or ask the gateway');
    if (!core.enabled) throw new GlobalTaskFrameworkDisabledError();
    const { trace: repeats } = source;
    const given = said === undefined ? undefined : readTraceContext(said.traceparent, said.tracestate);
    const submit = {
      type: source.former.type,
      ...(repeats === undefined ? {} : { repeats }),
      ...(given === undefined ? {} : { trace: given }),
    };
    const made: Submission = await traceSubmit(submit, (trace) =>
      unlessDisconnected(
        core.ports,
        retryTask(core, this.actor, source, {
          ...(trace === undefined ? {} : { trace }),
          ...(operationId === undefined ? {} : { operationId }),
        }),
      ),
    );
    const { address, view, outcome, differs, known } = expectDone(made);
    return this.handle(address, view, { outcome, differs, known });
  }

  /**
   * Sends a signal to a task, by a handle or by its id and address: see `TaskHandle.signal` (behaviour G5). On behalf of the user
   * of this client, whoever the handle is of.
   */
  async signal(
    task: { readonly uuid: string; readonly address: string },
    name: string,
    data?: unknown,
    options: SignalOptions = {},
  ): Promise<SignalResult> {
    const address = placeOf(task);
    return { outcome: await this.sendSignal(address, task.uuid, name, data, options) };
  }

  /** The definitions of all types that workers have ever served, by name. Rejects when they cannot be had now. */
  async types(): Promise<readonly KeptDefinition[]> {
    return this.core.catalogue.all();
  }

  async startWorker(options: WorkerOptions): Promise<BatonWorker> {
    return BatonWorker.start(this.core, options, this.schedules);
  }

  /** Closes the connection for all clients of it. Workers are to be drained before. */
  close(): Promise<void> {
    return this.core.close();
  }

  /** Short: what an async function holds on to lives as long as its answer takes. */
  private async submit(request: Mutable<SubmitRequest>, send: () => Promise<Submission>): Promise<Submitted> {
    return this.submitted(expectDone(await (isTracing() ? this.traced(request, send) : send())));
  }

  /** Of an inline call. Nobody else is offered its task, so one that may be there without an answer is looked for. */
  private async submitHere(
    host: RunHost,
    definition: TaskDefinition,
    args: readonly unknown[],
    options: CallOptions,
  ): Promise<Submitted> {
    const { core, actor } = this;
    const request = this.requested(definition, args, options, host.id);
    return this.submit(request, async () => {
      const sent = submitTask(core, actor, request);
      const made = await unlessDisconnected(core.ports, sent);
      if (made.kind === 'unknown') void host.called(() => this.runLate(host, sent, definition));
      return made;
    });
  }

  /** Its caller was told that nobody knows what becomes of it. Never rejects. */
  private async runLate(host: RunHost, sent: Promise<Submission>, definition: TaskDefinition): Promise<void> {
    const { kernel, ports, log } = this.core;
    try {
      const made = await sent;
      if (made.kind === 'done') await this.runHere(host, made.address, made.held, definition);
      if (made.kind !== 'unknown' || made.at === undefined) return;
      const { address, id } = made.at;
      const held = await findLate({ kernel, clock: ports.clock, isStopped: () => host.isStopped }, address, id);
      if (held !== undefined) await this.runHere(host, address, held, definition);
    } catch (error) {
      log.warn({ err: error, type: definition.type }, 'what an inline call may have made could not be run');
    }
  }

  private requested(
    definition: OfType,
    args: readonly unknown[],
    options: CallOptions,
    host: string | undefined,
  ): Mutable<SubmitRequest> {
    const { core } = this;
    if (!core.enabled) throw new GlobalTaskFrameworkDisabledError();
    checkCallOptions(options);
    refuseForChildren(options);
    const given = encodeArguments(args, core.dataLimit);
    const request = requestOf(definition, options, core.ports.clock.now());
    request.args = given;
    if (host !== undefined) request.host = host;
    return request;
  }

  private submitted(done: DoneSubmit): Submitted {
    const { address, view, held } = done;
    return { handle: this.handle(address, view, done), held, done };
  }

  private traced(request: Mutable<SubmitRequest>, send: () => Promise<Submission>): Promise<Submission> {
    return traceSubmit(request, (trace) => {
      if (trace !== undefined) request.trace = trace;
      return send();
    });
  }

  /**
   * Claims and runs an inline task, attempt after attempt. Its end, or undefined when somebody else has it now: as long as it
   * is this host's nobody else is offered it, so a claim that comes to nothing is made again. Whose it is the record says: that this
   * very call has made it cannot be told of one whose answer was lost. Of several calls that run it here each claim is one's.
   */
  private async runHere(
    host: RunHost,
    address: Address,
    first: Held,
    definition: TaskDefinition,
  ): Promise<Held | undefined> {
    const { kernel, ports } = this.core;
    const pause = (ms: number) => new Promise<void>((resolve) => void ports.clock.after(ms, resolve));
    let failures = 0;
    for (let held: Held | undefined = first; held?.record.status === 'pending' && held.record.host === host.id;) {
      const wait: number = (held.record.runAt ?? 0) - ports.clock.now();
      if (wait > 0) await pause(wait);
      if (host.isStopped) return undefined;
      let claimed = await host.claim(address, held, held.revision);
      if (claimed.kind === 'unknown' || claimed.kind === 'failed') claimed = await host.settle(address);
      if (claimed.kind === 'mine' && host.isStopped) {
        // It was closed meanwhile, and tells nobody to stop who begins now.
        await host.letGo(address, claimed.held, 'the client was closed');
        return undefined;
      }
      if (claimed.kind === 'mine') {
        const end = await host.run(address, claimed, definition);
        if (end.kind === 'lost') return undefined;
        if (isTerminal(end.held.record.status)) return end.held;
        held = end.held;
        failures = 0;
      } else if (claimed.kind === 'unreadable') {
        return undefined;
      } else {
        const known: Held = held;
        // Joined by somebody, or cancelled, between submit and claim; or the claim has not arrived.
        const now: Held | undefined = await kernel.load(address).catch(() => known);
        if (now?.record.id !== first.record.id) return undefined;
        if (now.revision === known.revision) await pause(backoffDelayMs(AGAIN, ++failures, ports.chance.random()));
        if (host.isStopped) return undefined;
        held = now;
      }
    }
    return undefined;
  }

  private async load(address: Address, id: string): Promise<Held> {
    const { kernel, ports } = this.core;
    const found = await findTask({ kernel, store: ports.store }, address, id);
    if (found === undefined || !canOpen(found.record, this.actor)) throw new TaskNotFoundError();
    return { record: found.record, revision: found.revision };
  }

  private async why(address: Address, id: string): Promise<Why> {
    const { kernel, ports } = this.core;
    const { store, dispatch, clock } = ports;
    const why = await whyWaits({ kernel, store, dispatch, clock }, address, id, (record) =>
      canOpen(record, this.actor),
    );
    if (why === undefined) throw new TaskNotFoundError();
    return why;
  }

  private async cancel(address: Address, id: string, force: boolean): Promise<CancelResult & Held> {
    const { action, record, revision } = expectDone(await this.core.writes.cancel(this.actor, address, { id, force }));
    return { action, record, revision };
  }

  private async changePriority(address: Address, id: string, priority: Priority): Promise<Held> {
    const { core, actor } = this;
    requireField('priority', priority, rules.priority);
    if (core.hosts === undefined)
      throw new WrongRoleError('a publisher changes no priority: connect as a runtime, or ask the gateway');
    const changed: PriorityChange = await unlessDisconnected(
      core.ports,
      changePriority(core, actor, address, { id, priority }),
    );
    const { record, revision } = expectDone(changed);
    return { record, revision };
  }

  private async sendSignal(
    address: Address,
    id: string,
    name: string,
    data: unknown,
    options: SignalOptions,
  ): Promise<SignalOutcome> {
    checkNames(options, SIGNAL_NAMES);
    const { operationId } = options;
    checkField('operationId', operationId, rules.operationId);
    const { actor, core } = this;
    const request = signalRequest(id, name, data, signalIdOf(actor, operationId) ?? core.ports.chance.uuid());
    const sent = operationId === undefined ? request : { ...request, operationId };
    return expectDone(await core.writes.signal(actor, address, sent)).outcome;
  }

  private async *events(address: Address, id: string, known: number, after?: number): AsyncGenerator<Seen> {
    const watch = new TaskWatch(this.watching, address, id, after ?? known - 1, 'every');
    try {
      await watch.open();
      // Without a place to go on from nothing can be missing before the first.
      let isFirst = after === undefined;
      for (let seen = await watch.next(); seen !== undefined; seen = await watch.next()) {
        yield isFirst ? { ...seen, reset: false } : seen;
        isFirst = false;
        if (isTerminal(seen.record.status)) return;
      }
    } finally {
      watch.close();
    }
  }

  private handle(
    address: Address,
    held: Held,
    submitted: { readonly outcome: SubmitOutcome; readonly differs: boolean; readonly known: boolean },
  ): TaskHandle {
    return new TaskHandle(this.handles, address, held, submitted);
  }
}

const isSchedule = (args: readonly unknown[] | ScheduleOptions): args is ScheduleOptions => {
  if (typeof args === 'object' && args !== null) return !Array.isArray(args);
  throw new InvalidArgumentError('args: is the list of arguments; of a schedule, { cron, every, task, ... }');
};

type RetryCallOptions = Pick<CallOptions, 'trace' | 'operationId'>;

const RETRY_NAMES = optionNames<RetryCallOptions>({ trace: true, operationId: true });
const SIGNAL_NAMES = optionNames<SignalOptions>({ operationId: true });

const waitsForItself = (): InvalidArgumentError =>
  new InvalidArgumentError(
    'a task waits for itself: it waits for its own key, or was called inline by the one it waits for',
  );

/** Throws InvalidArgumentError for what is no task, TaskNotFoundError for an address that is none. */
const placeOf = (task: { readonly address: string }): Address => {
  if (typeof task !== 'object' || task === null || typeof task.address !== 'string')
    throw new InvalidArgumentError('task: is { uuid, address }, a handle or a document');
  const address = parseAddress(task.address);
  if (address === undefined) throw new TaskNotFoundError();
  return address;
};

/** Throws what stands for whatever else came of it. */
const expectDone = <Done extends { readonly kind: 'done' }>(result: Done | NotDone): Done => {
  switch (result.kind) {
    case 'done':
      return result;
    case 'refused':
      throw refusalError(result.reason, result.record);
    case 'failed':
      throw result.cause;
    case 'unknown':
      throw unknownOutcome(result.cause);
  }
};

const unknownOutcome = (cause: Error): OutcomeUnknownError =>
  cause instanceof OutcomeUnknownError
    ? cause
    : new OutcomeUnknownError(`it is not known whether this took effect: ${cause.message}`, { cause });

/** Throws InvalidArgumentError for a user nobody could be. */
export const checkUser = (user: User | undefined): void => {
  if (user !== undefined) requireUser(user);
};

const requireUser = (user: User): void => {
  requireField('user.id', user.id, rules.user);
  checkField('user.admin', user.admin, rules.admin);
};
