import fc from 'fast-check';
import * as assert from 'uvu/assert';
import { suite } from '../../../../test/support/suite.ts';
import { shareSlots, type Share } from './slot-shares.ts';

const test = suite('slot shares');

const share = (promised: number, waiting = 0, fixed = false): Share => ({ promised, waiting, fixed });

test('the only queue gets every slot', () => {
  assert.equal(shareSlots(50, [share(0)], 0), [50]);
  assert.equal(shareSlots(3, [share(1, 100)], 0), [3]);
});

test('idle queues share evenly, whose turn it is first', () => {
  assert.equal(shareSlots(10, [share(0), share(0)], 0), [5, 5]);
  assert.equal(shareSlots(5, [share(0), share(0)], 1), [2, 3]);
  assert.equal(shareSlots(1, [share(0), share(0)], 1), [0, 1]);
});

test('where tasks wait comes before where none do, and what the others hold comes back first', () => {
  assert.equal(shareSlots(10, [share(0, 8), share(0)], 0), [9, 1]);
  // The idle one is to give back; until it has, there is nothing to give.
  assert.equal(shareSlots(10, [share(0, 100), share(10)], 0), [0, 0]);
  assert.equal(shareSlots(10, [share(0, 100), share(0)], 0), [10, 0]);
  assert.equal(shareSlots(10, [share(5, 100), share(5, 100)], 0), [5, 5]);
});

test('slots of idle queues stay where they are', () => {
  assert.equal(shareSlots(4, [share(0), share(3)], 0), [1, 3]);
  assert.equal(shareSlots(1, [share(0), share(1)], 0), [0, 1]);
});

test('what is fixed is left as it is', () => {
  assert.equal(shareSlots(10, [share(4, 0, true), share(0, 100)], 0), [4, 6]);
});

test('fewer slots than promised: everything above is asked back', () => {
  assert.equal(shareSlots(0, [share(4), share(3, 9)], 0), [0, 0]);
});

test('never more than is free, counting what is not yet given back', () => {
  const shares = fc.array(fc.record({ promised: fc.nat(10), waiting: fc.nat(10), fixed: fc.boolean() }), {
    minLength: 1,
    maxLength: 6,
  });
  fc.assert(
    fc.property(shares, fc.nat(60), fc.nat(5), (given, more, first) => {
      const free = given.reduce((total, { promised }) => total + promised, 0) + more;
      const next = shareSlots(free, given, first);
      const held = given.map(({ promised }, i) => Math.max(promised, next[i] ?? 0));
      assert.ok(held.reduce((a, b) => a + b, 0) <= free);
      given.forEach(({ promised, fixed }, i) => {
        if (fixed) assert.is(next[i], promised);
      });
    }),
  );
});

test.run();
