import fc from 'fast-check';
import * as assert from 'uvu/assert';
import { suite } from '../../../../test/support/suite.ts';
import { deal, OFFER_MS, settingsOf, task, worker, type Wish } from '../testing/queue.ts';
import type { ReadyTask } from './entry.ts';
import { Pools } from './pool.ts';
import { TaskQueue } from './task-queue.ts';
import { Turns } from './turn.ts';

const test = suite('turns of groups');

const queueOf = (): TaskQueue => new TaskQueue({ offerMs: OFFER_MS, records: { limit: 0, each: 0, used: 0 } });

test('Q7: a group of one task waits for one task of another, however many those are; weights give more turns', () => {
  const queue = queueOf();
  for (let i = 0; i < 100_000; i++) queue.ready(task(`a${i}`, i, { group: 'a' }), 's');
  worker(queue, 'w', 3);
  deal(queue);
  queue.ready(task('b', 200_000, { group: 'b' }), 's');
  queue.credit('w', 2);
  assert.ok(deal(queue)['w']?.includes('b'));
  queue.set(settingsOf({ kind: 'weigh', group: 'c', weight: 3 }), 0);
  for (let i = 0; i < 100; i++) queue.ready(task(`c${i}`, 300_000 + i, { group: 'c' }), 's');
  queue.credit('w', 40);
  const started = deal(queue)['w'] ?? [];
  const ofC = started.filter((address) => address.startsWith('c')).length;
  assert.ok(ofC >= 29 && ofC <= 31, `${ofC} of ${started.length}`);
});

test("Q7: in a flood of 100,000 each single task of others starts within one task's time, and no slot is idle", () => {
  const [SLOTS, LONGEST_MS, SINGLES] = [8, 1_000, 200];
  const queue = new TaskQueue({ offerMs: 10 * LONGEST_MS, records: { limit: 0, each: 0, used: 0 } });
  for (let i = 0; i < 100_000; i++) queue.ready(task(`flood ${i}`, i, { group: 'flood' }), 's');
  worker(queue, 'w', SLOTS);
  // Some chance that is the same in every run.
  let chance = 7;
  const upTo = (most: number): number => (chance = (chance * 16_807) % 2_147_483_647) % most;
  const running = new Map<string, number>();
  const came = new Map<string, number>();
  const waits: number[] = [];
  let [now, next, made, done] = [0, 300, 0, 0];
  while (waits.length < SINGLES) {
    for (const [address, until] of running) {
      if (until > now) continue;
      running.delete(address);
      queue.gone(address, 1_000_000, 's');
      done++;
    }
    if (now >= next && made < SINGLES) {
      const address = `single ${made}`;
      queue.ready(task(address, 200_000 + made, { group: `tenant ${made++ % 40}` }), 's');
      came.set(address, now);
      next = now + upTo(700);
    }
    queue.credit('w', SLOTS - running.size);
    for (const address of deal(queue, now)['w'] ?? []) {
      running.set(address, now + 1 + upTo(LONGEST_MS));
      const since = came.get(address);
      if (since !== undefined) waits.push(now - since);
    }
    assert.is(running.size, SLOTS, `at ${now}`);
    now = Math.min(...running.values(), made < SINGLES ? Math.max(next, now + 1) : Number.POSITIVE_INFINITY);
  }
  assert.ok(Math.max(...waits) <= LONGEST_MS, `one waited ${Math.max(...waits)} ms`);
  assert.ok(done > 1_000, 'the flood went on meanwhile');
});

test('Q7: groups of one priority take turns, and types in each group: none of a group waits for ever for others of it', () => {
  for (const groups of [2, 3, 4]) {
    const queue = queueOf();
    worker(queue, 'w', 0, ['a', 'b', 'c']);
    const types = ['a', 'b', 'c'].slice(0, groups === 3 ? 3 : 2);
    const started = new Map<string, number>();
    for (let g = 0; g < groups; g++)
      for (const type of types)
        for (let i = 0; i < 200; i++) queue.ready(task(`${g}${type}${i}`, i + 1, { group: `g${g}`, type }), 's');
    const rounds = 120;
    for (let i = 0; i < rounds; i++) {
      queue.credit('w', 1);
      const [address = ''] = deal(queue)['w'] ?? [];
      started.set(address.slice(0, 2), (started.get(address.slice(0, 2)) ?? 0) + 1);
      queue.gone(address, 999, 's');
    }
    const share = rounds / (groups * types.length);
    for (let g = 0; g < groups; g++)
      for (const type of types) {
        const count = started.get(`${g}${type}`) ?? 0;
        assert.ok(Math.abs(count - share) <= 1, `${type} of group ${g} of ${groups} started ${count} times`);
      }
  }
});

