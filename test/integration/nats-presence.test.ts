// limit: 240s
// Leases on a real server, with real threads and processes: what the contract does not ask.
import { fork, type ChildProcess } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { encode } from '@baton/protocols';
import { NotConnectedError, type Lease, type NodeInfo, type NodesListener } from '@baton/runtime';
import * as assert from 'uvu/assert';
import { connectNats, type NatsWire } from '../../packages/nats/src/connect.ts';
import type { LeaseTimings } from '../../packages/nats/src/presence/lease-watch.ts';
import { createPresence, type PresenceSettings } from '../../packages/nats/src/presence/presence.ts';
import { rejectionOf } from '../contract/bench.ts';
import { eventually } from '../support/eventually.ts';
import { suite, type TestContext } from '../support/suite.ts';
import { openWire, ownServer, sharedServer } from './nats-flow.ts';

type Defer = TestContext['defer'];

/** A tenth of the shipped ones. */
const quick: LeaseTimings = { renewMs: 200, leaseMs: 600, blockedAfterMs: 150, maxBlockMs: 2_000 };

const info = (id: string, over: Partial<NodeInfo> = {}): NodeInfo => ({
  role: 'worker',
  id,
  host: 'here',
  pid: process.pid,
  startedAt: 1_700_000_000_000,
  state: 'ready',
  ...over,
});

/** What a holder in a process of its own is told to do, and what it tells. */
type Holding = { readonly namespace: string; readonly id: string; readonly timings: LeaseTimings };
type Order = { readonly blockMs: number };

// This file is also the program that holds a lease in a process of its own, to be blocked and killed.
const holding = process.env['BATON_TEST_HOLDING'];
if (holding === undefined) declareTests();
else await holdAsTold(JSON.parse(holding) as Holding);

async function holdAsTold({ namespace, id, timings }: Holding): Promise<void> {
  const servers = sharedServer();
  const wire = await connectNats({ servers, namespace });
  const presence = createPresence(wire, { dial: { servers }, timings });
  await presence.hold(info(id), { lost: () => process.send?.('lost'), regained: () => process.send?.('regained') });
  process.on('message', ({ blockMs }: Order) => {
    const end = performance.now() + blockMs;
    while (performance.now() < end) continue;
    process.send?.('unblocked');
  });
  process.send?.('held');
}

type Holder = { readonly child: ChildProcess; readonly told: string[]; readonly block: (ms: number) => void };

async function startHolder(defer: Defer, told: Holding): Promise<Holder> {
  const { BATON_TEST_REPORT: _, ...env } = process.env;
  const child = fork(process.argv[1] ?? '', { env: { ...env, BATON_TEST_HOLDING: JSON.stringify(told) } });
  defer(() => child.kill('SIGKILL'));
  const news: string[] = [];
  child.on('message', (message) => news.push(message as string));
  await eventually(() => assert.ok(news.includes('held')), { limitMs: 8_000 });
  return { child, told: news, block: (blockMs) => child.send({ blockMs } satisfies Order) };
}

type Seen = { readonly at: number; readonly info: NodeInfo };
type Watching = { readonly seen: Seen[]; readonly left: string[]; caughtUp: number; readonly lost: string[] };

async function watch(wire: NatsWire, settings: PresenceSettings): Promise<Watching> {
  const watching: Watching = { seen: [], left: [], caughtUp: 0, lost: [] };
  const listener: NodesListener = {
    seen: (node) => watching.seen.push({ at: performance.now(), info: node }),
    left: (role, id) => watching.left.push(`${role}.${id}`),
    caughtUp: () => watching.caughtUp++,
    lost: (cause) => watching.lost.push(cause.code),
  };
  await createPresence(wire, settings).follow(listener);
  await eventually(() => assert.is(watching.caughtUp, 1));
  return watching;
}

const longestGap = (seen: readonly Seen[]): number =>
  Math.max(0, ...seen.slice(1).map(({ at }, i) => at - (seen[i]?.at ?? at)));

async function hold(
  wire: NatsWire,
  node: NodeInfo,
  settings: PresenceSettings,
): Promise<Lease & { readonly told: string[] }> {
  const told: string[] = [];
  const lease = await createPresence(wire, settings).hold(node, {
    lost: () => told.push('lost'),
    regained: () => told.push('regained'),
  });
  return { counts: lease.counts, update: lease.update, release: lease.release, told };
}

