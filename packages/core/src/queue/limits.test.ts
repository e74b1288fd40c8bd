import fc from 'fast-check';
import * as assert from 'uvu/assert';
import { suite } from '../../../../test/support/suite.ts';
import { deal, OFFER_MS, settingsOf, task, worker, type Wish } from '../testing/queue.ts';
import type { ReadyTask } from './entry.ts';
import { TaskQueue } from './task-queue.ts';

const test = suite('limits of a task queue');

const VOID_MS = 2_500;

const queueWith = (...wishes: Wish[]): TaskQueue => {
  const queue = new TaskQueue({
    offerMs: OFFER_MS,
    records: { limit: 0, each: 0, used: 0 },
    voidMs: VOID_MS,
    name: 'x',
  });
  queue.set(settingsOf(...wishes), 0);
  return queue;
};

const runs = (queue: TaskQueue, address: string, revision: number, more: Partial<ReadyTask> = {}): void =>
  queue.held({ address, revision, type: 'job', ...more }, 's');

test('Q8: nothing of a paused queue starts; nothing of a paused type or group, and all of the others', () => {
  const queue = queueWith({ kind: 'pause', part: {} });
  for (let i = 1; i <= 3; i++) queue.ready(task(`t${i}`, i, i === 1 ? { group: 'a' } : {}), 's');
  queue.ready(task('mail', 4, { type: 'mail' }), 's');
  worker(queue, 'w', 9, ['job', 'mail']);
  assert.equal(deal(queue), {});
  assert.is(queue.waitingFor('w'), 0);
  queue.set(settingsOf({ kind: 'pause', part: { group: 'a' } }, { kind: 'pause', part: { type: 'mail' } }), 0);
  assert.equal(deal(queue), { w: ['t2', 't3'] });
  queue.set(undefined, 0);
  assert.equal(deal(queue), { w: ['t1', 'mail'] });
});

test('Q5: no more run than may, and one that ends makes room for the next', () => {
  const queue = queueWith({ kind: 'limit', limit: { of: 'queue', concurrency: 2 } });
  for (let i = 1; i <= 4; i++) queue.ready(task(`t${i}`, i), 's');
  worker(queue, 'w', 9);
  assert.equal(deal(queue), { w: ['t1', 't2'] });
  runs(queue, 't1', 11);
  assert.equal(deal(queue), {});
  queue.gone('t1', 12, 's');
  assert.equal(deal(queue), { w: ['t3'] });
  const [offer] = queue.deal(0).get('w') ?? [];
  assert.is(offer, undefined);
  queue.returned('w', 't2', 2, 'free', queue.confirm('w', 0));
  assert.equal(deal(queue), { w: ['t2'] }, 'it is first in line again, in its own slot');
});

test('Q5: what a definition says is counted as what is set, and what is set instead counts from then on', () => {
  const defined = { kind: 'define', type: 'job', limits: [{ of: 'type', concurrency: 2 }], worker: 'w' } as const;
  const queue = queueWith(defined);
  for (let i = 1; i <= 5; i++) queue.ready(task(`t${i}`, i), 's');
  worker(queue, 'w', 9);
  assert.equal(deal(queue), { w: ['t1', 't2'] });
  queue.set(settingsOf(defined, { kind: 'limit', limit: { of: 'type', name: 'job', concurrency: 3 } }), 0);
  assert.equal(deal(queue), { w: ['t3'] });
  queue.set(settingsOf({ ...defined, limits: [] }), 0);
  assert.equal(deal(queue), { w: ['t4', 't5'] });
});

test('Q5: a full type or group holds up no other one', () => {
  const queue = queueWith(
    { kind: 'limit', limit: { of: 'type', name: 'mail', concurrency: 1 } },
    { kind: 'limit', limit: { of: 'group', concurrency: 1 } },
  );
  queue.ready(task('m1', 1, { type: 'mail' }), 's');
  queue.ready(task('m2', 2, { type: 'mail' }), 's');
  queue.ready(task('a1', 3, { group: 'a' }), 's');
  queue.ready(task('a2', 4, { group: 'a' }), 's');
  queue.ready(task('b1', 5, { group: 'b' }), 's');
  queue.ready(task('free', 8), 's');
  worker(queue, 'w', 9, ['job', 'mail']);
  assert.equal([...(deal(queue)['w'] ?? [])].toSorted(), ['a1', 'b1', 'free', 'm1']);
  for (const address of ['m1', 'a1']) queue.gone(address, 100, 's');
  assert.equal([...(deal(queue)['w'] ?? [])].toSorted(), ['a2', 'm2']);
});

