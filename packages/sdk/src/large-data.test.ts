import { createMemoryWorld, createVirtualClock, type MemoryWorld, type VirtualClock } from '@baton/testkit';
import { createKernel, createSupervisor, silentLog } from '@baton/runtime';
import * as assert from 'uvu/assert';
import { suite } from '../../../test/support/suite.ts';
import type { Baton } from './baton.ts';
import { createBaton } from './create.ts';
import { task } from './index.ts';

const test = suite('large data');

type Stage = { readonly clock: VirtualClock; readonly world: MemoryWorld; readonly client: (name: string) => Baton };

const stage = async (seed = 1): Promise<Stage> => {
  const clock = createVirtualClock({ seed });
  const world = createMemoryWorld({ clock, seed });
  await clock.settle(createSupervisor(world.ports('supervisor'), { id: 'supervisor', log: silentLog }).start());
  await clock.advance(1_000);
  return { clock, world, client: (name) => createBaton({ ports: world.ports(name), user: { id: 'alice' } }) };
};

const LARGE = 'x'.repeat(100_000);
const length = task({ name: 'length' }, (text: string) => text.length);
const grows = task({ name: 'grows', timeout: '5s' }, () => LARGE);

const codeOf = async (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => undefined,
    (error: unknown) => (error as { readonly code?: unknown }).code,
  );

for (const fault of ['refused', 'lost-request', 'lost-reply', 'late-apply'] as const) {
  test(`X4 arguments that are not stored for certain make no task: ${fault}`, async () => {
    const { clock, world, client } = await stage();
    world.inject({ op: 'data.put', fault, times: 1 });
    const app = client('app');
    const code = await clock.settle(codeOf(app.within(() => length.schedule(LARGE))));
    assert.is(code, fault === 'refused' ? 'STORE_REFUSED' : 'STORE_TIMEOUT');
    assert.is(world.history().length, 0);
    await clock.settle(app.within(() => length.schedule(LARGE)));
    assert.is(world.history().length, 1);
  });
}

test('X4 a submit that is refused, or certainly failed, leaves no object; one that is unknown does', async () => {
  const { clock, world, client } = await stage();
  const system = task({ name: 'system', scope: 'system' }, (_text: string) => 1);
  const app = client('app');
  await clock.settle(codeOf(app.within(() => system.schedule(LARGE))));
  world.inject({ op: 'store.write', fault: 'refused', times: 1 });
  await clock.settle(codeOf(app.within(() => length.schedule(LARGE))));
  await clock.advance(1_000);
  assert.equal(world.objects(), []);
  world.inject({ op: 'store.write', fault: 'lost-reply', times: 1 });
  world.inject({ op: 'store.load', fault: 'refused', times: 1 });
  assert.is(await clock.settle(codeOf(app.within(() => length.schedule(LARGE)))), 'OUTCOME_UNKNOWN');
  assert.is(world.objects().length, 1, 'the task may be there, and needs them');
});

test('X4 a result is stored before its end is told, and held while the broker is away', async () => {
  const { clock, world, client } = await stage();
  await clock.settle(client('worker').startWorker({ tasks: [grows] }));
  world.inject({ op: 'data.put', fault: 'lost-request', times: 4 });
  const handle = await clock.settle(client('app').within(() => grows.schedule()));
  await clock.advance(15_000);
  await clock.settle(handle.refresh());
  // Far beyond its timeout: the body has returned in time, and the record says so.
  assert.equal([handle.status, handle.record.finishing], ['in_progress', true]);
  assert.equal(world.objects(), []);
  await clock.settle(handle.wait());
  assert.equal([handle.status, handle.result], ['success', LARGE]);
});

test('X4 a store that keeps saying no to a result ends the task, with the reason', async () => {
  const { clock, world, client } = await stage();
  await clock.settle(client('worker').startWorker({ tasks: [grows] }));
  world.inject({ op: 'data.put', fault: 'refused', code: 'STORE_FULL' });
  const handle = await clock.settle(client('app').within(() => grows.schedule()));
  await clock.settle(handle.wait());
  assert.equal([handle.status, handle.error?.type], ['failure', 'result_not_stored']);
});

