import type { Backoff, Millis } from './task.ts';

/**
 * Delay before the next attempt after `failures` failures (1 or more).
 * Exponential, capped, and spread: `random` (0 up to 1) takes away up to `jitter` of it, so that tasks which failed
 * together do not come back together. Never below 0, never above `maxMs`.
 */
export const backoffDelayMs = (backoff: Backoff, failures: number, random: number): Millis => {
  // 0 times a factor that has grown to Infinity would be no number.
  if (backoff.initialMs === 0) return 0;
  const full = Math.min(backoff.maxMs, backoff.initialMs * backoff.factor ** Math.max(0, failures - 1));
  return Math.max(0, Math.round(full * (1 - backoff.jitter * random)));
};
