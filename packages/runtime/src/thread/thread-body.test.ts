import * as assert from 'uvu/assert';
import { eventually } from '../../../../test/support/eventually.ts';
import { suite } from '../../../../test/support/suite.ts';
import { silentLog } from '../log.ts';
import type { Threw } from '../run/body-end.ts';
import type { TaskFacts } from '../run/facts.ts';
import { ThreadBody } from './thread-body.ts';
import { ThreadPool } from './thread-pool.ts';

const test = suite('thread body');

/** A module without a file whose task has this handler; it finds its context by the symbol that `getContext` uses. */
const moduleOf = (handler: string): string => {
  const code = `
    const getContext = () => globalThis[Symbol.for('baton.context.v1')].getStore();
    globalThis[Symbol.for('baton.task-thread.v1')].definitions.push({ type: 'job', handler: ${handler} });`;
  return `data:text/javascript,${encodeURIComponent(code)}`;
};

const facts: TaskFacts = {
  taskId: 'id',
  taskKey: 'key',
  taskType: 'job',
  attempt: 1,
  fence: { epoch: 1, revision: 2 },
  previous: {},
};

const GIVEN_UP: Threw = { kind: 'threw', error: { message: 'given up', type: 'Error' } };

const bodyOf = (threads: ThreadPool, handler: string) => {
  const asked: string[] = [];
  const crashes: string[] = [];
  const body = new ThreadBody({
    threads,
    kind: { module: moduleOf(handler), memoryMb: 64 },
    facts,
    resultLimit: 1_000,
    everyUpdate: false,
    owner: {
      log: () => silentLog,
      asked: (what) => void asked.push(what),
      updated: () => undefined,
      answer: async () => ({ kind: 'not-done' }),
      crashed: ({ error }) => void crashes.push(error.message),
    },
  });
  return { body, asked, crashes };
};

const poolOf = (limit: number, defer: (undo: () => unknown) => void): ThreadPool => {
  const pool = new ThreadPool(limit);
  defer(() => pool.close());
  return pool;
};

test('T5 one that is stopped while it waits for a thread never begins, and takes none', async ({ defer }) => {
  const pool = poolOf(1, defer);
  const first = bodyOf(pool, '() => 1');
  const lent = await pool.lend({ module: moduleOf('() => 1'), memoryMb: 64 });
  assert.ok(lent !== undefined);
  const running = first.body.execute(undefined);
  first.body.stop('cancel');
  const end = await running;
  assert.is(end.kind === 'threw' && end.error.message, 'stopped before it began: cancel');
  assert.equal([await first.body.runAborts(() => undefined), await first.body.runCleanups()], [[], []]);
  first.body.close();
  pool.giveBack(lent);
  const second = bodyOf(pool, '() => 1');
  assert.is((await second.body.execute(undefined)).kind, 'returned');
  assert.is(pool.size, 1);
});

test('T5 one that is stopped before its body begins never begins it: while its module is loaded, while its arguments are fetched', async ({
  defer,
}) => {
  const pool = poolOf(2, defer);
  // Its import does not end.
  const loading = bodyOf(pool, '0 }); setInterval(() => 1, 1000); await new Promise(() => {}); ({ handler: 0');
  const running = loading.body.execute(undefined);
  await eventually(() => pool.size === 1);
  loading.body.stop('cancel');
  const early = bodyOf(pool, '() => 1');
  early.body.stop('timeout');
  const ends = [await running, await early.body.execute(undefined)];
  assert.equal(
    ends.map((end) => end.kind === 'threw' && end.error.message),
    ['stopped before it began: cancel', 'stopped before it began: timeout'],
  );
  assert.is(pool.size, 1, 'no thread was taken for the other one');
  for (const { body } of [loading, early]) {
    assert.equal([await body.runAborts(() => undefined), await body.runCleanups()], [[], []]);
    body.close();
  }
  // Whoever needs the module next is not to wait for that import.
  await eventually(() => assert.is(pool.size, 0));
});

test('T5 giving up ends the thread, handlers that hang count as ended', async ({ defer }) => {
  const pool = poolOf(2, defer);
  const { body, asked } = bodyOf(
    pool,
    `() => { const { onAbort } = getContext(); onAbort(() => new Promise(() => {})); for (const end = Date.now() + 60000; Date.now() < end;); }`,
  );
  const running = body.execute(undefined);
  await eventually(() => asked.includes('abort'));
  body.stop('timeout');
  const aborts = body.runAborts(() => undefined);
  body.giveUp(GIVEN_UP);
  assert.equal([await running, await aborts, pool.size], [GIVEN_UP, [], 0]);
});

test('T5 a thread that ends under its handlers has failed them; one whose cleanup was never reached as well', async ({
  defer,
}) => {
  const pool = poolOf(2, defer);
  const exits = bodyOf(pool, '() => getContext().onCleanup(() => process.exit(5))');
  assert.is((await exits.body.execute(undefined)).kind, 'returned');
  assert.equal(
    (await exits.body.runCleanups()).map(({ type }) => type),
    ['ThreadExitedError'],
  );
  const early = bodyOf(pool, '() => { getContext().onCleanup(() => 1); setTimeout(() => process.exit(6), 1); }');
  assert.is((await early.body.execute(undefined)).kind, 'returned');
  await eventually(() => pool.size === 0);
  assert.equal(
    (await early.body.runCleanups()).map(({ message }) => message.slice(-1)),
    ['6'],
    'a success is recorded only after every cleanup handler has run',
  );
});

test('T5 what an earlier body tells late is not taken for the next one in the same thread', async ({ defer }) => {
  const pool = poolOf(1, defer);
  const handler = `async () => {
    const context = getContext();
    setTimeout(() => { context.onAbort(() => 1); context.updateTask({ progress: 1 }); throw new Error('late'); }, 30);
    await new Promise((resolve) => setTimeout(resolve, globalThis.second ? 120 : 1));
    globalThis.second = true;
    return 1;
  }`;
  const first = bodyOf(pool, handler);
  assert.is((await first.body.execute(undefined)).kind, 'returned');
  first.body.close();
  const second = bodyOf(pool, handler);
  assert.is((await second.body.execute(undefined)).kind, 'returned');
  assert.equal([first.asked, first.crashes], [[], []]);
  assert.equal([second.asked, second.crashes], [['abort'], ['late']], 'only its own');
  assert.is(pool.size, 1);
});

test.run();
