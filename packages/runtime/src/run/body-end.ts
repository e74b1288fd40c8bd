import type { BodyOutcome } from '@baton/core';
import { encodeSized, type Sized } from '@baton/protocols';
import type { Log } from '../log.ts';
import type { StopCause } from './context.ts';
import { isTerminalError, retryAfterOf, taskErrorOf } from './task-error.ts';

export type Threw = Extract<BodyOutcome, { kind: 'threw' }>;

/** How a body ended, with its result not yet put where it belongs. Plain data: it comes from a thread. */
export type BodyEnd = Threw | { readonly kind: 'returned'; readonly result?: Sized };

/** Of a body that was told to stop before it began. */
export const stoppedBefore = (cause: StopCause): Threw => ({
  kind: 'threw',
  error: { message: `stopped before it began: ${cause}`, type: 'AbortError' },
});

/** What a body returned, encoded; or the failure it is when it cannot travel or is larger than `limit` bytes. */
export const returnedEnd = (result: unknown, limit: number): BodyEnd => {
  if (result === undefined) return { kind: 'returned' };
  try {
    const sized = encodeSized(result);
    if (sized.bytes.length <= limit) return { kind: 'returned', result: sized };
    const message = `the result is ${sized.bytes.length} bytes, at most ${limit} are allowed: store it elsewhere and return where`;
    return { kind: 'threw', error: { message, type: 'result_too_large' }, terminal: true };
  } catch (error) {
    return { kind: 'threw', error: taskErrorOf(error), terminal: true };
  }
};

type RetryOn = ((error: unknown) => boolean) | undefined;

/** What a body threw, and whether it is worth another attempt (behaviour R2). */
export const threwEnd = (thrown: unknown, retryOn: RetryOn, log: () => Log): Threw => {
  const error = taskErrorOf(thrown);
  if (isTerminalError(thrown)) return { kind: 'threw', error, terminal: true };
  const terminal = retryOn !== undefined && !isWorthIt(retryOn, thrown, log);
  const retryAfterMs = retryAfterOf(thrown);
  return {
    kind: 'threw',
    error,
    ...(terminal ? { terminal } : {}),
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
  };
};

const isWorthIt = (retryOn: (error: unknown) => boolean, thrown: unknown, log: () => Log): boolean => {
  try {
    return retryOn(thrown);
  } catch (error) {
    log().warn({ err: taskErrorOf(error) }, 'retryOn threw; the failure counts as one that may be retried');
    return true;
  }
};
