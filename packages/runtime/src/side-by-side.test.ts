import * as assert from 'uvu/assert';
import { suite } from '../../../test/support/suite.ts';
import { sideBySide } from './side-by-side.ts';

const test = suite('side by side');

test('each once and in order, never more at a time than are allowed', async () => {
  const begun: string[] = [];
  let running = 0;
  let most = 0;
  await sideBySide(['a', 'b', 'c', 'd', 'e'], 2, async (item, index) => {
    begun.push(`${index}${item}`);
    most = Math.max(most, ++running);
    await new Promise((resolve) => setImmediate(resolve));
    running--;
  });
  assert.equal([begun, most, running], [['0a', '1b', '2c', '3d', '4e'], 2, 0]);
  await sideBySide([], 2, () => Promise.reject(new Error('nothing to do')));
});

test('one that fails is told at once, and the others go on', async () => {
  const done: number[] = [];
  const all = sideBySide([0, 1, 2, 3], 2, async (n) => {
    if (n === 0) throw new Error('zero');
    await new Promise((resolve) => setImmediate(resolve));
    done.push(n);
  });
  await all.then(
    () => assert.unreachable('it failed'),
    (error: Error) => assert.is(error.message, 'zero'),
  );
  while (done.length < 3) await new Promise((resolve) => setImmediate(resolve));
  assert.equal(done, [1, 2, 3]);
});

test.run();
