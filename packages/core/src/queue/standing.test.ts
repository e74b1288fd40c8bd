import fc from 'fast-check';
import * as assert from 'uvu/assert';
import { suite } from '../../../../test/support/suite.ts';
import { OFFER_MS, settingsOf, task, worker, type Wish } from '../testing/queue.ts';
import { Pace } from './pace.ts';
import type { LimitInTheWay, PauseInTheWay } from './standing.ts';
import { TaskQueue } from './task-queue.ts';

const test = suite('where a task stands');

const queueWith = (...wishes: Wish[]): TaskQueue => {
  const queue = new TaskQueue({ offerMs: OFFER_MS, records: { limit: 0, each: 0, used: 0 }, voidMs: 2_500, name: 'x' });
  queue.set(settingsOf(...wishes), 0);
  return queue;
};

const standing = (queue: TaskQueue, address: string, type = 'job', now = 0) => queue.standing(address, type, now);

const aheadOf = (queue: TaskQueue, addresses: readonly string[]): readonly number[] =>
  addresses.map((address) => standing(queue, address).ahead);

test('Q9: first in first out, each has those before it ahead; what is on offer or gone is not', () => {
  const queue = queueWith();
  for (const [address, order] of [
    ['b', 2],
    ['a', 1],
    ['d', 4],
    ['c', 3],
  ] as const)
    queue.ready(task(address, order), 's');
  assert.equal(aheadOf(queue, ['a', 'b', 'c', 'd']), [0, 1, 2, 3]);
  worker(queue, 'w', 1);
  queue.deal(0);
  assert.is(standing(queue, 'a').state, 'offered');
  assert.equal(aheadOf(queue, ['b', 'c', 'd']), [0, 1, 2]);
  queue.gone('b', 2, 's');
  assert.is(standing(queue, 'b').state, 'unheard');
  assert.equal(aheadOf(queue, ['c', 'd']), [0, 1]);
  assert.is(standing(queue, 'd').waiting, 2);
});

test('Q9: workers of the queue and of the type are told apart, with those that are free and those that cannot run it', () => {
  const queue = queueWith();
  queue.ready(task('a', 1), 's');
  assert.equal(standing(queue, 'a').workers, { queue: 0, type: 0, free: 0, refused: 0 });
  worker(queue, 'mails', 3, ['mail']);
  worker(queue, 'busy', 0);
  assert.equal(standing(queue, 'a').workers, { queue: 2, type: 1, free: 0, refused: 0 });
  assert.equal(standing(queue, 'nobody', 'mail').workers, { queue: 2, type: 1, free: 1, refused: 0 });
  worker(queue, 'old', 1);
  queue.deal(0);
  queue.returned('old', 'a', 1, 'refused');
  worker(queue, 'old', 1);
  assert.equal(standing(queue, 'a').workers, { queue: 3, type: 2, free: 1, refused: 1 });
});

test('Q9: what cannot start now is not ahead: of types nobody takes, of groups and types that are paused or full', () => {
  const queue = queueWith(
    { kind: 'pause', part: { group: 'paused' } },
    { kind: 'pause', part: { type: 'paused' } },
    { kind: 'limit', limit: { of: 'group', name: 'full', concurrency: 1 } },
  );
  worker(queue, 'w', 0, ['job', 'paused']);
  queue.held({ address: 'runs', revision: 1, type: 'job', group: 'full' }, 's');
  for (let i = 0; i < 10; i++) {
    queue.ready(task(`nobody's ${i}`, 10 + i, { type: 'unserved' }), 's');
    queue.ready(task(`type ${i}`, 30 + i, { type: 'paused' }), 's');
    queue.ready(task(`group ${i}`, 50 + i, { group: 'paused' }), 's');
    queue.ready(task(`full ${i}`, 70 + i, { group: 'full' }), 's');
  }
  queue.ready(task('mine', 99, { group: 'mine' }), 's');
  assert.equal(aheadOf(queue, ['mine', 'group 3', 'full 4']), [0, 4, 5]);
});

