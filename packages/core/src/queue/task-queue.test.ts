import fc from 'fast-check';
import * as assert from 'uvu/assert';
import { suite } from '../../../../test/support/suite.ts';
import type { Priority } from '../task.ts';
import { deal, OFFER_MS, settingsOf, task, worker } from '../testing/queue.ts';
import { LOWER_SHARE, TaskQueue } from './task-queue.ts';

const test = suite('task queue');

const queueOf = (limit = 1_000_000): TaskQueue =>
  new TaskQueue({ offerMs: OFFER_MS, records: { limit, each: 0, used: 0 } });

test('Q3: first in first out by the place in line, in whatever order it is heard of', () => {
  const queue = queueOf();
  for (const order of [3, 1, 5, 2, 4]) queue.ready(task(`t${order}`, order), 's1');
  worker(queue, 'w', 10);
  assert.equal(deal(queue), { w: ['t1', 't2', 't3', 't4', 't5'] });
});

test('Q2: never more on offer than there is credit, and what is claimed frees none by itself', () => {
  const queue = queueOf();
  for (let i = 1; i <= 5; i++) queue.ready(task(`t${i}`, i), 's1');
  worker(queue, 'w', 2);
  assert.equal(deal(queue), { w: ['t1', 't2'] });
  queue.gone('t1', 9, 's1');
  assert.equal(deal(queue), {});
  queue.credit('w', 1);
  assert.equal(deal(queue), { w: ['t3'] });
  assert.equal(queue.size, { waiting: 2, offered: 2 });
});

test('workers take turns, and each gets only what it serves', () => {
  const queue = queueOf();
  for (let i = 1; i <= 4; i++) queue.ready(task(`t${i}`, i), 's1');
  queue.ready(task('other', 9, { type: 'mail' }), 's1');
  worker(queue, 'a', 5);
  worker(queue, 'b', 5, ['job', 'mail']);
  worker(queue, 'c', 5, ['none']);
  assert.equal(deal(queue), { a: ['t1', 't2', 't4'], b: ['other', 't3'] });
  assert.is(queue.waitingFor('a'), 0);
});

test('X8: high before normal before low, and each lower one at least once in twenty', () => {
  const queue = queueOf();
  const of = (priority: Priority, first: number): void => {
    for (let i = 0; i < 400; i++) queue.ready(task(`${priority}${i}`, first + i, { priority }), 's1');
  };
  of('low', 0);
  of('normal', 1_000);
  of('high', 2_000);
  worker(queue, 'w', 400);
  const started = deal(queue)['w'] ?? [];
  for (const lower of ['normal', 'low']) {
    const places = started.flatMap((address, i) => (address.startsWith(lower) ? [i] : []));
    assert.ok(places.length >= 400 / LOWER_SHARE && places.length <= 400 / (LOWER_SHARE - 3), lower);
    for (const [i, place] of places.entries()) assert.ok(place - (places[i - 1] ?? -1) <= LOWER_SHARE, lower);
  }
  queue.credit('w', 1);
  const [next] = deal(queue)['w'] ?? [];
  assert.ok(next?.startsWith('high'));
});

test('X8: a lower one is due in its time also where the workers that cannot take it have most of the starts', () => {
  for (const withOthers of [false, true]) {
    const queue = queueOf();
    worker(queue, 'x', 0, ['job']);
    worker(queue, 'xy', 0, ['job', 'mail']);
    queue.ready(task('low', 1, { priority: 'low', type: 'mail' }), 's');
    for (let i = 0; i < 2_000; i++) {
      queue.ready(task(`high${i}`, 10 + 2 * i, { priority: 'high' }), 's');
      if (withOthers) queue.ready(task(`other${i}`, 11 + 2 * i, { priority: 'low' }), 's');
    }
    const run = (id: string): string => {
      queue.credit(id, 1);
      const [address = ''] = deal(queue)[id] ?? [];
      queue.gone(address, 100_000, 's');
      queue.credit(id, 0);
      return address;
    };
    const ofBoth: string[] = [];
    for (let i = 0; i < 2 * LOWER_SHARE; i++) {
      for (let n = 0; n < 10; n++) run('x');
      ofBoth.push(run('xy'));
    }
    assert.ok(ofBoth.includes('low'), ofBoth.join(' '));
  }
});

