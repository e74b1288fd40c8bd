import { inFlight, tell, told } from '../child.ts';

/** What both sides are told to submit, and how they tell what they measured. */
export type LoadSettings = {
  readonly tasks: number;
  readonly width: number;
  readonly concurrency: number;
  readonly kind: 'plain' | 'kib';
  readonly limit: 'group' | 'key' | undefined;
  /** All tasks wait before a worker starts. */
  readonly backlog: boolean;
};

export const loadSettings = (): LoadSettings => {
  const { BENCH_TASKS = '0', BENCH_WIDTH = '256', BENCH_CONCURRENCY = '100', BENCH_KIND = 'plain' } = process.env;
  const { BENCH_LIMIT: limit, BENCH_BACKLOG: backlog } = process.env;
  return {
    tasks: Number(BENCH_TASKS),
    width: Number(BENCH_WIDTH),
    concurrency: Number(BENCH_CONCURRENCY),
    kind: BENCH_KIND === 'kib' ? 'kib' : 'plain',
    limit: limit === 'group' || limit === 'key' ? limit : undefined,
    backlog: backlog === 'yes',
  };
};

/** Groups, or keys, the tasks of a limited load name in turn. */
export const LIMITED_NAMES = 100;

/** So many of each may run at once: above the share of the slots that each has, so that nothing waits for its limit alone. */
export const LIMITED_TO = 10;

/** 1 KiB of arguments, as JSON says it. */
export const KIB = { text: 'x'.repeat(1_000) };

/**
 * The key of the task of that number. `plain`: one of its own. `kib`: one in ten is the key of the task right before it, which
 * is mostly still active: then they are one task.
 */
const keyOf = (run: string, i: number, kind: LoadSettings['kind']): string =>
  `${run}-${kind === 'kib' && i % 10 === 9 ? i - 1 : i}`;

const quantilesOf = (values: readonly number[]): { readonly p50: number; readonly p99: number } => {
  const sorted = values.toSorted((a, b) => a - b);
  const at = (q: number): number => sorted[Math.floor(q * (sorted.length - 1))] ?? Number.NaN;
  return { p50: at(0.5), p99: at(0.99) };
};

/** Wall clock with the fraction of a millisecond, comparable between processes of one machine. */
export const exactNow = (): number => performance.timeOrigin + performance.now();

const QUIET_MS = 250;

/** A producer: in every lap it submits all tasks, each under its key, so many at once. */
export const submitLaps = async (submit: (key: string, i: number) => Promise<void>): Promise<never> => {
  const { tasks, width, kind } = loadSettings();
  tell({ kind: 'ready' });
  for (let round = 0; ; round++) {
    await told('go');
    const began = performance.now();
    const run = `${process.pid}-${round}`;
    await inFlight(tasks, width, (i) => submit(keyOf(run, i, kind), i));
    tell({ kind: 'done', figures: { seconds: (performance.now() - began) / 1_000 } });
  }
};

/**
 * A worker: says of every lap when all of it has been run. `start`: it may run tasks from then on; `ran`: how many so far, of
 * all laps; `rests`: nothing is under way any more. Of duplicates it is not known how many were one task: the last has ended
 * when no more come.
 */
export const runLaps = async ({
  start,
  ran,
  rests = () => true,
}: {
  readonly start: () => Promise<unknown>;
  readonly ran: () => number;
  readonly rests?: () => Promise<boolean> | boolean;
}): Promise<never> => {
  const { tasks, kind, backlog } = loadSettings();
  if (!backlog) await start();
  // Of several workers none knows when all is run: whoever measures adds up.
  process.on('message', (message) => {
    if (message === 'count') tell({ kind: 'count', figures: { ran: ran() } });
  });
  tell({ kind: 'ready' });
  for (let lap = 0; ; lap++) {
    const before = ran();
    await told('go');
    // Where tasks wait, they run while it starts: the time of that is theirs.
    if (backlog && lap === 0) await start();
    const least = kind === 'plain' ? tasks : Math.floor(tasks * 0.9);
    let quietSince = performance.now();
    let seen = before;
    for (;;) {
      const isOver = ran() - before >= least && (await rests());
      if (ran() !== seen || !isOver) [seen, quietSince] = [ran(), performance.now()];
      if (isOver && (kind === 'plain' || performance.now() - quietSince >= QUIET_MS)) break;
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    tell({ kind: 'done', figures: { ran: ran() - before, quiet: kind === 'kib' ? QUIET_MS : 0 } });
  }
};

/** What is left of a task when its handler has begun is over by then. */
const REST_MS = 5;

/** One after the other on an idle system: `run` does what is measured, and `latencies` gets a figure of each. */
export const sampleEach = async (
  latencies: readonly number[],
  run: (key: string) => Promise<unknown>,
): Promise<void> => {
  const { tasks } = loadSettings();
  tell({ kind: 'ready' });
  await told('go');
  // As many before, which do not count: a service that runs has run for a while.
  for (let i = 0; i < 2 * tasks; i++) {
    const before = latencies.length;
    await run(`sample-${process.pid}-${i}`);
    // Resting, and not asking again and again: whoever has nothing to do is asleep on an idle system, on both sides.
    do await new Promise((resolve) => setTimeout(resolve, REST_MS));
    while (latencies.length === before);
  }
  tell({ kind: 'done', figures: quantilesOf(latencies.slice(-tasks)) });
};