test('Q9: pauses and limits in the way are all told, by whom, with who holds them and when a rate opens', () => {
  const queue = queueWith(
    { kind: 'pause', part: { group: 'g' } },
    { kind: 'limit', limit: { of: 'type', concurrency: 2 } },
    { kind: 'limit', limit: { of: 'queue', rate: { units: 3, windowMs: 10_000 } } },
    { kind: 'limit', limit: { of: 'group', concurrency: 9 } },
  );
  queue.begin(-10_000);
  queue.at(1_000);
  for (const [i, address] of ['r1', 'r2', 'r3'].entries()) {
    queue.at(1_000 * (i + 1));
    queue.held({ address, revision: 1, type: i < 2 ? 'job' : 'mail' }, 's');
  }
  queue.ready(task('a', 9, { group: 'g', units: 2 }), 's');
  const [pause, byQueue, byType, ...more] = standing(queue, 'a', 'job', 4_000).inTheWay as readonly [
    PauseInTheWay,
    LimitInTheWay,
    LimitInTheWay,
  ];
  assert.equal(more, [], 'a limit that is not reached is not in the way');
  assert.equal([pause.kind, pause.of, pause.name, pause.by, pause.at], ['paused', 'group', 'g', 'user:root', 1]);
  assert.equal([byQueue.of, byQueue.name, byQueue.concurrency], ['queue', undefined, undefined]);
  // Two units are free once the second of three has started for ten seconds.
  assert.equal(byQueue.rate, { units: 3, windowMs: 10_000, used: 3, opensInMs: 8_000 });
  assert.equal([byType.of, byType.name, byType.rate], ['type', 'job', undefined]);
  assert.equal([byType.concurrency, byType.holders], [{ most: 2, running: 2 }, ['r1', 'r2']]);
});

test('Q9: a rate is in the way of what would fit, too, where one that goes first takes more units than are left', () => {
  for (const of of ['queue', 'type', 'group'] as const) {
    const queue = queueWith({ kind: 'limit', limit: { of, rate: { units: 3, windowMs: 10_000 } } });
    const ready = (address: string, order: number, units: number) =>
      queue.ready(task(address, order, { group: 'g', limitKey: 'k', units }), 's');
    ready('first', 1, 2);
    ready('large', 2, 3);
    ready('small', 3, 1);
    worker(queue, 'w', 9);
    queue.deal(10_000);
    queue.held({ address: 'first', revision: 1, type: 'job', group: 'g', limitKey: 'k', units: 2 }, 's');
    queue.deal(10_000);
    const inTheWay = (address: string) =>
      standing(queue, address, 'job', 10_000).inTheWay.map((each) => [each.kind, each.of, 'rate' in each && each.rate]);
    const full = { units: 3, windowMs: 10_000, used: 2, opensInMs: 10_000 };
    assert.equal(inTheWay('large'), [['limit', of, full]]);
    assert.equal(inTheWay('small'), [['limit', of, full]], of);
  }
});

test('Q9: a rate of its group is in the way of what would fit, too, once one of another line has blocked the group', () => {
  const queue = queueWith({ kind: 'limit', limit: { of: 'group', rate: { units: 3, windowMs: 10_000 } } });
  queue.ready(task('first', 1, { group: 'g', units: 2 }), 's');
  queue.ready(task('large', 2, { group: 'g', units: 2 }), 's');
  queue.ready(task('light', 3, { group: 'g', type: 'mail' }), 's');
  queue.ready(task('other', 4, { group: 'h', type: 'mail' }), 's');
  const inTheWay = (address: string) => standing(queue, address, 'mail', 10_000).inTheWay.map(({ of }) => of);
  worker(queue, 'w', 1);
  queue.deal(10_000);
  queue.held({ address: 'first', revision: 5, type: 'job', group: 'g', units: 2 }, 's');
  assert.equal(inTheWay('light'), [], 'nothing has been tried since');
  worker(queue, 'w', 1);
  queue.deal(10_000);
  assert.equal(inTheWay('light'), ['group']);
  assert.equal(inTheWay('other'), []);
  worker(queue, 'v', 9, ['job', 'mail']);
  assert.equal(
    [...(queue.deal(10_000).get('v') ?? [])].map(({ address }) => address),
    ['other'],
  );
});