test('types of one priority take turns, also with one that comes and goes', () => {
  const queue = queueOf();
  for (let i = 0; i < 100; i++) queue.ready(task(`a${i}`, i, { type: 'a' }), 's1');
  worker(queue, 'w', 0, ['a', 'b']);
  let late = 0;
  for (let i = 0; i < 20; i++) {
    queue.ready(task(`b${i}`, 1_000 + i, { type: 'b' }), 's1');
    queue.credit('w', 2);
    const started = deal(queue)['w'] ?? [];
    if (!started.includes(`b${i}`)) late++;
  }
  assert.is(late, 0);
});

test('a type that comes with one task at a time gains nothing by it, and loses nothing where the queue is full', () => {
  for (const limit of [undefined, 1]) {
    const queue = queueOf();
    if (limit !== undefined) queue.set(settingsOf({ kind: 'limit', limit: { of: 'queue', concurrency: limit } }), 0);
    for (let i = 0; i < 100; i++) queue.ready(task(`many ${i}`, i + 1, { type: 'a' }), 's1');
    worker(queue, 'w', 0, ['a', 'b']);
    let next = 0;
    queue.ready(task(`one ${next}`, 1_000, { type: 'b' }), 's1');
    const started: string[] = [];
    for (let i = 0; i < 40; i++) {
      queue.credit('w', limit === undefined ? 1 : 2);
      const [address = ''] = deal(queue)['w'] ?? [];
      started.push(address);
      queue.gone(address, 2_000, 's1');
      if (address === `one ${next}`) queue.ready(task(`one ${++next}`, 1_000 + next, { type: 'b' }), 's1');
    }
    const singles = started.filter((address) => address.startsWith('one')).length;
    assert.ok(Math.abs(singles - 20) <= 1, `${singles} of ${started.length}, limit ${limit}`);
  }
});

test('Q1: what was offered and not claimed goes to another worker in its time, and waits longer every time', () => {
  const queue = queueOf();
  queue.ready(task('t', 1), 's1');
  worker(queue, 'frozen', 5);
  assert.equal(deal(queue, 0), { frozen: ['t'] });
  worker(queue, 'w', 1);
  assert.is(queue.expire(OFFER_MS - 1).size, 0);
  assert.is(queue.expire(OFFER_MS).size, 1);
  assert.equal(deal(queue, OFFER_MS), { w: ['t'] });
  assert.is(queue.expire(OFFER_MS + 2 * OFFER_MS - 1).size, 0);
  assert.is(queue.expire(OFFER_MS + 2 * OFFER_MS).size, 1);
  // Neither has said anything since: nothing more goes to them.
  assert.equal(deal(queue, 4 * OFFER_MS), {});
  queue.credit('w', 1);
  assert.equal(deal(queue, 4 * OFFER_MS), { w: ['t'] });
});

test('what comes back is first in its line again; refused ones go to anybody else, stale ones to nobody for a while', () => {
  const queue = queueOf();
  for (let i = 1; i <= 3; i++) queue.ready(task(`t${i}`, i), 's1');
  worker(queue, 'a', 3);
  deal(queue);
  queue.returned('a', 't1', 1, 'free');
  queue.returned('a', 't2', 2, 'refused');
  queue.returned('a', 't3', 3, 'stale');
  queue.credit('a', 3);
  assert.equal(deal(queue), { a: ['t1'] });
  worker(queue, 'b', 3);
  assert.equal(deal(queue), { b: ['t2'] });
  assert.equal(queue.size, { waiting: 0, offered: 3 });
});

