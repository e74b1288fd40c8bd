import { availableParallelism, loadavg } from 'node:os';

/** Beyond this a machine has more to do than a test can wait for. */
const MOST = 4;

/**
 * How long a test waits for what a machine with nothing else to do has done within `limitMs`: where more wants to run than
 * there are processors, as many times as long. So limits hold as they are written on a quiet machine, what must come comes
 * on a busy one, too, and a test that passes takes no longer. How fast something comes is measured by benchmarks.
 *
 * @param {number} limitMs
 * @returns {number}
 */
export const patient = (limitMs) => limitMs * Math.min(MOST, Math.max(1, (loadavg()[0] ?? 0) / availableParallelism()));
