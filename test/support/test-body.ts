// One test body: its context, its time limit, its cleanups.
import { inspect } from 'node:util';
import { patient } from '../patience.mjs';

export type TestContext = {
  /** Aborts when the test is over its limit, so that whatever it still waits for can let go. */
  readonly signal: AbortSignal;
  /** Runs after the body whatever happened, last one first; a throwing cleanup fails the test. */
  readonly defer: (cleanup: () => unknown) => void;
};

export type TestBody = (context: TestContext) => void | Promise<void>;

/** Runs the body and then all its cleanups; rejects with the first thing that went wrong, all of them when several did. */
export const underLimit = async (body: TestBody, limitMs: number): Promise<void> => {
  const over = new AbortController();
  const cleanups: (() => unknown)[] = [];
  const faults: Error[] = [];
  let ended = false;
  const attempt = async (what: string, step: () => unknown): Promise<void> => {
    try {
      await within(limitMs, what, step);
    } catch (thrown) {
      faults.push(asError(thrown));
    }
  };

  const defer = (cleanup: () => unknown): void => {
    if (ended) void attempt('cleanup', cleanup); // a body that went on past its limit: nobody comes by later
    else cleanups.push(cleanup);
  };

  await attempt('test', () => body({ signal: over.signal, defer }));
  if (faults.length > 0) over.abort(faults[0]);
  // Not a loop over the list: a cleanup may register another.
  for (let next = cleanups.pop(); next; next = cleanups.pop()) await attempt('cleanup', next);
  ended = true;

  const [first, ...more] = faults;
  if (more.length > 0) throw new AggregateError(faults, faults.map((fault) => fault.message).join('; then: '));
  if (first) throw first;
};

const within = async (limitMs: number, what: string, step: () => unknown): Promise<void> => {
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<never>((_, reject) => {
    const began = performance.now();
    const look = (): void => {
      const leftMs = patient(limitMs) - (performance.now() - began);
      if (leftMs > 0) timer = setTimeout(look, leftMs);
      else reject(new Error(`${what} took over ${limitMs} ms`));
    };
    look();
  });
  try {
    await Promise.race([step(), limit]);
  } finally {
    clearTimeout(timer);
  }
};

/** uvu reads `name` and `stack` of what was thrown and breaks, silently, when they are missing. */
export const asError = (thrown: unknown): Error =>
  thrown instanceof Error && typeof thrown.stack === 'string' && typeof thrown.name === 'string'
    ? thrown
    : new Error(`not an Error was thrown: ${inspect(thrown)}`, { cause: thrown });
