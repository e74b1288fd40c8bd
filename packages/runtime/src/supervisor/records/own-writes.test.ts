import { addressOf, type Address } from '@baton/protocols';
import { createVirtualClock } from '@baton/testkit';
import * as assert from 'uvu/assert';
import { suite } from '../../../../../test/support/suite.ts';
import { OwnWrites } from './own-writes.ts';

const test = suite('own writes');

const WAIT_MS = 5_000;
const addressFor = (key: string): Address => addressOf({ scope: 'shared', type: 'fx.echo', key });

const entry = (address: Address, revision: number) => ({ address, revision, bytes: new Uint8Array() });

test('a write whose echo was there before its acknowledgement is not waited for', async () => {
  const clock = createVirtualClock({ seed: 1 });
  const ownWrites = new OwnWrites(clock, WAIT_MS);
  const [one, other] = [addressFor('one'), addressFor('other')];
  ownWrites.arrived(entry(one, 7));
  ownWrites.expect(one, 7);
  // The feed gives all in the order of the bucket: with a later one everything before it has come.
  ownWrites.arrived(entry(other, 9));
  ownWrites.expect(one, 8);
  assert.equal([ownWrites.isGiven(9), ownWrites.isGiven(10)], [true, false]);
  ownWrites.clear();
  ownWrites.expect(one, 8);
  await clock.advance(2 * WAIT_MS);
  assert.is(ownWrites.overdue(), undefined);
  ownWrites.readAnew();
  assert.not.ok(ownWrites.isGiven(1));
});

test('one that does not come is overdue after its time, and not when it, or a later one of its address, has come', async () => {
  const clock = createVirtualClock({ seed: 1 });
  const ownWrites = new OwnWrites(clock, WAIT_MS);
  const [one, other] = [addressFor('one'), addressFor('other')];
  ownWrites.expect(one, 3);
  ownWrites.expect(other, 4);
  await clock.advance(WAIT_MS - 1);
  assert.is(ownWrites.overdue(), undefined);
  ownWrites.arrived(entry(other, 5));
  await clock.advance(1);
  assert.is(ownWrites.overdue(), one);
  ownWrites.arrived(entry(one, 3));
  assert.is(ownWrites.overdue(), undefined);
  ownWrites.expect(one, 6);
  ownWrites.clear();
  await clock.advance(2 * WAIT_MS);
  assert.is(ownWrites.overdue(), undefined);
});

test.run();
