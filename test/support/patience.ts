/**
 * Limits are written down as on a quiet machine, and waited for several times as long: what must come comes at any speed,
 * and a test that passes takes no longer for it. How fast it comes is measured by benchmarks, and by tests that say so.
 */
const PATIENCE = 3;

/** Limits below this are of tests that want to see one pass. */
const LEAST_MS = 1_000;

/** How long to wait, where a quiet machine is done within `limitMs`. */
export const patient = (limitMs: number): number => (limitMs < LEAST_MS ? limitMs : limitMs * PATIENCE);
