import { byUser, canOpen, isTerminal, taskOf, type Actor, type TaskSpec } from '@baton/core';
import { addressOf, parseAddress, type Address } from '@baton/protocols';
import {
  currentContext,
  dispatch,
  dropObject,
  InvalidArgumentError,
  loadValue,
  OutcomeUnknownError,
  promote,
  type Asked,
  type Held,
  type Kernel,
  type Link,
  type Log,
  type Ports,
  type RunHost,
  type TaskDefinition,
} from '@baton/runtime';
import { withAmbient } from './ambient.ts';
import { encodeArguments, keepArguments, type GivenArguments } from './arguments.ts';
import { durationMs } from './duration.ts';
import { GlobalTaskFrameworkDisabledError, TaskNotFoundError } from './errors.ts';
import { TaskHandle, type CancelResult, type HandleClient } from './handle.ts';
import { checkCallOptions, policyOf, type CallOptions } from './options.ts';
import { readLive } from './live.ts';
import { refusalError } from './refusal-error.ts';
import { TaskWatch, waitForEnd, type WatchSettings } from './watch.ts';
import { BatonWorker, type WorkerOptions } from './worker.ts';

export type User = { readonly id: string; readonly admin?: boolean };

/** What the clients of one connection share. */
export type Core = {
  readonly ports: Ports;
  readonly kernel: Kernel;
  readonly log: Log;
  /** Runs inline calls and workers of this process. */
  readonly host: RunHost;
  readonly enabled: boolean;
  /** Largest encoded arguments, bytes. */
  readonly dataLimit: number;
  readonly showStacktrace: boolean;
  /** Called by `close`, before anything else. */
  readonly onClose: (listener: () => void) => void;
  readonly close: () => Promise<void>;
};

const CREATED = { outcome: 'created', differs: false } as const;

type Submitted = { readonly handle: TaskHandle; readonly held: Held };

/** A client: a connection, seen as one user. Made by `connect` and `as`. */
export class Baton {
  private readonly core: Core;
  private readonly actor: Actor;
  private readonly handles: HandleClient;
  private readonly watching: WatchSettings;

  constructor(core: Core, user: User | undefined) {
    this.core = core;
    this.actor = user === undefined ? { admin: false } : { user: user.id, admin: user.admin ?? false };
    this.watching = { ports: core.ports, kernel: core.kernel, sees: (record) => canOpen(record, this.actor) };
    this.handles = {
      load: (address, id) => this.load(address, id),
      wait: (address, id, known, timeoutMs) => waitForEnd(this.watching, address, id, known, timeoutMs),
      cancel: (address, id, force) => this.cancel(address, id, force),
      events: (address, id, known) => this.events(address, id, known),
      live: async (address, id, listener) => {
        await this.load(address, id);
        return core.ports.signals.onProgress(id, (bytes) => listener(readLive(bytes)));
      },
      data: (of) => loadValue(core.ports.data, of),
      durationMs: (value) => durationMs(value, 'timeout'),
      now: () => core.ports.clock.now(),
      showStacktrace: core.showStacktrace,
    };
  }

