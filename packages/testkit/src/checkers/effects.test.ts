import { addressOf } from '@baton/protocols';
import type { TaskRecord } from '@baton/core';
import * as assert from 'uvu/assert';
import { suite } from '../../../../test/support/suite.ts';
import { checkEffects, type Effect, type FaultWindow } from './effects.ts';
import type { Recorded } from './recorded.ts';

const test = suite('testkit: effects checker');

const address = addressOf({ scope: 'shared', type: 'job', key: 'k' });
const fence = (revision: number) => ({ epoch: 1, revision });

const record = (
  revision: number,
  status: TaskRecord['status'],
  attempt: number,
  worker: string,
  fenceRevision: number,
): Recorded => ({
  address,
  epoch: 1,
  revision,
  record: {
    v: 1,
    id: 't',
    type: 'job',
    key: 'k',
    name: 'k',
    scope: 'shared',
    queue: 'default',
    priority: 'normal',
    mode: 'async',
    policy: {},
    subscribers: [],
    createdAt: 0,
    changedAt: 0,
    history: [],
    status,
    attempt,
    owner: { worker, at: 0, fence: fence(fenceRevision) },
  },
});

const effect = (kind: Effect['kind'], at: number, attempt: number, worker: string, fenceRevision: number): Effect => ({
  kind,
  at,
  address,
  task: 't',
  attempt,
  worker,
  fence: fence(fenceRevision),
});

/** Run by w1, which died, then by w2. */
const records = [
  record(2, 'in_progress', 1, 'w1', 1),
  record(5, 'in_progress', 2, 'w2', 4),
  record(6, 'success', 2, 'w2', 4),
];
const second = [effect('start', 10_000, 2, 'w2', 4), effect('end', 11_000, 2, 'w2', 4)];
const good = [effect('start', 1_000, 1, 'w1', 1), effect('end', 2_000, 1, 'w1', 1), ...second];

const rulesOf = (
  effects: readonly Effect[],
  faults: readonly FaultWindow[] = [],
  stored: readonly Recorded[] = records,
): readonly string[] => checkEffects({ effects, records: stored, faults }).problems.map((problem) => problem.rule);

test('bodies that ran as the records say are no problem', () => {
  const report = checkEffects({ effects: good, records });
  assert.equal(report.problems, []);
  assert.equal(report.counters, { starts: 2, ends: 2, successes: 1 });
});

test('finds a success whose body never ran', () => {
  assert.equal(rulesOf(good.slice(0, 2)), ['success-ran']);
});

test('finds a body that ran without a claim: another worker, attempt or fence', () => {
  for (const stray of [
    effect('start', 20_000, 2, 'w3', 9),
    effect('start', 20_000, 3, 'w2', 8),
    effect('start', 20_000, 2, 'w1', 7),
  ]) {
    assert.equal(rulesOf([...good, stray]), ['claimed-before-run']);
  }
});

test('finds a second start and a second end of one run, and an end without a start', () => {
  assert.ok(rulesOf([...good, effect('start', 12_000, 2, 'w2', 4)]).includes('one-start'));
  assert.ok(rulesOf([...good, effect('end', 12_000, 2, 'w2', 4)]).includes('one-end'));
  assert.ok(rulesOf(good.filter((one) => one.at !== 1_000)).includes('start-before-end'));
});

test('finds bodies of one key that overlap, also when the first never ended', () => {
  const slow = [effect('start', 1_000, 1, 'w1', 1), effect('end', 10_500, 1, 'w1', 1), ...second];
  assert.equal(rulesOf(slow), ['no-overlap']);
  assert.equal(rulesOf([effect('start', 1_000, 1, 'w1', 1), ...second]), ['no-overlap']);
});

test('a fault of the first worker explains an overlap; one of another, or long before, or afterwards, does not', () => {
  const slow = [effect('start', 3_000, 1, 'w1', 1), effect('end', 10_500, 1, 'w1', 1), ...second];
  const pause = (worker: string, from: number, to: number): FaultWindow => ({ worker, kind: 'pause', from, to });
  assert.equal(rulesOf(slow, [pause('w1', 3_500, 9_500)]), []);
  assert.equal(
    checkEffects({ effects: slow, records, faults: [pause('w1', 3_500, 9_500)] }).counters['overlapsExplained'],
    1,
  );
  assert.equal(rulesOf(slow, [pause('w2', 3_500, 9_500)]), ['no-overlap']);
  assert.equal(rulesOf(slow, [pause('w1', 0, 1_000)]), ['no-overlap']);
  assert.equal(rulesOf(slow, [pause('w1', 10_100, 10_200)]), ['no-overlap']);
});

test('a killed worker runs nothing any more', () => {
  const kill: FaultWindow = { worker: 'w1', kind: 'kill', from: 4_000, to: 4_000 };
  const report = checkEffects({ effects: [effect('start', 1_000, 1, 'w1', 1), ...second], records, faults: [kill] });
  assert.equal(report.problems, []);
  assert.is(report.counters['overlapsExplained'], undefined);
});

test.run();