test('Q5: groups and keys of a type are limited apart from those of other types, and hold up nobody else', () => {
  const queue = queueWith(
    { kind: 'define', type: 'mail', worker: 'w', limits: [{ of: 'group', concurrency: 1 }] },
    { kind: 'limit', limit: { of: 'key', type: 'job', name: 'dock', concurrency: 1 } },
  );
  queue.ready(task('a1', 1, { type: 'mail', group: 'a' }), 's');
  queue.ready(task('a2', 2, { type: 'mail', group: 'a' }), 's');
  queue.ready(task('b1', 3, { type: 'mail', group: 'b' }), 's');
  queue.ready(task('j1', 4, { group: 'a' }), 's');
  queue.ready(task('j2', 5, { group: 'a', limitKey: 'dock' }), 's');
  queue.ready(task('j3', 6, { group: 'a', limitKey: 'dock' }), 's');
  queue.ready(task('j4', 7, { group: 'a', limitKey: 'quay' }), 's');
  worker(queue, 'w', 9, ['job', 'mail']);
  assert.equal([...(deal(queue)['w'] ?? [])].toSorted(), ['a1', 'b1', 'j1', 'j2', 'j4']);
  const standing = queue.standing('j3', 'job', 0);
  assert.equal([standing.state, standing.ahead], ['waiting', 0]);
  const [limit] = standing.inTheWay;
  assert.equal(
    limit?.kind === 'limit' && [limit.of, limit.name, limit.type, limit.concurrency?.running, limit.holders],
    ['key', 'dock', 'job', 1, ['j2']],
  );
  queue.gone('j2', 100, 's');
  assert.equal(deal(queue), { w: ['j3'] });
  queue.gone('a1', 100, 's');
  assert.equal(deal(queue), { w: ['a2'] });
});

test('Q5: what waits for a key comes back as there is room, whatever else becomes of it', () => {
  const queue = queueWith({ kind: 'limit', limit: { of: 'key', concurrency: 1 } });
  queue.ready(task('served', 1, { limitKey: 'k' }), 's');
  for (let i = 2; i <= 4; i++) queue.ready(task(`t${i}`, i, { limitKey: 'k' }), 's');
  queue.ready(task('other', 5, { limitKey: 'k', type: 'mail' }), 's');
  queue.ready(task('of a', 6, { limitKey: 'k', group: 'a' }), 's');
  worker(queue, 'w', 9);
  assert.equal(deal(queue), { w: ['served'] });
  assert.is(queue.size.waiting, 5);
  queue.gone('t2', 50, 's');
  queue.set(
    settingsOf({ kind: 'limit', limit: { of: 'key', concurrency: 1 } }, { kind: 'pause', part: { group: '' } }),
    0,
  );
  queue.gone('served', 51, 's');
  assert.equal(deal(queue), { w: ['of a'] }, 'those before it are paused; those of the other type nobody serves');
  queue.set(settingsOf({ kind: 'limit', limit: { of: 'key', concurrency: 1 } }), 0);
  queue.gone('of a', 52, 's');
  assert.equal(deal(queue), { w: ['t3'] });
  worker(queue, 'm', 9, ['mail']);
  queue.gone('t3', 53, 's');
  assert.is(Object.values(deal(queue)).flat().length, 1);
  queue.set(undefined, 0);
  assert.is(Object.values(deal(queue)).flat().length, 1, 'nothing is limited any more');
  assert.is(queue.size.waiting, 0);
});

test('Q6: a rate of each key opens by time, for as many as it lets start', () => {
  const queue = queueWith({ kind: 'limit', limit: { of: 'key', rate: { units: 2, windowMs: 1_000 } } });
  for (let i = 1; i <= 5; i++) queue.ready(task(`t${i}`, i, { limitKey: 'k' }), 's');
  queue.ready(task('u1', 6, { limitKey: 'u' }), 's');
  worker(queue, 'w', 9);
  assert.equal(deal(queue), { w: ['t1', 't2', 'u1'] });
  for (const address of ['t1', 't2']) queue.gone(address, 100, 's');
  assert.equal(deal(queue, 999), {});
  assert.equal(deal(queue, 1_000), { w: ['t3', 't4'] });
});

test('Q5: many of one key cost no more than their number', () => {
  const queue = queueWith({ kind: 'limit', limit: { of: 'key', concurrency: 2 } });
  const before = performance.now();
  for (let i = 0; i < 30_000; i++) queue.ready(task(`t${i}`, i, { limitKey: 'k' }), 's');
  worker(queue, 'w', 9);
  let done = 0;
  for (let some = deal(queue)['w']; some !== undefined; some = deal(queue)['w']) {
    for (const address of some) queue.gone(address, 1_000_000, 's');
    done += some.length;
    queue.credit('w', 9);
  }
  const tookMs = performance.now() - before;
  assert.is(done, 30_000);
  // A second; to look at all that wait for each that ends takes minutes.
  assert.ok(tookMs < 20_000, `${Math.round(tookMs)} ms`);
});

