import * as assert from 'uvu/assert';
import { suite } from '../../../../../test/support/suite.ts';
import { firstCharacters, shortened } from './graphemes.ts';

const test = suite('characters as people count them');

test('a family, a flag and an accent are one character each and are never cut', () => {
  const text = '👨‍👩‍👧🇩🇪e\u0301x';
  assert.is(firstCharacters(text, 1), '👨‍👩‍👧');
  assert.is(firstCharacters(text, 3), '👨‍👩‍👧🇩🇪e\u0301');
  assert.is(firstCharacters(text, 99), text);
});

test('shortened to so many, the ellipsis among them', () => {
  assert.is(shortened('a'.repeat(30), 30), 'a'.repeat(30));
  assert.is(shortened('a'.repeat(31), 30), `${'a'.repeat(29)}…`);
  assert.is(shortened('', 30), '');
});

test('an hour-long name costs nothing: only its beginning is looked at', () => {
  const began = performance.now();
  shortened('👨‍👩‍👧'.repeat(200_000), 30);
  assert.ok(performance.now() - began < 100);
});

test.run();