test('what was returned as stale is gone when its watcher says so, and offered again when he says nothing', () => {
  const queue = queueOf();
  for (let i = 1; i <= 3; i++) queue.ready(task(`t${i}`, i), 's1');
  worker(queue, 'w', 3);
  deal(queue);
  for (let i = 1; i <= 3; i++) queue.returned('w', `t${i}`, i, 'stale');
  queue.gone('t1', 1, 's1');
  queue.ready({ ...task('t2', 2), revision: 9 }, 's1');
  queue.credit('w', 3);
  assert.equal(deal(queue, OFFER_MS - 1), { w: ['t2'] });
  assert.equal([...queue.expire(OFFER_MS)], [], 'nobody is late: he has answered');
  assert.equal(deal(queue, OFFER_MS), { w: ['t3'] });
  assert.equal(queue.size, { waiting: 0, offered: 2 });
});

test('what two tell while a partition goes from the one to the other is not gone when the one leaves it', () => {
  for (const [first, second] of [
    ['old', 'new'],
    ['new', 'old'],
  ] as const) {
    const queue = queueOf();
    queue.ready(task('t', 1), first);
    queue.ready(task('t', 1), second);
    queue.gone('t', 1, 'old');
    assert.is(queue.size.waiting, 1);
    queue.forget('new');
    assert.is(queue.size.waiting, 0);
  }
});

test('what a worker has refused of one type holds up no other type', () => {
  const queue = queueOf();
  queue.ready(task('b1', 1, { type: 'b' }), 's1');
  queue.ready(task('a1', 2, { type: 'a' }), 's1');
  queue.ready(task('low', 3, { type: 'a', priority: 'low' }), 's1');
  worker(queue, 'w', 2, ['a', 'b']);
  assert.equal(deal(queue), { w: ['b1', 'a1'] });
  queue.returned('w', 'a1', 2, 'refused');
  for (let order = 4; order <= 6; order++) queue.ready(task(`b${order}`, order, { type: 'b' }), 's1');
  queue.credit('w', 4);
  assert.equal(deal(queue), { w: ['b4', 'b5', 'b6', 'low'] });
  // No slot is to be kept for it either.
  assert.is(queue.waitingFor('w'), 0);
  worker(queue, 'other', 1, ['a', 'b']);
  assert.equal(deal(queue), { other: ['a1'] });
});

test('a worker that has refused many of a type is offered no more of it while another one takes it, and again once none does', () => {
  const queue = queueOf();
  const [MANY, NEW] = [3_000, 3_001];
  for (let i = 1; i <= MANY; i++) queue.ready(task(`new${i}`, i), 's1');
  queue.ready(task('old', NEW), 's1');
  worker(queue, 'old', 0);
  worker(queue, 'new', 0);
  const refuseAll = (): number => {
    for (let count = 0; ; count++) {
      queue.credit('old', 1);
      const [address = 'old'] = deal(queue)['old'] ?? [];
      if (address === 'old') return count;
      queue.returned('old', address, Number(address.slice(3)), 'refused');
    }
  };
  const refused = refuseAll();
  assert.ok(refused >= 10 && refused <= 100, `${refused} were refused`);
  assert.is(queue.waitingFor('old'), 0);
  // Those are for the other one; with room for more the next few are tried.
  queue.credit('new', refused);
  for (const address of deal(queue)['new'] ?? []) queue.gone(address, 10_000, 's1');
  const again = refuseAll();
  assert.ok(again >= 10 && again <= 100, `${again} more were refused`);
  queue.leave('new');
  assert.is(refuseAll() + refused + again, MANY);
  assert.equal(queue.size, { waiting: MANY - refused, offered: 1 }, 'the one that it can run');
});