test('Q5: what was offered and may still be claimed keeps its slot, until its terms are void', () => {
  const queue = queueWith({ kind: 'limit', limit: { of: 'queue', concurrency: 1 } });
  queue.ready(task('t1', 1, { type: 'mail' }), 's');
  worker(queue, 'dies', 1, ['mail']);
  const term = queue.confirm('dies', 0);
  const [offer] = queue.deal(0).get('dies') ?? [];
  assert.is(offer?.term, term);
  queue.leave('dies');
  queue.ready(task('t2', 2), 's');
  worker(queue, 'w', 1);
  assert.equal(deal(queue, 1), {});
  assert.equal(queue.doubts(VOID_MS - 1), []);
  assert.equal(deal(queue, VOID_MS - 1), {});
  // Another one that serves it may have it at once.
  worker(queue, 'other', 1, ['mail']);
  assert.equal(deal(queue, VOID_MS - 1), { other: ['t1'] });
  queue.returned('other', 't1', 1, 'refused', queue.confirm('other', VOID_MS - 1));
  const late = VOID_MS + OFFER_MS;
  assert.equal(deal(queue, late), {});
  assert.equal(queue.doubts(late), [{ address: 't1', revision: 1 }], 'nobody can claim it; somebody may have');
  queue.unclaimed('t1', 1, late);
  assert.equal(deal(queue, late), { w: ['t2'] });
});

test('Q5: what is returned of a task that was offered before does not count for the one that is offered now', () => {
  const queue = queueWith({ kind: 'limit', limit: { of: 'key', concurrency: 1 } });
  queue.ready(task('t1', 1, { limitKey: 'k' }), 's');
  worker(queue, 'w', 2);
  const term = queue.confirm('w', 0);
  assert.equal(deal(queue), { w: ['t1'] });
  queue.gone('t1', 2, 's');
  queue.ready(task('t1', 3, { limitKey: 'k' }), 's');
  queue.ready(task('t2', 4, { limitKey: 'k' }), 's');
  assert.equal(deal(queue), { w: ['t1'] });
  queue.returned('w', 't1', 1, 'free', term);
  queue.credit('w', 2);
  assert.equal(deal(queue), { w: ['t1'] }, 'it may still be claimed, and has its slot');
  queue.gone('t1', 5, 's');
  assert.equal(deal(queue), { w: ['t2'] });
});

test('Q5: what is joined while it is on offer is claimed no more as it was, and leaves no slot taken', () => {
  const queue = queueWith({ kind: 'limit', limit: { of: 'key', concurrency: 1 } });
  queue.ready(task('t1', 1, { limitKey: 'k' }), 's');
  worker(queue, 'w', 2);
  const term = queue.confirm('w', 0);
  assert.equal(deal(queue), { w: ['t1'] });
  queue.ready(task('t1', 2, { order: 1, limitKey: 'k' }), 's');
  queue.returned('w', 't1', 1, 'refused', term);
  assert.equal(deal(queue), { w: ['t1'] }, 'the newer version, which it may know how to read');
  queue.returned('w', 't1', 2, 'refused', term);
  queue.ready(task('t2', 3, { limitKey: 'k' }), 's');
  queue.credit('w', 2);
  assert.equal(deal(queue), { w: ['t2'] });
});

/** The first that is dealt to `w` as time goes on and the worker goes on confirming, within an hour; undefined: nothing. */
const dealtWithinAnHour = (queue: TaskQueue, from: number): string | undefined => {
  for (let now = from; now < from + 3_600_000; now += 60_000) {
    queue.confirm('w', now);
    queue.credit('w', 1);
    queue.expire(now);
    for (const { address, revision } of queue.doubts(now)) queue.unclaimed(address, revision, now);
    for (const offers of queue.deal(now).values()) for (const { address } of offers) return address;
  }
  return undefined;
};

test('Q5: what was returned as stale and is paused since does not keep its slot for as long as its worker lives', () => {
  const limit = { kind: 'limit', limit: { of: 'queue', concurrency: 1 } } as const;
  const queue = queueWith(limit);
  queue.ready(task('t1', 1, { type: 'a' }), 's');
  worker(queue, 'w', 1, ['a', 'b']);
  const term = queue.confirm('w', 0);
  assert.equal(deal(queue), { w: ['t1'] });
  queue.returned('w', 't1', 1, 'stale', term);
  queue.expire(OFFER_MS + 1);
  queue.set(settingsOf(limit, { kind: 'pause', part: { type: 'a' } }), OFFER_MS + 1);
  queue.ready(task('t2', 2, { type: 'b' }), 's');
  assert.is(dealtWithinAnHour(queue, OFFER_MS + 10), 't2');
});

