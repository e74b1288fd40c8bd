import { addressOf, allPartitions, decodeRecord, type Address } from '@baton/protocols';
import { createKernel, type Entry, type Kernel } from '@baton/runtime';
import * as assert from 'uvu/assert';
import { suite } from '../../../../test/support/suite.ts';
import { createVirtualClock, type VirtualClock } from '../virtual-clock.ts';
import { createMemoryWorld, type MemoryWorld } from './world.ts';

const test = suite('testkit: memory world');

const at = (key: string): Address => addressOf({ scope: 'shared', type: 'job', key });

const create = (seed: number | string = 1, latencyMs: readonly [number, number] = [0, 0]) => {
  const clock = createVirtualClock({ seed });
  return { clock, world: createMemoryWorld({ clock, seed, latencyMs }) };
};

const submit = (kernel: Kernel, world: MemoryWorld, name: string, key: string) => {
  const { chance, clock } = world.ports(name);
  const id = chance.uuid();
  const spec = {
    id,
    type: 'job',
    key,
    name: key,
    scope: 'shared',
    queue: 'default',
    priority: 'normal',
    mode: 'async',
    policy: {},
  } as const;
  return kernel.ask(at(key), () => ({
    kind: 'submit',
    at: clock.now(),
    actor: { user: name, admin: false },
    spec,
    whenAborting: 'queue',
  }));
};

/** Some processes that submit, and some workers that claim, all at once, with faults. */
const busyRun = async (seed: number): Promise<{ readonly world: MemoryWorld; readonly clock: VirtualClock }> => {
  const { clock, world } = create(seed, [0, 3]);
  world.inject({ op: 'store.write', fault: 'lost-reply', probability: 0.1 });
  world.inject({ op: 'store.write', fault: 'lost-request', probability: 0.1 });
  world.inject({ op: 'feed.entry', fault: 'duplicate', probability: 0.1 });
  for (const name of ['w1', 'w2']) {
    const ports = world.ports(name);
    const kernel = createKernel(ports);
    const claim = async ({ address, revision, bytes }: Entry): Promise<void> => {
      const { id, status } = decodeRecord(bytes);
      if (status !== 'pending') return;
      await kernel.ask(address, (held) => ({
        kind: 'claim',
        at: ports.clock.now(),
        id,
        worker: name,
        epoch: ports.store.epoch,
        revision: held?.revision ?? 0,
        offered: revision,
      }));
    };
    const nothing = (): void => {};
    void ports.feed.follow(allPartitions(), { entry: (entry) => void claim(entry), caughtUp: nothing, lost: nothing });
  }
  for (const name of ['a', 'b', 'c']) {
    const kernel = createKernel(world.ports(name));
    for (let i = 0; i < 5; i++) {
      void submit(kernel, world, name, `key-${i}`);
    }
  }
  await clock.advance(60_000);
  return { clock, world };
};

test('one seed gives one run, byte for byte; another gives another', async () => {
  const first = await busyRun(7);
  const second = await busyRun(7);
  const other = await busyRun(8);
  assert.ok(first.world.trace.lines() > 100);
  assert.is(first.world.trace.digest(), second.world.trace.digest());
  assert.is.not(first.world.trace.digest(), other.world.trace.digest());
});

test('all tasks of the busy run were made once and claimed', async () => {
  for (let seed = 1; seed <= 10; seed++) {
    const { world } = await busyRun(seed);
    const ids = new Set(world.history().map((stored) => decodeRecord(stored.bytes).id));
    assert.is(ids.size, 5, `seed ${seed}`);
    const statuses = world.heads().map((entry) => decodeRecord(entry.bytes).status);
    assert.equal(
      statuses,
      Array.from({ length: 5 }, () => 'in_progress'),
      `seed ${seed}`,
    );
  }
});

test('works without a virtual clock and without waiting', async ({ defer }) => {
  const world = createMemoryWorld();
  defer(() => world.close());
  const asked = await submit(createKernel(world.ports('a')), world, 'a', 'k');
  assert.is(asked.kind, 'done');
  assert.is(world.heads().length, 1);
});

test('two requests made at once arrive in either order', async () => {
  const winners = new Set<string>();
  for (let seed = 0; seed < 20; seed++) {
    const { clock, world } = create(seed);
    const writes = ['a', 'b'].map((name) => world.ports(name).store.write(at('k'), Buffer.from(name), 0));
    await clock.settle(Promise.all(writes));
    winners.add(Buffer.from(world.heads()[0]?.bytes ?? []).toString());
  }
  assert.equal([...winners].toSorted(), ['a', 'b']);
});

test('a killed process learns nothing more and does nothing more', async () => {
  const { clock, world } = create(1, [5, 5]);
  const node = world.node('a');
  let settled = false;
  void node.ports.store.load(at('k')).finally(() => {
    settled = true;
  });
  let rang = false;
  node.ports.clock.after(10, () => {
    rang = true;
  });
  node.crash();
  void node.ports.store.write(at('k'), Buffer.from('x'), 0);
  await clock.advance(60_000);
  assert.not.ok(settled);
  assert.not.ok(rang);
  assert.is(world.heads().length, 0);
  assert.is.not(world.ports('a'), node.ports);
  const chance = world.ports('a').chance;
  assert.is.not(chance.nonce(), node.ports.chance.nonce());
});

