// Tasks that tests schedule and real worker processes serve: this file is bundled by itself (see test/run.bundle.mjs).
import { appendFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { addressOf } from '@baton/protocols';
import { getContext, task, type TaskOptions } from '@baton/sdk';

type Options = TaskOptions & { readonly name: string };

/**
 * A task whose body writes to a file when it starts and when it ends: a witness outside of the system. A line is small
 * enough to be appended in one piece by several processes.
 */
const witnessed = <Args extends unknown[], Result>(
  options: Options,
  body: (...args: Args) => Result | Promise<Result>,
) =>
  task(options, async (...args: Args): Promise<Result> => {
    note('start', options);
    try {
      return await body(...args);
    } finally {
      note('end', options);
    }
  });

const note = (kind: 'start' | 'end', { name, scope = 'private' }: Options): void => {
  const path = process.env['BATON_TEST_EFFECTS'];
  if (path === undefined) return;
  const { taskId, taskKey, attempt, fence, user } = getContext();
  const address = addressOf({ scope, type: name, key: taskKey, ...(user === undefined ? {} : { user: user.id }) });
  const at = performance.timeOrigin + performance.now();
  appendFileSync(path, `${JSON.stringify({ kind, at, address, task: taskId, attempt, fence, pid: process.pid })}\n`);
};

export const double = witnessed({ name: 'fx.double' }, (n: number) => ({ doubled: n * 2 }));

/** Shared, so that calls join. */
export const joined = witnessed({ name: 'fx.joined', scope: 'shared' }, async (ms: number) => {
  await pause(ms);
  return { attempt: getContext().attempt };
});

/** Waits for so many signals `approved`, one after the other, and tells who ran it when each of them came. */
export const approval = witnessed({ name: 'fx.approval', scope: 'shared' }, async (count: number, timeout?: string) => {
  const { waitForSignal, attempt } = getContext();
  const data: unknown[] = [];
  for (let i = 0; i < count; i++) data.push(await waitForSignal('approved', timeout === undefined ? {} : { timeout }));
  return { data, attempt, pid: process.pid };
});

/** A part of `whole`: so long, and it can be stopped. */
export const part = witnessed({ name: 'fx.part', scope: 'shared' }, async (ms: number) => {
  const { signal, updateTask } = getContext();
  for (let left = ms; left > 0; left -= 100) {
    signal.throwIfAborted();
    await pause(Math.min(100, left));
    updateTask({ progress: (ms - left) / ms, payload: { left } });
  }
  return { ms, pid: process.pid };
});

/** Spawns parts that take so long, with a pause between two of them, and waits for them; the last one may be left. */
export const whole = witnessed(
  { name: 'fx.whole', scope: 'shared', maxRescues: 20 },
  async (
    parts: readonly number[],
    options: { readonly pauseMs?: number; readonly leaves?: boolean; readonly runs?: boolean } = {},
  ) => {
    const { spawn, waitFor, attempt, signal } = getContext();
    const children = [];
    for (const [i, ms] of parts.entries()) {
      const isLeft = options.leaves === true && i === parts.length - 1;
      children.push(await spawn(isLeft ? part.with({ onParentEnd: 'leave', taskName: 'left' }) : part, ms));
      if (options.pauseMs !== undefined) await pause(options.pauseMs);
    }
    // What is not to wait runs until it is stopped.
    while (options.runs === true) {
      signal.throwIfAborted();
      await pause(50);
    }
    const outcomes = await waitFor(children);
    return { results: outcomes.map(({ result }) => result.ms), attempt, pid: process.pid };
  },
);

export const fails = witnessed({ name: 'fx.fails' }, (message: string): never => {
  throw new RangeError(message);
});

/** Fails so many times, then succeeds. */
export const flaky = witnessed(
  { name: 'fx.flaky', retry: { maxAttempts: 3, backoff: { initial: '20ms', max: '100ms' } } },
  (failures: number) => {
    const { attempt } = getContext();
    if (attempt <= failures) throw new Error(`attempt ${attempt} fails`);
    return { attempt };
  },
);

const untilAborted = async (): Promise<void> => {
  const { signal } = getContext();
  if (signal.aborted) return;
  await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
};

/** Runs until it is told to stop. */
export const hangs = witnessed({ name: 'fx.hangs' }, async () => {
  const { onAbort, onCleanup, updateTask } = getContext();
  onAbort(() => updateTask({ payload: { aborted: true } }));
  onCleanup(() => undefined);
  await untilAborted();
});

/** Runs into its timeout. */
export const overtime = witnessed({ name: 'fx.overtime', timeout: '150ms' }, async () => {
  getContext().onAbort(() => undefined);
  await untilAborted();
});

export const reports = witnessed({ name: 'fx.reports' }, async (steps: number) => {
  const { updateTask } = getContext();
  for (let i = 1; i <= steps; i++) {
    updateTask({ progress: [i, steps], payload: { step: i } });
    await pause(1);
  }
  return { steps };
});

/** Takes about `steps * ms`; tells every step at once. */
export const steps = witnessed({ name: 'fx.steps', scope: 'shared' }, async (count: number, ms: number) => {
  const { updateTask, attempt } = getContext();
  for (let i = 1; i <= count; i++) {
    updateTask({ progress: [i, count] }, { immediate: true });
    await pause(ms);
  }
  return { attempt, pid: process.pid };
});

export const largeResult = witnessed({ name: 'fx.large_result' }, (bytes: number) => 'x'.repeat(bytes));

export const largePayload = witnessed({ name: 'fx.large_payload' }, (bytes: number) => {
  const { updateTask } = getContext();
  updateTask({ payload: { kept: true } }, { immediate: true });
  updateTask({ payload: 'x'.repeat(bytes) }, { immediate: true });
  return { went: 'on' };
});

export const warns = witnessed({ name: 'fx.warns' }, (text: string) => {
  process.emitWarning(text, 'FixtureWarning');
});

/** Runs until its signal says why it has to stop, and tells that to the log of its worker. */
export const tells = witnessed({ name: 'fx.tells' }, async () => {
  const { signal, log, attempt, taskKey } = getContext();
  await untilAborted();
  const { cause } = signal.reason as { readonly cause?: unknown };
  log.warn(`${taskKey}: told to stop in attempt ${attempt}: ${String(cause)}`);
  throw signal.reason;
});
