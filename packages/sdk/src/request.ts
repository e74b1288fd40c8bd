import { readTraceContext } from '@baton/protocols';
import { InvalidArgumentError, requireField, rules, type SubmitRequest, type TaskDefinition } from '@baton/runtime';
import { wantedDependencies } from './dependencies.ts';
import { durationMs } from './duration.ts';
import { overridesOf, type CallOptions } from './options.ts';

/** What a submit knows of its type. */
export type OfType = Pick<TaskDefinition, 'type'> & Partial<TaskDefinition>;

/** With its code at hand, that is told as well: it counts where nobody serves the type. */
export const ofType = (task: TaskDefinition | string | { readonly definition: TaskDefinition }): OfType => {
  if (typeof task !== 'string') return taskIn(task);
  requireField('type', task, rules.type);
  return { type: task };
};

/** What `task()` has returned, or the definition in it. Throws InvalidArgumentError. */
export const taskIn = <Of extends { readonly type: string }>(task: Of | { readonly definition: Of }): Of => {
  const isSome = (typeof task === 'object' || typeof task === 'function') && task !== null;
  const of = isSome && 'definition' in task ? task.definition : task;
  if (isSome && typeof (of as { readonly type?: unknown }).type === 'string') return of;
  throw new InvalidArgumentError('task: is what task() has returned, or the name of a type');
};

/** Field by field, here and in `submitTask`: a submit makes few objects, and none only to be spread into the next. */
export const requestOf = (definition: OfType, options: CallOptions, serverNow: number): Mutable<SubmitRequest> => {
  const { taskKey: key, taskName: name, operationId, whenAborting, delay, strict } = options;
  const runAt = options.runAt?.getTime() ?? (delay === undefined ? undefined : serverNow + durationMs(delay, 'delay'));
  const request: Mutable<SubmitRequest> = { type: definition.type, overrides: overridesOf(options) };
  const fallback = fallbackOf(definition);
  if (fallback !== undefined) request.fallback = fallback;
  if (strict !== undefined) request.strict = strict;
  if (key !== undefined) request.key = key;
  if (name !== undefined) request.name = name;
  if (runAt !== undefined) request.runAt = runAt;
  if (options.expiresAt !== undefined) request.expiresAt = options.expiresAt.getTime();
  const { dependsOn } = options;
  if (dependsOn !== undefined && dependsOn.length > 0) request.dependsOn = wantedDependencies(dependsOn);
  if (whenAborting !== undefined) request.whenAborting = whenAborting;
  if (operationId !== undefined) request.operationId = operationId;
  const trace =
    options.trace === undefined ? undefined : readTraceContext(options.trace.traceparent, options.trace.tracestate);
  if (trace !== undefined) request.trace = trace;
  return request;
};

/** What applies where nobody serves the type; undefined: there is only its name. Once for each definition. */
const fallbackOf = (definition: OfType): SubmitRequest['fallback'] => {
  const known = fallbacks.get(definition);
  if (known !== undefined) return known;
  const { scope, queue, priority, group, limitKey, units, tags, policy, submit, limits, argsSchema } = definition;
  if (scope === undefined || queue === undefined || priority === undefined || policy === undefined) return undefined;
  const made = {
    ...{ scope, queue, priority, policy },
    ...(group === undefined ? {} : { group }),
    ...(limitKey === undefined ? {} : { limitKey }),
    ...(units === undefined ? {} : { units }),
    ...(tags === undefined ? {} : { tags }),
    ...(submit && { submit }),
    ...(limits && { limits }),
    ...(argsSchema && { argsSchema }),
  };
  fallbacks.set(definition, made);
  return made;
};

const fallbacks = new WeakMap<OfType, NonNullable<SubmitRequest['fallback']>>();

export type Mutable<T> = { -readonly [K in keyof T]: T[K] };