test('what would start is counted for a worker apart from what it has refused', () => {
  const queue = queueOf();
  queue.set(settingsOf({ kind: 'limit', limit: { of: 'type', name: 'job', concurrency: 2 } }), 0);
  for (let i = 1; i <= 6; i++) queue.ready(task(`t${i}`, i), 's1');
  worker(queue, 'w', 0);
  for (let i = 1; i <= 5; i++) {
    queue.credit('w', 1);
    deal(queue);
    queue.returned('w', `t${i}`, i, 'refused', queue.confirm('w', 0));
    queue.credit('w', 0);
  }
  deal(queue);
  assert.is(queue.waitingFor('w'), 1);
  queue.credit('w', 1);
  assert.equal(deal(queue), { w: ['t6'] });
});

test('an offer that was returned as stale, of a task known in a newer version, is made again', () => {
  const queue = queueOf();
  queue.ready(task('t', 1), 's1');
  worker(queue, 'w', 1);
  deal(queue);
  queue.ready({ ...task('t', 1), revision: 7 }, 's1');
  queue.returned('w', 't', 1, 'stale');
  queue.credit('w', 1);
  assert.equal([...(queue.deal(0).get('w') ?? [])], [{ address: 't', revision: 7 }]);
});

test('a worker that leaves gives back what it has on offer', () => {
  const queue = queueOf();
  for (let i = 1; i <= 3; i++) queue.ready(task(`t${i}`, i), 's1');
  worker(queue, 'a', 2);
  deal(queue);
  queue.leave('a');
  worker(queue, 'b', 3);
  assert.equal(deal(queue), { b: ['t1', 't2', 't3'] });
});

test('what one source told, another does not take back', () => {
  const queue = queueOf();
  queue.ready(task('t', 5), 's1');
  queue.ready(task('t', 5), 's2');
  queue.gone('t', 9, 's1');
  queue.forget('s1');
  worker(queue, 'w', 1);
  assert.equal(deal(queue), { w: ['t'] });
  queue.gone('t', 4, 's2');
  assert.is(queue.size.offered, 1);
  queue.gone('t', 9, 's2');
  assert.equal(queue.size, { waiting: 0, offered: 0 });
});

test('records are kept up to their limit, and the room comes back', () => {
  const queue = queueOf(20);
  const bytes = new Uint8Array(6);
  queue.ready(task('a', 1, { bytes }), 's1');
  queue.ready(task('b', 2, { bytes }), 's1');
  queue.ready(task('c', 3, { bytes }), 's1');
  queue.gone('a', 1, 's1');
  queue.gone('b', 2, 's1');
  queue.ready(task('d', 4, { bytes }), 's1');
  worker(queue, 'w', 2);
  assert.equal(queue.deal(0).get('w'), [
    { address: 'c', revision: 3 },
    { address: 'd', revision: 4, bytes },
  ]);
});

type Step =
  | { readonly kind: 'ready' | 'gone'; readonly id: number; readonly up: number }
  | { readonly kind: 'credit'; readonly worker: number; readonly count: number }
  | {
      readonly kind: 'return';
      readonly worker: number;
      readonly id: number;
      readonly how: 'free' | 'refused' | 'stale';
    }
  | { readonly kind: 'leave'; readonly worker: number }
  /** So long that every offer has had its time. */
  | { readonly kind: 'pass' };

const steps: fc.Arbitrary<readonly Step[]> = fc.array(
  fc.oneof(
    fc.record({ kind: fc.constantFrom('ready', 'gone'), id: fc.nat(12), up: fc.nat(2) }),
    fc.record({ kind: fc.constant('credit' as const), worker: fc.nat(2), count: fc.nat(4) }),
    fc.record({
      kind: fc.constant('return' as const),
      worker: fc.nat(2),
      id: fc.nat(12),
      how: fc.constantFrom('free', 'refused', 'stale'),
    }),
    fc.record({ kind: fc.constant('leave' as const), worker: fc.nat(2) }),
    fc.record({ kind: fc.constant('pass' as const) }),
  ) as fc.Arbitrary<Step>,
  { maxLength: 80, size: 'max' },
);

