import type { QueueView } from '@baton/core';
import type {
  Credit,
  CreditAnswer,
  OfferBatch,
  OfferedTask,
  ReadyMessage,
  StandingQuestion,
  Subscription,
} from '@baton/runtime';
import { silentLog, WorkerQueues } from '@baton/runtime';
import { allPartitions, type Address } from '@baton/protocols';
import * as assert from 'uvu/assert';
import { QueueHost } from '../../packages/runtime/src/dispatch/queue-host.ts';
import type { QueuedTask } from '../../packages/runtime/src/dispatch/ready-outbox.ts';
import { ownerOf } from '../../packages/runtime/src/dispatch/rendezvous.ts';
import { noteIn, sampleAddress, sampleBytes } from '../support/sample-records.ts';
import { contract, pass, until, type Bench, type Check, type WithBench } from './bench.ts';

const credit = (over: Partial<Credit> = {}): Credit => ({
  queue: 'default',
  worker: 'w1',
  session: 's',
  turn: 1,
  types: ['job', 'a.b'],
  limit: 3,
  returned: [{ address: sampleAddress('back'), revision: 7, how: 'refused' }],
  ...over,
});

const answer = (over: Partial<CreditAnswer> = {}): CreditAnswer => ({
  supervisor: 's1',
  hosts: true,
  sent: 1,
  limit: 2,
  waiting: 3,
  ...over,
});

const message = (number: number, over: Partial<ReadyMessage> = {}): ReadyMessage => ({
  from: 's1',
  session: 'x',
  number,
  ready: [],
  gone: [],
  ...over,
});

const queued = (key: string, order: number, over: Partial<QueuedTask> = {}): QueuedTask => ({
  address: sampleAddress(key),
  revision: order,
  order,
  queue: 'default',
  priority: 'normal',
  type: 'job',
  ...over,
});

const LONG_MS = 2_000;

/** What a check has started, and its end takes down. */
const started: (() => unknown)[] = [];

/** Nothing is set for any queue, and nothing runs. */
const alone = (name: string) => ({
  allRunning: () => [],
  partitions: () => allPartitions(),
  sync: async () => true,
  leased: () => [name],
  admits: () => true,
  holdsBack: () => false,
  displace: async () => true,
  settings: { isCurrent: true, of: () => undefined, all: () => new Map() },
});

/** A supervisor's queues, with the tasks of its partitions in the hands of the test. */
const hostOn = async (bench: Bench, name: string, tasks: QueuedTask[], members: readonly string[] = [name]) => {
  const ports = await bench.ports(name);
  const host = new QueueHost({ ...ports, supervisor: name, log: silentLog, allReady: () => tasks, ...alone(name) });
  host.start();
  started.push(() => host.stop());
  host.share(members);
  return {
    host,
    ready: (...more: QueuedTask[]) => {
      for (const task of more) {
        tasks.push(task);
        host.ready(task);
      }
    },
  };
};

type Slots = { readonly queues: WorkerQueues; readonly got: string[]; readonly tasks: OfferedTask[] };

const keyOf = new Map<string, string>();
const named = (key: string): string => {
  keyOf.set(sampleAddress(key), key);
  return key;
};

/** A worker whose tasks never end by themselves. */
const workerOn = async (bench: Bench, name: string, slots: number, queues = ['default']): Promise<Slots> => {
  const ports = await bench.ports(name);
  const got: string[] = [];
  const tasks: OfferedTask[] = [];
  const worker = new WorkerQueues({
    ...ports,
    worker: name,
    queues,
    types: ['job'],
    log: silentLog,
    offered: (task) => {
      got.push(keyOf.get(task.address) ?? task.address);
      tasks.push(task);
    },
  });
  worker.setFree(slots);
  started.push(() => worker.close());
  return { queues: worker, got, tasks };
};

const keys = (prefix: string, count: number): string[] =>
  Array.from({ length: count }, (_, i) => named(`${prefix}${i}`));