  /** The same connection for another user. */
  as(user: User): Baton {
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

  /** Submits a task. Throws before anything is sent for input it cannot take; see `Task.schedule`. */
  async schedule<Result>(
    definition: TaskDefinition,
    args: readonly unknown[],
    options: CallOptions = {},
  ): Promise<TaskHandle<Result>> {
    const { handle } = await this.submit(definition, args, options, undefined);
    return handle as TaskHandle<Result>;
  }

  /** Runs a task inline, or waits for the active one of its key. */
  async run<Result>(
    definition: TaskDefinition,
    args: readonly unknown[],
    options: CallOptions = {},
  ): Promise<TaskHandle<Result>> {
    const { host } = this.core;
    if (!this.core.enabled) throw new GlobalTaskFrameworkDisabledError();
    await host.start();
    const { handle, held } = await this.submit(definition, args, options, host.id);
    const waitMs = options.waitTimeout === undefined ? undefined : durationMs(options.waitTimeout, 'waitTimeout');
    if (handle.outcome === 'created' && held.record.id === handle.uuid) {
      const end = await this.runHere(handle.address, held, definition);
      if (end !== undefined) return this.handle(handle.address, end, CREATED).wait() as Promise<TaskHandle<Result>>;
    } else if (currentContext()?.taskId === handle.uuid) {
      throw new InvalidArgumentError('a task waits for itself: it called itself with its own key');
    }
    return (await handle.wait(waitMs === undefined ? {} : { timeout: waitMs / 1_000 })) as TaskHandle<Result>;
  }

  /**
   * A handle of a task that was submitted elsewhere, by its id and the address that stands beside it in every document.
   * Throws TaskNotFoundError, also for a task this user may not see.
   */
  async open<Result = unknown>(task: { readonly uuid: string; readonly address: string }): Promise<TaskHandle<Result>> {
    const address = parseAddress(task.address);
    if (address === undefined) throw new TaskNotFoundError();
    return new TaskHandle<Result>(this.handles, address, await this.load(address, task.uuid), undefined);
  }

  async startWorker(options: WorkerOptions): Promise<BatonWorker> {
    return BatonWorker.start(this.core, options);
  }

  /** Closes the connection for all clients of it. Workers are to be drained before. */
  close(): Promise<void> {
    return this.core.close();
  }

  private async submit(
    definition: TaskDefinition,
    args: readonly unknown[],
    options: CallOptions,
    host: string | undefined,
  ): Promise<Submitted> {
    const { core, actor } = this;
    if (!core.enabled) throw new GlobalTaskFrameworkDisabledError();
    checkCallOptions(options);
    const given = encodeArguments(args, core.dataLimit);
    const { spec, address } = await this.withArguments(this.specOf(definition, options, host), given);
    const whenAborting = options.whenAborting ?? 'queue';
    const at = core.ports.clock.now();
    const asked = await core.kernel.ask(address, () => ({ kind: 'submit', at, actor, spec, whenAborting }), {
      from: 'absent',
    });
    if (isUnused(asked)) void dropObject(core.ports.data, spec.args);
    const done = this.expectDone(asked, spec.id);
    if (done.answer.kind === 'joined') {
      const joined = { outcome: 'joined', differs: done.answer.differs } as const;
      return { handle: this.handle(address, viewOf(done, done.answer.id), joined), held: done };
    }
    if (host === undefined && spec.runAt === undefined && done.record.id === spec.id) {
      void dispatch({ ports: core.ports, log: core.log }, address, done);
    }
    return { handle: this.handle(address, viewOf(done, spec.id), CREATED), held: done };
  }

  /** Large arguments are stored first, under the id that is going to refer to them. */
  private async withArguments(bare: TaskSpec, given: GivenArguments) {
    const address = addressFor(bare);
    if (given === undefined) return { spec: bare, address };
    const { data } = this.core.ports;
    const args = given.kind === 'inline' ? given.bytes : await keepArguments(data, address, bare.id, given);
    return { spec: { ...bare, args }, address };
  }

  private specOf(definition: TaskDefinition, options: CallOptions, host: string | undefined): TaskSpec {
    const { chance, clock } = this.core.ports;
    const { scope, type } = definition;
    const { taskKey } = options;
    if (scope === 'shared' && taskKey === undefined) throw new InvalidArgumentError('a shared task needs a taskKey');
    if (scope === 'private' && this.actor.user === undefined) {
      throw new InvalidArgumentError('a private task needs a user: connect({ user: { id } }) or baton.as({ id })');
    }
    const id = chance.uuid();
    const key = taskKey ?? id;
    const runAt = options.runAt?.getTime() ?? delayed(clock.now(), options);
    const retry = options.retry ?? {};
    return {
      id,
      type,
      key,
      name: options.taskName ?? taskKey ?? type,
      scope,
      ...(this.actor.user === undefined ? {} : { creator: this.actor.user }),
      queue: options.queue ?? definition.queue,
      priority: options.priority ?? definition.priority,
      mode: host === undefined ? 'async' : 'sync',
      ...(host === undefined ? {} : { host }),
      policy: policyOf({ ...options, retry }, definition.policy),
      ...(runAt === undefined ? {} : { runAt }),
    };
  }

  /** Claims and runs an inline task, attempt after attempt. Its end, or undefined when somebody else has it now. */
  private async runHere(address: Address, first: Held, definition: TaskDefinition): Promise<Held | undefined> {
    const { host, kernel, ports } = this.core;
    for (let held: Held | undefined = first; held?.record.status === 'pending' && held.record.host === host.id;) {
      const wait: number = (held.record.runAt ?? 0) - ports.clock.now();
      if (wait > 0) await new Promise<void>((resolve) => void ports.clock.after(wait, resolve));
      let claimed = await host.claim(address, held, held.revision);
      if (claimed.kind === 'unknown' || claimed.kind === 'failed') claimed = await host.settle(address);
      if (claimed.kind === 'mine') {
        const end = await host.run(address, claimed.held, definition);
        if (end.kind === 'lost') return undefined;
        if (isTerminal(end.held.record.status)) return end.held;
        held = end.held;
      } else {
        // Joined by somebody, or cancelled, between submit and claim.
        const now = await kernel.load(address);
        if (now?.revision === held.revision || now?.record.id !== first.record.id) return undefined;
        held = now;
      }
    }
    return undefined;
  }

  private async load(address: Address, id: string): Promise<Held> {
    const held = await this.core.kernel.load(address);
    const record = held === undefined ? undefined : taskOf(held.record, id);
    if (held !== undefined && record !== undefined && canOpen(record, this.actor))
      return { record, revision: held.revision };
    throw new TaskNotFoundError();
  }

  private async cancel(address: Address, id: string, force: boolean): Promise<CancelResult> {
    const { core, actor } = this;
    const at = core.ports.clock.now();
    const done = this.expectDone(await core.kernel.ask(address, () => ({ kind: 'cancel', at, actor, id, force })), id);
    const { record } = done;
    if (record.owner !== undefined && (record.status === 'aborting' || record.abort?.forced)) {
      core.ports.signals.poke(record.owner.worker, address);
    }
    if (isTerminal(record.status) && record.successor !== undefined) {
      void promote(core, address, record.id, byUser(actor.user));
    }
    return { action: done.answer.kind === 'unsubscribed' ? 'unsubscribed' : 'aborted' };
  }

  private async *events(address: Address, id: string, known: number): AsyncGenerator<Held> {
    const watch = new TaskWatch(this.watching, address, id, known);
    try {
      await watch.open();
      for (let held = await watch.next(); held !== undefined; held = await watch.next()) {
        yield held;
        if (isTerminal(held.record.status)) return;
      }
    } finally {
      watch.close();
    }
  }

  private handle(
    address: Address,
    held: Held,
    submitted: { readonly outcome: 'created' | 'joined'; readonly differs: boolean },
  ): TaskHandle {
    return new TaskHandle(this.handles, address, held, submitted);
  }

  private expectDone(asked: Asked, id: string): Extract<Asked, { kind: 'done' }> {
    switch (asked.kind) {
      case 'done':
        return asked;
      case 'refused':
        if (asked.doubt !== undefined) throw unknownOutcome(asked.doubt);
        throw refusalError(asked.reason, asked.held === undefined ? undefined : taskOf(asked.held.record, id));
      case 'failed':
        throw asked.cause;
      case 'unknown':
        throw unknownOutcome(asked.cause);
    }
  }
}

const unknownOutcome = (cause: Error): OutcomeUnknownError =>
  cause instanceof OutcomeUnknownError
    ? cause
    : new OutcomeUnknownError(`it is not known whether this took effect: ${cause.message}`, { cause });

const addressFor = (spec: TaskSpec): Address =>
  addressOf({
    scope: spec.scope,
    type: spec.type,
    key: spec.key,
    ...(spec.creator === undefined ? {} : { user: spec.creator }),
  });

const delayed = (now: number, options: CallOptions): number | undefined =>
  options.delay === undefined ? undefined : now + durationMs(options.delay, 'delay');

/** The submit made no task of its own, for certain: what was stored for it is nobody's. */
const isUnused = (asked: Asked): boolean => {
  if (asked.kind === 'done') return asked.answer.kind === 'joined';
  return asked.kind === 'failed' || (asked.kind === 'refused' && asked.doubt === undefined);
};

/** The record as the submitter of `id` sees it: his task may be one that waits behind the present one. */
const viewOf = (held: Held, id: string): Held => ({ ...held, record: taskOf(held.record, id) ?? held.record });

export const checkUser = (user: User | undefined): void => {
  if (user === undefined) return;
  if (typeof user.id !== 'string' || user.id === '' || user.id.length > 256 || !user.id.isWellFormed()) {
    throw new InvalidArgumentError('user.id is text of 1 to 256 characters');
  }
};