test('Q9: a rate of its key is not in the way of what would fit where one of another key waits before it', () => {
  const queue = queueWith({ kind: 'limit', limit: { of: 'key', rate: { units: 3, windowMs: 10_000 } } });
  for (const [i, limitKey] of ['k', 'l'].entries())
    queue.held({ address: `ran ${limitKey}`, revision: i + 1, type: 'job', limitKey, units: 2 }, 's');
  queue.ready(task('large', 3, { limitKey: 'k', units: 2 }), 's');
  queue.ready(task('light', 4, { limitKey: 'l', units: 1 }), 's');
  const inTheWay = (address: string) => standing(queue, address, 'job', 100).inTheWay.map(({ of }) => of);
  assert.equal(inTheWay('large'), ['key']);
  assert.equal(inTheWay('light'), []);
  worker(queue, 'w', 9);
  assert.equal(
    [...(queue.deal(100).get('w') ?? [])].map(({ address }) => address),
    ['light'],
  );
});

test('Q9: units that are on their way to a start have no time yet; a rate whose past is not known opens after its window', () => {
  const queue = queueWith({ kind: 'limit', limit: { of: 'queue', rate: { units: 1, windowMs: 10_000 } } });
  queue.begin(5_000);
  queue.ready(task('a', 1), 's');
  queue.ready(task('b', 2), 's');
  const rate = (now: number) => (standing(queue, 'b', 'job', now).inTheWay[0] as LimitInTheWay | undefined)?.rate;
  assert.is(rate(6_000)?.opensInMs, 9_000);
  worker(queue, 'w', 1);
  queue.deal(15_000);
  assert.equal(rate(16_000), { units: 1, windowMs: 10_000, used: 1 });
});

test('Q9: a rate that is open once what is on its way is given back has no time yet, and any other one has', () => {
  const queue = queueWith({ kind: 'limit', limit: { of: 'queue', rate: { units: 3, windowMs: 10_000 } } });
  queue.ready(task('started', 1, { units: 2 }), 's');
  worker(queue, 'w', 2);
  queue.deal(10_000);
  queue.held({ address: 'started', revision: 2, type: 'job', units: 2 }, 's');
  for (const [i, address] of ['offered', 'one', 'two'].entries())
    queue.ready(task(address, i + 2, { units: Math.max(1, i) }), 's');
  queue.deal(11_000);
  const rate = (address: string) =>
    (standing(queue, address, 'job', 12_000).inTheWay[0] as LimitInTheWay | undefined)?.rate;
  assert.equal(rate('one'), { units: 3, windowMs: 10_000, used: 3 });
  assert.is(rate('two')?.opensInMs, 8_000, 'whatever becomes of it, two units are free then');
  queue.held({ address: 'offered', revision: 9, type: 'job' }, 's');
  assert.is(rate('one')?.opensInMs, 8_000);
});

test('Q9: no more than a few holders are named, offers among them', () => {
  const queue = queueWith({ kind: 'limit', limit: { of: 'queue', concurrency: 7 } });
  for (let i = 0; i < 4; i++) queue.held({ address: `r${i}`, revision: 1, type: 'job' }, 's');
  for (let i = 0; i < 4; i++) queue.ready(task(`t${i}`, i + 1), 's');
  worker(queue, 'w', 9);
  queue.deal(0);
  const limit = standing(queue, 't3').inTheWay[0] as LimitInTheWay;
  assert.equal(limit.concurrency, { most: 7, running: 7 });
  assert.equal(limit.holders, ['r0', 'r1', 'r2', 'r3', 't0']);
});

test('Q9: a group that comes anew has nothing ahead of those whose turn was before it', () => {
  const queue = queueWith();
  for (let i = 1; i <= 6; i++) queue.ready(task(`a${i}`, i, { group: 'a' }), 's');
  worker(queue, 'w', 2);
  queue.deal(0);
  for (let i = 1; i <= 3; i++) queue.ready(task(`b${i}`, 10 + i, { group: 'b' }), 's');
  // The first of `b` goes before all of `a`, and then they take turns.
  assert.equal(aheadOf(queue, ['b1', 'a3', 'b2', 'a4', 'b3']), [0, 1, 2, 3, 4]);
  worker(queue, 'w', 5);
  assert.equal(
    [...(queue.deal(0).get('w') ?? [])].map(({ address }) => address),
    ['b1', 'a3', 'b2', 'a4', 'b3'],
  );
});

