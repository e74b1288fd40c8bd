import * as assert from 'uvu/assert';
import { suite } from '../../../../test/support/suite.ts';
import { Gate } from './gate.ts';

const test = suite('gate');

const FAR = Number.POSITIVE_INFINITY;

test('lets in by count and by bytes, and one that is too large alone', () => {
  const gate = new Gate({ count: 3, bytes: 100 });
  assert.ok(gate.tryEnter(60));
  assert.not.ok(gate.tryEnter(60));
  assert.ok(gate.tryEnter(40));
  assert.not.ok(gate.tryEnter(1));
  gate.leave(40);
  gate.leave(60);
  assert.ok(gate.tryEnter(500));
  assert.not.ok(gate.tryEnter(1));
});

test('first come, first served: a small one does not overtake', async () => {
  const gate = new Gate({ count: 10, bytes: 100 });
  assert.ok(gate.tryEnter(90));
  const order: string[] = [];
  const large = gate.enter(50, FAR).then(() => order.push('large'));
  assert.not.ok(gate.tryEnter(1));
  const small = gate.enter(1, FAR).then(() => order.push('small'));
  gate.leave(90);
  await Promise.all([large, small]);
  assert.equal(order, ['large', 'small']);
});

test('whose time is over is turned away, and those behind are not held up', async () => {
  const gate = new Gate({ count: 1, bytes: 100 });
  assert.ok(gate.tryEnter(1));
  const late = gate.enter(1, performance.now() - 1);
  const next = gate.enter(1, FAR);
  gate.leave(1);
  assert.equal(await Promise.all([late, next]), [false, true]);
});

test.run();
