import { PRIORITIES, type Lane } from '@baton/protocols';
import * as fc from 'fast-check';
import * as assert from 'uvu/assert';
import { suite } from '../../../test/support/suite.ts';
import { LOWER_SHARE, Rota, type Demand } from './run-queue-rota.ts';

const lane = (queue: string, priority: Lane['priority'] = 'normal', type = 'job'): Lane => ({ queue, priority, type });

/** Deals one slot at a time while every lane has endless work; answers the lanes in the order they were served. */
const starts = (rota: Rota, lanes: readonly Lane[], count: number, demands?: readonly Demand[]): readonly number[] => {
  const endless = demands ?? lanes.map((_, index) => ({ lane: index, waiting: 1_000 }));
  return Array.from({ length: count }, () => rota.deal(endless, 1)[0]?.lane ?? -1);
};

const count = (served: readonly number[], of: number): number => served.filter((each) => each === of).length;

const test = suite('run queue rota');

test('nothing waits: nothing is dealt', () => {
  const rota = new Rota([lane('a'), lane('b')]);
  assert.equal(rota.deal([], 10), []);
  assert.equal(rota.deal([{ lane: 0, waiting: 0 }], 10), []);
  assert.equal(rota.deal([{ lane: 0, waiting: 5 }], 0), []);
});

test('one lane gets all, but not more than waits', () => {
  const rota = new Rota([lane('a'), lane('b')]);
  assert.equal(rota.deal([{ lane: 1, waiting: 3 }], 10), [{ lane: 1, count: 3 }]);
  assert.equal(rota.deal([{ lane: 1, waiting: 30 }], 10), [{ lane: 1, count: 10 }]);
});

test('slots that one lane cannot use go to the next', () => {
  const rota = new Rota([lane('a', 'high'), lane('a', 'low')]);
  const dealt = rota.deal(
    [
      { lane: 0, waiting: 3 },
      { lane: 1, waiting: 30 },
    ],
    10,
  );
  assert.equal(dealt, [
    { lane: 0, count: 3 },
    { lane: 1, count: 7 },
  ]);
});

test('X8: high before normal before low, but one start in twenty for each that has work', () => {
  const lanes = PRIORITIES.map((priority) => lane('a', priority));
  const served = starts(new Rota(lanes), lanes, 400);
  for (let from = 0; from + LOWER_SHARE <= served.length; from++) {
    const window = served.slice(from, from + LOWER_SHARE);
    assert.ok(count(window, 1) >= 1, `no normal start in ${from}..`);
    assert.ok(count(window, 2) >= 1, `no low start in ${from}..`);
  }
  assert.ok(count(served, 0) >= 400 * 0.88);
});

test('a lower priority that had no work has no claim saved up', () => {
  const lanes = [lane('a', 'high'), lane('a', 'low')];
  const rota = new Rota(lanes);
  starts(rota, lanes, 100, [{ lane: 0, waiting: 1_000 }]);
  const served = starts(rota, lanes, LOWER_SHARE - 1);
  assert.is(count(served, 1), 0);
});

test('queues take turns, whatever their number of types', () => {
  const lanes = [
    lane('a', 'normal', 't1'),
    lane('a', 'normal', 't2'),
    lane('a', 'normal', 't3'),
    lane('b', 'normal', 't1'),
  ];
  const served = starts(new Rota(lanes), lanes, 60);
  assert.is(count(served, 3), 30);
  for (const index of [0, 1, 2]) assert.is(count(served, index), 10);
});

test('a queue that comes back is served next, once', () => {
  const lanes = [lane('a'), lane('b')];
  const rota = new Rota(lanes);
  starts(rota, lanes, 10);
  starts(rota, lanes, 10, [{ lane: 0, waiting: 1_000 }]);
  assert.equal(starts(rota, lanes, 4), [1, 0, 1, 0]);
});

test('a start that was not dealt counts as a turn', () => {
  const lanes = [lane('a'), lane('b')];
  const rota = new Rota(lanes);
  rota.took(0, []);
  assert.equal(starts(rota, lanes, 2), [1, 0]);
});

test('all slots are dealt when enough waits, and never more (any demand)', () => {
  const lanes = ['a', 'b', 'c'].flatMap((queue) =>
    PRIORITIES.flatMap((p) => ['t1', 't2'].map((type) => lane(queue, p, type))),
  );
  const rota = new Rota(lanes);
  const anyDemand = fc.array(fc.nat({ max: 8 }), { minLength: lanes.length, maxLength: lanes.length });
  fc.assert(
    fc.property(anyDemand, fc.nat({ max: 60 }), (waiting, slots) => {
      const dealt = rota.deal(
        waiting.map((each, index) => ({ lane: index, waiting: each })),
        slots,
      );
      const total = dealt.reduce((sum, grant) => sum + grant.count, 0);
      assert.is(
        total,
        Math.min(
          slots,
          waiting.reduce((sum, each) => sum + each, 0),
        ),
      );
      for (const grant of dealt) assert.ok(grant.count > 0 && grant.count <= (waiting[grant.lane] ?? 0));
      assert.is(new Set(dealt.map((grant) => grant.lane)).size, dealt.length);
    }),
  );
});

test('X8 a held lane goes when it is due, though a higher one is looked at every time', () => {
  const lanes = [lane('a', 'high'), lane('a', 'normal'), lane('a', 'low')];
  const demands = [
    { lane: 0, waiting: 1_000 },
    { lane: 1, waiting: 0, unseen: true },
    { lane: 2, waiting: 1_000, held: true },
  ];
  const served = starts(new Rota(lanes), lanes, 100, demands);
  assert.is(count(served, 2), 5);
  assert.ok(served.indexOf(2) < LOWER_SHARE);
  assert.equal(new Rota(lanes).deal(demands.slice(1), 5), [], 'alone it waits for the answer');
});

test('X8 a lane nobody has looked at counts as passed over', () => {
  const lanes = [lane('a', 'high'), lane('a', 'low')];
  const rota = new Rota(lanes);
  const high = { lane: 0, waiting: 1_000 };
  starts(rota, lanes, LOWER_SHARE, [high, { lane: 1, waiting: 0, unseen: true }]);
  assert.equal(rota.deal([high, { lane: 1, waiting: 1 }], 1), [{ lane: 1, count: 1 }]);
});

test.run();
