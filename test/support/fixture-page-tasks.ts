// What the page is tested with: tasks that stay in a state until they are told to leave it, or until their worker goes.
import { setTimeout as pause } from 'node:timers/promises';
import { getContext, task } from '@baton/sdk';

const untilAborted = async (): Promise<void> => {
  const { signal } = getContext();
  if (signal.aborted) return;
  await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
};

/** It says how far it is, and stops when it is told to. */
const stays = async (progress?: readonly [number, number], payload?: unknown): Promise<void> => {
  const { onAbort, updateTask } = getContext();
  onAbort(() => undefined);
  updateTask({ ...(progress === undefined ? {} : { progress }), ...(payload === undefined ? {} : { payload }) });
  await untilAborted();
};

export const running = task({ name: 'page.running' }, stays);
export const shared = task({ name: 'page.shared', scope: 'shared' }, stays);

/** All of a definition that people can read. */
export const described = task(
  {
    ...{ name: 'page.described', title: 'Greet somebody', description: 'Says hello as often as it is told to.' },
    ...{ scope: 'shared', queue: 'greetings', priority: 'low', timeout: '5m' },
    argsSchema: {
      type: 'array',
      prefixItems: [
        { title: 'who', type: 'string' },
        { title: 'times', type: 'integer' },
      ],
      minItems: 1,
    },
  },
  (who: string, times?: number) => `hello ${who}`.repeat(times ?? 1),
);

/** It counts and has no end. */
export const counts = task({ name: 'page.counts' }, async (count: number) => {
  getContext().onAbort(() => undefined);
  getContext().updateTask({ progress: count });
  await untilAborted();
});

/** Waits until somebody approves, and tells what he said. */
export const approval = task({ name: 'page.approval' }, async () => {
  const { step, waitForSignal } = getContext();
  await step('Draft the report', () => 1);
  return waitForSignal('approved');
});

/** Spawns some that stay, one of which may be left, and one that is done at once, and waits for them. */
export const family = task({ name: 'page.family' }, async () => {
  const { spawn, waitFor } = getContext();
  const children = [
    await spawn(running.with({ taskName: 'Extract the orders of the last quarter' }), [3, 10]),
    await spawn(running.with({ taskName: 'Tell the archive', onParentEnd: 'leave' })),
    await spawn(quick.with({ taskName: 'Fetch the rates' }), 1),
  ];
  return waitFor(children);
});

/** No abort handler: it cannot be cancelled, and its timeout changes nothing. */
export const stubborn = task({ name: 'page.stubborn' }, async () => {
  await new Promise(() => undefined);
});

/** It is told to stop, and does not. */
export const ignores = task({ name: 'page.ignores', abortGrace: '300ms' }, async () => {
  getContext().onAbort(() => undefined);
  await new Promise(() => undefined);
});

export const quick = task({ name: 'page.quick' }, (value: unknown) => ({ given: value, rows: 10 }));

class HostileError extends Error {
  override readonly name = 'HostileError';
}

export const fails = task(
  { name: 'page.fails', retry: { maxAttempts: 2, backoff: { initial: '20ms' } } },
  (text: string) => {
    getContext().updateTask({ payload: { about: text } });
    throw new HostileError(text);
  },
);

/** Steps of so many milliseconds, each told at once. */
export const ticks = task({ name: 'page.ticks' }, async (steps: number, everyMs: number) => {
  const { updateTask, onAbort, signal } = getContext();
  onAbort(() => undefined);
  for (let step = 1; step <= steps && !signal.aborted; step++) {
    updateTask({ progress: [step, steps] }, { immediate: true });
    await pause(everyMs);
  }
});
