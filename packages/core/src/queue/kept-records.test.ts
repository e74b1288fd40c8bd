import fc from 'fast-check';
import * as assert from 'uvu/assert';
import { suite } from '../../../../test/support/suite.ts';
import { KeptRecords, type Kept, type RecordBudget } from './kept-records.ts';

const test = suite('kept records');

const owner = (): Kept => ({ slab: undefined, at: 0 });

const record = (length: number, value: number): Uint8Array => new Uint8Array(length).fill(value);

test('what is kept is a copy, and stays as it was for who has read it', () => {
  const kept = new KeptRecords({ limit: 1_000_000, each: 0, used: 0 });
  const one = owner();
  const bytes = record(10, 1);
  kept.keep(one, bytes);
  bytes.fill(9);
  const read = kept.read(one);
  assert.equal(read, record(10, 1));
  kept.keep(one, undefined);
  for (let i = 0; i < 2_000; i++) kept.keep(owner(), record(100, 5));
  assert.equal(read, record(10, 1));
  assert.is(kept.read(one), undefined);
});

test('the newest version takes the place of the one before; where it has no room nothing is kept', () => {
  const budget = { limit: 100, each: 0, used: 0 };
  const kept = new KeptRecords(budget);
  const one = owner();
  kept.keep(one, record(20, 1));
  kept.keep(one, record(20, 2));
  assert.equal(kept.read(one), record(20, 2));
  kept.keep(one, record(200, 3));
  assert.is(kept.read(one), undefined);
  assert.is(budget.used, 0);
});

test('a queue of one small record takes little, one of many takes hardly more than they do', () => {
  const budget = { limit: 1_000_000_000, each: 0, used: 0 };
  new KeptRecords(budget).keep(owner(), record(300, 1));
  assert.ok(budget.used <= 4_096);
  budget.used = 0;
  const many = new KeptRecords(budget);
  for (let i = 0; i < 10_000; i++) many.keep(owner(), record(300, 1));
  assert.ok(budget.used < 10_000 * 304 * 1.15, `${budget.used} bytes`);
});

test('a queue that takes all there is leaves every other one its own share, and no more', () => {
  const budget = { limit: 20_000, each: 5_000, used: 0 };
  const keep = (kept: KeptRecords, count: number): number => {
    const owners = Array.from({ length: count }, owner);
    for (const one of owners) kept.keep(one, record(300, 1));
    return owners.filter(({ slab }) => slab !== undefined).length;
  };
  const many = keep(new KeptRecords(budget), 200);
  assert.ok(many > 55 && many < 66, `${many} in 20,000 bytes`);
  for (let i = 0; i < 2; i++) {
    const few = keep(new KeptRecords(budget), 200);
    assert.ok(few > 12 && few < 17, `${few} in 5,000 bytes`);
  }
});

test('who is closed gives back what it took, and takes nothing more', () => {
  const budget = { limit: 10_000, each: 0, used: 0 };
  const kept = new KeptRecords(budget);
  const one = owner();
  kept.keep(one, record(300, 1));
  kept.close();
  assert.is(budget.used, 0);
  kept.keep(one, record(300, 1));
  assert.is(budget.used, 0);
});

test('of several that share a budget each has its own, none is ever over it, and all of it comes back', () => {
  const step = fc.record({ queue: fc.nat(2), owner: fc.nat(15), length: fc.nat(3_000), keeps: fc.boolean() });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
      const budget: RecordBudget = { limit: 20_000, each: 0, used: 0 };
      const queues = [0, 1, 2].map(() => ({
        kept: new KeptRecords(budget),
        owners: Array.from({ length: 16 }, owner),
        wanted: new Map<number, Uint8Array>(),
      }));
      steps.forEach(({ queue, owner: who, length, keeps }, i) => {
        const { kept, owners, wanted } = queues[queue]!;
        const bytes = keeps ? record(length, i) : undefined;
        kept.keep(owners[who]!, bytes);
        const isKept = owners[who]!.slab !== undefined;
        if (bytes !== undefined && isKept) wanted.set(who, bytes);
        else wanted.delete(who);
        assert.ok(budget.used <= budget.limit);
        if (keeps && budget.used === 0) assert.unreachable('there was room for it');
      });
      for (const { kept, owners, wanted } of queues) {
        owners.forEach((one, who) => assert.equal(kept.read(one), wanted.get(who)));
        for (const one of owners) kept.keep(one, undefined);
      }
      assert.is(budget.used, 0);
    }),
  );
});

test.run();
