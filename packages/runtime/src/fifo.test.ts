import * as assert from 'uvu/assert';
import { suite } from '../../../test/support/suite.ts';
import { Fifo } from './fifo.ts';

const test = suite('first in, first out');

test('in order, however takes and pushes alternate, and what was taken is not kept', () => {
  const fifo = new Fifo<number>();
  const taken: (number | undefined)[] = [];
  let pushed = 0;
  for (let round = 0; round < 200; round++) {
    for (let i = 0; i < 5 + (round % 3); i++) fifo.push(pushed++);
    for (let i = 0; i < 5; i++) taken.push(fifo.take());
    assert.is(fifo.size, pushed - taken.length);
  }
  const { items } = fifo as unknown as { readonly items: readonly number[] };
  assert.ok(items.length <= 2 * fifo.size + 1, `${items.length} are kept of ${fifo.size}`);
  while (fifo.size > 0) taken.push(fifo.take());
  assert.equal(
    taken,
    Array.from({ length: pushed }, (_, i) => i),
  );
  assert.is(fifo.take(), undefined);
  fifo.push(1);
  fifo.clear();
  assert.equal([fifo.size, fifo.take()], [0, undefined]);
});

test.run();
