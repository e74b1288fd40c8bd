/** What both sides are told to submit, and how they tell what they measured. */
export type LoadSettings = {
  readonly tasks: number;
  readonly width: number;
  readonly concurrency: number;
  readonly kind: 'plain' | 'kib';
};

export const loadSettings = (): LoadSettings => {
  const { BENCH_TASKS = '0', BENCH_WIDTH = '256', BENCH_CONCURRENCY = '100', BENCH_KIND = 'plain' } = process.env;
  return {
    tasks: Number(BENCH_TASKS),
    width: Number(BENCH_WIDTH),
    concurrency: Number(BENCH_CONCURRENCY),
    kind: BENCH_KIND === 'kib' ? 'kib' : 'plain',
  };
};

/** 1 KiB of arguments, as JSON says it. */
export const KIB = { text: 'x'.repeat(1_000) };

/**
 * The key of the task of that number. `plain`: one of its own. `kib`: one in ten is the key of the task right before it, which
 * is mostly still active: then they are one task.
 */
export const keyOf = (run: string, i: number, kind: LoadSettings['kind']): string =>
  `${run}-${kind === 'kib' && i % 10 === 9 ? i - 1 : i}`;

export const quantilesOf = (values: readonly number[]): { readonly p50: number; readonly p99: number } => {
  const sorted = values.toSorted((a, b) => a - b);
  const at = (q: number): number => sorted[Math.floor(q * (sorted.length - 1))] ?? Number.NaN;
  return { p50: at(0.5), p99: at(0.99) };
};

/** Wall clock with the fraction of a millisecond, comparable between processes of one machine. */
export const exactNow = (): number => performance.timeOrigin + performance.now();
