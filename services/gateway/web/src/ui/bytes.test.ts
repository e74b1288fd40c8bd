import * as assert from 'uvu/assert';
import { suite } from '../../../../../test/support/suite.ts';
import { bytesText } from './bytes.ts';

const test = suite('sizes in words');

test('bytes, then one decimal, then none', () => {
  const words = [0, 1_023, 1_024, 1_536, 10_188, 10_190, 8 * 1_024 * 1_024, 2 ** 31].map(bytesText);
  assert.equal(words, ['0 bytes', '1023 bytes', '1 KiB', '1.5 KiB', '9.9 KiB', '10 KiB', '8 MiB', '2 GiB']);
});

test.run();