test('whatever happens: no more offers than credit, one worker a task, and nothing that is ready is forgotten', () => {
  fc.assert(
    fc.property(steps, (given) => {
      const queue = queueOf();
      const TYPES = [['a'], ['a', 'b'], ['b', 'c']];
      const credit = new Map<string, number>();
      const owner = new Map<string, string>();
      const ready = new Map<string, number>();
      const refused = new Set<string>();
      const doubtful = new Set<string>();
      let now = 0;
      let place = 1;
      for (const step of given) {
        if (step.kind === 'ready') {
          const address = `t${step.id}`;
          const revision = (ready.get(address) ?? place++) + step.up;
          const type = ['a', 'b', 'c'][step.id % 3] as string;
          const before = ready.get(address);
          const order = before === undefined ? revision : step.id;
          ready.set(address, revision);
          if (before !== undefined && revision > before) doubtful.delete(address);
          if (before === undefined) queue.ready(task(address, revision, { type, order: step.id }), 's');
          else queue.ready({ ...task(address, revision, { type }), order, revision }, 's');
        } else if (step.kind === 'gone') {
          const address = `t${step.id}`;
          queue.gone(address, Number.MAX_SAFE_INTEGER, 's');
          ready.delete(address);
          owner.delete(address);
          doubtful.delete(address);
          for (const key of refused) if (key.endsWith(` ${address}`)) refused.delete(key);
        } else if (step.kind === 'credit') {
          const id = `w${step.worker}`;
          queue.serve(id, new Set(TYPES[step.worker]));
          queue.credit(id, step.count);
          credit.set(id, step.count);
        } else if (step.kind === 'return') {
          const [id, address] = [`w${step.worker}`, `t${step.id}`];
          if (owner.get(address) === id) {
            owner.delete(address);
            if (step.how === 'refused') refused.add(`${id} ${address}`);
            if (step.how === 'stale') doubtful.add(address);
          }
          queue.returned(id, address, Number.MAX_SAFE_INTEGER, step.how);
        } else if (step.kind === 'leave') {
          const id = `w${step.worker}`;
          queue.leave(id);
          credit.delete(id);
          for (const key of refused) if (key.startsWith(`${id} `)) refused.delete(key);
          for (const [address, held] of owner) if (held === id) owner.delete(address);
        } else {
          now += 100 * OFFER_MS;
          assert.is(queue.expire(now).size, new Set(owner.values()).size);
          for (const id of owner.values()) credit.set(id, 0);
          owner.clear();
          doubtful.clear();
        }
        for (const [id, offers] of queue.deal(now)) {
          const left = (credit.get(id) ?? 0) - offers.length;
          assert.ok(left >= 0, `${id} has ${left}`);
          credit.set(id, left);
          for (const { address } of offers) {
            assert.ok(ready.has(address), `${address} is not ready`);
            assert.not.ok(owner.has(address), `${address} is offered twice`);
            assert.not.ok(doubtful.has(address), `${address} was returned as stale`);
            assert.not.ok(refused.has(`${id} ${address}`), `${address} was refused by ${id}`);
            owner.set(address, id);
          }
        }
        assert.is(queue.size.offered, owner.size + doubtful.size);
        assert.is(queue.size.waiting + queue.size.offered, ready.size);
        // Who has credit has no task left that it could have.
        for (const [id, left] of credit) if (left > 0) assert.is(workable(id), 0, `${id} could have one`);
      }

      function workable(id: string): number {
        const types = TYPES[Number(id.slice(1))] ?? [];
        return [...ready.keys()].filter((address) => {
          const type = ['a', 'b', 'c'][Number(address.slice(1)) % 3] as string;
          return (
            types.includes(type) && !owner.has(address) && !doubtful.has(address) && !refused.has(`${id} ${address}`)
          );
        }).length;
      }
    }),
    { numRuns: 500 },
  );
});

test.run();
