// Tasks that block, crash, ignore their abort, or run in threads: this file is bundled by itself (see test/run.bundle.mjs).
import { appendFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { isMainThread, threadId } from 'node:worker_threads';
import { getContext, task, type CancelledRun } from '@baton/sdk';

/** One line in the file of effects: what no record could tell. */
const note = (what: string): void => {
  const path = process.env['BATON_TEST_EFFECTS'];
  if (path === undefined) return;
  const { taskId, attempt } = getContext();
  appendFileSync(path, `${JSON.stringify({ what, task: taskId, attempt, pid: process.pid, thread: threadId })}\n`);
};

const spin = (ms: number): void => {
  const until = performance.now() + ms;
  while (performance.now() < until);
};

const inThread = { isolation: 'thread', module: import.meta.url } as const;

/** What a handler sees, in a thread. */
export const looksAround = task(
  { ...inThread, name: 'iso.looks_around', retry: { maxAttempts: 2, backoff: { initial: '20ms' } } },
  async (given: unknown) => {
    const { taskId, taskKey, taskType, attempt, fence, idempotencyKey, previous, user, log, signal } = getContext();
    const { updateTask, onCleanup } = getContext();
    onCleanup(() => note('cleaned up'));
    log.info({ seen: attempt }, 'looked around');
    updateTask({ progress: [attempt, 2], payload: { attempt } }, { immediate: true });
    if (attempt === 1) throw new Error('once more');
    await pause(1);
    return {
      ...{ given, isMainThread, thread: threadId, taskId, taskKey, taskType, attempt, fence, idempotencyKey, user },
      ...{ previous: { ...previous }, aborted: signal.aborted },
    };
  },
);

/** Three steps. Its first attempt hangs in the third, its second fails behind it. */
const bySteps = async (): Promise<unknown> => {
  const { step, attempt } = getContext();
  const paid = await step('pay', () => {
    note('pays');
    return { attempt };
  });
  const rendered = await step('render', async () => {
    note('renders');
    return 'x'.repeat(200_000);
  });
  await step('tell', async () => {
    note('tells');
    if (attempt === 1) await pause(3_600_000);
  });
  if (attempt === 2) throw new Error('behind the steps');
  return [paid, rendered.length, isMainThread];
};

const STEPPED = { scope: 'shared', maxRescues: 3, retry: { maxAttempts: 3, backoff: { initial: '20ms' } } } as const;
export const stepped = task({ ...STEPPED, name: 'iso.stepped' }, bySteps);
export const steppedInThread = task({ ...STEPPED, ...inThread, name: 'iso.stepped_in_thread' }, bySteps);

/** Begins something elsewhere, and hangs in its first attempt. Its canceller tells what it was given, and fails at first. */
const queries = async (): Promise<unknown> => {
  const { attempt, setCancelHandle, onAbort, taskKey } = getContext();
  onAbort(() => pause(3_600_000));
  await setCancelHandle({ query: `${taskKey} ${attempt}` });
  note('asks');
  if (attempt === 1) await pause(3_600_000);
  return isMainThread;
};

const tries = new Map<string, number>();
const canceller = (handle: unknown, { taskId, attempt, cause, log }: CancelledRun): void => {
  const path = process.env['BATON_TEST_EFFECTS'] ?? '';
  const tried = (tries.get(taskId) ?? 0) + 1;
  tries.set(taskId, tried);
  log.info({ tried }, 'asked to cancel');
  const what = `cancels ${(handle as { query: string }).query} for ${cause}, try ${tried}`;
  appendFileSync(path, `${JSON.stringify({ what, task: taskId, attempt, pid: process.pid, thread: threadId })}\n`);
  if (tried === 1) throw new Error('the warehouse is away');
};

const QUERY = { scope: 'shared', canceller, maxRescues: 3 } as const;
export const query = task({ ...QUERY, name: 'iso.query' }, queries);
export const queryInThread = task({ ...QUERY, ...inThread, name: 'iso.query_in_thread' }, queries);

export const warnsInThread = task({ ...inThread, name: 'iso.warns' }, (text: string) => {
  process.emitWarning(text, 'FixtureWarning');
});

/** Never ends, and never lets its event loop turn. */
export const spins = task({ ...inThread, name: 'iso.spins', abortGrace: '500ms' }, () => {
  note('spins');
  for (;;);
});

/** Never ends; its event loop turns. */
export const ignores = task({ ...inThread, name: 'iso.ignores', abortGrace: '500ms' }, async () => {
  const { onAbort } = getContext();
  onAbort(() => note('aborted'));
  note('ignores');
  await pause(3_600_000);
});

/** A loop without `await` that looks at its signal. */
export const looksInLoop = task({ ...inThread, name: 'iso.looks_in_loop' }, () => {
  const { signal, updateTask, onAbort, onCleanup } = getContext();
  onAbort(() => note('abort 1'));
  onAbort(() => note('abort 2'));
  onCleanup(() => note('cleanup 1'));
  onCleanup(() => note('cleanup 2'));
  for (let i = 0; ; i++) {
    signal.throwIfAborted();
    updateTask({ progress: i });
  }
});

/** Ends in every way a thread can be lost, on its first attempt. */
export const lost = task(
  { ...inThread, name: 'iso.lost', retry: { maxAttempts: 2, backoff: { initial: '20ms' } }, threadMemoryMb: 64 },
  async (how: 'exit' | 'rejection' | 'exception' | 'memory' | 'buffers') => {
    const { attempt } = getContext();
    if (attempt === 1) {
      if (how === 'exit') process.exit(7);
      if (how === 'rejection') void Promise.reject(new Error('nobody waits for this'));
      if (how === 'exception')
        setTimeout(() => {
          throw new RangeError('thrown in a timer');
        }, 1);
      if (how === 'memory') {
        const all: unknown[] = [];
        for (;;) all.push(Array.from({ length: 1_000 }, (_, i) => ({ i })));
      }
      const buffers = how === 'buffers' ? Array.from({ length: 8 }, () => Buffer.alloc(16 * 1024 * 1024, 1)) : [];
      await pause(60_000, undefined, { signal: getContext().signal });
      return buffers.length;
    }
    return { attempt, isMainThread };
  },
);

/** Leaves a timer behind that throws when its task has ended. */
export const leavesTimer = task({ ...inThread, name: 'iso.leaves_timer' }, () => {
  setTimeout(() => {
    throw new Error('too late');
  }, 50);
  return threadId;
});

// From here on: tasks of the main thread.

export const quick = task({ name: 'iso.quick' }, async (ms: number) => {
  await pause(ms);
  return { pid: process.pid };
});

/** Computes in the event loop. */
export const blocks = task({ name: 'iso.blocks' }, async (ms: number) => {
  const { attempt, updateTask } = getContext();
  note('blocks');
  await pause(200);
  if (attempt === 1) spin(ms);
  updateTask({ payload: { attempt, pid: process.pid } }, { immediate: true });
  await pause(50);
  note('blocked');
  return { attempt, pid: process.pid };
});

/** Is told to stop and goes on until a file says otherwise. */
export const deaf = task({ name: 'iso.deaf', scope: 'shared', abortGrace: '500ms' }, async (ms: number) => {
  const { signal, onAbort, updateTask } = getContext();
  onAbort(() => note('told'));
  note('deaf');
  await pause(ms);
  updateTask({ payload: 'from the old body' }, { immediate: true });
  await pause(300);
  note(`ends, aborted: ${signal.aborted}`);
});

/** Raises what nobody catches, in its own context. */
export const strays = task({ name: 'iso.strays' }, async (how: 'rejection' | 'timer' | 'tick' | 'cleanup') => {
  const { signal, onCleanup } = getContext();
  const error = new RangeError(`stray ${how}`);
  if (how === 'rejection')
    void (async () => {
      await pause(1);
      throw error;
    })();
  if (how === 'timer')
    setTimeout(() => {
      throw error;
    }, 1);
  if (how === 'tick')
    process.nextTick(() => {
      throw error;
    });
  if (how === 'cleanup') {
    onCleanup(async () => {
      void Promise.reject(error);
      await pause(50);
    });
    return;
  }
  await pause(60_000, undefined, { signal });
});

/** Waits for what its own error has made impossible, and listens to nothing. */
export const hangsOnStray = task({ name: 'iso.hangs_on_stray' }, async () => {
  setTimeout(() => {
    throw new RangeError('and nobody is there to go on');
  }, 1);
  await new Promise(() => {});
});

let thrownOutside: Error | undefined;
setInterval(() => {
  if (thrownOutside !== undefined) throw thrownOutside;
}, 20).unref();

/** Makes something of this process throw that belongs to no task. */
export const breaksProcess = task({ name: 'iso.breaks_process' }, () => {
  thrownOutside = new Error('outside of every task');
});

const bad = (): never => {
  throw new TypeError('nobody may look at this');
};

/** What can be thrown and looked at only with care. */
export const HOSTILE = {
  name: () => Object.assign(new Error('x'), { name: Symbol('no name') }),
  message: () => Object.defineProperty(new Error('x'), 'message', { get: bad }),
  stack: () => Object.defineProperty(new Error('x'), 'stack', { get: bad }),
  code: () => Object.defineProperty(new Error('x'), 'code', { get: bad }),
  proxy: () => new Proxy(new Error('x'), { get: bad, has: bad, getPrototypeOf: bad, ownKeys: bad }),
  revoked: () => {
    const { proxy, revoke } = Proxy.revocable({}, {});
    revoke();
    return proxy;
  },
  tag: () => Object.defineProperty({}, Symbol.toStringTag, { get: bad }),
  huge: () => Array.from({ length: 20_000 }, () => 'x'.repeat(50)),
} as const;

const throwHostile = async (kind: keyof typeof HOSTILE, where: 'body' | 'cleanup' | 'stray' | 'log'): Promise<void> => {
  const { onCleanup, updateTask, log, signal } = getContext();
  const thrown = HOSTILE[kind]() as Error;
  if (where === 'body') throw thrown;
  if (where === 'cleanup')
    onCleanup(() => {
      throw thrown;
    });
  if (where === 'stray') {
    setTimeout(() => {
      throw thrown;
    }, 1);
    await new Promise((resolve) => signal.addEventListener('abort', resolve));
  }
  if (where === 'log') {
    updateTask(thrown as never);
    updateTask({ progress: thrown as never, payload: thrown });
    log.info({ err: thrown, thrown }, 'looks at it');
  }
};

export const throwsHostile = task({ name: 'iso.throws_hostile' }, throwHostile);
export const throwsHostileInThread = task({ ...inThread, name: 'iso.throws_hostile_in_thread' }, throwHostile);

/** Nobody catches what a listener of a signal throws. */
export const throwsInListener = task({ name: 'iso.throws_in_listener' }, async () => {
  const { signal } = getContext();
  signal.addEventListener('abort', () => {
    throw new RangeError('in a listener');
  });
  await new Promise((resolve) => signal.addEventListener('abort', resolve));
  await pause(300);
});

/** Cleanup handlers that never end, or that tell something. */
export const cleansInThread = task({ ...inThread, name: 'iso.cleans', abortGrace: '500ms' }, (how: string) => {
  const { onCleanup, updateTask } = getContext();
  updateTask({ progress: [1, 3] });
  onCleanup(() => (how === 'hangs' ? new Promise(() => {}) : updateTask({ payload: { by: 'last' } })));
  onCleanup(() => updateTask({ progress: [3, 3], payload: { by: 'first' } }));
});
