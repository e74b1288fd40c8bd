import type { TaskRecord } from '@baton/core';
import type { TaskDefinition } from './definition.ts';

/** The task was submitted with a scope its type does not allow. Another attempt changes nothing. */
export class WrongScopeError extends Error {
  override readonly name = 'WrongScopeError';
  readonly code = 'TERMINAL';
}

/**
 * The last door (behaviour D10): a handler for admins never runs a task that somebody else may have submitted. Such a
 * task can be there: it was submitted before anybody knew the type, or while its definition changed. It fails and says why.
 */
export const guardScope = (definition: TaskDefinition, { scope }: Pick<TaskRecord, 'scope'>): TaskDefinition => {
  if (definition.scope !== 'system' || scope === 'system') return definition;
  const { thread: _thread, retryOn: _retryOn, ...rest } = definition;
  return {
    ...rest,
    handler: () => {
      const text =
        `tasks of type ${definition.type} are system tasks, for admins alone; this one was submitted as ${scope}, ` +
        'before that was known. Submit it again';
      throw new WrongScopeError(text);
    },
  };
};
