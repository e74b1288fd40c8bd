import * as assert from 'uvu/assert';
import { suite } from '../../../test/support/suite.ts';
import { systemChance } from './system.ts';

const test = suite('chance of this machine');

test('ids are UUIDs of version 7 that rise, also those of one millisecond, and no two are alike', () => {
  const [one, other] = [systemChance(), systemChance()];
  const began = Date.now();
  const ids = Array.from({ length: 20_000 }, () => one.uuid());
  for (const id of ids) assert.match(id, /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  assert.equal(ids.toSorted(), ids);
  assert.is(new Set([...ids, ...Array.from({ length: 20_000 }, () => other.uuid())]).size, 40_000);
  const madeAt = Number.parseInt((ids[0] ?? '').replaceAll('-', '').slice(0, 12), 16);
  assert.ok(Math.abs(madeAt - began) < 1_000, String(madeAt));
});

test.run();