test('Q5: what its only worker has refused in a newer version does not keep the slot of its key', () => {
  const queue = queueWith({ kind: 'limit', limit: { of: 'key', concurrency: 1 } });
  queue.ready(task('t1', 1, { limitKey: 'k' }), 's');
  worker(queue, 'w', 3);
  const term = queue.confirm('w', 0);
  assert.equal(deal(queue), { w: ['t1'] });
  queue.gone('t1', 2, 's');
  queue.ready(task('t1', 3, { limitKey: 'k' }), 's');
  assert.equal(deal(queue), { w: ['t1'] });
  // It claims the older one, and passes the newer by without a word.
  queue.returned('w', 't1', 1, 'stale', term);
  queue.credit('w', 2);
  assert.equal(deal(queue), { w: ['t1'] });
  queue.returned('w', 't1', 3, 'refused', term);
  queue.ready(task('t2', 4, { limitKey: 'k' }), 's');
  assert.is(dealtWithinAnHour(queue, 10), 't2');
});

test('Q5: what is told by a supervisor that is gone is counted until another one has told what became of it', () => {
  const queue = queueWith({ kind: 'limit', limit: { of: 'queue', concurrency: 3 } });
  runs(queue, 'runs', 1);
  runs(queue, 'ends', 2);
  queue.ready(task('offered', 3), 's');
  for (let i = 4; i < 9; i++) queue.ready(task(`t${i}`, i), 'other');
  worker(queue, 'w', 9);
  assert.equal(deal(queue), { w: ['offered'] });
  queue.forget('s');
  assert.equal(deal(queue), {});
  queue.held({ address: 'runs', revision: 1, type: 'job' }, 'new');
  queue.ready(task('offered', 3), 'new');
  queue.mark();
  queue.settle('new', (address) => !address.startsWith('t'));
  const dealt = deal(queue)['w'] ?? [];
  assert.equal(dealt.toSorted(), ['offered', 't4'], 'one has ended, and what was on offer has its slot');
});

test('Q5: what others told since all were asked what there is counts until they are asked again', () => {
  const queue = queueWith({ kind: 'limit', limit: { of: 'queue', concurrency: 1 } });
  worker(queue, 'w', 9);
  queue.ready(task('waits', 1), 'new');
  queue.mark();
  queue.held({ address: 'runs', revision: 5, type: 'job' }, 'old');
  assert.not.ok(
    queue.settle('new', () => true),
    'it was told behind the question, and may be newer than the answer',
  );
  assert.equal(deal(queue), {});
  queue.mark();
  assert.ok(queue.settle('new', () => true));
  assert.equal(deal(queue), { w: ['waits'] }, 'it is over: who has it knows nothing of it');
});

test('Q5: one that is behind tells of what it watches all the same, and what it watches is not over by its answer', () => {
  const queue = queueWith({ kind: 'limit', limit: { of: 'queue', concurrency: 1 } });
  worker(queue, 'w', 9);
  queue.held({ address: 'runs', revision: 27, type: 'job', since: 24 }, 'new');
  queue.ready(task('waits', 28), 'new');
  // It stood still, had told an earlier run, and reads on from there: to it the task ran before and runs now.
  queue.held({ address: 'runs', revision: 6, type: 'job', since: 3 }, 'former');
  queue.held({ address: 'waits', revision: 7, type: 'job', since: 4 }, 'former');
  queue.mark();
  queue.settle('former', () => true);
  assert.equal(deal(queue), {}, 'it runs still');
  queue.gone('runs', 30, 'former');
  assert.equal(deal(queue), { w: ['waits'] });
});

test('Q5: what is told of a task of which somebody else has told more counts no more once he takes it back', () => {
  const queue = queueWith();
  worker(queue, 'w', 0);
  queue.ready(task('waits', 24), 'former');
  // Somebody has joined it since.
  queue.ready(task('waits', 26, { order: 24 }), 'new');
  queue.gone('waits', 24, 'former');
  assert.equal(queue.size, { waiting: 1, offered: 0 });
  queue.gone('waits', 30, 'new');
  assert.equal(queue.size, { waiting: 0, offered: 0 });
});

test('Q5, Q6: another run of an address has a slot where it is counted, and takes units of its own', () => {
  const queue = queueWith(
    { kind: 'limit', limit: { of: 'group', concurrency: 1 } },
    { kind: 'limit', limit: { of: 'queue', rate: { units: 3, windowMs: 1_000 } } },
  );
  const held = (revision: number, since: number, group: string) =>
    queue.held({ address: 'k', revision, since, type: 'job', group }, 's');
  held(2, 1, 'a');
  // Progress of the same.
  held(3, 1, 'a');
  // It ended, and the next one of its key began: what was between was not seen.
  held(9, 7, 'b');
  queue.ready(task('of a', 10, { group: 'a' }), 's');
  queue.ready(task('of b', 11, { group: 'b' }), 's');
  queue.ready(task('more', 12), 's');
  worker(queue, 'w', 9);
  assert.equal(deal(queue), { w: ['of a'] }, 'one unit was left, and one group');
  queue.gone('k', 13, 's');
  assert.equal(deal(queue, 1_000).w?.toSorted(), ['more', 'of b']);
});

