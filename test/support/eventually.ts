import { setTimeout as pause } from 'node:timers/promises';
import { patient } from '../patience.mjs';

export type EventuallyOptions = {
  /** How long to keep trying, in milliseconds, on a quiet machine; see `patient`. Default 5,000. */
  limitMs?: number;
  /** Pause between two tries, in milliseconds. Default 20. */
  everyMs?: number;
};

/**
 * Repeats an assertion until it holds and returns what it returned. An assertion fails by throwing, or by returning
 * `false`. When time is up the last failure is thrown, with the number of tries in its message.
 */
export const eventually = async <T>(
  assertion: () => T | Promise<T>,
  { limitMs = 5_000, everyMs = 20 }: EventuallyOptions = {},
): Promise<T> => {
  const started = performance.now();
  for (let tries = 1; ; tries++) {
    // Asked anew each time: the machine may have become busy.
    const outcome = await attempt(assertion, patient(limitMs) - (performance.now() - started));
    if ('value' in outcome) return outcome.value;
    const passedMs = performance.now() - started;
    if (passedMs + everyMs >= patient(limitMs)) throw tooLate(outcome.failure, tries, passedMs);
    await pause(everyMs);
  }
};

const attempt = async <T>(
  assertion: () => T | Promise<T>,
  leftMs: number,
): Promise<{ value: T } | { failure: unknown }> => {
  // A try that hangs must not outlast the limit: its own error would never be seen.
  const hung = new AbortController();
  try {
    const value = await Promise.race([
      assertion(),
      pause(Math.max(leftMs, 1), undefined, { signal: hung.signal }).then(() => {
        throw new Error('the assertion itself did not return in time');
      }),
    ]);
    return value === false ? { failure: new Error('the assertion returned false') } : { value };
  } catch (failure) {
    return { failure };
  } finally {
    hung.abort();
  }
};

const tooLate = (failure: unknown, tries: number, passedMs: number): Error => {
  const error = failure instanceof Error ? failure : new Error(String(failure));
  error.message = `still failing after ${Math.round(passedMs)} ms and ${tries} ${tries === 1 ? 'try' : 'tries'}: ${error.message}`;
  return error;
};
