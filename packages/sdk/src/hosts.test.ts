import { createSupervisor, silentLog } from '@baton/runtime';
import { createVirtualClock, createMemoryWorld, type VirtualClock } from '@baton/testkit';
import * as assert from 'uvu/assert';
import { suite } from '../../../test/support/suite.ts';
import { within } from '../../../test/support/virtual-time.ts';
import type { Baton } from './baton.ts';
import { createBaton } from './create.ts';
import { NotConnectedError, task } from './index.ts';
import { plainSchema } from './options.ts';

const test = suite('hosts of a client');

const stage = async ({ latencyMs = [0, 0] as const }: { readonly latencyMs?: readonly [number, number] } = {}) => {
  const clock = createVirtualClock({ seed: 1 });
  const world = createMemoryWorld({ clock, seed: 1, latencyMs });
  const supervisor = createSupervisor(world.ports('supervisor'), { id: 'supervisor', log: silentLog });
  await within(clock, supervisor.start());
  await clock.advance(1_000);
  const client = (name: string): Baton => createBaton({ ports: world.ports(name), user: { id: 'alice' } });
  return { clock, world, supervisor, client };
};

const sleep = (clock: VirtualClock, ms: number) => new Promise<void>((resolve) => void clock.after(ms, resolve));

/** A task that runs for three seconds, and how often it has been begun. */
const innerTask = (clock: VirtualClock) => {
  const counted = { runs: 0 };
  const inner = task({ name: 'inner' }, async () => {
    counted.runs++;
    await sleep(clock, 3_000);
    return 'done';
  });
  return { inner, counted };
};

const QUIET = { handleStrayErrors: false } as const;

test('R5 a drain waits for what a body has called inline and not waited for: it runs once, and its outcome stands', async () => {
  const { clock, client } = await stage();
  const app = client('app');
  const { inner, counted } = innerTask(clock);
  const outer = task({ name: 'outer' }, async () => {
    void app.within(() => inner.with({ taskKey: 'in' })());
    await sleep(clock, 200);
  });
  const worker = await within(clock, app.startWorker({ tasks: [outer, inner], ...QUIET }));
  const other = await within(clock, app.startWorker({ tasks: [inner], ...QUIET }));
  await within(
    clock,
    app.within(() => outer.schedule()).then((handle) => handle.wait()),
  );
  const same = await within(
    clock,
    app.within(() => inner.with({ taskKey: 'in' }).schedule()),
  );
  await within(clock, worker.drain({ grace: '30s' }));
  await clock.advance(30_000);
  await within(clock, same.refresh());
  assert.equal([counted.runs, same.status, same.record.rescues ?? 0], [1, 'success', 0]);
  await within(clock, other.drain());
});

test('R5 the same while the call is still being submitted', async () => {
  const { clock, client } = await stage({ latencyMs: [5, 20] });
  const app = client('app');
  const { inner, counted } = innerTask(clock);
  let called: string | undefined;
  const outer = task({ name: 'outer' }, () => {
    void app.within(() => inner()).then(({ status }) => (called = status));
  });
  const worker = await within(clock, app.startWorker({ tasks: [outer, inner], ...QUIET }));
  const other = await within(clock, app.startWorker({ tasks: [inner], ...QUIET }));
  await within(
    clock,
    app.within(() => outer.schedule()).then((handle) => handle.wait()),
  );
  await within(clock, worker.drain({ grace: '30s' }));
  await clock.advance(30_000);
  assert.equal([counted.runs, called], [1, 'success']);
  await within(clock, other.drain());
});

test('R5 a second drain ends with the first, when nothing runs any more', async () => {
  const { clock, client } = await stage();
  const app = client('app');
  const slow = task({ name: 'slow' }, () => sleep(clock, 2_000));
  const worker = await within(clock, app.startWorker({ tasks: [slow], ...QUIET }));
  await within(
    clock,
    app.within(() => slow.schedule()),
  );
  await clock.advance(500);
  const began = clock.monotonic();
  await within(clock, Promise.all([worker.drain({ grace: '30s' }), worker.drain({ grace: '30s' })]));
  assert.ok(clock.monotonic() - began < 5_000, `${clock.monotonic() - began} ms`);
});

test('a client that is closed starts no worker, and a drain that cannot be read drains nothing', async () => {
  const { clock, client } = await stage();
  const app = client('app');
  const one = task({ name: 'one' }, () => 1);
  const worker = await within(clock, app.startWorker({ tasks: [one], ...QUIET }));
  const code = (promise: Promise<unknown>) =>
    within(
      clock,
      promise.then(
        () => 'done',
        (error: { readonly code?: string }) => error.code,
      ),
    );
  assert.is(await code(worker.drain({ grace: 'soon' as never })), 'INVALID_ARGUMENT');
  assert.is(worker.stats().draining, false);
  const handle = await within(
    clock,
    app.within(() => one.schedule()),
  );
  assert.is((await within(clock, handle.wait())).status, 'success');
  await within(clock, app.close());
  assert.is(await code(app.startWorker({ tasks: [one], ...QUIET })), 'NOT_CONNECTED');
});

test('an inline call works when the lease could not be taken once before', async () => {
  const { clock, world, client } = await stage();
  const app = client('app');
  const one = task({ name: 'one' }, () => 1);
  const call = () =>
    within(
      clock,
      app
        .within(() => one())
        .then(
          ({ status }) => status,
          () => 'thrown',
        ),
    );
  world.inject({ op: 'presence.hold', fault: 'lost-request', node: 'app', times: 1 });
  assert.equal([await call(), await call()], ['thrown', 'success']);
});

test('D10 the schema of a type is told without members that are undefined, which no wire has', () => {
  const schema = { type: 'array', description: undefined, items: { type: 'number', title: undefined } };
  const told = plainSchema(schema);
  assert.equal([Object.keys(told), Object.keys((told as typeof schema).items)], [['type', 'items'], ['type']]);
  const { argsSchema } = task({ name: 'schema', argsSchema: schema }, () => 1).definition;
  assert.equal(Object.keys(argsSchema ?? {}), ['type', 'items']);
});

test('H2 a worker starts with another definition and a schedule that fits it, whatever is kept of its type', async () => {
  const nightly = (count: number) =>
    task(
      {
        name: 'nightly',
        argsSchema: { type: 'array', minItems: count, maxItems: count },
        schedule: { cron: '0 3 * * *', args: Array.from({ length: count }, () => 1) },
      },
      (...numbers: number[]) => numbers.length,
    );
  // Its watch of what is kept is a moment behind; and nobody is there to keep it.
  for (const isThere of [true, false]) {
    const { clock, world, client, supervisor } = await stage();
    const first = await within(clock, client('v1').startWorker({ tasks: [nightly(1)], ...QUIET }));
    await clock.advance(5_000);
    await within(clock, first.drain());
    const next = client('v2');
    await within(clock, next.types());
    if (isThere) world.inject({ op: 'definition.kept', fault: 'delay', node: 'v2', delayMs: 300 });
    else await within(clock, supervisor.stop());
    const second = await within(clock, next.startWorker({ tasks: [nightly(2)], ...QUIET }));
    await within(clock, second.drain());
  }
});

test('the definitions of types cannot be had of a client that is closed, and that is said', async () => {
  const { clock, client } = await stage();
  const app = client('app');
  await within(clock, app.close());
  const error = await within(
    clock,
    app.types().catch((thrown: unknown) => thrown),
  );
  assert.instance(error, NotConnectedError);
});

test.run();
