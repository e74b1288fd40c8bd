// limit: 240s
// The run queue on a real server: what the contract does not ask because memory cannot get it wrong.
import { setTimeout as sleep } from 'node:timers/promises';
import { PRIORITIES, type Lane } from '@baton/protocols';
import type { Dispatch, RunQueue } from '@baton/runtime';
import * as assert from 'uvu/assert';
import { createRunQueue } from '../../packages/nats/src/run-queue.ts';
import { eventually } from '../support/eventually.ts';
import { suite } from '../support/suite.ts';
import { keys, lane, openWire, ownServer, put, putAll } from './nats-flow.ts';

const noteOf = (dispatch: Dispatch): string => Buffer.from(dispatch.bytes).toString();

type Work = {
  readonly started: string[];
  readonly mostRunning: () => number;
  readonly running: () => number;
  readonly handedOver: () => number;
  readonly close: () => Promise<void>;
};

/** A worker: so many slots, every task runs for `runMs()` and is acknowledged at its start. */
const work = async (
  queue: RunQueue,
  lanes: readonly Lane[],
  slots: number,
  runMs: (note: string) => number | Promise<unknown> = () => 0,
): Promise<Work> => {
  const started: string[] = [];
  let running = 0;
  let most = 0;
  let handed = 0;
  const reader = await queue.open(lanes, (dispatch) => {
    handed++;
    running++;
    most = Math.max(most, running);
    started.push(noteOf(dispatch));
    reader.setFree(slots - running);
    dispatch.ack();
    const ms = runMs(noteOf(dispatch));
    void (typeof ms === 'number' ? (ms === 0 ? Promise.resolve() : sleep(ms)) : ms).then(() => {
      running--;
      reader.setFree(slots - running);
    });
  });
  reader.setFree(slots);
  return {
    started,
    mostRunning: () => most,
    running: () => running,
    handedOver: () => handed,
    close: () => reader.close(),
  };
};

const nineLanes = (): readonly Lane[] =>
  ['a', 'b', 'c'].flatMap((queue) => PRIORITIES.map((priority) => lane({ queue, priority })));

const count = (list: readonly string[], prefix: string): number =>
  list.filter((each) => each.startsWith(prefix)).length;

const quantile = (list: readonly number[], q: number): number =>
  list.toSorted((a, b) => a - b)[Math.floor(list.length * q)] ?? 0;

const test = suite('nats run queue');

test(
  'under load: each once, first in first out, never more than the slots, few pulls',
  async ({ defer }) => {
    const { wire, faults } = await openWire(defer);
    const queue = createRunQueue(wire);
    const all = keys('k', 3_000);
    await putAll(queue, all);
    let pulls = 0;
    const publish = wire.nc.publish.bind(wire.nc);
    wire.nc.publish = (subject, ...rest) => {
      if (subject.includes('.MSG.NEXT.')) pulls++;
      publish(subject, ...rest);
    };
    const worker = await work(queue, [lane()], 50, () => Math.random() * 4);
    await eventually(() => assert.is(worker.started.length, all.length), { limitMs: 20_000 });
    assert.equal(worker.started, all);
    assert.ok(worker.mostRunning() <= 50, `${worker.mostRunning()} ran at once`);
    assert.ok(pulls < all.length / 4, `${pulls} pulls for ${all.length} tasks`);
    assert.equal(faults, []);
  },
  { limitMs: 40_000 },
);

test(
  'an idle worker starts a task at once, whatever its number of lanes and slots',
  async ({ defer }) => {
    const { wire } = await openWire(defer);
    const queue = createRunQueue(wire);
    const lanes = nineLanes();
    const worker = await work(queue, lanes, 1);
    const tookMs: number[] = [];
    for (const [i, key] of keys('k', 450).entries()) {
      const since = performance.now();
      await put(queue, key, lanes[i % lanes.length]);
      await eventually(() => worker.started.includes(key), { everyMs: 1 });
      tookMs.push(performance.now() - since);
    }
    assert.ok(quantile(tookMs, 0.5) < 10, `p50 ${quantile(tookMs, 0.5)} ms`);
    assert.ok(quantile(tookMs, 0.99) < 50, `p99 ${quantile(tookMs, 0.99)} ms`);
  },
  { limitMs: 30_000 },
);