test('Q9: of several groups and priorities as many are ahead as then start before it, but for what takes turns evenly', () => {
  const tasks = fc.array(
    fc.record({
      group: fc.constantFrom('a', 'b', 'c'),
      priority: fc.constantFrom('high' as const, 'normal' as const),
    }),
    { minLength: 1, maxLength: 60 },
  );
  fc.assert(
    fc.property(tasks, fc.integer({ min: 1, max: 3 }), fc.nat(20), (all, weight, served) => {
      const queue = queueWith({ kind: 'weigh', group: 'a', weight: weight + 1 });
      for (const [i, more] of all.entries()) queue.ready(task(`t${i}`, i + 1, more), 's');
      const next = (): string | undefined => {
        worker(queue, 'w', 1);
        const [offer] = queue.deal(0).get('w') ?? [];
        if (offer !== undefined) queue.gone(offer.address, 99, 's');
        return offer?.address;
      };
      for (let i = 0; i < Math.min(served, all.length - 1); i++) next();
      worker(queue, 'w', 0);
      const waiting = all.map((_, i) => `t${i}`).filter((address) => standing(queue, address).state === 'waiting');
      const said = new Map(waiting.map((address) => [address, standing(queue, address).ahead]));
      for (let place = 0, address = next(); address !== undefined; address = next(), place++) {
        // Others may have their turn a start earlier or later each, and one in twenty goes to the lower priority.
        const off = Math.abs((said.get(address) ?? -99) - place);
        assert.ok(off <= 7, `${address}: ${said.get(address)} were said to be ahead, ${place} were`);
      }
    }),
    { numRuns: 200 },
  );
});

test('Q9: how fast a queue is counts only while more waits than can start, and once enough was seen', () => {
  const pace = new Pace();
  const note = (now: number, count: number, isBusy = true) => pace.isDue(now) && pace.note(now, count, isBusy);
  for (let i = 0; i <= 3; i++) note(i * 1_000, i * 10);
  assert.is(pace.over(3_000, 30, 0), undefined, 'too short');
  note(4_000, 40);
  assert.equal(pace.over(5_000, 50, 0), { starts: 50, ms: 5_000 });
  assert.is(pace.over(5_000, 50, 3_000), undefined, 'a rate of that window lets starts come in bursts');
  assert.is(pace.over(5_000, 4, 0), undefined, 'too few');
  note(6_000, 60, false);
  assert.is(pace.over(60_000, 90, 0), undefined, 'it had nothing left to start');
  note(60_000, 100);
  note(300_000, 200);
  assert.equal(pace.over(350_000, 340, 0), { starts: 240, ms: 290_000 });
  assert.equal(pace.over(361_000, 350, 0), { starts: 150, ms: 61_000 }, 'what was five minutes ago counts no more');
});

test('Q9: a queue is busy while something waits for workers, or for what it may run at once; starts are counted', () => {
  const queue = queueWith();
  queue.ready(task('a', 1), 's');
  assert.not(queue.isBusy, 'nobody takes it');
  worker(queue, 'w', 0);
  assert.ok(queue.isBusy);
  queue.ready(task('b', 2), 's');
  worker(queue, 'w', 1);
  assert.not(queue.isBusy, 'it is about to start');
  queue.deal(0);
  assert.ok(queue.isBusy);
  queue.gone('a', 2, 's');
  assert.is(queue.starts, 1);
  queue.gone('b', 3, 's');
  assert.is(queue.starts, 1, 'cancelled while it waited');
  assert.not(queue.isBusy);
  const limited = queueWith({ kind: 'limit', limit: { of: 'queue', concurrency: 1 } });
  worker(limited, 'w', 5);
  limited.held({ address: 'r', revision: 1, type: 'job' }, 's');
  limited.ready(task('a', 1), 's');
  assert.ok(limited.isBusy);
});

test.run();
