import type { Address } from '@baton/protocols';
import * as assert from 'uvu/assert';
import { suite } from '../../../../test/support/suite.ts';
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
const waiting: Duties = { stage: 'waiting', lane: { queue: 'q', priority: 'normal', type: 'job' } };
const running = (holder: string): Duties => ({
  stage: 'running',
  holder,
  fence: { epoch: 1, revision: 1 },
  startedAt: 0,
});

const create = () => {
  const removed: Watched[] = [];
  const index = new TaskIndex((watched) => removed.push(watched));
  return { index, removed };
};

test('a task is found by its address, its holder and its lane, and only where it belongs now', () => {
  const { index } = create();
  const address = at('00', 1);
  index.apply(address, sight(1), waiting);
  assert.is(index.lines()[0]?.waiting.size, 1);
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

test('an older revision is nothing new', () => {
  const { index } = create();
  index.apply(at('00', 1), sight(5), running('w'));
  index.apply(at('00', 1), sight(4), undefined);
  index.apply(at('00', 1), sight(5), waiting);
  assert.is(index.get(at('00', 1))?.duties.stage, 'running');
});

test('a task that is joined while it waits keeps its place and its age', () => {
  const { index } = create();
  index.apply(at('00', 1), sight(1, 1, 100), waiting);
  index.apply(at('00', 2), sight(2, 1, 200), waiting);
  index.apply(at('00', 1), sight(3, 1, 300), waiting);
  const line = [...(index.lines()[0]?.waiting ?? [])];
  assert.equal(
    line.map((w) => [w.address, w.since]),
    [
      [at('00', 1), 100],
      [at('00', 2), 200],
    ],
  );
});

test('a dispatch puts a task behind the others', () => {
  const { index } = create();
  index.apply(at('00', 1), sight(1, 1, 100), waiting);
  index.apply(at('00', 2), sight(2, 1, 200), waiting);
  const first = index.get(at('00', 1));
  if (first === undefined || waiting.stage !== 'waiting') throw new Error('not there');
  index.wait(first, waiting.lane, 300);
  assert.equal(
    [...(index.lines()[0]?.waiting ?? [])].map((w) => w.since),
    [200, 300],
  );
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

test('what a later reader did not have is dropped, what it confirmed stays', () => {
  const { index } = create();
  index.apply(at('00', 1), sight(1, 1), waiting);
  index.apply(at('00', 2), sight(2, 1), waiting);
  assert.ok(index.confirm(at('00', 1), 1, 2));
  assert.not.ok(index.confirm(at('00', 2), 3, 2), 'newer than what is known');
  assert.not.ok(index.confirm(at('00', 3), 1, 2), 'not known');
  assert.is(index.dropUnconfirmed(2), 1);
  assert.ok(index.get(at('00', 1)));
});

test.run();
