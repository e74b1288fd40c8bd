import fc from 'fast-check';
import * as assert from 'uvu/assert';
import { suite } from '../../../../test/support/suite.ts';
import { deal, OFFER_MS, settingsOf, task, worker, type Wish } from '../testing/queue.ts';
import type { ReadyTask } from './entry.ts';
import { Gate, type Holder } from './gate.ts';
import { TaskQueue } from './task-queue.ts';

const test = suite('what limits leave to others');

const queueWith = (...wishes: Wish[]): TaskQueue => {
  const queue = new TaskQueue({ offerMs: OFFER_MS, records: { limit: 0, each: 0, used: 0 }, voidMs: 2_500, name: 'x' });
  queue.set(settingsOf(...wishes), 0);
  return queue;
};

let revision = 1_000_000;

/** It begins, and ends. */
const ends = (queue: TaskQueue, address: string, more: Partial<ReadyTask> = {}): void => {
  queue.held({ address, revision: ++revision, type: 'job', ...more }, 's');
  queue.gone(address, ++revision, 's');
};

test('Q5: a key is not held up by a task of it that the only free worker has refused', () => {
  const queue = queueWith({ kind: 'limit', limit: { of: 'key', concurrency: 1 } });
  const key = { limitKey: 'k' };
  worker(queue, 'old', 0);
  worker(queue, 'new', 0);
  queue.ready(task('c', 1, key), 's');
  queue.credit('old', 1);
  assert.equal(deal(queue), { old: ['c'] });
  queue.returned('old', 'c', 1, 'refused', queue.confirm('old', 0));
  queue.ready(task('d', 2, key), 's');
  for (let i = 3; i <= 6; i++) queue.ready(task(`e${i}`, i, key), 's');
  queue.credit('old', 1);
  assert.equal(deal(queue), { old: ['d'] });
  queue.held({ address: 'd', revision: 10, type: 'job', ...key }, 's');
  queue.credit('new', 1);
  assert.equal(deal(queue), {});
  queue.credit('new', 0);
  queue.credit('old', 1);
  assert.equal(deal(queue), {});
  queue.gone('d', 11, 's');
  assert.equal(deal(queue), { old: ['e3'] });
  queue.credit('old', 1);
  assert.equal(deal(queue), {}, 'the key is full');
  queue.credit('new', 1);
  ends(queue, 'e3', key);
  queue.credit('old', 0);
  assert.equal(deal(queue), { new: ['c'] });
});

test('Q5: a key whose first tasks are of a full group goes to another group', () => {
  const queue = queueWith(
    { kind: 'limit', limit: { of: 'key', concurrency: 1 } },
    { kind: 'limit', limit: { of: 'group', concurrency: 1 } },
  );
  worker(queue, 'w', 9);
  queue.ready(task('holds', 1, { limitKey: 'k' }), 's');
  deal(queue);
  for (let i = 0; i < 3; i++) queue.ready(task(`a${i}`, 2 + i, { limitKey: 'k', group: 'a' }), 's');
  queue.ready(task('b', 9, { limitKey: 'k', group: 'b' }), 's');
  assert.equal(deal(queue), {});
  queue.ready(task('fills', 10, { group: 'a' }), 's');
  assert.equal(deal(queue), { w: ['fills'] });
  ends(queue, 'holds', { limitKey: 'k' });
  assert.equal(deal(queue), { w: ['b'] });
  ends(queue, 'b', { limitKey: 'k', group: 'b' });
  assert.equal(deal(queue), {});
  ends(queue, 'fills', { group: 'a' });
  assert.equal(deal(queue), { w: ['a0'] });
});

test('Q5: one key of as many groups as tasks costs no more for each that ends than its number', () => {
  const queue = queueWith({ kind: 'limit', limit: { of: 'key', concurrency: 1 } });
  worker(queue, 'w', 1);
  const [GROUPS, ROUNDS] = [20_000, 100];
  for (let i = 0; i < GROUPS; i++) queue.ready(task(`t${i}`, i, { group: `g${i}`, limitKey: 'k' }), 's');
  let [address = ''] = deal(queue)['w'] ?? [];
  queue.credit('w', 1);
  assert.equal(deal(queue), {}, 'all others lie aside');
  const before = performance.now();
  const seen = new Set([address]);
  for (let i = 0; i < ROUNDS; i++) {
    ends(queue, address, { group: `g${address.slice(1)}`, limitKey: 'k' });
    [address = ''] = deal(queue)['w'] ?? [];
    seen.add(address);
    queue.credit('w', 1);
    assert.equal(deal(queue), {});
  }
  assert.is(seen.size, ROUNDS + 1);
  // A few milliseconds; to look at all groups for each takes ten seconds.
  const tookMs = performance.now() - before;
  assert.ok(tookMs < 2_000, `${Math.round(tookMs)} ms`);
});

