import {
  canSee,
  decide,
  isTerminal,
  taskOf,
  type Actor,
  type ClientCommand,
  type Former,
  type RefusalReason,
  type TaskRecord,
} from '@baton/core';
import type { Address, TaskDocument } from '@baton/protocols';
import { BatonError } from '../errors.ts';
import { isPassing } from '../client/passing.ts';
import { cancelTask } from '../client/cancel.ts';
import { changePriority } from '../client/change-priority.ts';
import { operationHash } from '../client/operations.ts';
import { OperationInDoubtError } from '../client/operate.ts';
import { ownedIn } from '../client/owned-document.ts';
import { refusalText } from '../client/refusal-text.ts';
import { checkRetry, retryTask, sourceOfDocument } from '../client/retry.ts';
import type { SubmitParts } from '../client/submit.ts';
import type { BulkOrder } from './order.ts';
import type { BulkViews, FoundTask } from './views.ts';

/** What became of one task, or would: `unsubscribed` from a shared one, which goes on for others. */
export type OneOutcome =
  | { readonly kind: 'done' | 'unsubscribed' }
  /** By the code of the error that a single call would have met, ALREADY_RETRIED or SUPERSEDED. */
  | { readonly kind: 'refused'; readonly code: string };

export type OneParts = SubmitParts & { readonly views: Pick<BulkViews, 'get'> };

export type BulkRun = {
  readonly order: BulkOrder;
  readonly actor: Actor;
  /** Of the bulk operation: its task. */
  readonly id: string;
  /** This task may have been seen to before, by a run that was broken off. */
  readonly isRepeat: boolean;
};

/**
 * Under which the new task is made: the same for all operations of a user, so that what is asked for twice within a day is
 * run again once.
 */
const retryOperation = (id: string): string => `bulk retry ${id}`;

/** Whether an operation of this user has run it again before. Rejects as `RecordStore.load` does. */
export const isRetried = async ({ ports }: OneParts, actor: Actor, { id }: FoundTask): Promise<boolean> => {
  const noted = await ports.operations.load(operationHash(actor, retryOperation(id)));
  // One that was noted and not made yet is to be made.
  return noted?.operation.settled !== undefined;
};

/** Of each task it has cancelled, in the history. */
export const bulkWhy = (id: string): string => `bulk ${id}`;

/**
 * One task of a bulk operation other than delete (behaviour B1), by the decisions that everybody meets. Rejects with a
 * BatonError where nothing is decided: the server is away, or nobody knows. Asked again, it finds what it did before.
 */
export const oneTask = async (parts: OneParts, run: BulkRun, task: FoundTask): Promise<OneOutcome> => {
  const { address } = task;
  if (address === undefined) return { kind: 'refused', code: 'RECORD_CORRUPT' };
  const found = { ...task, address };
  switch (run.order.operation) {
    case 'cancel':
      return cancelOne(parts, run, found);
    case 'change_priority':
      return orderOne(parts, run, found);
    case 'retry':
      return retryOne(parts, run, found);
    case 'delete':
      throw new Error('documents are deleted by the page');
  }
};

type Placed = FoundTask & { readonly address: Address };

const DONE = { kind: 'done' } as const;

const cancelOne = async (parts: OneParts, run: BulkRun, { id, address, subscribed }: Placed): Promise<OneOutcome> => {
  const { actor, order, isRepeat } = run;
  const why = bulkWhy(run.id);
  const { force = false } = order;
  const status = order.filter.status ?? [];
  // Whoever left it in a run before this one is not to end it now for those who stayed.
  const leaves = subscribed === true && !force ? ({ whenSubscribed: true } as const) : {};
  const target = { id, force, why, whenStatus: status, ...leaves };
  if (order.dry_run) {
    const { clock } = parts.ports;
    const wouldBe = await decided(parts, { id, address }, { kind: 'cancel', at: clock.now(), actor, ...target });
    return wouldBe ?? refused('too_late', undefined);
  }
  const done = await cancelTask(parts, actor, address, target);
  switch (done.kind) {
    case 'done':
      return done.action === 'unsubscribed' ? { kind: 'unsubscribed' } : DONE;
    case 'refused': {
      const { reason, record } = done;
      if (isRepeat && (await wasStopped(parts, actor, { id, record, why }))) return DONE;
      if (isRepeat && subscribed && reason === 'not_found' && (await hasLeft(parts, actor, id, record)))
        return { kind: 'unsubscribed' };
      return reason === 'not_found' ? goneOr(parts, actor, id, 'too_late') : refused(reason, record);
    }
    case 'failed':
    case 'unknown':
      return failed(done.cause);
  }
};

/** By this very operation: a task tells what ended it for as long as it is there. */
const wasStopped = async (
  { views }: OneParts,
  actor: Actor,
  { id, record, why }: { readonly id: string; readonly record: TaskRecord | undefined; readonly why: string },
): Promise<boolean> => {
  // A forced end says more behind it.
  const isBy = (entry: { readonly why?: string | null }): boolean => entry.why?.startsWith(why) === true;
  if (record !== undefined) return record.history.some(isBy);
  const document = await views.get(id);
  return document !== undefined && maySee(document, actor) && document.history.some(isBy);
};

