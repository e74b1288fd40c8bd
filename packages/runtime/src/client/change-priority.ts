import { taskOf, type Actor, type Priority, type RefusalReason, type TaskRecord } from '@baton/core';
import type { Address } from '@baton/protocols';
import type { BatonError } from '../errors.ts';
import type { ClientParts } from './submission.ts';

export type PriorityChange =
  | { readonly kind: 'done'; readonly record: TaskRecord; readonly revision: number }
  | { readonly kind: 'refused'; readonly reason: RefusalReason; readonly record?: TaskRecord }
  | { readonly kind: 'unknown' | 'failed'; readonly cause: BatonError };

/** Gives a task that waits another place in line (behaviour B1). The same for every surface that may write state. */
export const changePriority = async (
  { ports, kernel }: ClientParts,
  actor: Actor,
  address: Address,
  { id, priority }: { readonly id: string; readonly priority: Priority },
): Promise<PriorityChange> => {
  const at = ports.clock.now();
  const asked = await kernel.ask(address, () => ({ kind: 'change-priority', at, actor, id, priority }));
  switch (asked.kind) {
    case 'done': {
      const { record, revision } = asked;
      return { kind: 'done', record: taskOf(record, id) ?? record, revision };
    }
    case 'refused': {
      if (asked.doubt !== undefined) return { kind: 'unknown', cause: asked.doubt };
      const record = asked.held === undefined ? undefined : taskOf(asked.held.record, id);
      return { kind: 'refused', reason: asked.reason, ...(record === undefined ? {} : { record }) };
    }
    case 'failed':
    case 'unknown':
      return { kind: asked.kind, cause: asked.cause };
  }
};
