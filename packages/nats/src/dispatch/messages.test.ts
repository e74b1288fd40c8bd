import { DecodeError } from '@baton/protocols';
import type { Credit } from '@baton/runtime';
import * as assert from 'uvu/assert';
import { sampleAddress } from '../../../../test/support/sample-records.ts';
import { suite } from '../../../../test/support/suite.ts';
import { decodeCredit, encodeCredit } from './messages.ts';
import { decodeQuestion, encodeQuestion } from './standing.ts';

const test = suite('messages of dispatch');

const isRefused = (read: () => unknown): void => {
  assert.throws(read, (fault: unknown) => fault instanceof DecodeError);
};

const TOO_LONG = 'n'.repeat(101);

test('a queue is asked about, and served, by a name a queue can have', () => {
  const question = { address: sampleAddress('k'), type: 'job' };
  const credit: Credit = {
    ...{ queue: 'a.b', worker: 'w-1', session: 's', turn: 1, types: [], limit: 1, returned: [] },
  };
  assert.is(decodeQuestion(encodeQuestion({ ...question, queue: 'a.b' })).queue, 'a.b');
  assert.equal(decodeCredit(encodeCredit(credit)), credit);
  for (const queue of ['', 'a b', TOO_LONG]) {
    isRefused(() => decodeQuestion(encodeQuestion({ ...question, queue })));
    isRefused(() => decodeCredit(encodeCredit({ ...credit, queue })));
  }
  for (const worker of ['', 'a.b', TOO_LONG]) isRefused(() => decodeCredit(encodeCredit({ ...credit, worker })));
});

test.run();
