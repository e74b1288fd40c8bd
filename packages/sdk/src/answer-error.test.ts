import { ALL_REFUSAL_REASONS } from '@baton/core';
import { refusalText } from '@baton/runtime';
import * as assert from 'uvu/assert';
import { suite } from '../../../test/support/suite.ts';
import { answerError } from './answer-error.ts';
import { refusalError } from './refusal-error.ts';

const test = suite('errors of a publisher');

test('a refusal has one code, met directly, as an answer, and as the error made of the answer', () => {
  for (const reason of ALL_REFUSAL_REASONS) {
    const direct = refusalError(reason, undefined) as Error & { readonly code: string };
    const text = refusalText(reason, undefined);
    assert.is(text.code, direct.code, reason);
    const answered = answerError(text);
    assert.is(answered.code, direct.code, reason);
    if (reason !== 'not_ended') assert.is(answered.name, direct.name, reason);
  }
});

test('a code nobody knows here is told as it came', () => {
  const error = answerError({ code: 'STORE_FULL', message: 'the store is full' });
  assert.equal([error.code, error.message], ['STORE_FULL', 'the store is full']);
});

test.run();
