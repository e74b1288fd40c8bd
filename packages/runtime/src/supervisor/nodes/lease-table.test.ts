import * as assert from 'uvu/assert';
import { suite } from '../../../../../test/support/suite.ts';
import { Attention, LeaseTable } from './lease-table.ts';

const test = suite('supervisor: leases');

test('a node is dead a whole lease after it was last seen, and is told of once', () => {
  const leases = new LeaseTable(6_000);
  assert.ok(leases.seen('w', 0));
  assert.not.ok(leases.seen('w', 2_000));
  assert.equal(leases.expire(7_999), []);
  assert.equal(leases.expire(8_000), ['w']);
  assert.equal(leases.expire(8_001), []);
  assert.ok(leases.isDead('w'));
  assert.ok(leases.seen('w', 9_000), 'it is news that it lives');
  assert.not.ok(leases.isDead('w'));
});

test('an owner that was never seen has a whole lease to show itself', () => {
  const leases = new LeaseTable(6_000);
  leases.expect('w', 1_000);
  leases.expect('w', 5_000);
  assert.not.ok(leases.isDead('w'));
  assert.equal(leases.expire(7_000), ['w']);
});

test('who gave its lease back is dead at once', () => {
  const leases = new LeaseTable(6_000);
  leases.seen('w', 0);
  assert.ok(leases.left('w', 1));
  assert.not.ok(leases.left('w', 2));
  assert.ok(leases.isDead('w'));
  leases.expect('w', 3);
  assert.ok(leases.isDead('w'), 'a task that turns up late does not bring it back');
});

test('who was found dead and begins something has a time to show itself, and who gave its lease back has none', () => {
  const leases = new LeaseTable(6_000);
  leases.seen('w', 0);
  leases.expire(6_000);
  leases.left('gone', 6_000);
  leases.expect('w', 6_500);
  assert.equal(leases.dead(), ['w', 'gone'], 'what it had before says nothing');
  for (const id of ['w', 'gone']) leases.expect(id, 2_500, true);
  assert.equal(leases.dead(), ['gone']);
  assert.equal(leases.expire(8_499), []);
  assert.equal(leases.expire(8_500), ['w'], 'it was not seen');
});

test('after a time in which nothing could be heard, the living have a whole lease and the dead stay dead', () => {
  const leases = new LeaseTable(6_000);
  leases.seen('a', 0);
  leases.left('b', 0);
  leases.freshen(5_000);
  assert.equal(leases.expire(10_999), []);
  assert.ok(leases.isDead('b'));
  assert.equal(leases.expire(11_000), ['a']);
});

test('the dead are forgotten when nobody needs them', () => {
  const leases = new LeaseTable(10);
  leases.left('a', 0);
  leases.left('b', 0);
  leases.forget(1_000, 500, (id) => id === 'b');
  assert.not.ok(leases.isDead('a'));
  assert.ok(leases.isDead('b'));
});

test('a pause of this process is not time in which others were silent', () => {
  const attention = new Attention(0, 1_000);
  assert.ok(attention.look(250));
  assert.is(attention.time(300), 300);
  assert.not.ok(attention.look(20_250), 'it was away');
  assert.is(attention.time(20_250), 1_250);
  assert.ok(attention.look(20_500));
  assert.is(attention.time(20_500), 1_500);
});

test.run();