test('a frozen process gets what it missed when it moves again', async () => {
  const { clock, world } = create();
  const node = world.node('a');
  const order: string[] = [];
  node.freeze();
  node.ports.clock.after(10, () => order.push('timer'));
  void node.ports.store.load(at('k')).then(() => order.push('load'));
  await clock.advance(1_000);
  assert.equal(order, []);
  node.resume();
  await clock.advance(0);
  assert.equal(order.toSorted(), ['load', 'timer']);
});

test('a late write is applied after the caller was told that it is unknown', async () => {
  const { clock, world } = create();
  const fault = world.inject({ op: 'store.write', fault: 'late-apply', times: 1, delayMs: 500 });
  const result = await clock.settle(world.ports('a').store.write(at('k'), Buffer.from('x'), 0));
  assert.is(result.kind, 'unknown');
  assert.is(world.heads().length, 0);
  await clock.advance(500);
  assert.is(world.heads().length, 1);
  assert.is(fault.hits(), 1);
});

test('a fault that cannot happen at a place is refused', () => {
  assert.throws(() => create().world.inject({ op: 'feed.entry', fault: 'lost-reply' }), /cannot happen at feed.entry/);
});

test('every stored record is in the history, in order, also when the server has forgotten it', async () => {
  const { clock, world } = create(3, [0, 2]);
  const { store } = world.ports('a');
  await clock.settle(store.write(at('k'), Buffer.from('1'), 0, { ttlMs: 1_000 }));
  await clock.settle(store.write(at('l'), Buffer.from('2'), 0));
  await clock.advance(1_500);
  assert.equal(
    world.heads().map((entry) => entry.revision),
    [2],
  );
  assert.equal(
    world.history().map((stored) => stored.revision),
    [1, 2],
  );
});

test('an outcome is kept beside its record, for projections alone', async () => {
  const { clock, world } = create();
  const { store, projections } = world.ports('a');
  await clock.settle(store.write(at('k'), Buffer.from('1'), 0));
  await clock.settle(store.write(at('k'), Buffer.from('2'), 0, { outcomeOf: 'former' }));
  assert.is((await clock.settle(store.write(at('k'), Buffer.from('3'), 0, { outcomeOf: 'former' }))).kind, 'conflict');
  assert.equal(
    [world.heads(), world.outcomes(), world.history()].map((some) => some.length),
    [1, 1, 1],
  );
  const reader = await clock.settle(projections.reader('all'));
  const { entries } = await clock.settle(reader.next(10, 0));
  assert.equal(
    entries.map(({ outcomeOf }) => outcomeOf),
    [undefined, 'former'],
  );
});

test('a bucket made again counts from 1 under a later epoch, and readers are told', async () => {
  const { clock, world } = create();
  const { store, feed } = world.ports('a');
  const lost: string[] = [];
  const { link } = world.ports('a');
  link.onClosed((cause) => lost.push(cause.code));
  await clock.settle(store.write(at('k'), Buffer.from('1'), 0));
  await clock.settle(
    feed.follow([at('k').slice(0, 2)], { entry: () => {}, caughtUp: () => {}, lost: (e) => lost.push(e.code) }),
  );
  world.recreateBucket();
  assert.equal(lost, ['STORE_MISSING']);
  assert.ok(world.ports('b').store.epoch > store.epoch);
  assert.equal(await clock.settle(store.write(at('k'), Buffer.from('2'), 0)), { kind: 'written', revision: 1 });
  await clock.advance(5_000);
  assert.equal([lost, link.connected], [['STORE_MISSING', 'EPOCH_CHANGED'], false]);
  world.heal();
  assert.is(link.connected, false);
});

test('a blocked process is seen as blocked, a frozen one not at all, and both again afterwards', async () => {
  const { clock, world } = create();
  const node = world.node('w');
  const told: string[] = [];
  const info = { role: 'worker', id: 'w', host: 'h', pid: 1, startedAt: 0, state: 'ready' } as const;
  await clock.settle(
    node.ports.presence.hold(info, { lost: () => told.push('lost'), regained: () => told.push('regained') }),
  );
  let seen: string[] = [];
  await clock.settle(
    world
      .ports('s')
      .presence.follow({ seen: (i) => seen.push(i.state), left: () => {}, caughtUp: () => {}, lost: () => {} }),
  );
  const states = async (ms: number): Promise<string[]> => {
    seen = [];
    await clock.advance(ms);
    return [...new Set(seen)];
  };
  assert.equal(await states(5_000), ['ready']);
  node.block();
  assert.equal(await states(5_000), ['blocked']);
  node.resume();
  assert.equal(await states(5_000), ['ready']);
  node.freeze();
  assert.equal(await states(20_000), []);
  node.resume();
  assert.equal(await states(5_000), ['ready']);
  assert.equal(told, ['lost', 'regained']);
});

test.run();
