import type { Clock } from './ports/environment.ts';

/** What the promise comes to; undefined when that takes longer. It goes on all the same. */
export const within = <T>(clock: Clock, ms: number, promise: Promise<T>): Promise<T | undefined> =>
  new Promise((resolve, reject) => {
    const timer = clock.after(ms, () => resolve(undefined));
    promise.then(resolve, reject).finally(() => timer.cancel());
  });