test('Q7: a group that comes costs the same, however many there are', () => {
  const queue = queueOf();
  const before = performance.now();
  for (let i = 0; i < 20_000; i++) queue.ready(task(`t${i}`, i, { group: `g${i}` }), 's');
  // A fifth of a second; to look at all the others for each takes nine.
  const tookMs = performance.now() - before;
  assert.ok(tookMs < 4_000, `${Math.round(tookMs)} ms`);
});

test('Q7: a group that comes with one task at a time gains nothing by it', () => {
  const queue = queueOf();
  for (let i = 0; i < 100; i++) queue.ready(task(`a${i}`, i, { group: 'a' }), 's');
  worker(queue, 'w', 0);
  const started: string[] = [];
  for (let i = 0; i < 40; i++) {
    queue.ready(task(`b${i}`, 1_000 + i, { group: 'b' }), 's');
    queue.credit('w', 1);
    for (const address of deal(queue)['w'] ?? []) {
      started.push(address);
      queue.gone(address, 10_000, 's');
    }
  }
  const ofA = started.filter((address) => address.startsWith('a')).length;
  assert.ok(ofA >= 19 && ofA <= 21, `${ofA} of ${started.length}`);
});

/** Many of two groups, of which a `busy` worker has begun some, and then one of another. */
const crowded = (): TaskQueue => {
  const queue = queueOf();
  for (let i = 0; i < 100; i++) {
    queue.ready(task(`a${i}`, 2 * i, { group: 'a' }), 's');
    queue.ready(task(`b${i}`, 2 * i + 1, { group: 'b' }), 's');
  }
  worker(queue, 'busy', 0);
  started(queue, 'busy', 6);
  queue.ready(task('one', 1_000, { group: 'single' }), 's');
  return queue;
};

/** One after the other, each gone before the next. */
const started = (queue: TaskQueue, id: string, count: number): string[] =>
  Array.from({ length: count }, () => {
    queue.credit(id, 1);
    const [address = ''] = deal(queue)[id] ?? [];
    queue.gone(address, 10_000, 's');
    queue.credit(id, 0);
    return address;
  });

test('Q7: a group whose task was offered and did not start has its turn again', () => {
  for (const ends of ['free', 'refused', 'late', 'gone'] as const) {
    const queue = crowded();
    worker(queue, 'w', 1);
    assert.equal(deal(queue), { w: ['one'] });
    queue.credit('w', 0);
    if (ends === 'late') queue.expire(OFFER_MS);
    else if (ends === 'gone') queue.leave('w');
    else queue.returned('w', 'one', 1_000, ends);
    assert.equal(started(queue, 'busy', 1), ['one'], ends);
  }
});

test('Q7: what a group missed while its tasks were on offer to a worker that died is not made up for at the cost of others', () => {
  const queue = queueOf();
  for (let i = 0; i < 100; i++) queue.ready(task(`a${i}`, i, { group: 'a' }), 's');
  worker(queue, 'dies', 50);
  deal(queue);
  for (let i = 0; i < 100; i++) queue.ready(task(`b${i}`, 200 + i, { group: 'b' }), 's');
  worker(queue, 'w', 0);
  started(queue, 'w', 30);
  queue.leave('dies');
  const next = started(queue, 'w', 20);
  const ofA = next.filter((address) => address.startsWith('a')).length;
  assert.ok(ofA >= 9 && ofA <= 11, next.join(' '));
});

test('Q7: a group that no worker can run, and one whose tasks nobody claims, do not take the turns of others', () => {
  for (const how of ['refused', 'free'] as const) {
    const queue = queueOf();
    for (let i = 0; i < 100; i++) queue.ready(task(`a${i}`, i, { group: 'a' }), 's');
    for (let i = 0; i < (how === 'free' ? 1 : 100); i++) queue.ready(task(`b${i}`, 200 + i, { group: 'b' }), 's');
    worker(queue, 'w', 0);
    const ofA: string[] = [];
    for (let i = 0; i < 40; i++) {
      queue.credit('w', 1);
      const [address = ''] = deal(queue)['w'] ?? [];
      if (address.startsWith('b')) {
        queue.returned('w', address, 200 + Number(address.slice(1)), how);
        continue;
      }
      ofA.push(address);
      queue.gone(address, 10_000, 's');
    }
    assert.ok(ofA.length >= 18, `${how}: ${ofA.length} of 40`);
  }
});

