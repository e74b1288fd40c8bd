import { LEASE_MS, LEASE_RENEW_MS } from '@baton/protocols';
import type { Lease, NodeInfo } from '@baton/runtime';
import * as assert from 'uvu/assert';
import { contract, pass, until, type Bench, type WithBench } from './bench.ts';

const info = (id: string, over: Partial<NodeInfo> = {}): NodeInfo => ({
  role: 'worker',
  id,
  host: 'localhost',
  pid: 42,
  startedAt: 1_700_000_000_000,
  state: 'ready',
  queues: ['default'],
  types: ['job'],
  concurrency: 10,
  running: 0,
  ...over,
});

type Watching = {
  readonly seen: NodeInfo[];
  readonly left: string[];
  caughtUp: number;
  lost: number;
  readonly close: () => void;
};

const watch = async (bench: Bench, process: string): Promise<Watching> => {
  const { presence } = await bench.ports(process);
  const counts = { caughtUp: 0, lost: 0 };
  const seen: NodeInfo[] = [];
  const left: string[] = [];
  const subscription = await presence.follow({
    seen: (node) => seen.push(node),
    left: (role, id) => left.push(`${role} ${id}`),
    caughtUp: () => counts.caughtUp++,
    lost: () => counts.lost++,
  });
  return Object.assign(counts, { seen, left, close: () => subscription.close() });
};

const hold = async (bench: Bench, process: string, node: NodeInfo): Promise<Lease & { readonly told: string[] }> => {
  const told: string[] = [];
  const { presence } = await bench.ports(process);
  const lease = await presence.hold(node, { lost: () => told.push('lost'), regained: () => told.push('regained') });
  return {
    counts: () => lease.counts(),
    update: (change) => lease.update(change),
    release: () => lease.release(),
    told,
  };
};

const of = (watching: Watching, id: string): readonly NodeInfo[] => watching.seen.filter((node) => node.id === id);

/** Who is alive, as told by those who are. */
export const presenceContract = (name: string, withBench: WithBench): void =>
  contract(`${name}: presence`, withBench, (check) => {
    check('a node that holds a lease is seen, with all it told of itself', async (bench) => {
      const watching = await watch(bench, 's');
      await until(bench, () => assert.is(watching.caughtUp, 1));
      assert.is(watching.seen.length, 0);
      const lease = await hold(bench, 'w', info('w1'));
      await until(bench, () => assert.ok(watching.seen.length > 0));
      assert.equal(watching.seen[0], info('w1'));
      await lease.release();
    });

    check('who comes later sees those who are there before it is caught up', async (bench) => {
      const leases = [await hold(bench, 'w', info('w1')), await hold(bench, 'x', info('s1', { role: 'supervisor' }))];
      const watching = await watch(bench, 's');
      await until(bench, () => assert.is(watching.caughtUp, 1));
      assert.equal([...new Set(watching.seen.map((node) => `${node.role} ${node.id}`))].toSorted(), [
        'supervisor s1',
        'worker w1',
      ]);
      for (const lease of leases) await lease.release();
    });

    check(
      'is renewed well within the lease, as long as it is held',
      async (bench) => {
        const watching = await watch(bench, 's');
        const lease = await hold(bench, 'w', info('w1'));
        await pass(bench, 3 * LEASE_RENEW_MS + 1_000);
        assert.ok(of(watching, 'w1').length >= 3, `seen ${of(watching, 'w1').length} times`);
        assert.equal(lease.told, []);
        const { held, renewals, losses } = lease.counts();
        assert.equal([held, renewals >= 3, losses], [true, true, 0], `${renewals} renewals are counted`);
        await lease.release();
        assert.is(lease.counts().held, false);
      },
      { limitMs: 20_000 },
    );

    check('a change is seen at the latest with the next renewal', async (bench) => {
      const watching = await watch(bench, 's');
      const lease = await hold(bench, 'w', info('w1'));
      lease.update({ state: 'draining', running: 7 });
      lease.update({ queues: ['q'], types: ['t'], concurrency: 3 });
      await until(
        bench,
        () => {
          const last = of(watching, 'w1').at(-1);
          assert.equal([last?.state, last?.running, last?.pid], ['draining', 7, 42]);
          assert.equal([last?.queues, last?.types, last?.concurrency], [['q'], ['t'], 3]);
        },
        LEASE_RENEW_MS + 1_000,
      );
      await lease.release();
    });

    check(
      'who gives the lease back is gone at once and is not seen again',
      async (bench) => {
        const watching = await watch(bench, 's');
        const lease = await hold(bench, 'w', info('w1'));
        await until(bench, () => assert.ok(watching.seen.length > 0));
        await lease.release();
        await until(bench, () => assert.equal(watching.left, ['worker w1']), 1_000);
        const seen = watching.seen.length;
        await pass(bench, LEASE_RENEW_MS + 500);
        assert.is(watching.seen.length, seen);
        const later = await watch(bench, 't');
        await until(bench, () => assert.is(later.caughtUp, 1));
        assert.equal(of(later, 'w1'), []);
      },
      { limitMs: 20_000 },
    );

    check(
      'who cannot renew is told within the lease and a little, and told again when it can',
      async (bench) => {
        const watching = await watch(bench, 's');
        const lease = await hold(bench, 'w', info('w1'));
        await until(bench, () => assert.ok(watching.seen.length > 0));
        await bench.cut('w');
        const cutAt = bench.clock.monotonic();
        await until(bench, () => assert.equal(lease.told, ['lost']), LEASE_MS + 3_000);
        assert.equal([lease.counts().held, lease.counts().losses], [false, 1]);
        const after = bench.clock.monotonic() - cutAt;
        assert.ok(after >= LEASE_MS - LEASE_RENEW_MS - 500 && after <= LEASE_MS + 1_000, `told after ${after} ms`);
        const seen = watching.seen.length;
        await bench.mend('w');
        await until(bench, () => assert.equal(lease.told, ['lost', 'regained']), 15_000);
        await until(bench, () => assert.ok(watching.seen.length > seen), 5_000);
        assert.equal(watching.left, []);
        await lease.release();
      },
      { limitMs: 45_000 },
    );

    check('a lease renewed for somebody else is like any other, and goes when it is given back', async (bench) => {
      const watching = await watch(bench, 's');
      const { presence } = await bench.ports('proxy');
      await presence.renewFor(info('far', { running: 2 }));
      await until(bench, () => assert.equal(of(watching, 'far'), [info('far', { running: 2 })]));
      // Once: nobody renews it but by asking again.
      await pass(bench, LEASE_RENEW_MS + 500);
      assert.is(of(watching, 'far').length, 1);
      await presence.renewFor(info('far', { state: 'draining' }));
      await until(bench, () => assert.is(of(watching, 'far').at(-1)?.state, 'draining'));
      await presence.releaseFor('worker', 'far');
      await until(bench, () => assert.equal(watching.left, ['worker far']));
      const later = await watch(bench, 't');
      await until(bench, () => assert.is(later.caughtUp, 1));
      assert.equal(of(later, 'far'), []);
    });

    check('nothing is told after close', async (bench) => {
      const watching = await watch(bench, 's');
      const witness = await watch(bench, 's');
      await until(bench, () => assert.is(watching.caughtUp, 1));
      watching.close();
      const lease = await hold(bench, 'w', info('w1'));
      await until(bench, () => assert.ok(witness.seen.length > 0));
      await lease.release();
      await until(bench, () => assert.is(witness.left.length, 1));
      assert.equal([watching.seen.length, watching.left.length, watching.lost], [0, 0, 0]);
    });
  });