test('Q6: a later run of an address that is counted as the first takes units all the same, and progress takes none', () => {
  const queue = queueWith({ kind: 'limit', limit: { of: 'queue', rate: { units: 3, windowMs: 1_000 } } });
  for (const [revision, since] of [
    [2, 1],
    [3, 1],
    [9, 7],
  ] as const)
    queue.held({ address: 'k', revision, since, type: 'job' }, 's');
  for (let i = 1; i <= 3; i++) queue.ready(task(`t${i}`, 10 + i), 's');
  worker(queue, 'w', 9);
  assert.equal(deal(queue), { w: ['t1'] });
});

test('Q5, Q6: an offer that has become a run of another group leaves the slot of its own, and each has its units', () => {
  const queue = queueWith(
    { kind: 'limit', limit: { of: 'group', concurrency: 1 } },
    { kind: 'limit', limit: { of: 'queue', rate: { units: 3, windowMs: 1_000 } } },
  );
  queue.ready(task('k', 1, { group: 'a' }), 's');
  worker(queue, 'w', 9);
  assert.equal(deal(queue), { w: ['k'] });
  queue.held({ address: 'k', revision: 9, since: 7, type: 'job', group: 'b' }, 's');
  queue.ready(task('of a', 10, { group: 'a' }), 's');
  queue.ready(task('of b', 11, { group: 'b' }), 's');
  assert.equal(deal(queue), { w: ['of a'] });
  queue.ready(task('more', 12), 's');
  assert.equal(deal(queue), {}, 'what was on offer may have run, and have ended');
});

test('Q6: no more units start in any window; one group that is full holds up no other', () => {
  const queue = queueWith({ kind: 'limit', limit: { of: 'group', rate: { units: 3, windowMs: 1_000 } } });
  for (let i = 1; i <= 5; i++) queue.ready(task(`a${i}`, i, { group: 'a' }), 's');
  queue.ready(task('heavy', 6, { group: 'b', units: 2 }), 's');
  queue.ready(task('b2', 7, { group: 'b', units: 2 }), 's');
  worker(queue, 'w', 9);
  assert.equal([...(deal(queue)['w'] ?? [])].toSorted(), ['a1', 'a2', 'a3', 'heavy']);
  deal(queue, 100);
  queue.gone('a1', 100, 's');
  runs(queue, 'a2', 101, { group: 'a' });
  assert.equal(deal(queue, 1_099), {});
  assert.is(queue.opensAt, 1_100);
  assert.equal(deal(queue, 1_100), { w: ['a4', 'a5'] });
});

test('Q6: what may have started and ended while nobody told of it has taken its units', () => {
  const queue = queueWith({ kind: 'limit', limit: { of: 'queue', rate: { units: 2, windowMs: 1_000 } } });
  for (let i = 1; i <= 5; i++) queue.ready(task(`t${i}`, i), 's');
  worker(queue, 'w', 9);
  assert.equal(deal(queue), { w: ['t1', 't2'] });
  queue.at(100);
  queue.forget('s');
  // One has ended, one has run and waits again.
  queue.ready(task('t2', 10), 's');
  queue.mark();
  queue.settle('s', () => true);
  for (let i = 3; i <= 5; i++) queue.ready(task(`t${i}`, i), 's');
  assert.equal(deal(queue, 1_099), {});
  assert.equal(deal(queue, 1_100), { w: ['t3', 't4'] });
});

test('Q6: what takes more units than are left is nothing that a worker keeps a slot for', () => {
  const queue = queueWith({ kind: 'limit', limit: { of: 'queue', rate: { units: 3, windowMs: 1_000 } } });
  queue.ready(task('first', 1, { units: 2 }), 's');
  queue.ready(task('second', 2, { units: 2 }), 's');
  queue.ready(task('light', 3), 's');
  worker(queue, 'w', 1);
  assert.equal(deal(queue), { w: ['first'] });
  assert.is(queue.waitingFor('w'), 1, 'it has no credit, and nothing was tried for it');
  worker(queue, 'w', 5);
  assert.equal(deal(queue, 10), {});
  assert.is(queue.waitingFor('w'), 0, 'the next one has to wait, and those behind it with it');
  worker(queue, 'w', 0);
  deal(queue, 10);
  assert.is(queue.waitingFor('w'), 0, 'nor when it has given its credit back');
  queue.ready(task('urgent', 4, { priority: 'high' }), 's');
  assert.is(queue.waitingFor('w'), 1, 'this one would start');
  queue.gone('urgent', 5, 's');
  worker(queue, 'w', 5);
  deal(queue, 20);
  assert.is(queue.waitingFor('w'), 0);
  worker(queue, 'w', 0, ['job', 'other']);
  assert.is(queue.waitingFor('w'), 1, 'with other types it is another worker');
  worker(queue, 'w', 5);
  deal(queue, 20);
  queue.credit('w', 0);
  queue.gone('first', 6, 's');
  deal(queue, 30);
  worker(queue, 'w', 5);
  deal(queue, 40);
  queue.credit('w', 0);
  assert.is(queue.waitingFor('w'), 0, 'its units are taken for a window');
  deal(queue, 2_000);
  assert.ok(queue.waitingFor('w') > 0, 'there is room again, by the passing of time alone');
});