test('Q6: a group is open again for what fits once the task that did not is gone', () => {
  for (const leaves of ['gone', 'moved'] as const) {
    const queue = queueWith({ kind: 'limit', limit: { of: 'group', rate: { units: 5, windowMs: 3_600_000 } } });
    worker(queue, 'w', 9);
    queue.ready(task('first', 1, { group: 'a', units: 3 }), 's');
    deal(queue);
    ends(queue, 'first', { group: 'a', units: 3 });
    queue.ready(task('big', 2, { group: 'a', units: 4 }), 's');
    assert.equal(deal(queue, 1_000), {});
    if (leaves === 'gone') queue.gone('big', 102, 's');
    else queue.ready({ ...task('big', 2, { group: 'b', units: 4 }), revision: 102 }, 's');
    queue.ready(task('small', 3, { group: 'a' }), 's');
    assert.ok(deal(queue, 2_000)['w']?.includes('small'), leaves);
  }
});

test('Q6: a rate that is set, or has another window, after a queue was taken over, is not held to that', () => {
  const limit = (name: string, units: number, windowMs: number): Wish => ({
    kind: 'limit',
    limit: { of: 'type', name, rate: { units, windowMs } },
  });
  const queue = queueWith(limit('mail', 10, 1_000), limit('slow', 1, 50_000));
  queue.begin(0);
  worker(queue, 'w', 9, ['job', 'mail', 'slow']);
  queue.ready(task('slow', 1, { type: 'slow' }), 's');
  assert.equal(deal(queue, 10_000), {});
  queue.set(settingsOf(limit('mail', 20, 1_000), limit('slow', 2, 50_000), limit('job', 5, 86_400_000)), 10_000);
  queue.ready(task('job', 2), 's');
  queue.ready(task('mail', 3, { type: 'mail' }), 's');
  assert.equal(deal(queue, 10_000), { w: ['job', 'mail'] }, 'the one that held before still waits for its window');
  assert.equal(deal(queue, 50_000), { w: ['slow'] });
});

test('Q6: whoever takes a queue over waits for no rate that was set since', () => {
  const queue = queueWith({ kind: 'limit', limit: { of: 'type', name: 'job', rate: { units: 1, windowMs: 1_000 } } });
  worker(queue, 'w', 9);
  queue.ready(task('t', 1), 's');
  queue.begin(100, 1);
  assert.equal(deal(queue, 100), { w: ['t'] });
});

test('Q6: an urgent task is not passed by, nor does a low one that takes more units wait for ever for them', () => {
  const queue = queueWith({ kind: 'limit', limit: { of: 'type', name: 'job', rate: { units: 10, windowMs: 10_000 } } });
  worker(queue, 'w', 1);
  queue.ready(task('low', 1, { priority: 'low', units: 5 }), 's');
  let [starts, now] = [0, 0];
  for (let n = 2; n < 20; n++) queue.ready(task(`high${n}`, n, { priority: 'high' }), 's');
  for (let n = 20; starts < 200;) {
    queue.credit('w', 1);
    const [address] = deal(queue, now)['w'] ?? [];
    now += 1_000;
    if (address === undefined) continue;
    starts++;
    queue.at(now);
    ends(queue, address);
    if (address === 'low') break;
    queue.ready(task(`high${n}`, n++, { priority: 'high' }), 's');
  }
  assert.ok(starts <= 25, `${starts} started`);
});

test('Q6: of one key nobody waits for ever for more units than others of other groups take', () => {
  const queue = queueWith({ kind: 'limit', limit: { of: 'key', rate: { units: 10, windowMs: 10_000 } } });
  worker(queue, 'w', 1);
  const small = { group: 'small', limitKey: 'k' };
  let [starts, now] = [0, 0];
  for (let n = 2; n < 20; n++) queue.ready(task(`s${n}`, n, small), 's');
  for (let n = 20; starts < 200;) {
    if (starts === 12 && n === 32) queue.ready(task('big', 1_000, { group: 'big', limitKey: 'k', units: 5 }), 's');
    queue.credit('w', 1);
    const [address] = deal(queue, now)['w'] ?? [];
    now += 500;
    if (address === undefined) continue;
    starts++;
    queue.at(now);
    if (address === 'big') break;
    ends(queue, address, small);
    queue.ready(task(`s${n}`, n++, small), 's');
  }
  assert.ok(starts <= 30, `${starts} started`);
});

type Step = {
  readonly kind: 'ready' | 'begins' | 'ends' | 'refuses' | 'free';
  readonly at: number;
  readonly of: number;
};

