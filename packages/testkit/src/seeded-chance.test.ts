import * as assert from 'uvu/assert';
import { suite } from '../../../test/support/suite.ts';
import { createRandom } from './random.ts';
import { createSeededChance } from './seeded-chance.ts';

const test = suite('testkit: chance');

test('the same seed gives the same ids, another one others', () => {
  const make = (seed: number): string => {
    const chance = createSeededChance({ now: () => 1_700_000_000_000 }, seed);
    return [chance.uuid(), chance.nonce(), chance.random(), chance.uuid()].join();
  };
  assert.is(make(1), make(1));
  assert.is.not(make(1), make(2));
});

test('ids are UUIDv7 of the clock and sort by it, also when it steps back', () => {
  let now = 1_700_000_000_000;
  const chance = createSeededChance({ now: () => now }, 1);
  const ids: string[] = [];
  for (const step of [0, 0, 0, 1, 50, -1_000, 0, 2_000]) {
    now += step;
    ids.push(chance.uuid());
  }
  for (const id of ids) assert.match(id, /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  assert.equal(ids, ids.toSorted());
  assert.is(new Set(ids).size, ids.length);
  assert.is(Number.parseInt((ids[0] ?? '').replace('-', '').slice(0, 12), 16), 1_700_000_000_000);
});

test('numbers are spread evenly and forks do not move each other', () => {
  const random = createRandom('spread');
  const buckets = Array.from({ length: 10 }, () => 0);
  for (let i = 0; i < 10_000; i++) {
    const bucket = random.int(10);
    buckets[bucket] = (buckets[bucket] ?? 0) + 1;
  }
  for (const count of buckets) assert.ok(count > 800 && count < 1_200, buckets.join());
  const [a, b] = [createRandom(5), createRandom(5)];
  a.next();
  assert.is(a.fork('x').next(), b.fork('x').next());
  assert.is.not(b.fork('x').next(), b.fork('y').next());
});

test.run();
