import { taskOf, type Actor, type Priority, type TaskRecord } from '@baton/core';
import type { Address } from '@baton/protocols';
import { askForTask } from './find-task.ts';
import { notDone, type ClientParts, type NotDone } from './submission.ts';

export type PriorityChange =
  | { readonly kind: 'done'; readonly record: TaskRecord; readonly revision: number }
  | NotDone;

/** Gives a task that waits another place in line (behaviour B1). The same for every surface that may write state. */
export const changePriority = async (
  parts: ClientParts,
  actor: Actor,
  address: Address,
  { id, priority }: { readonly id: string; readonly priority: Priority },
): Promise<PriorityChange> => {
  const at = parts.ports.clock.now();
  const asked = await askForTask(parts, address, { kind: 'change-priority', at, actor, id, priority });
  if (asked.kind !== 'done') return notDone(asked, id);
  const { record, revision } = asked;
  return { kind: 'done', record: taskOf(record, id) ?? record, revision };
};
