import { isTerminal, type Actor, type Priority, type SubmitOutcome, type TraceContext } from '@baton/core';
import { BULK, bulkOptions, type BulkOrder } from '@baton/runtime';
import { TaskNotFoundError, type Baton, type CallOptions, type TaskHandle } from '@baton/sdk';
import { Problem, problem, taskNotFound } from '../http/problem.ts';
import type { LiveFeed } from '../live/live-feed.ts';
import type { SignalBody, SubmitBody } from './requests.ts';
import type { FoundTask, TaskReader } from './task-reader.ts';
import { dependenciesIn } from './wanted-dependencies.ts';

export type Submitted = {
  readonly found: FoundTask;
  readonly outcome: SubmitOutcome;
  readonly differs: boolean;
  /** False: no worker has ever served tasks of its type. */
  readonly known: boolean;
};

export type Cancelled = {
  readonly action: 'aborted' | 'unsubscribed';
  readonly message: string;
  /** Undefined: the user sees it no more. */
  readonly found: FoundTask | undefined;
};

export type Signalled = {
  readonly outcome: 'delivered' | 'kept';
  readonly message: string;
  readonly found: FoundTask;
};

type Parts = { readonly baton: Baton; readonly reader: TaskReader; readonly feed: LiveFeed };

/** What users do to tasks, each on behalf of one. */
export class TaskActions {
  private readonly parts: Parts;

  constructor(parts: Parts) {
    this.parts = parts;
  }

  /** `trace`: what the request's headers say. */
  async submit(body: SubmitBody, actor: Actor, trace?: TraceContext): Promise<Submitted> {
    const { type, args = [] } = body;
    const dependsOn = await dependenciesIn(this.parts.reader, body, actor);
    const options = callOptionsOf(body, trace);
    const all = dependsOn === undefined ? options : { ...options, dependsOn };
    const handle = await this.clientOf(actor).schedule(type, args, all);
    return this.submitted(handle, actor);
  }

  /** A new task like one that has ended (behaviour R7), or the active one of its key. `trace` as of a submit. */
  async retry(id: string, operationId: string | undefined, actor: Actor, trace?: TraceContext): Promise<Submitted> {
    const { document } = await this.parts.reader.get(id, actor);
    const options = {
      ...(trace === undefined ? {} : { trace }),
      ...(operationId === undefined ? {} : { operationId }),
    };
    return this.submitted(await this.clientOf(actor).retry(document, options), actor);
  }

  /** One operation on many tasks (behaviour B1). */
  async bulk(order: BulkOrder, operationId: string | undefined, actor: Actor): Promise<Submitted> {
    const options = bulkOptions(order, actor.user, operationId);
    return this.submitted(await this.clientOf(actor).schedule(BULK, [order], options), actor);
  }

  async changePriority(id: string, priority: Priority, actor: Actor): Promise<FoundTask> {
    const { document, address } = await this.parts.reader.get(id, actor);
    try {
      const handle = await this.clientOf(actor).open({ uuid: id, address });
      await handle.changePriority(priority);
      this.parts.feed.put({ address, revision: handle.revision }, handle.record);
    } catch (error) {
      if (!(error instanceof TaskNotFoundError) || !isTerminal(document.status)) throw error;
      const { status } = document;
      throw problem('TASK_NOT_PENDING', `the task is ${status}: only one that waits has a place in line`, { status });
    }
    return this.parts.reader.get(id, actor);
  }

  async cancel(id: string, force: boolean, actor: Actor): Promise<Cancelled> {
    const found = await this.parts.reader.get(id, actor);
    const { action } = await this.cancelFound(found, force, actor);
    return { action, message: MESSAGES[action], found: await this.ifVisible(id, actor) };
  }

  private async cancelFound({ document, address }: FoundTask, force: boolean, actor: Actor) {
    try {
      const handle = await this.clientOf(actor).open({ uuid: document._id, address });
      return await handle.cancel({ force });
    } catch (error) {
      if (!(error instanceof TaskNotFoundError)) throw error;
      // It has left the store: the projection knows how it ended, and the decider's order of answers stands.
      const now = await this.parts.reader.get(document._id, actor);
      if (!isTerminal(now.document.status)) throw taskNotFound();
      if (force && !actor.admin) throw problem('PERMISSION_DENIED', 'only an admin may force a cancel');
      const { status } = now.document;
      throw problem('TASK_ABORT_FAILED', `too late: the task is ${status}`, { status });
    }
  }

  async signal(id: string, { name, data, operation_id }: SignalBody, actor: Actor): Promise<Signalled> {
    const { document, address } = await this.parts.reader.get(id, actor);
    const options = operation_id === undefined ? {} : { operationId: operation_id };
    const task = { uuid: document._id, address };
    const { outcome } = await this.clientOf(actor)
      .signal(task, name, data, options)
      .catch((error: unknown) => this.tooLate(error, id, actor));
    return { outcome, message: SIGNAL_MESSAGES[outcome], found: await this.parts.reader.get(id, actor) };
  }

