import { addressOf, type Address } from '@baton/protocols';
import { createVirtualClock } from '@baton/testkit';
import * as assert from 'uvu/assert';
import { suite } from '../../../../test/support/suite.ts';
import { Echoes } from './echoes.ts';

const test = suite('echoes');

const WAIT_MS = 5_000;
const addressFor = (key: string): Address => addressOf({ scope: 'shared', type: 'fx.echo', key });

const entry = (address: Address, revision: number) => ({ address, revision, bytes: new Uint8Array() });

test('a write whose echo was there before its acknowledgement is not waited for', async () => {
  const clock = createVirtualClock({ seed: 1 });
  const echoes = new Echoes(clock, WAIT_MS);
  const [one, other] = [addressFor('one'), addressFor('other')];
  echoes.arrived(entry(one, 7));
  echoes.expect(one, 7);
  // The feed gives all in the order of the bucket: with a later one everything before it has come.
  echoes.arrived(entry(other, 9));
  echoes.expect(one, 8);
  await clock.advance(2 * WAIT_MS);
  assert.is(echoes.overdue(), undefined);
});

test('one that does not come is overdue after its time, and not when it, or a later one of its address, has come', async () => {
  const clock = createVirtualClock({ seed: 1 });
  const echoes = new Echoes(clock, WAIT_MS);
  const [one, other] = [addressFor('one'), addressFor('other')];
  echoes.expect(one, 3);
  echoes.expect(other, 4);
  await clock.advance(WAIT_MS - 1);
  assert.is(echoes.overdue(), undefined);
  echoes.arrived(entry(other, 5));
  await clock.advance(1);
  assert.is(echoes.overdue(), one);
  echoes.arrived(entry(one, 3));
  assert.is(echoes.overdue(), undefined);
  echoes.expect(one, 6);
  echoes.clear();
  await clock.advance(2 * WAIT_MS);
  assert.is(echoes.overdue(), undefined);
});

test.run();
