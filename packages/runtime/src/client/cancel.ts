import { byUser, isTerminal, taskOf, type Actor, type Status, type TaskRecord } from '@baton/core';
import type { Address } from '@baton/protocols';
import { promote, release } from '../successors.ts';
import { askForTask } from './find-task.ts';
import { notDone, type ClientParts, type NotDone } from './submission.ts';

export type Cancellation =
  | {
      readonly kind: 'done';
      readonly action: 'aborted' | 'unsubscribed';
      readonly record: TaskRecord;
      readonly revision: number;
    }
  | NotDone;

export type CancelTarget = {
  readonly id: string;
  readonly force: boolean;
  /** Of which it is a part, for the history. */
  readonly why?: string;
  /** Not where it is in another state than these by now. */
  readonly whenStatus?: readonly Status[];
  /** Of a shared one: not where this actor waits for it no more. */
  readonly whenSubscribed?: true;
};

/** Cancels a task (behaviour A): the decision, then what hastens it. The same for every surface that may write state. */
export const cancelTask = async (
  parts: ClientParts,
  actor: Actor,
  address: Address,
  target: CancelTarget,
): Promise<Cancellation> => {
  const { ports } = parts;
  const { id } = target;
  const at = ports.clock.now();
  const asked = await askForTask(parts, address, { kind: 'cancel', at, actor, ...target });
  if (asked.kind !== 'done') return notDone(asked, id);
  const { record, revision, answer } = asked;
  if (record.owner !== undefined && (record.status === 'aborting' || isTerminal(record.status))) {
    ports.signals.poke(record.owner.worker, address);
  }
  if (isTerminal(record.status) && record.successor !== undefined) {
    void promote(parts, address, record.id, byUser(actor.user));
  }
  if (!isTerminal(record.status)) void release(parts, address, record);
  const action = answer.kind === 'unsubscribed' ? 'unsubscribed' : 'aborted';
  return { kind: 'done', action, record: taskOf(record, id) ?? record, revision };
};
