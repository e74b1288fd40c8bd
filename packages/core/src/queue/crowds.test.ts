import * as assert from 'uvu/assert';
import { suite } from '../../../../test/support/suite.ts';
import { deal, OFFER_MS, settingsOf, task, worker } from '../testing/queue.ts';
import type { WhenFull } from './limit.ts';
import { TaskQueue } from './task-queue.ts';

const test = suite('who makes room in a full group');

const queueWith = (whenFull: WhenFull, concurrency: number) => {
  const queue = new TaskQueue({ offerMs: OFFER_MS, records: { limit: 0, each: 0, used: 0 }, voidMs: 2_500, name: 'q' });
  queue.set(settingsOf({ kind: 'limit', limit: { of: 'group', concurrency, whenFull } }), 0);
  return queue;
};

const ready = (queue: TaskQueue, address: string, order: number, more: object = {}): void =>
  queue.ready(task(address, order, { group: 'g', ...more }), 's');

const runs = (queue: TaskQueue, address: string, revision: number): void =>
  queue.held({ address, revision, type: 'job', group: 'g', since: revision - 1 }, 's');

const going = (queue: TaskQueue): readonly string[] =>
  queue.displaced().map(({ address, since }) => (since === undefined ? address : `${address} runs`));

test('Q7 cancel_newest: as many stay as may run, waiting or running; who comes beyond goes, once', () => {
  const queue = queueWith('cancel_newest', 2);
  for (let i = 1; i <= 4; i++) ready(queue, `t${i}`, i);
  ready(queue, 'other', 5, { group: 'h' });
  ready(queue, 'nobody', 6, { group: undefined });
  assert.equal(going(queue), ['t3', 't4']);
  assert.equal(going(queue), [], 'it is told once');
  worker(queue, 'w', 9);
  assert.equal(deal(queue), { w: ['t1', 'other', 'nobody', 't2'] }, 'what goes does not start');
  runs(queue, 't1', 11);
  ready(queue, 't5', 12);
  assert.equal(going(queue), ['t5']);
  for (const address of ['t3', 't4', 't5', 't1']) queue.gone(address, 20, 's');
  ready(queue, 't6', 21);
  assert.equal(going(queue), [], 'there is room again');
  assert.equal(deal(queue), { w: ['t6'] });
});

test('Q7 cancel_newest: what has run before and waits again is let be, and waits', () => {
  const queue = queueWith('cancel_newest', 1);
  runs(queue, 't1', 2);
  ready(queue, 'again', 3, { begun: true });
  ready(queue, 'new', 4);
  assert.equal(going(queue), ['new']);
  queue.gone('t1', 9, 's');
  worker(queue, 'w', 9);
  assert.equal(deal(queue), { w: ['again'] });
});

test('Q7 cancel_running: the newest stay; the one that has run longest goes for each that comes', () => {
  const queue = queueWith('cancel_running', 2);
  worker(queue, 'w', 9);
  runs(queue, 't2', 12);
  runs(queue, 't1', 11);
  assert.equal(going(queue), []);
  ready(queue, 't3', 20);
  assert.equal(going(queue), ['t1 runs']);
  assert.equal(deal(queue), {}, 'its slot is not free yet');
  ready(queue, 't4', 21);
  assert.equal(going(queue), ['t2 runs']);
  ready(queue, 't5', 22);
  assert.equal(going(queue), ['t3'], 'it waits, and is older than those that may run');
  queue.gone('t1', 30, 's');
  queue.gone('t3', 31, 's');
  assert.equal(deal(queue), { w: ['t4'] });
  queue.gone('t2', 32, 's');
  assert.equal(deal(queue), { w: ['t5'] });
  assert.equal(going(queue), []);
});

test('Q7 cancel_running: nobody goes for one that cannot start, nor for one that has run before', () => {
  const queue = queueWith('cancel_running', 1);
  runs(queue, 't1', 11);
  ready(queue, 'unserved', 20);
  assert.equal(going(queue), [], 'no worker takes its type');
  worker(queue, 'w', 9);
  const limit = { kind: 'limit', limit: { of: 'group', concurrency: 1, whenFull: 'cancel_running' } } as const;
  queue.set(settingsOf(limit, { kind: 'pause', part: { group: 'g' } }), 0);
  assert.equal(going(queue), [], 'it is paused');
  queue.gone('unserved', 21, 's');
  ready(queue, 'again', 22, { begun: true });
  queue.set(settingsOf(limit), 0);
  assert.equal(going(queue), []);
  ready(queue, 'new', 23);
  assert.equal(going(queue), ['t1 runs']);
});

