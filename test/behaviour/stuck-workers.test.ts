// limit: 300s, pair
// T6, R6, X9: tasks that ignore what they are told, block their worker, or throw where nobody catches, in real processes.
import { fileURLToPath } from 'node:url';
import type { NodeInfo } from '@baton/runtime';
import * as assert from 'uvu/assert';
import { eventually } from '../support/eventually.ts';
import { blocks, breaksProcess, deaf, hangsOnStray, quick, strays } from '../support/fixture-isolated.ts';
import { effectsOf, ISOLATED_TASKS, untilEffect } from '../support/isolated-effects.ts';
import { suite } from '../support/suite.ts';
import { startSystem, type System } from '../support/system-fixture.ts';
import { until } from '../support/stage.ts';
import { SystemProcess } from '../support/system-process.ts';

const test = suite('stuck workers');

test(
  'T6 a body that ignores its abort is shown so; a second force ends its task, not its slot',
  async (context) => {
    const system = await startSystem(context, { tasks: [ISOLATED_TASKS], env: { BATON_CONCURRENCY: '1' } });
    const admin = system.baton.as({ id: 'root', admin: true });
    const handle = await deaf.with({ taskKey: 'k' }).schedule(6_000);
    await untilEffect(system, handle, 'deaf');
    await until(handle, ({ isAbortable }) => isAbortable);
    const forAdmin = await admin.open(handle);
    assert.is((await forAdmin.cancel({ force: true })).action, 'aborted');
    await until(handle, ({ record }) => record.notStopping === true);
    assert.is(handle.status, 'aborting');
    const grace = (handle.record.changedAt ?? 0) - (handle.record.abort?.at ?? 0);
    assert.ok(grace >= 500 && grace < 4_000, `marked after ${grace} ms`);
    assert.is((await handle.cancel()).action, 'aborted');
    await handle.refresh();
    assert.is(handle.status, 'aborting', 'a user asks again: nothing new');

    assert.is((await forAdmin.cancel({ force: true })).action, 'aborted');
    await handle.wait({ timeout: '30s' });
    assert.equal([handle.status, handle.record.abort?.forced], ['aborted', true]);
    assert.equal(handle.record.history.at(-1)?.by, 'user:root');

    const next = await deaf.with({ taskKey: 'k' }).schedule(1);
    assert.is.not(next.uuid, handle.uuid, 'the key is free');
    assert.is(
      effectsOf(system, handle).some((what) => what.startsWith('ends')),
      false,
      'the old body still runs',
    );
    await next.refresh();
    assert.is(next.status, 'pending', 'its slot is not');
    await next.wait({ timeout: '45s' });
    assert.is(next.status, 'success');
    assert.equal(effectsOf(system, handle), ['deaf', 'told', 'ends, aborted: true']);
    assert.ok(
      (next.startedAt?.getTime() ?? 0) > (handle.endedAt?.getTime() ?? Infinity) + 1_000,
      'it waited for the slot',
    );
    const late = system.heard.filter(
      ({ address, bytes }) => address === handle.address && Buffer.from(bytes).includes('from the old body'),
    );
    const own = late.filter(({ bytes }) => Buffer.from(bytes).includes(handle.uuid));
    assert.is(own.length, 0, 'what the old body told was refused');
  },
  { limitMs: 60_000 },
);

/** Every state in which a node was shown, from now on. */
const watchNodes = async (system: System, { defer }: { readonly defer: (undo: () => void) => void }) => {
  const seen: NodeInfo[] = [];
  const watch = await system.ports.presence.follow({
    seen: (info) => void seen.push(info),
    left: () => undefined,
    caughtUp: () => undefined,
    lost: () => undefined,
  });
  defer(() => watch.close());
  return seen;
};

test(
  'R6 a blocked event loop is shown and is no death',
  async (context) => {
    const system = await startSystem(context, { tasks: [ISOLATED_TASKS], projectors: 0 });
    const [worker] = system.workers;
    const seen = await watchNodes(system, context);
    const handle = await blocks.schedule(9_000);
    await eventually(() => assert.ok(seen.some(({ role, state }) => role === 'worker' && state === 'blocked')), {
      limitMs: 8_000,
    });
    const other = await quick.schedule(1);
    await handle.wait({ timeout: '60s' });
    assert.equal([handle.status, handle.result], ['success', { attempt: 1, pid: worker?.pid }]);
    assert.is(handle.record.rescues, undefined);
    await other.wait({ timeout: '30s' });
    assert.is(other.status, 'success');
    await eventually(() => assert.is(seen.findLast(({ role }) => role === 'worker')?.state, 'ready'));
    const lines = worker?.output.split('\n').filter((line) => line.includes('the event loop was blocked for')) ?? [];
    assert.is(lines.length, 1);
    assert.ok(lines[0]?.includes("isolation: 'thread'") && lines[0].includes('"iso.blocks"'), lines[0] ?? '');
    const told = system.supervisors[0]?.output.split('\n').filter((line) => line.includes('a worker is blocked')) ?? [];
    assert.is(told.length, 1);
    assert.ok(told[0]?.includes("isolation: 'thread'"));
  },
  { limitMs: 60_000 },
);

