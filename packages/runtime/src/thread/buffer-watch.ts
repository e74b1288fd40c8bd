import { getHeapStatistics } from 'node:v8';

/** What a thread's buffers and typed arrays take is over its bound, as far as its event loop turns to see it. */
export class ThreadMemoryError extends Error {
  override readonly name = 'ThreadMemoryError';
}

const LOOK_MS = 250;

/** Garbage counts until it is collected, so only what stays is over the bound: so many looks in a row. */
const LOOKS = 4;

const MIB = 1024 * 1024;

/**
 * V8 bounds the objects of a thread and not its buffers, which lie outside of its heap. They are looked at now and then, and
 * `over` is called once when they stay above the bound. A body that computes without a pause is not seen here.
 */
export const watchBuffers = (
  limitMb: number,
  over: (error: ThreadMemoryError) => void,
  taken: () => number = () => getHeapStatistics().external_memory,
): void => {
  let above = 0;
  const timer = setInterval(() => {
    const bytes = taken();
    above = bytes > limitMb * MIB ? above + 1 : 0;
    if (above < LOOKS) return;
    clearInterval(timer);
    over(
      new ThreadMemoryError(
        `the buffers of the thread take ${Math.round(bytes / MIB)} MiB of memory, more than ${limitMb} MiB`,
      ),
    );
  }, LOOK_MS);
  timer.unref();
};
