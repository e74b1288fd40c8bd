import { NotConnectedError } from '@baton/runtime';
import { AsyncLocalStorage } from 'node:async_hooks';
import type { TaskDefinition } from '@baton/runtime';
import type { TaskHandle } from './handle.ts';
import type { CallOptions } from './options.ts';

/** What a call of a task needs of a client. */
export type TaskCaller = {
  run<Result>(definition: TaskDefinition, args: readonly unknown[], options: CallOptions): Promise<TaskHandle<Result>>;
  schedule<Result>(
    definition: TaskDefinition,
    args: readonly unknown[],
    options: CallOptions,
  ): Promise<TaskHandle<Result>>;
};

/**
 * The client that task calls use: the last one connected, or the one `within` names for what runs inside it. Kept once
 * for all copies of this module in a process, so that tasks which bring their own copy find the client.
 */
const AMBIENT = Symbol.for('baton.ambient.v1');

type Ambient = { current: TaskCaller | undefined; readonly scoped: AsyncLocalStorage<TaskCaller> };
type Shared = { [AMBIENT]?: Ambient };

const shared = globalThis as Shared;
const state = (shared[AMBIENT] ??= { current: undefined, scoped: new AsyncLocalStorage<TaskCaller>() });

export const ambient = (): TaskCaller => {
  const baton = state.scoped.getStore() ?? state.current;
  if (baton === undefined) throw new NotConnectedError('no client: call connect() before a task is scheduled or run');
  return baton;
};

export const setAmbient = (baton: TaskCaller): void => {
  state.current = baton;
};

/** Forgets a client that was closed; a later one stays. */
export const clearAmbient = (baton: TaskCaller): void => {
  if (state.current === baton) state.current = undefined;
};

export const withAmbient = <T>(baton: TaskCaller, body: () => T): T => state.scoped.run(baton, body);