test('Q6: of one key who came first starts first, also where one behind it takes no more units than are left', () => {
  const queue = queueWith({ kind: 'limit', limit: { of: 'key', rate: { units: 3, windowMs: 1_000 } } });
  const ready = (address: string, order: number, units: number) =>
    queue.ready(task(address, order, { limitKey: 'k', units }), 's');
  ready('first', 1, 2);
  ready('large', 2, 2);
  ready('small', 3, 1);
  worker(queue, 'w', 9);
  assert.equal(deal(queue), { w: ['first'] });
  runs(queue, 'first', 10, { limitKey: 'k', units: 2 });
  // Whatever has them looked at again.
  for (let i = 4; i <= 9; i++) {
    ready(`late ${i}`, i, 1);
    assert.equal(deal(queue, 10 * i), {});
    queue.gone(`late ${i}`, 10 + i, 's');
    assert.equal(deal(queue, 10 * i), {});
  }
  queue.ready(task('of another key', 20, { limitKey: 'l' }), 's');
  queue.ready(task('urgent', 21, { limitKey: 'k', units: 1, priority: 'high' }), 's');
  assert.equal(
    deal(queue, 200).w?.toSorted(),
    ['of another key', 'urgent'],
    'it stands before those of lower priority',
  );
  queue.gone('urgent', 22, 's');
  assert.equal(deal(queue, 1_000), { w: ['large'] });
  queue.gone('large', 23, 's');
  assert.equal(deal(queue, 1_300), { w: ['small'] });
});

test('Q6: one that was first of its key and is cancelled makes way for those behind it', () => {
  const queue = queueWith({ kind: 'limit', limit: { of: 'key', rate: { units: 3, windowMs: 1_000 } } });
  for (const [i, units] of [2, 2, 1].entries()) queue.ready(task(`t${i}`, i + 1, { limitKey: 'k', units }), 's');
  worker(queue, 'w', 9);
  assert.equal(deal(queue), { w: ['t0'] });
  queue.gone('t1', 9, 's');
  assert.equal(deal(queue), { w: ['t2'] });
});

test('Q6: whoever takes a queue over waits for a window, since somebody else has counted what started', () => {
  const queue = queueWith({ kind: 'limit', limit: { of: 'queue', rate: { units: 1, windowMs: 1_000 } } });
  queue.begin(500);
  queue.ready(task('t', 1), 's');
  worker(queue, 'w', 1);
  assert.equal(deal(queue, 1_499), {});
  assert.is(queue.opensAt, 1_500);
  assert.equal(deal(queue, 1_500), { w: ['t'] });
});

type Step =
  | { readonly kind: 'ready' | 'joins' | 'gone' | 'gone_untold'; readonly id: number }
  | { readonly kind: 'credit'; readonly worker: number; readonly count: number }
  | { readonly kind: 'claims'; readonly worker: number }
  | { readonly kind: 'returns'; readonly worker: number; readonly how: 'free' | 'refused' | 'stale' }
  | { readonly kind: 'leaves'; readonly worker: number }
  | { readonly kind: 'moves' | 'pass' };

const steps: fc.Arbitrary<readonly Step[]> = fc.array(
  fc.oneof(
    { arbitrary: fc.record({ kind: fc.constant('ready'), id: fc.nat(15) }), weight: 6 },
    { arbitrary: fc.record({ kind: fc.constantFrom('joins', 'gone', 'gone_untold'), id: fc.nat(15) }), weight: 3 },
    { arbitrary: fc.record({ kind: fc.constant('credit'), worker: fc.nat(2), count: fc.nat(5) }), weight: 4 },
    { arbitrary: fc.record({ kind: fc.constant('claims'), worker: fc.nat(2) }), weight: 8 },
    {
      arbitrary: fc.record({
        kind: fc.constant('returns'),
        worker: fc.nat(2),
        how: fc.constantFrom('free', 'refused', 'stale'),
      }),
      weight: 1,
    },
    { arbitrary: fc.record({ kind: fc.constant('leaves'), worker: fc.nat(2) }), weight: 1 },
    { arbitrary: fc.record({ kind: fc.constantFrom('moves', 'pass') }), weight: 2 },
  ) as fc.Arbitrary<Step>,
  { minLength: 20, maxLength: 120, size: 'max' },
);