test('Q7: a group that comes waits for no lead of another, of another type or priority', () => {
  for (const hot of [{ priority: 'high' }, { type: 'mail' }] as const) {
    const queue = queueOf();
    worker(queue, 'w', 0);
    worker(queue, 'mails', 0, ['mail']);
    for (let i = 0; i < 1_000; i++) queue.ready(task(`b${i}`, i, { group: 'b' }), 's');
    for (let i = 0; i < 1_000; i++) queue.ready(task(`a${i}`, 2_000 + i, { group: 'a', ...hot }), 's');
    started(queue, 'type' in hot ? 'mails' : 'w', 900);
    queue.ready(task('c', 9_000, { group: 'c', ...('type' in hot ? {} : { priority: 'normal' }) }), 's');
    // Whatever is high and left goes first.
    const before = started(queue, 'w', 'type' in hot ? 3 : 200).filter((address) => !address.startsWith('a'));
    assert.ok(before.slice(0, 3).includes('c'), before.slice(0, 5).join(' '));
  }
});

test('Q7: what a group has of a type that other workers serve costs it no turn among those of this one', () => {
  const queue = queueOf();
  worker(queue, 'mails', 0, ['mail']);
  worker(queue, 'w', 0);
  for (let i = 0; i < 500; i++) {
    queue.ready(task(`a${i}`, i, { group: 'a', type: 'mail' }), 's');
    queue.ready(task(`b${i}`, 1_000 + i, { group: 'b' }), 's');
  }
  const of: string[] = [];
  for (let i = 0; i < 40; i++) {
    started(queue, 'mails', 5);
    if (i === 10) for (let n = 0; n < 10; n++) queue.ready(task(`own${n}`, 5_000 + n, { group: 'a' }), 's');
    of.push(...started(queue, 'w', 1));
  }
  assert.is(of.slice(10, 32).filter((address) => address.startsWith('own')).length, 10, of.join(' '));
});

test('Q7, Q8: a group that was paused, full or of a paused type makes up for nothing at the cost of others', () => {
  const ways: readonly (readonly [Wish, Partial<ReadyTask>])[] = [
    [{ kind: 'pause', part: { group: 'a' } }, {}],
    [{ kind: 'pause', part: { type: 'mail' } }, { type: 'mail' }],
    [{ kind: 'limit', limit: { of: 'group', name: 'a', rate: { units: 1, windowMs: 1_000_000 } } }, {}],
  ];
  for (const [wish, more] of ways) {
    const queue = queueOf();
    queue.set(settingsOf(wish), 0);
    worker(queue, 'w', 0, ['job', 'mail']);
    for (let i = 0; i < 300; i++) queue.ready(task(`a${i}`, i, { group: 'a', ...more }), 's');
    for (let i = 0; i < 300; i++) queue.ready(task(`b${i}`, 1_000 + i, { group: 'b' }), 's');
    started(queue, 'w', 200);
    queue.set(undefined, 0);
    queue.ready(task('c', 5_000, { group: 'c' }), 's');
    const next = started(queue, 'w', 20);
    assert.ok(next.slice(0, 4).includes('c'), `${wish.kind}: ${next.join(' ')}`);
    const ofB = next.filter((address) => address.startsWith('b')).length;
    assert.ok(ofB >= 8 && ofB <= 11, `${wish.kind}: ${next.join(' ')}`);
  }
});

test('Q7: groups of one task each are forgotten once it is gone', () => {
  const pools = new Pools();
  const turns = new Turns(pools);
  pools.join(new Set(['job']));
  const pool = pools.of('job');
  for (let i = 0; i < 20_000; i++) {
    const turn = turns.enter(`g${i}`);
    pool.served(turn);
    turns.leave(turn);
  }
  assert.ok([...turns].length < 5_000, `${[...turns].length} are kept`);
});

test('Q7: whatever is offered and comes back, nothing is lost', () => {
  const step = fc.record({ take: fc.nat(3), back: fc.nat(3), start: fc.nat(3), group: fc.nat(4), high: fc.boolean() });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const queue = queueOf();
      worker(queue, 'w', 0, ['x', 'y']);
      const waiting = new Map<string, number>();
      const offered: string[] = [];
      for (const [n, { take, back, start, group, high }] of steps.entries()) {
        const address = `t${n}`;
        const revision = n + 1;
        waiting.set(address, revision);
        queue.ready(task(address, revision, { group: `g${group}`, type: high ? 'x' : 'y' }), 's');
        queue.credit('w', take);
        offered.push(...(deal(queue)['w'] ?? []));
        for (const each of offered.splice(0, back)) queue.returned('w', each, waiting.get(each) ?? 0, 'free');
        for (const each of offered.splice(0, start)) {
          queue.gone(each, 1_000, 's');
          waiting.delete(each);
        }
      }
      queue.credit('w', 1_000);
      offered.push(...(deal(queue)['w'] ?? []));
      assert.equal(offered.toSorted(), [...waiting.keys()].toSorted());
    }),
  );
});

test.run();