test('a worker of many lanes is ready within a second', async ({ defer }) => {
  const { wire } = await openWire(defer);
  const queue = createRunQueue(wire);
  const lanes = keys('t', 30).flatMap((type) => PRIORITIES.map((priority) => lane({ type, priority })));
  await put(queue, 'first', lanes[77]);
  const since = performance.now();
  const worker = await work(queue, lanes, 4);
  await eventually(() => assert.equal(worker.started, ['first']), { everyMs: 2 });
  assert.ok(performance.now() - since < 1_000, `${performance.now() - since} ms`);
});

test(
  'X8: under load one start in twenty is low, and a busy high lane is served before',
  async ({ defer }) => {
    const { wire } = await openWire(defer);
    const queue = createRunQueue(wire);
    const [high, normal, low] = PRIORITIES.map((priority) => lane({ priority })) as [Lane, Lane, Lane];
    await putAll(queue, keys('high', 900), high);
    await putAll(queue, keys('normal', 300), normal);
    await putAll(queue, keys('low', 300), low);
    const worker = await work(queue, [low, normal, high], 20, () => 2);
    await eventually(() => assert.ok(worker.started.length >= 800), { limitMs: 15_000 });
    const first = worker.started.slice(0, 800);
    for (const prefix of ['normal', 'low']) {
      const share = count(first, prefix);
      assert.ok(share >= 38 && share <= 70, `${share} of 800 starts were ${prefix}`);
    }
  },
  { limitMs: 30_000 },
);

test(
  'X8: queues share the slots under load, however long one is and however many types another has',
  async ({ defer }) => {
    const { wire } = await openWire(defer);
    const queue = createRunQueue(wire);
    const lanes = [
      lane({ queue: 'a' }),
      ...['t1', 't2', 't3'].map((type) => lane({ queue: 'b', type })),
      lane({ queue: 'c' }),
    ];
    await putAll(queue, keys('a', 900), lanes[0]);
    for (const i of [1, 2, 3]) await putAll(queue, keys(`b${i}-`, 200), lanes[i]);
    await putAll(queue, keys('c', 300), lanes[4]);
    const worker = await work(queue, lanes, 12, () => 2);
    await eventually(() => assert.ok(worker.started.length >= 600), { limitMs: 15_000 });
    const first = worker.started.slice(0, 600);
    for (const prefix of ['a', 'b', 'c']) {
      const share = count(first, prefix);
      assert.ok(share >= 170 && share <= 230, `${share} of 600 starts were of queue ${prefix}`);
    }
  },
  { limitMs: 30_000 },
);

/** `known`: the low tasks come together, so that the worker hears of them with the first; else they come after it. */
for (const known of [true, false]) {
  const title = `what is high and came while all slots were taken starts before what is low${known ? '' : ', also when nothing is known of either'}`;
  test(
    title,
    async ({ defer }) => {
      for (let round = 0; round < 10; round++) {
        const { wire } = await openWire(defer);
        const standMs = 100;
        const queue = createRunQueue(wire, { standMs });
        const [high, low] = [lane({ priority: 'high' }), lane({ priority: 'low' })];
        const ends: (() => void)[] = [];
        const worker = await work(queue, [low, high], 1, () => new Promise<void>((resolve) => ends.push(resolve)));
        await putAll(queue, keys('low', known ? 5 : 1), low);
        await eventually(() => assert.is(worker.started.length, 1));
        if (!known) await putAll(queue, keys('later', 4), low);
        await sleep(standMs * 3); // every pull that stood is over now
        await putAll(queue, keys('high', 2), high);
        // The server counts what it has stored a moment later: until then it says that nothing waits there.
        const path = `CONSUMER.INFO.${wire.names.runStream}.${wire.names.laneConsumer(high)}`;
        await eventually(async () =>
          assert.is((await wire.api.call<{ readonly num_pending: number }>(path)).num_pending, 2),
        );
        for (let i = 1; i <= 2; i++) {
          ends.at(-1)?.();
          await eventually(() => assert.is(worker.started.length, i + 1));
        }
        assert.equal(worker.started, ['low00000', 'high00000', 'high00001'], `round ${round}`);
        assert.is(worker.mostRunning(), 1);
      }
    },
    { limitMs: 30_000 },
  );
}

