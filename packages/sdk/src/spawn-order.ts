import { InvalidArgumentError, type SpawnOrder, type TaskDefinition } from '@baton/runtime';
import { checkCallOptions, type CallOptions } from './options.ts';
import { requestOf } from './request.ts';

/** What would say of a child whose it is, or what becomes of it where it is there: its parent says that. */
const NOT_FOR_CHILDREN = [
  ...['scope', 'mode', 'window', 'maxWait', 'whenAborting', 'operationId', 'trace', 'waitTimeout'],
] as const satisfies readonly (keyof CallOptions)[];

/** A child as `ctx.spawn` is given it. Throws InvalidArgumentError for options a child cannot have. */
export const spawnOrder = (definition: TaskDefinition, args: readonly unknown[], options: CallOptions): SpawnOrder => {
  checkCallOptions(options);
  const wrong = NOT_FOR_CHILDREN.find((name) => options[name as keyof CallOptions] !== undefined);
  if (wrong !== undefined) throw new InvalidArgumentError(`${wrong}: is not for children: their parent says that`);
  return { request: (now) => requestOf(definition, options, now), args, leave: options.onParentEnd === 'leave' };
};

/** Throws InvalidArgumentError where somebody who spawns nothing says what is for children. */
export const refuseForChildren = ({ onParentEnd }: CallOptions): void => {
  if (onParentEnd === undefined) return;
  throw new InvalidArgumentError('onParentEnd: is for ctx.spawn: nothing else has a parent');
};
