import { createSupervisor, silentLog } from '@baton/runtime';
import { createVirtualClock, createMemoryWorld, type Injected } from '@baton/testkit';
import * as assert from 'uvu/assert';
import { suite } from '../../../test/support/suite.ts';
import { within } from '../../../test/support/virtual-time.ts';
import type { Baton } from './baton.ts';
import { createBaton } from './create.ts';
import { getContext, task } from './index.ts';

const test = suite('inline calls');

const stage = async () => {
  const clock = createVirtualClock({ seed: 1 });
  const world = createMemoryWorld({ clock, seed: 1 });
  await clock.settle(createSupervisor(world.ports('supervisor'), { id: 'supervisor', log: silentLog }).start());
  await clock.advance(1_000);
  const client = (name: string): Baton => createBaton({ ports: world.ports(name), user: { id: 'alice' } });
  return { clock, world, client };
};

for (const [how, run] of [
  ['refused', 1],
  ['refused', 2],
  ['cut off', 2],
  ['never sure of anything', 1],
] as const)
  test(`an inline call whose claim of run ${run} is ${how} is made again, here`, async () => {
    const { clock, world, client } = await stage();
    const again = task({ name: 'again', retry: { maxAttempts: 2, backoff: { initial: '10s', jitter: 0 } } }, () => {
      if (getContext().attempt === 1) throw new Error('first');
      return 'well';
    });
    // Others serve it too, and are not offered it while its host lives.
    await within(clock, client('worker').startWorker({ tasks: [again], handleStrayErrors: false }));
    const app = world.node('app');
    const fail = (): void => {
      const refused = { node: 'app', fault: 'refused' } as const;
      if (how === 'cut off') app.disconnect();
      else if (how === 'refused') world.inject({ ...refused, op: 'store.write', times: 1 });
      else
        for (const op of ['store.write', 'store.load'] as const)
          world.inject({ ...refused, op, probability: 0.8, times: 20 });
    };
    let isFirst = run === 1;
    world.onWrite(() => {
      if (isFirst) fail();
      isFirst = false;
    });
    const called = client('app').within(() => again());
    called.catch(() => undefined);
    await clock.advance(9_000);
    if (run === 2) fail();
    await clock.advance(3_000);
    app.reconnect();
    const handle = await within(clock, called);
    assert.is(handle.result, 'well');
    assert.equal(new Set(handle.record.history.map(({ by }) => by).filter((by) => by?.startsWith('worker:'))).size, 1);
    assert.is(handle.record.rescues, undefined);
  });

test('an inline call whose claim comes to nothing ends when it is cancelled, and lets go of a client that is closed', async () => {
  const { clock, world, client } = await stage();
  const one = task({ name: 'one', scope: 'shared' }, () => 1);
  for (const how of ['cancelled', 'closed'] as const) {
    const called = one.with({ taskKey: how });
    const baton = client(how);
    let isNew = true;
    let refused: Injected | undefined;
    const listening = world.onWrite(() => {
      if (isNew) refused = world.inject({ op: 'store.write', node: how, fault: 'refused' });
      isNew = false;
    });
    const end = baton
      .within(() => called())
      .then(
        ({ status }) => status,
        () => 'thrown',
      );
    await clock.advance(20_000);
    listening.close();
    if (how === 'closed') {
      await within(clock, baton.close());
      world.inject({ op: 'store.load', node: how, fault: 'refused' });
      const tries = refused?.hits() ?? 0;
      assert.ok(tries > 5);
      await clock.advance(20_000);
      assert.is(refused?.hits(), tries, 'no more of them');
      world.heal();
      const same = await within(
        clock,
        client('other').within(() => called.schedule()),
      );
      await clock.advance(10_000);
      await within(clock, same.refresh());
      assert.equal([same.status, same.record.host], ['pending', undefined], 'it is for others now');
      await within(clock, client('w').startWorker({ tasks: [one], handleStrayErrors: false }));
      assert.is((await within(clock, same.wait())).status, 'success');
    } else {
      const same = await within(
        clock,
        client('other').within(() => called.schedule()),
      );
      await within(clock, same.cancel());
      assert.is(await within(clock, end), 'aborted');
    }
  }
});

test('a body that still runs where its client is closed is told to stop, before the task begins elsewhere', async () => {
  const { clock, client } = await stage();
  const seen: string[] = [];
  const long = task({ name: 'long' }, async () => {
    const { signal, attempt } = getContext();
    seen.push(`begun ${attempt}`);
    await new Promise<void>((resolve) => {
      signal.addEventListener('abort', () => {
        seen.push(`told ${attempt}: ${signal.reason.cause}`);
        resolve();
      });
    });
    throw signal.reason;
  });
  const app = client('app');
  const called = app.within(() => long());
  called.catch(() => undefined);
  await clock.advance(1_000);
  await within(clock, app.close());
  assert.equal(seen, ['begun 1', 'told 1: drain']);
  await within(clock, client('w').startWorker({ tasks: [long], handleStrayErrors: false }));
  await clock.advance(60_000);
  assert.equal(seen, ['begun 1', 'told 1: drain', 'begun 1']);
});