test(
  'R6 one that is blocked for too long counts as dead: its task is rescued, what it still writes is refused',
  async (context) => {
    const system = await startSystem(context, {
      tasks: [ISOLATED_TASKS],
      projectors: 0,
      workers: 2,
      env: { BATON_MAX_BLOCK_MS: '2000' },
    });
    const handle = await blocks.schedule(14_000);
    await until(handle, ({ status }) => status === 'in_progress');
    const first = handle.record.owner;
    await handle.wait({ timeout: '25s' });
    assert.equal([handle.status, handle.record.rescues, handle.attempt], ['success', 1, 2]);
    const { pid } = handle.result as { pid: number };
    assert.is.not(handle.record.owner?.worker, first?.worker);
    // The old body goes on when its loop turns again, and writes; then it has ended too.
    await eventually(() => assert.is(effectsOf(system, handle).filter((what) => what === 'blocked').length, 2), {
      limitMs: 20_000,
    });
    await handle.refresh();
    assert.equal(handle.payload, { attempt: 2, pid });
    assert.equal(handle.result, { attempt: 2, pid });
    assert.is(
      system.workers.every((worker) => worker.isRunning),
      true,
    );
    const again = await Promise.all([1, 2, 3, 4].map(() => quick.schedule(1)));
    await Promise.all(again.map((each) => each.wait({ timeout: '30s' })));
  },
  { limitMs: 75_000 },
);

test(
  'R6 one whose event loop never turns again is killed in the end, and says why; its tasks were rescued long before',
  async (context) => {
    const system = await startSystem(context, {
      tasks: [ISOLATED_TASKS],
      projectors: 0,
      env: { BATON_MAX_BLOCK_MS: '2000' },
    });
    const [worker] = system.workers;
    const handle = await blocks.schedule(3_600_000);
    await until(handle, ({ record }) => record.rescues === 1, 20_000);
    assert.ok(worker?.isRunning);
    const { signal } = await worker.ended;
    assert.is(signal, 'SIGKILL');
    const line = worker.output.split('\n').find((one) => one.includes('the process is killed')) ?? '{}';
    const { level, blockedMs } = JSON.parse(line) as { readonly level?: string; readonly blockedMs?: number };
    assert.is(level, 'fatal');
    assert.ok(blockedMs !== undefined && blockedMs >= 20_000 && blockedMs < 40_000, line);
    await worker.start();
    await handle.wait({ timeout: '45s' });
    assert.equal([handle.status, handle.attempt], ['success', 2]);
  },
  { limitMs: 75_000 },
);

test(
  'X9 what nobody catches in a task fails that task, its signal is aborted, neighbours go on',
  async (context) => {
    const system = await startSystem(context, { tasks: [ISOLATED_TASKS], projectors: 0 });
    const [worker] = system.workers;
    assert.ok(worker !== undefined);
    await system.baton.within(async () => {
      const neighbours = await Promise.all(Array.from({ length: 4 }, () => quick.schedule(1_500)));
      await Promise.all(neighbours.map((each) => until(each, ({ status }) => status === 'in_progress')));
      for (const how of ['rejection', 'timer', 'tick', 'cleanup'] as const) {
        const handle = await strays.schedule(how);
        await handle.wait({ timeout: '30s' });
        assert.equal(
          [handle.status, handle.error?.type, handle.error?.message],
          ['failure', 'RangeError', `stray ${how}`],
        );
        await eventually(() => worker.output.includes(`nobody caught this: stray ${how}`));
      }
      const hung = await hangsOnStray.schedule();
      await hung.wait({ timeout: '30s' });
      assert.equal([hung.status, hung.error?.message], ['failure', 'and nobody is there to go on']);
      await Promise.all(neighbours.map((each) => each.wait({ timeout: '30s' })));
      assert.equal(
        neighbours.map(({ result }) => (result as { pid: number }).pid),
        neighbours.map(() => worker.pid),
      );
      assert.ok(worker.isRunning);
    });
  },
  { limitMs: 40_000 },
);

test(
  'X9 what nobody catches outside of every task drains the worker, which ends with code 1',
  async (context) => {
    const system = await startSystem(context, { tasks: [ISOLATED_TASKS], projectors: 0 });
    const [worker] = system.workers;
    assert.ok(worker !== undefined);
    const running = await quick.schedule(2_000);
    await until(running, ({ status }) => status === 'in_progress');
    const breaking = await breaksProcess.schedule();
    const { code } = await worker.ended;
    assert.is(code, 1);
    await running.refresh();
    assert.is(running.status, 'success', 'what ran was let run');
    await breaking.refresh();
    assert.is(breaking.status, 'success');
    assert.ok(worker.output.includes('outside of every task'));
  },
  { limitMs: 60_000 },
);

const HOST = fileURLToPath(new URL('./fixture-host.mjs', import.meta.url));

const HOSTS = [
  ['gives its tasks back and ends with 1', {}, 1],
  ['leaves it to the listener of the program', { HOST_LISTENS: '1' }, 42],
  ['stays out of it when told so', { HOST_LISTENS: '1', HOST_HANDLES: '1' }, 42],
] as const;

for (const [title, env, code] of HOSTS) {
  test(
    `X9 a worker in a program of others ${title}`,
    async (context) => {
      const system = await startSystem(context, { projectors: 0, workers: 0 });
      const host = new SystemProcess({ name: 'host', args: [HOST], env: { ...system.env, ...env } });
      context.defer(() => host.destroy());
      await host.start();
      const exit = await host.ended;
      assert.is(exit.code, code, host.output);
      assert.ok(host.output.includes('task: failure, in a task'), host.output);
      assert.is(host.output.includes('the program heard: in the program'), code === 42);
      const [, uuid = '', address = ''] = /waiting: (\S+) (\S+)/.exec(host.output) ?? [];
      const waiting = await system.baton.open({ uuid, address });
      assert.is(waiting.status, code === 1 ? 'pending' : 'in_progress', 'given back, or left for the rescue');
    },
    { limitMs: 60_000 },
  );
}

test.run();