/** A task as it is stored, and offers as workers have them: any of them may be claimed as long as its revision and term hold. */
type Stored = { revision: number; state: 'ready' | 'runs' | 'none' };

const LIMITS = { queue: 4, type: 2, group: 2, key: 1, groupOfType: 1 };
const RATES = { queue: 3, group: 2, windowMs: 2_000 };
const typeOf = (id: number) => (id % 2 === 0 ? 'a' : 'b');
const groupOf = (id: number) => `g${id % 3}`;
const keyOf = (id: number) => (id % 5 === 0 ? undefined : `k${id % 5}`);
const unitsOf = (id: number) => (id % 4 === 0 ? 2 : 1);

/** Workers and supervisors around a limited queue, as the steps go: what is stored, and what has started when. */
class Around {
  readonly queue: ReturnType<typeof queueWith>;
  readonly stored = new Map<string, Stored>();
  readonly starts: { readonly at: number; readonly id: number }[] = [];
  source = 's';
  now = 0;
  revision = 1;
  private readonly offers: { worker: string; address: string; revision: number; term: string | undefined }[] = [];
  private readonly confirmed = new Map<string, { term: string | undefined; at: number }>();

  constructor(queue: ReturnType<typeof queueWith>) {
    this.queue = queue;
  }

  get running(): readonly number[] {
    return [...this.stored].flatMap(([address, { state }]) => (state === 'runs' ? [Number(address.slice(1))] : []));
  }

  step(step: Step): void {
    this.now += 100;
    switch (step.kind) {
      case 'ready':
        if ((this.stored.get(`t${step.id}`)?.state ?? 'none') === 'none') this.write(`t${step.id}`, 'ready');
        break;
      case 'joins':
        // Whoever submits it again changes its record, and it waits as before: what was offered is claimed no more.
        if (this.stored.get(`t${step.id}`)?.state === 'ready') this.write(`t${step.id}`, 'ready');
        break;
      case 'gone':
        if ((this.stored.get(`t${step.id}`)?.state ?? 'none') !== 'none') this.write(`t${step.id}`, 'none');
        break;
      case 'gone_untold': {
        // Whoever watches it is lost before he tells it.
        const known = this.stored.get(`t${step.id}`);
        if (known === undefined || known.state === 'none') break;
        known.state = 'none';
        known.revision = this.revision++;
        break;
      }
      case 'credit':
        this.credit(`w${step.worker}`, step.count);
        break;
      case 'claims':
        this.claim(`w${step.worker}`);
        break;
      case 'returns': {
        const offer = this.takeOffer(({ worker: owner }) => owner === `w${step.worker}`);
        if (offer !== undefined) this.queue.returned(offer.worker, offer.address, offer.revision, step.how, offer.term);
        break;
      }
      case 'leaves':
        // It was found dead, or begins anew; what it has it may still claim as long as it believes.
        this.queue.leave(`w${step.worker}`);
        break;
      case 'moves':
        // Another supervisor watches all of it from here on.
        this.queue.forget(this.source);
        this.source = `${this.source}'`;
        this.tellAll();
        break;
      case 'pass':
        this.now += 700;
        this.look();
        break;
    }
    for (const [id, dealt] of this.queue.deal(this.now))
      for (const { address, revision, term } of dealt) this.offers.push({ worker: id, address, revision, term });
  }

  tellAll(): void {
    this.queue.mark();
    for (const address of this.stored.keys()) this.tell(address);
    this.queue.settle(this.source, () => true);
  }

  look(): void {
    this.queue.expire(this.now);
    for (const { address, revision } of this.queue.doubts(this.now)) {
      const head = this.stored.get(address);
      if (head?.state === 'ready' && head.revision === revision) this.queue.unclaimed(address, revision, this.now);
    }
  }

  tell(address: string): void {
    const id = Number(address.slice(1));
    const { revision, state } = this.stored.get(address) ?? { revision: 0, state: 'none' };
    const limitKey = keyOf(id);
    const more = {
      type: typeOf(id),
      group: groupOf(id),
      units: unitsOf(id),
      ...(limitKey === undefined ? {} : { limitKey }),
    };
    this.queue.at(this.now);
    if (state === 'ready') this.queue.ready({ ...task(address, revision), ...more }, this.source);
    else if (state === 'runs') this.queue.held({ address, revision, ...more }, this.source);
  }

