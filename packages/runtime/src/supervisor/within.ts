import type { Clock } from '../ports.ts';

/** Resolves with the promise, or after so long without it. */
export const within = async (clock: Clock, ms: number, promise: Promise<unknown>): Promise<void> => {
  let timer: { readonly cancel: () => void } | undefined;
  const over = new Promise<void>((resolve) => {
    timer = clock.after(ms, resolve);
  });
  await Promise.race([promise, over]);
  timer?.cancel();
};
