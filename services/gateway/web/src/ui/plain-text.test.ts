import * as assert from 'uvu/assert';
import { suite } from '../../../../../test/support/suite.ts';
import { plainText } from './plain-text.ts';

const test = suite('text of others');

test('47 what turns text around or is invisible becomes a sign; words, accents, families and lines stay', () => {
  assert.is(plainText('a\u202Eb\u2066c\u0000d\u001be'), 'a\ufffdb\ufffdc\ufffdd\ufffde');
  for (const text of ['plain', 'é\u0301', '👨‍👩‍👧', 'עברית', 'one\ntwo\tthree', '<b>']) assert.is(plainText(text), text);
});

test.run();