test('Q5: whatever happens, no task that a free worker can run waits while its key has room', () => {
  const step: fc.Arbitrary<Step> = fc.record({
    kind: fc.constantFrom('ready', 'ready', 'begins', 'ends', 'refuses', 'free'),
    at: fc.nat(9),
    of: fc.nat(215),
  });
  fc.assert(
    fc.property(fc.constantFrom(1, 2), fc.array(step, { maxLength: 60, size: 'max' }), (most, steps) => {
      const queue = queueWith({ kind: 'limit', limit: { of: 'key', concurrency: most } });
      worker(queue, 'w', 0, ['job', 'mail']);
      const tasks = new Map<string, ReadyTask>();
      const [offered, running, refused] = [new Set<string>(), new Set<string>(), new Set<string>()];
      const pick = (from: Set<string>, at: number): string | undefined => [...from][at % Math.max(1, from.size)];
      for (const [n, { kind, at, of }] of steps.entries()) {
        if (kind === 'ready') {
          const more: Partial<ReadyTask> = {
            group: `g${of % 3}`,
            type: Math.floor(of / 3) % 4 === 0 ? 'mail' : 'job',
            priority: Math.floor(of / 12) % 3 === 0 ? 'high' : 'normal',
            ...(Math.floor(of / 36) % 6 === 0 ? {} : { limitKey: `k${Math.floor(of / 36) % 2}` }),
          };
          const one = task(`t${n}`, n + 1, more);
          tasks.set(one.address, one);
          queue.ready(one, 's');
        }
        const address = pick(kind === 'ends' ? running : offered, at) ?? '';
        const one = tasks.get(address);
        if (one !== undefined && kind === 'ends') {
          running.delete(address);
          tasks.delete(address);
          queue.gone(address, ++revision, 's');
        } else if (one !== undefined && kind !== 'ready') {
          offered.delete(address);
          if (kind === 'begins') {
            running.add(address);
            queue.held({ ...one, revision: ++revision }, 's');
          } else {
            if (kind === 'refuses') refused.add(address);
            queue.returned('w', address, one.revision, kind === 'refuses' ? 'refused' : 'free', queue.confirm('w', 0));
          }
        }
        // Refusals beyond that are left to others.
        if (refused.size >= 20) return;
        queue.credit('w', 100);
        for (const each of deal(queue)['w'] ?? []) offered.add(each);
        for (const [waits, { limitKey }] of tasks) {
          if (offered.has(waits) || running.has(waits) || refused.has(waits)) continue;
          const holders = [...offered, ...running].filter((each) => tasks.get(each)?.limitKey === limitKey);
          assert.ok(limitKey !== undefined && holders.length >= most, `${waits} waits beside ${holders.length}`);
        }
      }
    }),
    { numRuns: 2_000 },
  );
});

test('Q5, Q6: what is counted no more is not kept', () => {
  const gate = new Gate();
  const holder = (n: number, type = 'job'): Holder => {
    return { type, group: '', limitKey: `k${n}`, holds: false, hasStarted: false };
  };
  const runs = (each: Holder, now: number): void => {
    gate.take(each);
    gate.started(each, now);
    gate.release(each);
  };
  gate.set(
    settingsOf(
      { kind: 'limit', limit: { of: 'key', concurrency: 1 } },
      { kind: 'limit', limit: { of: 'type', name: 'mail', rate: { units: 1_000, windowMs: 3_600_000 } } },
    ),
    [],
    0,
  );
  const { meters, starts } = gate as unknown as { meters: Map<string, unknown>; starts: unknown[] };
  for (let n = 0; n < 5_000; n++) runs(holder(n), n);
  assert.is(meters.size, 0);
  assert.is(starts.length, 0);
  runs(holder(1, 'mail'), 5_000);
  assert.is(meters.size, 1);
  gate.pass(5_000 + 3_600_000);
  assert.is(meters.size, 0);
});

test('Q6: rates of many groups cost no more than those whose window is over', () => {
  const queue = queueWith({ kind: 'limit', limit: { of: 'group', rate: { units: 1, windowMs: 3_600_000 } } });
  const GROUPS = 20_000;
  worker(queue, 'w', GROUPS);
  for (let i = 0; i < GROUPS; i++) {
    queue.ready(task(`t${i}`, i, { group: `g${i}` }), 's');
    queue.ready(task(`u${i}`, GROUPS + i, { group: `g${i}` }), 's');
  }
  deal(queue);
  for (let i = 0; i < GROUPS; i++) ends(queue, `t${i}`, { group: `g${i}` });
  queue.credit('w', 1);
  deal(queue, 1);
  const before = performance.now();
  for (let i = 0; i < 1_000; i++) {
    queue.ready(task(`v${i}`, 100_000 + i, { group: `g${i}` }), 's');
    queue.deal(2 + i);
    queue.waitingFor('w');
    assert.is(queue.opensAt, 3_600_000);
  }
  // Some ten milliseconds; to look at all groups each time takes two seconds.
  const tookMs = performance.now() - before;
  assert.ok(tookMs < 700, `${Math.round(tookMs)} ms`);
});

test('forgetting one that tells costs no more with many workers', () => {
  const queue = queueWith();
  const [TASKS, WORKERS] = [20_000, 2_000];
  for (let i = 0; i < WORKERS; i++) worker(queue, `w${i}`, 0);
  for (let i = 0; i < TASKS; i++) queue.ready(task(`t${i}`, i), 's');
  const before = performance.now();
  queue.forget('s');
  // Some ten milliseconds; to ask each worker for each task takes a second.
  const tookMs = performance.now() - before;
  assert.ok(tookMs < 300, `${Math.round(tookMs)} ms`);
  assert.is(queue.size.waiting, 0);
});

test.run();