test('X4 an old owner that comes back stores its result beside the one that counts, never in its place', async () => {
  const { clock, world, client } = await stage();
  let runs = 0;
  const counts = task({ name: 'counts' }, () => `${++runs}${LARGE}`);
  await clock.settle(client('first').startWorker({ tasks: [counts] }));
  const slow = world.inject({ op: 'data.put', fault: 'delay', delayMs: 20_000, node: 'first', times: 1 });
  const handle = await clock.settle(client('app').within(() => counts.schedule()));
  await clock.advance(100);
  assert.is(slow.hits(), 1);
  const rescuer = world.ports('supervisor');
  const kernel = createKernel(rescuer);
  const asked = await clock.settle(
    kernel.ask(handle.address, (held) => ({
      kind: 'rescue',
      at: clock.now(),
      by: 'supervisor:s',
      id: handle.uuid,
      worker: held?.record.owner?.worker ?? '',
    })),
  );
  assert.is(asked.kind, 'done');
  if (asked.kind !== 'done') return;
  await clock.settle(client('second').startWorker({ tasks: [counts], queues: ['default'] }));
  await clock.settle(handle.wait());
  assert.is(handle.result, `2${LARGE}`);
  await clock.advance(60_000);
  assert.is(world.objects().length, 2, 'the sweep takes the one nobody refers to');
  assert.is(await clock.settle(handle.fetchResult()), `2${LARGE}`);
});

test('X4 a result that cannot be had now does not hide the outcome; it is fetched later', async () => {
  const { clock, world, client } = await stage();
  await clock.settle(client('worker').startWorker({ tasks: [grows] }));
  const fault = world.inject({ op: 'data.get', fault: 'refused' });
  const handle = await clock.settle(client('app').within(() => grows.schedule()));
  await clock.settle(handle.wait());
  assert.is(handle.status, 'success');
  assert.throws(() => handle.result, /fetchResult/);
  assert.is(await clock.settle(codeOf(handle.fetchResult())), 'STORE_REFUSED');
  fault.remove();
  assert.is(await clock.settle(handle.fetchResult()), LARGE);
});

test('X4 arguments that cannot be fetched now are no failure of the task', async () => {
  const { clock, world, client } = await stage();
  const fault = world.inject({ op: 'data.get', fault: 'lost-request' });
  await clock.settle(client('worker').startWorker({ tasks: [length] }));
  const handle = await clock.settle(client('app').within(() => length.schedule(LARGE)));
  await clock.advance(60_000);
  await clock.settle(handle.refresh());
  assert.is(handle.status, 'in_progress');
  fault.remove();
  await clock.settle(handle.wait());
  assert.equal([handle.status, handle.result, handle.attempt], ['success', 100_000, 1]);
});

test('X4 a drain while arguments are fetched gives the task back, and another worker runs it', async () => {
  const { clock, world, client } = await stage();
  world.inject({ op: 'data.get', fault: 'lost-request', node: 'first' });
  const first = await clock.settle(client('first').startWorker({ tasks: [length] }));
  const handle = await clock.settle(client('app').within(() => length.schedule(LARGE)));
  await clock.advance(2_000);
  await clock.settle(first.drain({ grace: '1s' }));
  await clock.settle(client('second').startWorker({ tasks: [length] }));
  await clock.settle(handle.wait());
  assert.equal([handle.status, handle.result, handle.record.failures], ['success', 100_000, undefined]);
});

test('Q10 arguments that a replace without an answer has brought are there for the task that runs with them', async () => {
  const { clock, world, client } = await stage();
  const seen: string[] = [];
  const big = task({ name: 'big', scope: 'shared' }, (text: string) => void seen.push(text.slice(0, 1)));
  const replace = (name: string, text: string) =>
    client(name).within(() => big.with({ taskKey: 'k', mode: 'replace' }).schedule(text.repeat(100_000)));
  const first = await clock.settle(replace('a', 'a'));
  const lost = world.inject({ op: 'store.write', fault: 'lost-reply', node: 'b', times: 1 });
  const second = replace('b', 'b');
  second.catch(() => undefined);
  await clock.advance(1_000);
  assert.is(lost.hits(), 1);
  // Taken meanwhile, and begun only after the answer has been looked for.
  world.inject({ op: 'data.get', fault: 'delay', delayMs: 8_000 });
  const starting = client('w').startWorker({ tasks: [big], handleStrayErrors: false });
  await clock.advance(60_000);
  await starting;
  await clock.settle(second);
  await clock.settle(first.refresh());
  assert.equal([first.status, first.record.attempt, seen[0]], ['success', 1, 'b']);
});

test.run();