/** Behaviours Q1 to Q4 over the port, with the actors that use it. */
export const dispatchContract = (name: string, withBench: WithBench): void =>
  contract(`${name}: dispatch`, withBench, (declare) => {
    const check: Check = (title, body, options) => {
      const ended = async (bench: Bench): Promise<void> => {
        try {
          await body(bench);
        } finally {
          for (const end of started.splice(0)) await end();
        }
      };
      declare(title, ended, options);
    };

    check('a credit reaches the supervisor it is for, whole, and is answered', async (bench) => {
      const [worker, supervisor] = [await bench.ports('w1'), await bench.ports('s1')];
      const got: [Credit, boolean][] = [];
      supervisor.dispatch.onCredit('s1', (one, toAll) => {
        got.push([one, toAll]);
        return answer();
      });
      await until(bench, async () => {
        const reply = await worker.dispatch.credit(credit({ shares: true }), 's1', LONG_MS);
        assert.equal(reply, { kind: 'answered', answer: answer() });
      });
      assert.equal(got.at(-1), [credit({ shares: true }), false]);
      assert.is((await worker.dispatch.credit(credit({ leaving: true }), undefined, LONG_MS)).kind, 'answered');
      assert.equal(got.at(-1), [credit({ leaving: true }), true]);
    });

    check(
      'who asks for a supervisor that is not there is told so at once, also when it was there before',
      async (bench) => {
        const [worker, supervisor] = [await bench.ports('w1'), await bench.ports('s1')];
        const started = bench.clock.monotonic();
        assert.is((await worker.dispatch.credit(credit(), 'nobody', 30_000)).kind, 'nobody');
        assert.is((await worker.dispatch.credit(credit(), undefined, 30_000)).kind, 'nobody');
        assert.is(await worker.dispatch.ping('s1', 30_000), 'nobody');
        const told = supervisor.dispatch.onTold('s1', () => undefined);
        await until(bench, async () => assert.is(await worker.dispatch.ping('s1', LONG_MS), 'there'));
        told.close();
        await until(bench, async () => assert.is(await worker.dispatch.ping('s1', LONG_MS), 'nobody'));
        assert.ok(bench.clock.monotonic() - started < 5_000);
      },
    );

    check('a question to all is answered by the host alone', async (bench) => {
      const worker = await bench.ports('w1');
      for (const id of ['s1', 's2', 's3']) {
        const { dispatch } = await bench.ports(id);
        dispatch.onCredit(id, () => (id === 's2' ? answer({ supervisor: id }) : undefined));
      }
      await until(bench, async () => {
        const reply = await worker.dispatch.credit(credit(), undefined, LONG_MS);
        assert.equal(reply, { kind: 'answered', answer: answer({ supervisor: 's2' }) });
      });
    });

    check('offers come whole and in order, before an answer that was given after them', async (bench) => {
      const [worker, supervisor] = [await bench.ports('w1'), await bench.ports('s1')];
      const got: OfferBatch[] = [];
      worker.dispatch.onOffer('w1', (batch) => got.push(batch));
      const bytes = sampleBytes('k', 'with a note');
      let from = 0;
      supervisor.dispatch.onCredit('s1', () => {
        const offers = [
          { address: sampleAddress('k'), revision: 5, bytes },
          { address: sampleAddress('l'), revision: 6 },
        ];
        supervisor.dispatch.offer('w1', { queue: 'a.b', session: 's', from, offers, waiting: 9, term: 't' });
        from += 2;
        return answer({ sent: from, term: 't' });
      });
      await until(bench, async () => {
        const reply = await worker.dispatch.credit(credit(), 's1', LONG_MS);
        assert.is(reply.kind === 'answered' ? got.length * 2 : -1, from);
        assert.is(reply.kind === 'answered' ? reply.answer.term : undefined, 't');
        assert.ok(got.length >= 5);
      });
      const [first] = got;
      assert.equal([first?.queue, first?.session, first?.from, first?.waiting, first?.term], ['a.b', 's', 0, 9, 't']);
      assert.is(noteIn(first?.offers[0]?.bytes ?? new Uint8Array()), 'with a note');
      assert.equal(first?.offers[1], { address: sampleAddress('l'), revision: 6 });
    });

    check('what supervisors tell each other comes whole and in order', async (bench) => {
      const [a, b] = [await bench.ports('s1'), await bench.ports('s2')];
      const got: ReadyMessage[] = [];
      b.dispatch.onTold('s2', (one) => got.push(one));
      await until(bench, async () => assert.is(await a.dispatch.ping('s2', LONG_MS), 'there'));
      const task = queued('k', 4, { priority: 'low', queue: 'a.b', bytes: sampleBytes('k') });
      const gone = { queue: 'a.b', address: sampleAddress('l'), revision: 8 };
      const sent = [
        message(1, { begins: true }),
        message(2, { ready: [task, queued('m', 9)], gone: [gone] }),
        message(3, {
          ready: [queued('n', 10, { group: 'tenant', units: 3, limitKey: 'dock', begun: true })],
          held: [{ queue: 'a.b', address: sampleAddress('o'), revision: 11, type: 'job', group: 'tenant' }],
        }),
        message(4, { state: { members: ['s1', 's2'], partitions: ['00', '3f'], limited: ['a.b'] }, held: [] }),
        message(5, { state: { members: ['s1'], partitions: [], limited: [], synced: 'once more' }, held: [] }),
        message(0, { ask: true }),
        message(0, { sync: 'are you up to date', held: [] }),
      ];
      for (const one of sent) a.dispatch.tell('s2', one);
      await until(bench, () => assert.is(got.length, sent.length));
      assert.equal(got, sent);
    });

    check('what waits is added up over the supervisors', async (bench) => {
      const asker = await bench.ports('cli');
      assert.is(await asker.dispatch.waiting(200), undefined);
      const line = { queue: 'default', priority: 'normal', type: 'job' } as const;
      for (const [id, waiting] of [
        ['s1', 2],
        ['s2', 3],
      ] as const) {
        const { dispatch } = await bench.ports(id);
        dispatch.onWaiting(() => [{ ...line, waiting }]);
      }
      await until(bench, async () => assert.equal(await asker.dispatch.waiting(200), [{ ...line, waiting: 5 }]));
    });

    check('Q9: where a task stands is told whole, by the host of its queue alone', async (bench) => {
      const asker = await bench.ports('cli');
      const question = { queue: 'a.b', address: sampleAddress('k'), type: 'job', worker: 'w' };
      assert.equal(await asker.dispatch.standing(question, 30_000), { kind: 'nobody' });
      const bare: QueueView<Address> = {
        ...{ state: 'unheard', ahead: 0, waiting: 0, inTheWay: [] },
        workers: { queue: 0, type: 0, free: 0, refused: 0 },
      };
      const set = { by: 'user:root', at: 5 } as const;
      const full: QueueView<Address> = {
        ...{ state: 'waiting', ahead: 7, waiting: 9, halt: 'taken_over', throughput: { starts: 6, ms: 4_000 } },
        workers: { queue: 4, type: 3, free: 2, refused: 1 },
        servedIn: ['other'],
        isOrphan: true,
        inTheWay: [
          { kind: 'paused', of: 'queue', ...set },
          { kind: 'paused', of: 'group', name: 'acme', ...set, why: 'unpaid' },
          {
            ...{ kind: 'limit', of: 'type', name: 'job', ...set, why: 'licence' },
            concurrency: { most: 2, running: 3 },
            rate: { units: 5, windowMs: 60_000, used: 5, opensInMs: 12 },
            holders: [sampleAddress('l'), sampleAddress('m')],
          },
          { kind: 'limit', of: 'queue', ...set, rate: { units: 5, windowMs: 60_000, used: 6 }, holders: [] },
          {
            kind: 'limit',
            of: 'key',
            name: 'dock',
            type: 't',
            ...set,
            from: 'definition',
            concurrency: { most: 1, running: 1 },
            whenFull: 'cancel_newest',
            holders: [],
          },
          {
            kind: 'limit',
            of: 'type',
            name: 't',
            ...set,
            from: 'definition',
            concurrency: { most: 1, running: 1 },
            holders: [],
          },
        ],
      };
      const asked: StandingQuestion[] = [];
      const ties: Subscription[] = [];
      for (const id of ['s1', 's2', 's3']) {
        const { dispatch } = await bench.ports(id);
        const answerFor = (one: StandingQuestion) => {
          asked.push(one);
          return id === 's2' && one.queue !== 'nobodys' ? (one.queue === 'a.b' ? full : bare) : undefined;
        };
        ties.push(dispatch.onStanding(answerFor));
      }
      await until(bench, async () =>
        assert.equal(await asker.dispatch.standing(question, LONG_MS), { kind: 'answered', view: full }),
      );
      assert.equal(asked[0], question);
      assert.equal(await asker.dispatch.standing({ ...question, queue: 'default' }, LONG_MS), {
        kind: 'answered',
        view: bare,
      });
      assert.equal(await asker.dispatch.standing({ ...question, queue: 'nobodys' }, 200), { kind: 'silent' });
      for (const tie of ties) tie.close();
      await until(bench, async () =>
        assert.equal(await asker.dispatch.standing(question, LONG_MS), { kind: 'nobody' }),
      );
    });

    check(
      'Q2: a host that was not the host for a moment offers a worker no more than it has slots for',
      async (bench) => {
        const { host, ready } = await hostOn(bench, 's1', []);
        const worker = await workerOn(bench, 'w1', 9);
        ready(...keys('before', 9).map((key, i) => queued(key, i + 1)));
        await until(bench, () => assert.is(worker.got.length, 9));
        worker.queues.setFree(1);
        host.share(['s2']);
        host.share(['s1']);
        let offers = 0;
        const { dispatch } = await bench.ports('w1');
        dispatch.onOffer('w1', (batch) => (offers += batch.offers.length));
        const known = new Set(worker.got);
        ready(...keys('behind', 30).map((key, i) => queued(key, i + 10)));
        await until(bench, () => assert.is(worker.got.length, 10));
        await pass(bench, 300);
        assert.is(offers, 1, 'and none in vain');
        assert.ok(known.has(worker.got[9] ?? ''), 'what it has not claimed is first in line');
      },
    );

    check(
      'Q2: a worker is offered as many as it has slots for, in order, and the next as they come free',
      async (bench) => {
        const { ready } = await hostOn(bench, 's1', []);
        const worker = await workerOn(bench, 'w1', 3);
        ready(...keys('t', 10).map((key, i) => queued(key, i + 1)));
        await until(bench, () => assert.equal(worker.got, ['t0', 't1', 't2']));
        await pass(bench, 300);
        assert.is(worker.got.length, 3);
        worker.queues.setFree(2);
        await until(bench, () => assert.equal(worker.got.slice(3), ['t3', 't4']));
      },
    );

    check('tasks of the partitions of one supervisor reach the workers of a queue another one hosts', async (bench) => {
      const members = ['s1', 's2'];
      const host = ownerOf('queue/default', members);
      const [mine, other] = [await hostOn(bench, 's1', [], members), await hostOn(bench, 's2', [], members)];
      const worker = await workerOn(bench, 'w1', 100);
      mine.ready(...keys('a', 5).map((key, i) => queued(key, 2 * i + 1)));
      other.ready(...keys('b', 5).map((key, i) => queued(key, 2 * i + 2)));
      await until(bench, () => assert.is(new Set(worker.got).size, 10));
      const sizes = (host === 's1' ? mine : other).host.sizes();
      assert.equal(
        sizes.map(({ queue, workers }) => [queue, workers]),
        [['default', 1]],
      );
    });

    check('Q4: when the host is gone, another one goes on with what is ready and what was on offer', async (bench) => {
      const members = ['s1', 's2'];
      const hostId = ownerOf('queue/default', members) ?? '';
      const restId = members.find((id) => id !== hostId) ?? '';
      const host = await hostOn(bench, hostId, [], members);
      const rest = await hostOn(bench, restId, [], members);
      rest.ready(...keys('t', 10).map((key, i) => queued(key, i + 1)));
      const stuck = await workerOn(bench, 'w1', 2);
      await until(bench, () => assert.is(stuck.got.length, 2));
      host.host.stop();
      rest.host.share([restId]);
      const worker = await workerOn(bench, 'w2', 10);
      await until(bench, () => assert.is(new Set([...worker.got, ...stuck.got]).size, 10));
    });

    check('a host that comes late is told everything, and so is one that lost what it knew', async (bench) => {
      const members = ['s1', 's2'];
      const hostId = ownerOf('queue/default', members) ?? '';
      const restId = members.find((id) => id !== hostId) ?? '';
      const rest = await hostOn(bench, restId, [], members);
      // Before there is anybody to hear it.
      rest.ready(...keys('t', 20).map((key, i) => queued(key, i + 1)));
      await pass(bench, 100);
      await hostOn(bench, hostId, [], members);
      const worker = await workerOn(bench, 'w1', 100);
      await until(bench, () => assert.is(new Set(worker.got).size, 20), 10_000);
    });

    check(
      'X8: a worker of two queues gives its slots to the one where something waits, and shares them where both do',
      async (bench) => {
        const { ready } = await hostOn(bench, 's1', []);
        const worker = await workerOn(bench, 'w1', 4, ['one', 'two']);
        await pass(bench, 500);
        ready(...keys('a', 6).map((key, i) => queued(key, i + 1, { queue: 'one' })));
        await until(bench, () => assert.equal(worker.got.toSorted(), ['a0', 'a1', 'a2', 'a3']));
        ready(...keys('b', 6).map((key, i) => queued(key, i + 10, { queue: 'two' })));
        await pass(bench, 300);
        assert.is(worker.got.length, 4, 'no slot is free');
        for (let i = 1; i <= 4; i++) {
          worker.queues.setFree(1);
          await until(bench, () => assert.is(worker.got.length, 4 + i));
        }
        const late = worker.got.slice(4).map((key) => key[0]);
        assert.is(late.filter((key) => key === 'a').length, 2, late.join(''));
      },
    );

    check('Q2: what a worker gives back, or has when it leaves, is for others at once', async (bench) => {
      const { ready } = await hostOn(bench, 's1', []);
      const first = await workerOn(bench, 'w1', 3);
      ready(...keys('t', 3).map((key, i) => queued(key, i + 1)));
      await until(bench, () => assert.is(first.got.length, 3));
      first.tasks[1]?.giveBack('refused');
      const second = await workerOn(bench, 'w2', 10);
      await until(bench, () => assert.equal(second.got, ['t1']));
      const started = bench.clock.monotonic();
      await first.queues.close();
      await until(bench, () => assert.equal(second.got.toSorted(), ['t0', 't1', 't2']));
      assert.ok(bench.clock.monotonic() - started < 1_500, 'not when the time of the offer is over');
    });

    check('Q1: what is offered to a worker that does not claim it goes to another one in its time', async (bench) => {
      const { ready } = await hostOn(bench, 's1', []);
      const frozen = await workerOn(bench, 'w1', 5);
      ready(queued(named('t'), 1));
      await until(bench, () => assert.is(frozen.got.length, 1));
      const other = await workerOn(bench, 'w2', 5);
      await until(bench, () => assert.is(frozen.got.length + other.got.length >= 2, true), 10_000);
    });

    check('a worker finds the host of its queue whenever it comes', async (bench) => {
      const worker = await workerOn(bench, 'w1', 5);
      await pass(bench, 700);
      const { ready } = await hostOn(bench, 's1', []);
      ready(queued(named('t'), 1));
      const started = bench.clock.monotonic();
      await until(bench, () => assert.equal(worker.got, ['t']));
      assert.ok(bench.clock.monotonic() - started < 1_000);
    });
  });
