import type { Address, Lane } from '@baton/protocols';
import * as assert from 'uvu/assert';
import { suite } from '../../../../../test/support/suite.ts';
import type { Duties } from './duties.ts';
import { TaskIndex, type Sight, type Watched } from './task-index.ts';

const test = suite('supervisor: task index');

const at = (partition: string, n: number): Address => `${partition}.job.${String(n).padStart(32, '0')}` as Address;
const sight = (revision: number, generation = 1, wall = 0): Sight => ({
  revision,
  generation,
  at: 0,
  wall,
  live: true,
});
const lane: Lane = { queue: 'q', priority: 'normal', type: 'job' };
const waiting: Duties = { stage: 'waiting', lane };
const running = (holder: string, run = 1): Duties => ({
  stage: 'running',
  holder,
  fence: { epoch: 1, revision: run },
  startedAt: 0,
});

const inOther = (queue: string): string => (queue === 'q' ? '' : ` in ${queue}`);

const create = () => {
  const removed: Watched[] = [];
  const told: string[] = [];
  const index = new TaskIndex({
    ready: ({ address, revision, order }) => told.push(`ready ${address} ${revision} at ${order}`),
    gone: ({ address, revision }, _, how) => told.push(`gone ${address} ${revision}${how === 'over' ? '' : ` ${how}`}`),
    held: ({ address, revision }, { queue }) => told.push(`held ${address} ${revision}${inOther(queue)}`),
    freed: ({ address, revision }, { queue }, how) => told.push(`freed ${address} ${revision} ${how}${inOther(queue)}`),
    removed: (watched) => removed.push(watched),
  });
  return { index, removed, told };
};

test('a task is found by its address, its holder and its lane, and only where it belongs now', () => {
  const { index } = create();
  const address = at('00', 1);
  index.apply(address, sight(1), waiting);
  assert.is(index.lines()[0]?.waiting, 1);
  index.apply(address, sight(2), running('w'));
  assert.is(index.lines().length, 0);
  assert.equal(
    [...index.held('w')].map((w) => w.address),
    [address],
  );
  index.apply(address, sight(3), undefined);
  assert.is(index.size, 0);
  assert.not.ok(index.isHolder('w'));
});

test('what runs is told once, and once that it does not any more, or is watched by others', () => {
  const { index, told } = create();
  const address = at('00', 1);
  const life = (transitions: number, slot?: Lane) => ({ id: 'a', transitions, since: 0, ...(slot && { slot }) });
  index.apply(address, sight(1), waiting, life(1));
  index.apply(address, sight(2), running('w'), life(2, lane));
  // Progress.
  index.apply(address, sight(3), running('w'), life(2, lane));
  assert.is([...index.running()].length, 1);
  index.apply(address, sight(4), waiting, life(3));
  index.apply(address, sight(5), running('w'), life(4, lane));
  index.keepOnly(new Set());
  assert.equal(told, [
    `ready ${address} 1 at 1`,
    `gone ${address} 2 runs`,
    `held ${address} 2`,
    `freed ${address} 4 over`,
    `ready ${address} 4 at 4`,
    `gone ${address} 5 runs`,
    `held ${address} 5`,
    `freed ${address} 5 moved`,
  ]);
  assert.is([...index.running()].length, 0);
});

test('another run is told, and that one in another queue is over, also where what was between was not seen', () => {
  const { index, told } = create();
  const address = at('00', 1);
  const other: Lane = { ...lane, queue: 'other' };
  const life = (transitions: number, slot?: Lane) => ({ id: 'a', transitions, since: 0, ...(slot && { slot }) });
  index.apply(address, sight(2), running('w', 1), life(2, lane));
  index.apply(address, sight(6), running('w', 5), life(4, lane));
  index.apply(address, sight(9), running('w', 8), life(6, other));
  index.apply(address, sight(10), waiting, life(7));
  index.apply(address, sight(14), running('w', 13), life(10, other));
  assert.equal(told, [
    `held ${address} 2`,
    `held ${address} 6`,
    `freed ${address} 9 over`,
    `held ${address} 9 in other`,
    `freed ${address} 10 over in other`,
    `ready ${address} 10 at 10`,
    // Nothing runs in its queue for which a queue that counts would wait.
    `gone ${address} 14`,
    `held ${address} 14 in other`,
  ]);
});

