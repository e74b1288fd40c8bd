import { eventually } from '../../../../test/support/eventually.ts';
import * as assert from 'uvu/assert';
import { suite } from '../../../../test/support/suite.ts';
import { InvalidArgumentError } from '../errors.ts';
import type { TaskDefinition } from '../run/definition.ts';
import { checkModules } from './check-modules.ts';
import type { TaskThread, ThreadKind } from './task-thread.ts';
import { ThreadPool } from './thread-pool.ts';

const test = suite('thread pool');

/** Modules without a file. They define what they say by the symbol that `task()` uses in a thread. */
const moduleOf = (code: string, memoryMb = 64): ThreadKind => ({
  module: `data:text/javascript,${encodeURIComponent(code)}`,
  memoryMb,
});
const EMPTY = moduleOf('');
const OTHER = moduleOf('/* other */');
const defining = (...types: readonly string[]): ThreadKind =>
  moduleOf(
    `for (const type of ${JSON.stringify(types)}) globalThis[Symbol.for('baton.task-thread.v1')].definitions.push({ type });`,
  );

const definition = (type: string, thread: ThreadKind): TaskDefinition => ({
  type,
  handler: () => undefined,
  scope: 'private',
  queue: 'default',
  priority: 'normal',
  policy: { isolation: 'thread' },
  thread,
});

const poolOf = (limit: number, defer: (undo: () => unknown) => void): ThreadPool => {
  const pool = new ThreadPool(limit);
  defer(() => pool.close());
  return pool;
};

const lend = async (pool: ThreadPool, kind: ThreadKind): Promise<TaskThread> => {
  const thread = await pool.lend(kind);
  assert.ok(thread !== undefined);
  return thread;
};

test('T5 a thread in order is used again, for the same module only', async ({ defer }) => {
  const pool = poolOf(4, defer);
  const first = await lend(pool, EMPTY);
  pool.giveBack(first);
  assert.is(await lend(pool, EMPTY), first);
  pool.giveBack(first);
  const other = await lend(pool, OTHER);
  assert.is.not(other, first);
  assert.is(pool.size, 2);
});

test('T5 there are never more than the limit; an idle one makes room, and who comes first is served first', async ({
  defer,
}) => {
  const pool = poolOf(2, defer);
  const [a, b] = [await lend(pool, EMPTY), await lend(pool, EMPTY)];
  const served: string[] = [];
  const waiting = ['c', 'd'].map(async (name) => {
    const thread = await lend(pool, OTHER);
    served.push(name);
    return thread;
  });
  await Promise.resolve();
  assert.equal([served, pool.size], [[], 2]);
  pool.giveBack(a);
  const c = await waiting[0];
  assert.equal([served, pool.size, a.isAlive], [['c'], 2, false]);
  void b.terminate();
  const d = await waiting[1];
  assert.equal([served, pool.size], [['c', 'd'], 2]);
  assert.is.not(c, d);
});

test('T5 a thread that has ended is not lent again', async ({ defer }) => {
  const pool = poolOf(2, defer);
  const first = await lend(pool, EMPTY);
  await first.terminate();
  pool.giveBack(first);
  assert.is(pool.size, 0);
  assert.is.not(await lend(pool, EMPTY), first);
});

test('T5 closing ends threads that are lent, and who waits gets none', async () => {
  const pool = new ThreadPool(1);
  const first = await lend(pool, EMPTY);
  const waiting = pool.lend(EMPTY);
  await pool.close();
  assert.equal([first.isAlive, await waiting, await pool.lend(EMPTY)], [false, undefined, undefined]);
});

test('T5 a module that throws, exits or does not exist is told by its thread', async ({ defer }) => {
  const pool = poolOf(4, defer);
  for (const [code, message] of [
    ["throw new RangeError('not today')", /RangeError: not today/],
    ['process.exit(3)', /exit code 3/],
    ["await import('file:///nowhere.mjs')", /nowhere/],
  ] as const) {
    const thread = await lend(pool, moduleOf(code));
    try {
      await thread.loaded;
      assert.unreachable();
    } catch (error) {
      assert.match((error as Error).message, message);
    }
    await eventually(() => !thread.isAlive);
  }
});

test('T5 modules are checked before the first task', async ({ defer }) => {
  const pool = poolOf(2, defer);
  const both = defining('a', 'b');
  await checkModules(pool, [definition('a', both), definition('b', both)]);
  assert.is(pool.size, 1, 'one thread for both, ready for the first run');
  for (const [type, kind, message] of [
    ['c', both, /does not define it/],
    ['a', defining('a', 'a'), /defines 2 tasks of that name/],
    ['a', moduleOf("throw new Error('broken')"), /broken/],
  ] as const) {
    try {
      await checkModules(pool, [definition(type, kind)]);
      assert.unreachable();
    } catch (error) {
      assert.instance(error, InvalidArgumentError);
      assert.match((error as Error).message, message);
    }
  }
});

test('T5 an import that never ends, awaited or not, is given up after its limit', async ({ defer }) => {
  const pool = poolOf(2, defer);
  for (const code of ['await new Promise(() => setInterval(() => {}, 1_000))', 'for (;;);']) {
    try {
      await checkModules(pool, [definition('a', moduleOf(code))], 500);
      assert.unreachable();
    } catch (error) {
      assert.instance(error, InvalidArgumentError);
      assert.match((error as Error).message, 'its import has not ended within 0.5 s');
    }
    await eventually(() => assert.is(pool.size, 0));
  }
});

test.run();
