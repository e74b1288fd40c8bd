import * as assert from 'uvu/assert';
import { eventually } from '../../../../test/support/eventually.ts';
import { suite } from '../../../../test/support/suite.ts';
import { type ThreadMemoryError, watchBuffers } from './buffer-watch.ts';

const test = suite('buffers of a thread');

const MIB = 1024 * 1024;

test('T5 what stays above the bound is told once, garbage that goes is not', async () => {
  const told: ThreadMemoryError[] = [];
  let looks = 0;
  // Above at every look but each third, then for good.
  watchBuffers(
    64,
    (error) => told.push(error),
    () => {
      looks++;
      return (looks < 9 && looks % 3 === 0 ? 10 : 100) * MIB;
    },
  );
  await eventually(() => assert.is(told.length, 1), { limitMs: 8_000 });
  assert.is(looks, 10);
  assert.match(told[0]?.message ?? '', '100 MiB of memory, more than 64 MiB');
});

test.run();
