import type { VirtualClock } from '@baton/testkit';
import * as assert from 'uvu/assert';

/** Lets virtual time pass until `promise` is settled, `limitMs` at most. */
export const within = async <T>(clock: VirtualClock, promise: Promise<T>, limitMs = 60_000): Promise<T> => {
  let settled = false;
  const mark = (): void => void (settled = true);
  promise.then(mark, mark);
  for (let passed = 0; !settled && passed < limitMs; passed += 10) await clock.advance(10);
  assert.ok(settled, `not settled within ${limitMs} ms of virtual time`);
  return promise;
};