test('what a full worker cannot take goes to one that has a slot', async ({ defer }) => {
  const { wire } = await openWire(defer);
  const queue = createRunQueue(wire);
  const forever = new Promise<void>(() => undefined);
  const full = await work(queue, nineLanes(), 1, () => forever);
  await put(queue, 'blocks', nineLanes()[4]);
  await eventually(() => assert.is(full.running(), 1));
  const other = await work(queue, nineLanes(), 20);
  const since = performance.now();
  for (const [i, where] of nineLanes().entries()) await put(queue, `k${i}`, where);
  await eventually(() => assert.is(other.started.length, 9), { everyMs: 2 });
  assert.ok(performance.now() - since < 1_000);
  assert.is(full.mostRunning(), 1);
});

test('a message that is no dispatch is taken out and reported, and the next one comes', async ({ defer }) => {
  const { wire, faults } = await openWire(defer);
  const queue = createRunQueue(wire);
  const worker = await work(queue, [lane()], 1);
  const prefix = wire.names.laneSubject(lane()).slice(0, -1);
  await wire.publisher.publish(`${prefix}nonsense`, Buffer.from('x'), { headers: { 'Baton-Revision': '1' } });
  await wire.publisher.publish(`${prefix}${'a'.repeat(32)}`, Buffer.from('x'), {});
  await put(queue, 'good');
  await eventually(() => assert.equal(worker.started, ['good']));
  assert.is(faults.length, 2, faults.join('; '));
  await eventually(async () => assert.is(await queue.oldestAt(lane()), undefined));
});

test('a consumer that is deleted under us is made again, and nothing is lost', async ({ defer }) => {
  const { wire } = await openWire(defer);
  const queue = createRunQueue(wire);
  const worker = await work(queue, [lane()], 4);
  await put(queue, 'before');
  await eventually(() => assert.equal(worker.started, ['before']));
  await wire.api.call(`CONSUMER.DELETE.${wire.names.runStream}.${wire.names.laneConsumer(lane())}`);
  await put(queue, 'after');
  await eventually(() => assert.equal(worker.started, ['before', 'after']), { limitMs: 2_000 });
});

test('a pull that vanished without a word is missed and sent again', async ({ defer }) => {
  const { wire } = await openWire(defer);
  const queue = createRunQueue(wire, { standMs: 300 });
  const publish = wire.nc.publish.bind(wire.nc);
  let dropped = 0;
  wire.nc.publish = (subject, ...rest) => {
    if (subject.includes('.MSG.NEXT.') && dropped++ === 0) return;
    publish(subject, ...rest);
  };
  const worker = await work(queue, [lane()], 1);
  await eventually(() => assert.is(dropped, 1));
  await put(queue, 'k');
  await eventually(() => assert.equal(worker.started, ['k']), { limitMs: 5_000 });
});

test('a foreign consumer under the name of a lane is refused and left as it is', async ({ defer }) => {
  const { wire } = await openWire(defer);
  const { runStream, laneConsumer, laneSubject } = wire.names;
  const name = laneConsumer(lane());
  const filter = laneSubject(lane({ type: 'other' }));
  const config = { name, durable_name: name, filter_subject: filter, ack_policy: 'explicit' };
  await wire.api.call(`CONSUMER.CREATE.${runStream}.${name}.${filter}`, { stream_name: runStream, config });
  const refused = await createRunQueue(wire)
    .open([lane()], () => undefined)
    .catch((error: unknown) => error);
  assert.match(String(refused), /reads .* and not/);
  const info = await wire.api.call<{ config: { filter_subject: string } }>(`CONSUMER.INFO.${runStream}.${name}`);
  assert.is(info.config.filter_subject, filter);
});