/** The record knows, where there is one: documents follow. */
const hasLeft = async (
  { views }: OneParts,
  { user }: Actor,
  id: string,
  record: TaskRecord | undefined,
): Promise<boolean> => {
  if (record !== undefined) return !record.subscribers.some((each) => each.user === user);
  const document = await views.get(id);
  return document === undefined || !document.subscribers.some((each) => each.user === user);
};

/** Its record has been forgotten: it has ended, as its document tells. */
const goneOr = async (
  { views }: OneParts,
  actor: Actor,
  id: string,
  ended: 'too_late' | 'begun',
): Promise<OneOutcome> => {
  const document = await views.get(id);
  return document !== undefined && maySee(document, actor) && isTerminal(document.status)
    ? refused(ended, undefined)
    : refused('not_found', undefined);
};

const orderOne = async (parts: OneParts, run: BulkRun, { id, address }: Placed): Promise<OneOutcome> => {
  const { actor, order, isRepeat } = run;
  const { priority = 'normal' } = order;
  if (order.dry_run) {
    const at = parts.ports.clock.now();
    const wouldBe = await decided(parts, { id, address }, { kind: 'change-priority', at, actor, id, priority });
    return wouldBe ?? refused('begun', undefined);
  }
  const done = await changePriority(parts, actor, address, { id, priority });
  switch (done.kind) {
    case 'done':
      return DONE;
    case 'refused': {
      const { reason, record } = done;
      if (isRepeat && reason === 'begun' && record?.priority === priority) return DONE;
      return reason === 'not_found' ? goneOr(parts, actor, id, 'begun') : refused(reason, record);
    }
    case 'failed':
    case 'unknown':
      return failed(done.cause);
  }
};

const retryOne = async (parts: OneParts, run: BulkRun, { id, address, skip }: Placed): Promise<OneOutcome> => {
  if (skip !== undefined) return { kind: 'refused', code: skip };
  const { actor, order, isRepeat } = run;
  const document = await parts.views.get(id);
  if (document === undefined || !maySee(document, actor)) return refused('not_found', undefined);
  try {
    const source = sourceOfDocument(document);
    if (order.dry_run) {
      const { former } = source;
      await checkRetry(parts, former);
      const command = { kind: 'retry', former, id: run.id, actor, whenAborting: 'queue' } as const;
      return (await decided(parts, { id, address }, { ...command, at: parts.ports.clock.now() })) ?? DONE;
    }
    // Asked again it is the same new task.
    const made = await retryTask(parts, actor, source, { operationId: retryOperation(id) });
    switch (made.kind) {
      case 'done': {
        // By an operation that found it at the same time as this one.
        const isAnothers = made.outcome === 'created' && !made.isNew && !isRepeat;
        return isAnothers ? { kind: 'refused', code: 'ALREADY_RETRIED' } : DONE;
      }
      case 'refused':
        return refused(made.reason, made.record);
      case 'failed':
      case 'unknown':
        return failed(made.cause);
    }
  } catch (error) {
    if (!(error instanceof BatonError)) throw error;
    return failed(error);
  }
};

const maySee = (document: TaskDocument, actor: Actor): boolean => canSee(ownedIn(document), actor);

/** What the decider would say now; undefined: there is no record of it any more. */
const decided = async (
  { kernel }: OneParts,
  { id, address }: Placed,
  command: ClientCommand & { readonly former?: Former },
): Promise<OneOutcome | undefined> => {
  const held = await kernel.load(address);
  const isThere = held !== undefined && taskOf(held.record, id) !== undefined;
  if (!isThere && command.kind !== 'retry') return undefined;
  const decision = decide(held?.record, command);
  if (!decision.ok) return refused(decision.refusal.reason, held && taskOf(held.record, id));
  return decision.answer.kind === 'unsubscribed' ? { kind: 'unsubscribed' } : DONE;
};

const refused = (reason: RefusalReason, record: TaskRecord | undefined): OneOutcome => ({
  kind: 'refused',
  code: refusalText(reason, record).code,
});

/** What will be the same next time is counted; what passes is for whoever tries again. */
const failed = (cause: BatonError): OneOutcome => {
  if (isWorthRepeating(cause)) throw cause;
  return { kind: 'refused', code: cause.code };
};

const REPEATED = new Set(['STORE_FULL', 'MONGO_UNAVAILABLE', 'PROJECTIONS_BEHIND', 'OUTCOME_UNKNOWN']);

/** Of one task, and not of all: written by a newer program, written to by others all the time, refused for what it is. */
const ITS_OWN = new Set(['RECORD_NEWER', 'STORE_CONTENDED', 'STORE_REFUSED']);

/** Whether all of the operation is to wait for it. */
export const isWorthRepeating = (error: unknown): boolean => {
  if (!(error instanceof BatonError) || error instanceof OperationInDoubtError || ITS_OWN.has(error.code)) return false;
  return isPassing(error) || REPEATED.has(error.code);
};