  /** It has left the store, so it has ended. */
  private async tooLate(error: unknown, id: string, actor: Actor): Promise<never> {
    if (!(error instanceof TaskNotFoundError)) throw error;
    const { status } = (await this.parts.reader.get(id, actor)).document;
    if (!isTerminal(status)) throw taskNotFound();
    throw problem('TASK_ENDED', `too late: the task is ${status} and takes no signal any more`, { status });
  }

  private async submitted(handle: TaskHandle, actor: Actor): Promise<Submitted> {
    const { outcome = 'created', differs, known, address, revision, record } = handle;
    // Whoever asks next must see it, also before the feed has told of it.
    this.parts.feed.put({ address, revision }, record);
    return { found: await this.parts.reader.get(handle.uuid, actor), outcome, differs, known };
  }

  private async ifVisible(id: string, actor: Actor): Promise<FoundTask | undefined> {
    try {
      return await this.parts.reader.get(id, actor);
    } catch (error) {
      if (error instanceof Problem && error.body.code === 'TASK_NOT_FOUND') return undefined;
      throw error;
    }
  }

  private clientOf({ user, admin }: Actor): Baton {
    if (user === undefined) throw new Error('an action without a user');
    return this.parts.baton.as({ id: user, admin });
  }
}

const MESSAGES = {
  aborted: 'Task cancelled',
  unsubscribed: 'You have been removed from the task; it runs on for others',
} as const;

const SIGNAL_MESSAGES = {
  delivered: 'Signal sent: the task goes on',
  kept: 'Signal kept until the task waits for it',
} as const;

const callOptionsOf = (body: SubmitBody, trace: TraceContext | undefined): CallOptions => {
  const { task_key, task_name, run_at, delay, operation_id, when_aborting, scope, queue, priority, strict } = body;
  const { group, limit_key, units, tags } = body;
  const { timeout, max_attempts, backoff, max_rescues, on_orphan, abort_grace } = body;
  const { mode, window, max_wait, expires, expires_at } = body;
  const retry = {
    ...(max_attempts === undefined ? {} : { maxAttempts: max_attempts }),
    ...(backoff === undefined ? {} : { backoff: backoffOf(backoff) }),
  };
  return {
    ...(scope === undefined ? {} : { scope }),
    ...(queue === undefined ? {} : { queue }),
    ...(priority === undefined ? {} : { priority }),
    ...(group === undefined ? {} : { group }),
    ...(limit_key === undefined ? {} : { limitKey: limit_key }),
    ...(units === undefined ? {} : { units }),
    ...(tags === undefined ? {} : { tags }),
    ...(strict === undefined ? {} : { strict }),
    ...(task_key === undefined ? {} : { taskKey: task_key }),
    ...(task_name === undefined ? {} : { taskName: task_name }),
    ...(timeout === undefined ? {} : { timeout: timeout === null ? null : timeout / 1_000 }),
    ...(run_at === undefined ? {} : { runAt: new Date(run_at) }),
    ...(delay === undefined ? {} : { delay: delay / 1_000 }),
    ...(Object.keys(retry).length === 0 ? {} : { retry }),
    ...(max_rescues === undefined ? {} : { maxRescues: max_rescues }),
    ...(on_orphan === undefined ? {} : { onOrphan: on_orphan }),
    ...(abort_grace === undefined ? {} : { abortGrace: abort_grace / 1_000 }),
    ...(mode === undefined ? {} : { mode }),
    ...(window === undefined ? {} : { window: window / 1_000 }),
    ...(max_wait === undefined ? {} : { maxWait: max_wait / 1_000 }),
    ...(expires === undefined ? {} : { expires: expires === null ? null : expires / 1_000 }),
    ...(expires_at === undefined ? {} : { expiresAt: new Date(expires_at) }),
    ...(operation_id === undefined ? {} : { operationId: operation_id }),
    ...(when_aborting === undefined ? {} : { whenAborting: when_aborting }),
    ...(trace === undefined ? {} : { trace }),
  };
};

type Backoff = NonNullable<NonNullable<CallOptions['retry']>['backoff']>;

/** Read as milliseconds; the SDK takes seconds. */
const backoffOf = ({ initial, factor, max, jitter }: NonNullable<SubmitBody['backoff']>): Backoff => ({
  ...(initial === undefined ? {} : { initial: initial / 1_000 }),
  ...(factor === undefined ? {} : { factor }),
  ...(max === undefined ? {} : { max: max / 1_000 }),
  ...(jitter === undefined ? {} : { jitter }),
});
