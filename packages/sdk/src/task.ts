import { DEFAULT_RUN_OPTIONS } from '@baton/core';
import {
  announceDefinition,
  applyOverrides,
  InvalidArgumentError,
  requireField,
  rules,
  SPAWN,
  type Spawnable,
  type TaskDefinition,
} from '@baton/runtime';
import { ambient } from './ambient.ts';
import { checkSchedule } from './schedules.ts';
import { spawnOrder } from './spawn-order.ts';
import type { TaskSchedule } from './options.ts';
import type { TaskHandle } from './handle.ts';
import {
  checkCallOptions,
  checkTaskOptions,
  overridesOf,
  plainSchema,
  threadOf,
  type CallOptions,
  type TaskOptions,
} from './options.ts';
import { typeLimitsOf } from './type-limits.ts';

/** A function that became a task type. Called, it runs inline; scheduled, a worker runs it (behaviour X1). */
export type Task<Args extends unknown[], Result> = {
  /** Runs in this process; resolves when the task is terminal. A task of the same key that is active is joined. */
  (...args: Args): Promise<TaskHandle<Result>>;
  /** Resolves when the task is durably recorded. */
  readonly schedule: (...args: Args) => Promise<TaskHandle<Result>>;
  /** The same task with options for the calls that follow. */
  readonly with: (options: CallOptions) => Task<Args, Result>;
  /** For `ctx.spawn`. */
  readonly [SPAWN]: Spawnable<Args, Result>[typeof SPAWN];
  readonly definition: TaskDefinition;
  /** At which times of its own it is made, where it has any. */
  readonly schedules?: TaskSchedule;
};

type Body<Args extends unknown[], Result> = (...args: Args) => Result | Promise<Result>;

/**
 * Makes a task of a function.
 *
 * Throws InvalidArgumentError for an option it does not know, a name that is not 1 to 100 letters, digits, `_`, `.` and
 * `-`, an anonymous function without a name, and `isolation: 'thread'` without `module`.
 */
export function task<Args extends unknown[], Result>(body: Body<Args, Result>): Task<Args, Awaited<Result>>;
export function task<Args extends unknown[], Result>(
  options: TaskOptions,
  body: Body<Args, Result>,
): Task<Args, Awaited<Result>>;
export function task<Args extends unknown[], Result>(
  first: TaskOptions | Body<Args, Result>,
  second?: Body<Args, Result>,
): Task<Args, Awaited<Result>> {
  const body = typeof first === 'function' ? first : second;
  const options = typeof first === 'function' ? {} : first;
  if (typeof body !== 'function') throw new InvalidArgumentError('task() takes options and a function');
  checkTaskOptions(options);
  const definition = definitionOf(options, body);
  announceDefinition(definition);
  return callable(definition, options.schedule, {});
}

const definitionOf = <Args extends unknown[], Result>(
  options: TaskOptions,
  body: Body<Args, Result>,
): TaskDefinition => {
  const type = options.name ?? body.name;
  if (type === '') throw new InvalidArgumentError('an anonymous function needs a name: task({ name: ... }, ...)');
  requireField('name', type, rules.type);
  if (options.schedule !== undefined) checkSchedule(type, options.schedule);
  const retryOn = options.retry?.retryOn;
  const thread = threadOf(options);
  const limits = typeLimitsOf(options);
  const { title, description, argsSchema } = options;
  const { policy, ...run } = applyOverrides(DEFAULT_RUN_OPTIONS, overridesOf(options));
  return {
    type,
    handler: body,
    ...run,
    ...(limits === undefined ? {} : { limits }),
    policy: thread === undefined ? policy : { ...policy, isolation: 'thread' },
    ...(title === undefined ? {} : { title }),
    ...(description === undefined ? {} : { description }),
    ...(argsSchema === undefined ? {} : { argsSchema: plainSchema(argsSchema) }),
    ...(retryOn === undefined ? {} : { retryOn }),
    ...(options.canceller === undefined ? {} : { canceller: options.canceller }),
    ...(thread === undefined ? {} : { thread }),
  };
};

const callable = <Args extends unknown[], Result>(
  definition: TaskDefinition,
  schedules: TaskSchedule | undefined,
  options: CallOptions,
): Task<Args, Result> => {
  const run = (...args: Args): Promise<TaskHandle<Result>> => ambient().run<Result>(definition, args, options);
  return Object.assign(run, {
    schedule: (...args: Args) => ambient().schedule<Result>(definition, args, options),
    with: (more: CallOptions) => {
      checkCallOptions(more);
      return callable<Args, Result>(definition, schedules, { ...options, ...more });
    },
    [SPAWN]: (...args: Args) => spawnOrder(definition, args, options),
    definition,
    ...(schedules === undefined ? {} : { schedules }),
  });
};