test('an inline call whose answer was lost is run here, also where somebody has joined it before it was looked for', async () => {
  const { clock, world, client } = await stage();
  let ran = 0;
  const one = task({ name: 'one' }, () => ++ran);
  world.inject({ op: 'store.write', fault: 'lost-reply', node: 'app', times: 1 });
  const called = client('app').within(() => one.with({ taskKey: 'k' })());
  await clock.advance(1_000);
  const joined = await within(
    clock,
    client('other').within(() => one.with({ taskKey: 'k' }).schedule()),
  );
  assert.is((await within(clock, called)).result, 1);
  assert.is((await within(clock, joined.wait())).result, 1);
});

for (const how of ['slow', 'away'] as const)
  test(`the task of an inline call that nobody can tell of, the store being ${how}, is run here once it is found`, async () => {
    const { clock, world, client } = await stage();
    let ran = 0;
    const one = task({ name: 'one' }, async () => {
      await new Promise<void>((resolve) => void world.ports('app').clock.after(20_000, resolve));
      return ++ran;
    });
    await within(clock, client('worker').startWorker({ tasks: [one], handleStrayErrors: false }));
    const app = client('app');
    const node = world.node('app');
    let isFirst = true;
    world.onWrite(() => {
      if (isFirst && how === 'away') node.disconnect();
      isFirst = false;
    });
    if (how === 'slow')
      for (const op of ['store.write', 'store.load'] as const)
        world.inject({ op, fault: 'lost-reply', node: 'app', times: 1 });
    const called = app.within(() => one.with({ taskKey: 'k' })());
    const code = await within(
      clock,
      called.then(
        () => undefined,
        (error) => error.code,
      ),
    );
    assert.is(code, 'OUTCOME_UNKNOWN');
    node.reconnect();
    // Another process waits for it, and cannot run it.
    const handle = await within(
      clock,
      client('other').within(() => one.with({ taskKey: 'k' })()),
    );
    assert.equal([handle.result, handle.outcome, ran], [1, 'joined', 1]);
  });

test('an inline call that is repeated under its operation id runs the task that the first one made', async () => {
  const { clock, world, client } = await stage();
  let ran = 0;
  const one = task({ name: 'one' }, () => ++ran);
  const app = client('app');
  const call = () => app.within(() => one.with({ taskKey: 'k', operationId: 'op' })());
  world.inject({ op: 'store.write', fault: 'lost-reply', node: 'app', times: 1 });
  world.inject({ op: 'store.load', fault: 'lost-reply', node: 'app', times: 1 });
  const first = call();
  const code = await within(
    clock,
    first.catch((error) => error.code),
  );
  assert.is(code, 'OUTCOME_UNKNOWN');
  const again = await within(clock, Promise.all([call(), call()]));
  assert.equal([again.map(({ result }) => result), ran], [[1, 1], 1]);
});

test('an inline call that waits for its next attempt begins none once its client is closed', async () => {
  const { clock, world, client } = await stage();
  const begun: number[] = [];
  const again = task({ name: 'again', retry: { maxAttempts: 2, backoff: { initial: '10s', jitter: 0 } } }, () => {
    begun.push(getContext().attempt);
    throw new Error('no');
  });
  const app = client('app');
  const called = app.within(() => again());
  called.catch(() => undefined);
  await clock.advance(5_000);
  // Nobody else looks after it meanwhile.
  world.node('supervisor').disconnect();
  await within(clock, app.close());
  await clock.advance(20_000);
  assert.equal(begun, [1]);
});

test('an attempt whose claim is answered after its client was closed is not begun there', async () => {
  const { clock, world, client } = await stage();
  const begun: number[] = [];
  const again = task({ name: 'again', retry: { maxAttempts: 2, backoff: { initial: '10s', jitter: 0 } } }, () => {
    begun.push(getContext().attempt);
    throw new Error('no');
  });
  const app = client('app');
  const called = app.within(() => again());
  called.catch(() => undefined);
  await clock.advance(9_900);
  world.inject({ op: 'store.write', fault: 'delay', node: 'app', times: 1, delayMs: 1_000 });
  await clock.advance(300);
  world.node('supervisor').disconnect();
  await within(clock, app.close());
  await clock.advance(20_000);
  assert.equal(begun, [1]);
});

test.run();
