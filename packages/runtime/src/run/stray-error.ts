import { currentContext } from './context.ts';

/** By symbol and not by class: the context may be of another copy of this module. */
export const TAKE_STRAY = Symbol.for('baton.take-stray-error.v1');

/** A context that takes what nobody caught in it. */
export type TakesStray = { readonly [TAKE_STRAY]: (thrown: unknown) => void };

/**
 * For listeners of `unhandledRejection` and `uncaughtException`: hands what nobody caught to the task in whose
 * asynchronous context it was raised. The task fails with it, or, when it has ended already, it is logged. False when it
 * was raised outside of every task: the process is in doubt then (behaviour X9).
 *
 * To be called in the listener itself, where Node 20 restores the context: of a promise the one it was made in, of an
 * exception the one of the callback that threw. It cannot for what a `queueMicrotask` callback throws.
 */
export const takeStrayError = (thrown: unknown): boolean => {
  const context = currentContext() as Partial<TakesStray> | undefined;
  if (context?.[TAKE_STRAY] === undefined) return false;
  context[TAKE_STRAY](thrown);
  return true;
};