test('a consumer made with other settings serves as well', async ({ defer }) => {
  const { wire } = await openWire(defer);
  const first = await createRunQueue(wire, { ackWaitMs: 5_000 }).open([lane()], () => undefined);
  await first.close();
  const queue = createRunQueue(wire);
  const worker = await work(queue, [lane()], 1);
  await put(queue, 'k');
  await eventually(() => assert.equal(worker.started, ['k']));
});

test('an exception in take is reported, and the next message comes', async ({ defer }) => {
  const { wire, faults } = await openWire(defer);
  const queue = createRunQueue(wire);
  const got: string[] = [];
  const reader = await queue.open([lane()], (dispatch) => {
    got.push(noteOf(dispatch));
    dispatch.ack();
    if (got.length === 1) throw new Error('a fault of the owner');
  });
  reader.setFree(10);
  await putAll(queue, keys('k', 3));
  await eventually(() => assert.is(got.length, 3));
  assert.is(faults.length, 1);
  assert.match(faults[0] ?? '', /a fault of the owner/);
});

test(
  'close under load: others get at once all that was not taken',
  async ({ defer }) => {
    const { wire } = await openWire(defer);
    const queue = createRunQueue(wire);
    await putAll(queue, keys('k', 2_000));
    const leaver = await work(queue, [lane()], 100, () => 5);
    await eventually(() => assert.ok(leaver.started.length > 200), { everyMs: 1 });
    await leaver.close();
    const taken = leaver.started.length;
    const since = performance.now();
    const other = await work(queue, [lane()], 100);
    await eventually(() => assert.is(taken + other.started.length, 2_000), { limitMs: 8_000 });
    assert.ok(performance.now() - since < 5_000, 'well before the acknowledgement wait');
    assert.is(leaver.started.length, taken);
  },
  { limitMs: 20_000 },
);

test(
  'the server is killed and comes back: what it kept starts, and what it lost starts when it is put again',
  async ({ defer }) => {
    const server = await ownServer(defer);
    const { wire } = await openWire(defer, { servers: server.url });
    const queue = createRunQueue(wire, { ackWaitMs: 3_000 });
    const worker = await work(queue, nineLanes(), 10, () => 1);
    const all = keys('k', 300);
    const laneOf = (key: string) => nineLanes()[Number(key.slice(1)) % 9];
    await Promise.all(all.map((key) => put(queue, key, laneOf(key))));
    await server.kill('SIGKILL');
    await server.restart();
    const backAt = performance.now();
    await eventually(() => assert.ok(wire.link.connected), { limitMs: 8_000 });
    // The queue is a hint that is acknowledged before it is on disk; the supervisor puts again what is missing.
    const missing = all.filter((key) => !worker.started.includes(key));
    await Promise.all(missing.map((key) => put(queue, key, laneOf(key))));
    await eventually(() => assert.is(new Set(worker.started).size, all.length), { limitMs: 15_000 });
    assert.ok(performance.now() - backAt < 10_000, `${performance.now() - backAt} ms after its return`);
    assert.ok(worker.mostRunning() <= 10);
  },
  { limitMs: 60_000 },
);

test(
  'close does not wait for a server that is gone',
  async ({ defer }) => {
    const server = await ownServer(defer);
    const { wire } = await openWire(defer, { servers: server.url });
    const worker = await work(createRunQueue(wire), nineLanes(), 1);
    await server.kill('SIGKILL');
    await eventually(() => assert.not.ok(wire.link.connected));
    const since = performance.now();
    await worker.close();
    assert.ok(performance.now() - since < 3_000, `${performance.now() - since} ms`);
  },
  { limitMs: 30_000 },
);

test.run();
