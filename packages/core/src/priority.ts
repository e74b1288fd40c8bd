import { canSee, isSubscriber, type Owned } from './access.ts';
import type { Actor } from './actor.ts';
import type { ClientCommand } from './command.ts';
import { done, refuse, type Decision } from './decision.ts';
import { successorsOf } from './successors.ts';
import type { Priority, TaskRecord } from './task.ts';

type ChangePriority = Extract<ClientCommand, { kind: 'change-priority' }>;

/**
 * Another place in line for a task that waits (behaviour B1). For whoever it is the only one's, and for admins: where others
 * wait for it, too, it is not for one of them to say.
 */
export const decideChangePriority = (record: TaskRecord | undefined, command: ChangePriority): Decision => {
  const { actor, id } = command;
  const successor = successorsOf(record).find(({ spec }) => spec.id === id);
  if (successor !== undefined) {
    const { spec, subscribers, cancelled } = successor;
    const isWaiting = cancelled === undefined;
    return changed({ ...spec, subscribers }, isWaiting, command);
  }
  if (record === undefined || record.id !== id || !canSee(record, actor)) return refuse('not_found');
  return changed(record, record.status === 'pending', command);
};

const changed = (
  task: Owned & { readonly priority: Priority },
  isWaiting: boolean,
  { at, actor, id, priority }: ChangePriority,
): Decision => {
  if (!canSee(task, actor)) return refuse('not_found');
  if (!isWaiting) return refuse('begun');
  if (!mayOrder(task, actor)) return refuse('not_alone');
  return task.priority === priority ? done() : done({ kind: 'priority-changed', at, id, priority });
};

const mayOrder = (task: Owned, actor: Actor): boolean =>
  actor.admin || task.scope !== 'shared' || (isSubscriber(task, actor) && task.subscribers.length === 1);