  private write(address: string, state: Stored['state']): void {
    const revision = this.revision++;
    this.stored.set(address, { revision, state });
    this.queue.at(this.now);
    if (state === 'none') this.queue.gone(address, revision, this.source);
    else this.tell(address);
  }

  private credit(worker: string, count: number): void {
    this.queue.serve(worker, new Set(['a', 'b']));
    this.queue.credit(worker, count);
    this.confirmed.set(worker, { term: this.queue.confirm(worker, this.now), at: this.now });
  }

  /** Any offer it ever had, the oldest first, as long as its terms are confirmed and fresh. */
  private claim(worker: string): void {
    const proof = this.confirmed.get(worker);
    const offer = this.takeOffer((each) => {
      const head = this.stored.get(each.address);
      const isFresh = proof !== undefined && this.now - proof.at < VOID_MS - 1_000 && proof.term === each.term;
      return each.worker === worker && isFresh && head?.state === 'ready' && head.revision === each.revision;
    });
    if (offer === undefined) return;
    const revision = this.revision++;
    this.stored.set(offer.address, { revision, state: 'runs' });
    this.starts.push({ at: this.now, id: Number(offer.address.slice(1)) });
    // Who watches it tells it at once, or sometime; or never, where it has ended by then.
    if (revision % 2 === 0) this.tell(offer.address);
  }

  private takeOffer(isIt: (offer: (typeof this.offers)[number]) => boolean) {
    const found = this.offers.findIndex(isIt);
    return found < 0 ? undefined : this.offers.splice(found, 1)[0];
  }
}

test('whatever happens, and however late claims are: never more run than may, and room is used', () => {
  fc.assert(
    fc.property(steps, (given) => {
      const queue = queueWith(
        { kind: 'limit', limit: { of: 'queue', concurrency: LIMITS.queue } },
        { kind: 'limit', limit: { of: 'type', name: 'a', concurrency: LIMITS.type } },
        { kind: 'limit', limit: { of: 'group', concurrency: LIMITS.group } },
        { kind: 'limit', limit: { of: 'key', concurrency: LIMITS.key } },
        { kind: 'limit', limit: { of: 'group', type: 'b', concurrency: LIMITS.groupOfType } },
      );
      const around = new Around(queue);
      for (const step of given) {
        around.step(step);
        const { running } = around;
        assert.ok(running.length <= LIMITS.queue, `${running.length} run`);
        assert.ok(running.filter((id) => typeOf(id) === 'a').length <= LIMITS.type);
        for (const group of ['g0', 'g1', 'g2'])
          assert.ok(running.filter((id) => groupOf(id) === group).length <= LIMITS.group, group);
        const ofB = running.filter((id) => typeOf(id) === 'b').map(groupOf);
        assert.is(new Set(ofB).size, ofB.length, 'one of each group of the type');
        const keys = running.flatMap((id) => keyOf(id) ?? []);
        assert.is(new Set(keys).size, keys.length, 'one of each key');
      }
      // It heals: once all is told and every term is void, there is as much room as there should be.
      around.tellAll();
      for (const [address, { state, revision: at }] of around.stored)
        if (state === 'none') queue.gone(address, at, around.source);
      for (const id of ['w0', 'w1', 'w2']) queue.leave(id);
      for (let i = 0; i < 20; i++) {
        around.now += 20 * OFFER_MS;
        around.look();
      }
      for (let i = 0; i < 9; i++) queue.ready(task(`room${i}`, around.revision++, { type: 'room' }), around.source);
      worker(queue, 'w', 9, ['room']);
      assert.is(deal(queue, around.now)['w']?.length ?? 0, LIMITS.queue - around.running.length);
    }),
    { numRuns: 1_000 },
  );
});

test('Q6: whatever happens, and however late claims are: in no window start more units than may', () => {
  fc.assert(
    fc.property(steps, (given) => {
      const { windowMs } = RATES;
      const queue = queueWith(
        { kind: 'limit', limit: { of: 'queue', rate: { units: RATES.queue, windowMs } } },
        { kind: 'limit', limit: { of: 'group', rate: { units: RATES.group, windowMs } } },
      );
      const around = new Around(queue);
      around.now = windowMs;
      for (const step of given) around.step(step);
      for (const { at: from } of around.starts) {
        const within = around.starts.filter(({ at }) => at >= from && at < from + windowMs);
        const units = (of: readonly { readonly id: number }[]) => of.reduce((sum, { id }) => sum + unitsOf(id), 0);
        assert.ok(units(within) <= RATES.queue, `${units(within)} units in a window`);
        for (const group of ['g0', 'g1', 'g2']) {
          const ofGroup = units(within.filter(({ id }) => groupOf(id) === group));
          assert.ok(ofGroup <= RATES.group, `${ofGroup} units of ${group} in a window`);
        }
      }
    }),
    { numRuns: 1_000 },
  );
});

test.run();