function declareTests(): void {
  const test = suite('nats presence');
  const dial = () => ({ servers: sharedServer() });

  test(
    'R6: with the shipped timings, a loop that is blocked for 5 s is shown as blocked and stays alive',
    async ({ defer }) => {
      const { wire } = await openWire(defer);
      const watching = await watch(wire, { dial: dial() });
      const timings: LeaseTimings = { renewMs: 2_000, leaseMs: 6_000, blockedAfterMs: 1_000, maxBlockMs: 60_000 };
      const holder = await startHolder(defer, { namespace: wire.names.namespace, id: 'w1', timings });
      await eventually(() => assert.is(watching.seen.at(-1)?.info.state, 'ready'));
      holder.block(5_000);
      await eventually(() => assert.is(watching.seen.at(-1)?.info.state, 'blocked'), { limitMs: 2_500 });
      await eventually(() => assert.ok(holder.told.includes('unblocked')), { limitMs: 8_000 });
      await eventually(() => assert.is(watching.seen.at(-1)?.info.state, 'ready'));
      assert.ok(longestGap(watching.seen) < 3_000, `no renewal for ${longestGap(watching.seen)} ms`);
      assert.not.ok(holder.told.includes('lost'));
    },
    { limitMs: 40_000 },
  );

  test(
    'R6: a loop that is blocked for too long lets the lease go, and takes it again when it turns',
    async ({ defer }) => {
      const { wire } = await openWire(defer);
      const watching = await watch(wire, { dial: dial() });
      const holder = await startHolder(defer, { namespace: wire.names.namespace, id: 'w1', timings: quick });
      holder.block(4_000);
      await eventually(() => assert.ok(holder.told.includes('unblocked')), { limitMs: 8_000 });
      await eventually(() => assert.is(holder.told.at(-1), 'regained'));
      assert.equal(
        holder.told.filter((each) => each !== 'unblocked'),
        ['held', 'lost', 'regained'],
      );
      const gap = longestGap(watching.seen);
      assert.ok(gap > 1_500 && gap < 3_000, `no renewal for ${gap} ms`);
    },
    { limitMs: 20_000 },
  );

  test('a process that is killed is not heard of again, and nobody says that it left', async ({ defer }) => {
    const { wire } = await openWire(defer);
    const watching = await watch(wire, { dial: dial() });
    const holder = await startHolder(defer, { namespace: wire.names.namespace, id: 'w1', timings: quick });
    await eventually(() => assert.ok(watching.seen.length > 2));
    holder.child.kill('SIGKILL');
    await sleep(100);
    const heard = watching.seen.length;
    await sleep(3 * quick.renewMs);
    assert.is(watching.seen.length, heard);
    assert.equal(watching.left, []);
  });

  test('a process that is frozen and goes on is told that its lease was lost, and then that it is back', async ({
    defer,
  }) => {
    const { wire } = await openWire(defer);
    const holder = await startHolder(defer, { namespace: wire.names.namespace, id: 'w1', timings: quick });
    holder.child.kill('SIGSTOP');
    await sleep(2 * quick.leaseMs);
    holder.child.kill('SIGCONT');
    await eventually(() => assert.equal(holder.told, ['held', 'lost', 'regained']), { limitMs: 8_000 });
  });

  test(
    'the server is frozen: the holder is told before others may count it as dead, and again when it is back',
    async ({ defer }) => {
      const server = await ownServer(defer);
      const { wire } = await openWire(defer, { servers: server.url });
      const settings: PresenceSettings = { dial: { servers: server.url }, timings: quick };
      const watching = await watch(wire, settings);
      const lease = await hold(wire, info('w1'), settings);
      defer(() => lease.release());
      await eventually(() => assert.ok(watching.seen.length > 2));
      server.pause();
      await eventually(() => assert.equal(lease.told, ['lost']), { everyMs: 2 });
      const silentMs = performance.now() - (watching.seen.at(-1)?.at ?? 0);
      server.resume();
      assert.ok(silentMs < quick.leaseMs, `told ${silentMs} ms after the last renewal that was seen`);
      await eventually(() => assert.equal(lease.told, ['lost', 'regained']), { limitMs: 10_000 });
    },
    { limitMs: 30_000 },
  );

  test(
    'R8 the server is killed and comes back: nobody could see a lease end, so none is lost; a new follower sees them',
    async ({ defer }) => {
      const server = await ownServer(defer);
      const { wire } = await openWire(defer, { servers: server.url });
      const settings: PresenceSettings = { dial: { servers: server.url }, timings: quick };
      const watching = await watch(wire, settings);
      const lease = await hold(wire, info('w1'), settings);
      defer(() => lease.release());
      await server.kill('SIGKILL');
      const killedAt = performance.now();
      await eventually(() => assert.equal(watching.lost, ['NOT_CONNECTED']));
      const refused = await createPresence(wire, settings)
        .follow({} as NodesListener)
        .catch((error: unknown) => error);
      assert.instance(refused, NotConnectedError);
      await eventually(() => assert.ok(performance.now() - killedAt > 3 * quick.leaseMs));
      await server.restart();
      await eventually(() => assert.ok(wire.link.connected), { limitMs: 8_000 });
      const again = await watch(wire, settings);
      await eventually(() => assert.ok(again.seen.length > 2));
      assert.equal(lease.told, [], 'its holder was never told to stop');
      assert.equal(watching.lost, ['NOT_CONNECTED'], 'told once');
    },
    { limitMs: 60_000 },
  );

  test('what is released stays released, also for who comes later', async ({ defer }) => {
    const { wire } = await openWire(defer);
    const settings: PresenceSettings = { dial: dial(), timings: quick };
    const watching = await watch(wire, settings);
    const lease = await hold(wire, info('w1'), settings);
    lease.update({ state: 'draining', running: 3 });
    await eventually(() =>
      assert.equal([watching.seen.at(-1)?.info.state, watching.seen.at(-1)?.info.running], ['draining', 3]),
    );
    const since = performance.now();
    await lease.release();
    await eventually(() => assert.equal(watching.left, ['worker.w1']), { everyMs: 2 });
    assert.ok(performance.now() - since < 1_000);
    const heard = watching.seen.length;
    await lease.release();
    await sleep(3 * quick.renewMs);
    assert.is(watching.seen.length, heard);
    const later = await watch(wire, settings);
    assert.equal(later.seen, []);
    assert.equal(lease.told, []);
  });

  test('two processes under one id: the one started later stays, the other is told and gives way for good', async ({
    defer,
  }) => {
    const { wire, faults } = await openWire(defer);
    const settings: PresenceSettings = { dial: dial(), timings: quick };
    const first = await hold(wire, info('w1', { pid: 1 }), settings);
    const second = await hold(wire, info('w1', { pid: 2, startedAt: 1_700_000_000_001 }), settings);
    await eventually(() => assert.equal(first.told, ['lost']));
    const watching = await watch(wire, settings);
    await eventually(() => assert.ok(watching.seen.length > 3));
    assert.ok(watching.seen.slice(1).every((each) => each.info.pid === 2));
    assert.match(faults.join('; '), /started later/);
    await first.release();
    await sleep(2 * quick.renewMs);
    assert.equal([watching.left, second.told], [[], []]);
    await second.release();
  });

  test('values that are no node are left out and counted, and good ones are seen', async ({ defer }) => {
    const { wire, faults } = await openWire(defer);
    const settings: PresenceSettings = { dial: dial(), timings: quick };
    const bad = [
      [wire.names.nodeSubject('worker', 'w1'), encode({ role: 'worker', id: 'w1' })],
      [wire.names.nodeSubject('worker', 'w2'), Uint8Array.of(0xc1)],
      [wire.names.nodeSubject('worker', 'w3'), encode(info('another'))],
      [`${wire.names.nodePrefix}cook.c1`, encode(info('c1'))],
    ] as const;
    const publishAll = () => Promise.all(bad.map(([subject, bytes]) => wire.publisher.publish(subject, bytes)));
    await publishAll();
    const watching = await watch(wire, settings);
    await publishAll();
    const lease = await hold(wire, info('good'), settings);
    await eventually(() => assert.ok(watching.seen.length > 0));
    await lease.release();
    assert.ok(watching.seen.every((each) => each.info.id === 'good'));
    assert.equal(
      faults.map((fault) => /\((\d) so far\)/.exec(fault)?.[1]),
      ['1', '2', '4', '8'],
    );
  });

  test('the thread dies: the lease is lost, and taken again by a new thread', async ({ defer }) => {
    const { wire } = await openWire(defer);
    const settings: PresenceSettings = { dial: dial(), timings: quick };
    const lease = await hold(wire, info('w1'), settings);
    // Nothing this deep can be encoded: the thread ends with an exception, as it would by a fault of its own.
    const poison = (10n ** 40n) as unknown as NodeInfo['state'];
    lease.update({ state: poison });
    await eventually(() => assert.equal(lease.told, ['lost']));
    lease.update({ state: 'ready' });
    await eventually(() => assert.equal(lease.told, ['lost', 'regained']), { limitMs: 8_000 });
    await lease.release();
  });

  test('a lease that cannot be taken is refused with a reason', async ({ defer }) => {
    const { wire } = await openWire(defer);
    const refusal = async (settings: PresenceSettings, node = info('w1')): Promise<unknown> =>
      createPresence(wire, settings)
        .hold(node, { lost: () => undefined, regained: () => undefined })
        .catch((error: unknown) => error);
    const nowhere = await refusal({ dial: { servers: '127.0.0.1:9', connectTimeoutMs: 500 }, startMs: 3_000 });
    assert.instance(nowhere, NotConnectedError);
    assert.match(String(nowhere), /no nats-server at/);
    assert.match(String(await refusal({ dial: dial() }, info('a.b'))), /node id/);
    await wire.api.call(`STREAM.DELETE.${wire.names.nodesStream}`);
    const unstored = await refusal({ dial: dial(), startMs: 1_000 });
    assert.instance(unstored, NotConnectedError);
  });

  test(
    'a lease that is refused at first is taken as soon as it is not, and where it never is the reason is told',
    async ({ defer }) => {
      const { wire, faults } = await openWire(defer);
      const { nodesStream } = wire.names;
      const { config } = await wire.api.call<{ readonly config: object }>(`STREAM.INFO.${nodesStream}`);
      const change = (more: object) => wire.api.call(`STREAM.UPDATE.${nodesStream}`, { ...config, ...more });
      await change({ max_msg_size: 1 });
      const holding = hold(wire, info('w1'), { dial: dial(), timings: quick, startMs: 60_000 });
      // Where it is refused, it is told below.
      holding.catch(() => undefined);
      await eventually(() => assert.match(faults.join(), /the lease was not renewed: message size/), {
        limitMs: 20_000,
      });
      await change({});
      await (await holding).release();
      await change({ max_msg_size: 1 });
      const never = await rejectionOf(hold(wire, info('w2'), { dial: dial(), timings: quick, startMs: 5_000 }));
      assert.match(String(never), /not confirmed within 5000 ms: the lease was not renewed: message size/);
    },
    { limitMs: 60_000 },
  );

  test('a process that computes while its lease begins still gets it: what has come meanwhile is heard first', async ({
    defer,
  }) => {
    const { wire } = await openWire(defer);
    const holding = hold(wire, info('w1'), { dial: dial(), startMs: 3_000 });
    // Where it is refused while this one computes, it is told below, and not as nobody's.
    holding.catch(() => undefined);
    // The answer is there long before anybody hears it.
    for (let i = 0; i < 2; i++) {
      await new Promise((resolve) => setTimeout(resolve, 5));
      const until = performance.now() + 3_300;
      while (performance.now() < until);
    }
    const lease = await holding;
    await lease.release();
  });

  test('two hundred nodes that are there are all seen before the follower is caught up', async ({ defer }) => {
    const { wire } = await openWire(defer);
    const ids = Array.from({ length: 200 }, (_, i) => `w${i}`);
    await Promise.all(ids.map((id) => wire.publisher.publish(wire.names.nodeSubject('worker', id), encode(info(id)))));
    const watching = await watch(wire, { dial: dial() });
    assert.equal(watching.seen.map((each) => each.info.id).toSorted(), ids.toSorted());
  });

  test.run();
}
