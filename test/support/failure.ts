import * as assert from 'uvu/assert';

/** The longest anybody waits for a clear word, milliseconds. */
export const WORD_MS = 8_000;

export type Coded = Error & { readonly code?: string };

/** What went wrong, and how long that took to be told. */
export const failureOf = async (what: string, run: () => Promise<unknown>): Promise<Coded> => {
  const began = performance.now();
  const failure = await run().then(
    () => undefined,
    (error: unknown) => error as Coded,
  );
  const tookMs = performance.now() - began;
  assert.ok(failure instanceof Error, `${what}: nothing was said`);
  console.log(`${what}: ${failure.code ?? failure.name} after ${Math.round(tookMs)} ms`);
  assert.ok(tookMs < WORD_MS, `${what}: told after ${tookMs} ms`);
  return failure;
};
