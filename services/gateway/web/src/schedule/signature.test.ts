import * as assert from 'uvu/assert';
import { suite } from '../../../../../test/support/suite.ts';
import { signatureOf } from './signature.ts';

const test = suite('what a type takes');

test('each argument with its name and kind, and which may be left out', () => {
  const to = { title: 'to', type: 'string' };
  const options = { type: 'object', properties: { at: {}, kind: {} } };
  assert.is(signatureOf({ prefixItems: [to, options], minItems: 1 }), '(to: string, argument 2?: { at, kind })');
  assert.is(
    signatureOf({ prefixItems: [to], minItems: 1, items: { type: ['number', 'null'] } }),
    '(to: string, ...more: number or null)',
  );
  assert.is(signatureOf({ items: { title: 'numbers', enum: [1, 2] } }), '(...numbers: 1 or 2)');
  assert.is(signatureOf({ items: [to], additionalItems: false }), '(to?: string)', 'as drafts before 2019 list them');
});

test('nothing is said where nothing is known, whatever the schema holds', () => {
  for (const schema of [
    null,
    {},
    { type: 'array' },
    { items: true },
    { items: false },
    { prefixItems: 7, minItems: 'x' },
  ])
    assert.is(signatureOf(schema), undefined);
  assert.is(
    signatureOf({ prefixItems: [null, true, { type: 7 }] }),
    '(argument 1?: any, argument 2?: any, argument 3?: any)',
  );
});

test.run();