test('an older revision is nothing new', () => {
  const { index } = create();
  index.apply(at('00', 1), sight(5), running('w'));
  index.apply(at('00', 1), sight(4), undefined);
  index.apply(at('00', 1), sight(5), waiting);
  assert.is(index.get(at('00', 1))?.duties.stage, 'running');
});

test('what waits anew is new to its queue, also where what was between was not seen', () => {
  const { index, told } = create();
  const address = at('00', 1);
  const see = (revision: number, id: string, transitions: number): void => {
    const watched = index.apply(address, sight(revision), waiting, { id, transitions, since: 0 });
    if (watched !== undefined) index.name(watched, id, []);
  };
  see(1, 'a', 1);
  // It ran, and was given back or is retried; then the key has another task.
  see(4, 'a', 3);
  see(5, 'a', 3);
  see(8, 'b', 3);
  assert.equal(told, [
    `ready ${address} 1 at 1`,
    `gone ${address} 4`,
    `ready ${address} 4 at 4`,
    `ready ${address} 5 at 4`,
    `gone ${address} 8`,
    `ready ${address} 8 at 8`,
  ]);
});

test('its queue is told of a task that waits, of its newer versions at the same place, and that it waits no more', () => {
  const { index, told } = create();
  const address = at('00', 1);
  const life = { id: 'a', transitions: 1, since: 0 };
  const watched = index.apply(address, sight(1), waiting, life);
  if (watched !== undefined) index.name(watched, 'a', []);
  index.apply(address, sight(3), waiting, life);
  index.apply(address, sight(4), running('w'));
  index.apply(address, sight(5), waiting);
  index.apply(address, sight(6), undefined);
  assert.equal(told, [
    `ready ${address} 1 at 1`,
    `ready ${address} 3 at 1`,
    `gone ${address} 4`,
    `ready ${address} 5 at 5`,
    `gone ${address} 6`,
  ]);
});

test('a delayed task whose time has come stands behind all that were seen before', () => {
  const { index, told } = create();
  index.apply(at('00', 1), sight(1), { stage: 'delayed', lane, runAt: 9 });
  index.apply(at('00', 2), sight(7), waiting);
  const delayed = index.get(at('00', 1));
  if (delayed === undefined) throw new Error('not there');
  index.startNow(delayed, lane);
  assert.equal(told, [`ready ${at('00', 2)} 7 at 7`, `ready ${at('00', 1)} 1 at 8`]);
});

test('partitions that are given up leave nothing behind', () => {
  const { index, removed } = create();
  index.apply(at('00', 1), sight(1), running('w'));
  index.apply(at('01', 2), sight(2), running('w'));
  index.keepOnly(new Set(['01']));
  assert.is(index.size, 1);
  assert.equal(
    removed.map((w) => w.address),
    [at('00', 1)],
  );
  assert.equal(
    [...index.held('w')].map((w) => w.address),
    [at('01', 2)],
  );
});

test('what a later reader did not have is known, until it or a newer version comes', () => {
  const { index } = create();
  index.apply(at('00', 1), sight(1, 1), waiting);
  index.apply(at('00', 2), sight(2, 1), waiting);
  assert.ok(index.confirm(at('00', 1), 1, 2));
  assert.not.ok(index.confirm(at('00', 2), 3, 2), 'newer than what is known');
  assert.not.ok(index.confirm(at('00', 3), 1, 2), 'not known');
  const unconfirmed = () => index.unconfirmed(2).map(({ address }) => address);
  assert.equal(unconfirmed(), [at('00', 2)]);
  index.apply(at('00', 2), sight(3, 2), waiting);
  assert.equal(unconfirmed(), []);
});

test.run();
