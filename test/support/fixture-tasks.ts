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
