import type { TaskError, TaskRecord, TypeDefinition } from '@baton/core';
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
  const fault = wrongScope(definition, { scope });
  if (fault === undefined) return definition;
  const { thread: _thread, retryOn: _retryOn, ...rest } = definition;
  return {
    ...rest,
    handler: () => {
      throw new WrongScopeError(fault.message);
    },
  };
};

/** The same as a failure, for whoever runs no handler himself; undefined: the scope is allowed. */
export const wrongScope = (
  { type, scope: served }: Pick<TypeDefinition, 'type' | 'scope'>,
  { scope }: Pick<TaskRecord, 'scope'>,
): TaskError | undefined => {
  if (served !== 'system' || scope === 'system') return undefined;
  const message =
    `tasks of type ${type} are system tasks, for admins alone; this one was submitted as ${scope}, ` +
    'before that was known. Submit it again';
  return { message, type: 'WrongScopeError' };
};
