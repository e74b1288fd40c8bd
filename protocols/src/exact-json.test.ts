import * as fc from 'fast-check';
import * as assert from 'uvu/assert';
import { suite } from '../../test/support/suite.ts';
import { InexactNumberError, parseExactJson } from './exact-json.ts';

const test = suite('protocols: JSON with exact numbers');

const faultOf = (text: string): string => {
  try {
    parseExactJson(text);
  } catch (error) {
    if (error instanceof InexactNumberError) return error.message;
    throw error;
  }
  return '';
};

test('X4 an integer beyond 2^53 - 1 is refused, with its place', () => {
  assert.match(
    faultOf('{"args":[{"a":[1,9007199254740993]}]}'),
    /^args\[0\]\.a\[1\]: 9007199254740993 is beyond 2\^53 - 1/,
  );
  assert.match(faultOf('[1,[-9007199254740992]]'), /^\[1\]\[0\]: -9007199254740992/);
  assert.match(faultOf('9007199254740992'), /^the value: /);
  assert.match(faultOf(`{"a\\"b":{"é":${'9'.repeat(400)}}}`), /^a"b\.é: 9{40}\.\.\. is beyond/);
  assert.match(faultOf('{"a":1e400}'), /^a: 1e400 is too large/);
});

test('what stays the same number is let through, and text is no number', () => {
  for (const text of [
    '{"a":9007199254740991,"b":-9007199254740991}',
    '{"a":"9007199254740993","9007199254740993":1}',
    '[1e20,0.1234567890123456789,1e-400]',
    '["\\"9007199254740993", "\\\\", 12]',
  ]) {
    assert.equal(parseExactJson(text), JSON.parse(text));
  }
  assert.throws(
    () => parseExactJson('{"a":9007199254740993'),
    (error: unknown) => error instanceof SyntaxError,
  );
});

test('any JSON without such numbers is read as ever, and none comes out changed', () => {
  fc.assert(
    fc.property(fc.json(), (text) => {
      if (faultOf(text) === '') assert.equal(parseExactJson(text), JSON.parse(text));
    }),
  );
  fc.assert(
    fc.property(fc.bigInt(), fc.string(), (number, key) => {
      const text = `{${JSON.stringify(key)}:[[],{},${number}]}`;
      assert.is(faultOf(text) === '', BigInt(Number(number)) === number && Number.isSafeInteger(Number(number)));
    }),
  );
});

test.run();