test('Q7 it is said for whom one goes, and how many of them there are to be', () => {
  const newest = queueWith('cancel_newest', 2);
  runs(newest, 't1', 11);
  ready(newest, 't2', 12);
  ready(newest, 't3', 13);
  assert.equal(
    newest.displaced().map(({ address, beside, most }) => [address, beside, most]),
    [['t3', ['t1', 't2'], 2]],
  );
  const running = queueWith('cancel_running', 2);
  worker(running, 'w', 0);
  runs(running, 't1', 11);
  runs(running, 't2', 12);
  for (const [i, address] of ['t3', 't4', 't5'].entries()) ready(running, address, 13 + i);
  assert.equal(
    running.displaced().map(({ address, beside, most }) => [address, beside, most]),
    [
      ['t3', ['t4', 't5'], 2],
      ['t1', ['t4', 't5'], 2],
      ['t2', ['t4', 't5'], 2],
    ],
  );
});

test('Q7 cancel_running: nobody newer goes for one that is on offer; it goes once it runs', () => {
  const queue = queueWith('cancel_running', 2);
  worker(queue, 'w', 1);
  // It has run before, and so waits whatever comes.
  ready(queue, 'again', 10, { begun: true });
  assert.equal(deal(queue), { w: ['again'] });
  runs(queue, 't2', 13);
  ready(queue, 't3', 14);
  assert.equal(going(queue), [], 'it is the oldest, and does not run yet');
  queue.held({ address: 'again', revision: 20, type: 'job', group: 'g', since: 10 }, 's');
  assert.equal(going(queue), ['again runs']);
});

test('Q7 cancel_running: one that waits goes where the newest run already, and stops none of them', () => {
  const queue = queueWith('cancel_running', 2);
  worker(queue, 'w', 0);
  ready(queue, 't1', 1);
  ready(queue, 't2', 2);
  // They were quicker, as one of higher priority is, or where an offer was lost.
  runs(queue, 't3', 13);
  assert.equal(going(queue), ['t1']);
  runs(queue, 't4', 14);
  assert.equal(going(queue), ['t2']);
  ready(queue, 't5', 20);
  assert.equal(going(queue), ['t3 runs']);
});

test('Q7 cancel_running: one that runs again is as old as it was', () => {
  const queue = queueWith('cancel_running', 2);
  worker(queue, 'w', 9);
  runs(queue, 't1', 11);
  runs(queue, 't2', 12);
  // Its worker died, and it begins anew.
  ready(queue, 't1', 20, { begun: true });
  assert.equal(deal(queue), { w: ['t1'] });
  runs(queue, 't1', 22);
  ready(queue, 't3', 23);
  assert.equal(going(queue), ['t1 runs']);
});

test('Q7 what could not be told is chosen anew, in the version that is there then', () => {
  const queue = queueWith('cancel_newest', 1);
  ready(queue, 't1', 1);
  ready(queue, 't2', 2);
  const [told] = queue.displaced();
  assert.equal([told?.address, told?.revision], ['t2', 2]);
  assert.match(told?.why ?? '', /^displaced: group g has its 1 at once$/);
  if (told !== undefined) queue.stays(told);
  assert.equal(going(queue), ['t2']);
  // Somebody joined it.
  queue.ready({ ...task('t2', 2, { group: 'g' }), revision: 5 }, 's');
  assert.equal(
    queue.displaced().map(({ address, revision }) => [address, revision]),
    [['t2', 5]],
  );
  queue.set(undefined, 0);
  worker(queue, 'w', 9);
  assert.equal(deal(queue), { w: ['t1', 't2'] }, 'nothing is limited any more');
});

test('Q7 one that lay aside for its key, was to go and could not be told, is there once', () => {
  const queue = new TaskQueue({ offerMs: OFFER_MS, records: { limit: 0, each: 0, used: 0 }, name: 'x' });
  const limit = { of: 'key', concurrency: 1, whenFull: 'cancel_newest' } as const;
  queue.set(settingsOf({ kind: 'limit', limit }), 0);
  queue.ready(task('t1', 1, { limitKey: 'k' }), 's');
  worker(queue, 'w', 9);
  assert.equal(deal(queue), { w: ['t1'] });
  queue.ready(task('t2', 2, { limitKey: 'k' }), 's');
  // It has run before, and waits whatever there is.
  queue.ready(task('again', 3, { limitKey: 'k', begun: true }), 's');
  assert.equal(deal(queue), {}, 'both lie aside');
  const [told] = queue.displaced();
  assert.is(told?.address, 't2');
  if (told !== undefined) queue.stays(told);
  for (const address of ['t2', 'again']) {
    queue.gone(address === 't2' ? 't1' : 't2', 9, 's');
    assert.equal(deal(queue), { w: [address] });
  }
  worker(queue, 'w', 0);
  assert.is(queue.waitingFor('w'), 0, 'nothing is left in any line');
});

test.run();
