import { DecodeError, encode, namesOf } from '@baton/protocols';
import type { Credit } from '@baton/runtime';
import * as assert from 'uvu/assert';
import { sampleAddress } from '../../../../test/support/sample-records.ts';
import { suite } from '../../../../test/support/suite.ts';
import { createDispatch } from './dispatch.ts';
import { decodeCredit, encodeAnswer, encodeCredit } from './messages.ts';
import { askWaiting } from './waiting.ts';
import { decodeQuestion, encodeQuestion } from './standing.ts';

const test = suite('messages of dispatch');

const isRefused = (read: () => unknown): void => {
  assert.throws(read, (fault: unknown) => fault instanceof DecodeError);
};

const TOO_LONG = 'n'.repeat(101);

const credit: Credit = {
  ...{ queue: 'a.b', worker: 'w-1', session: 's', turn: 1, types: [], limit: 1, returned: [] },
};

test('an answer that cannot be read, or names what no subject can, is none, and is told', async () => {
  const answer = { supervisor: 's', hosts: true, sent: 0, limit: 1, waiting: 0 };
  const replyTo = async (bytes: Uint8Array) => {
    const faults: string[] = [];
    const request = async () => ({ kind: 'answered', bytes });
    const dispatch = createDispatch({
      names: namesOf(),
      request,
      onFault: (where: string) => void faults.push(where),
    } as never);
    return { reply: await dispatch.credit(credit, undefined, 1_000), faults: faults.length };
  };
  const silent = { reply: { kind: 'silent' }, faults: 1 };
  assert.equal(await replyTo(encodeAnswer(answer)), { reply: { kind: 'answered', answer }, faults: 0 });
  assert.equal(await replyTo(new TextEncoder().encode('{"stream":"OPERATORS","seq":1}')), silent);
  assert.equal(await replyTo(encode([2, 's', true, 0, 1, 0])), silent);
  for (const supervisor of ['all', 'a.b', '>', '', TOO_LONG])
    assert.equal(await replyTo(encodeAnswer({ ...answer, supervisor })), silent, supervisor);
});

test('a queue is asked about, and served, by a name a queue can have', () => {
  const question = { address: sampleAddress('k'), type: 'job' };
  assert.is(decodeQuestion(encodeQuestion({ ...question, queue: 'a.b' })).queue, 'a.b');
  assert.equal(decodeCredit(encodeCredit(credit)), credit);
  for (const queue of ['', 'a b', TOO_LONG]) {
    isRefused(() => decodeQuestion(encodeQuestion({ ...question, queue })));
    isRefused(() => decodeCredit(encodeCredit({ ...credit, queue })));
  }
  for (const worker of ['', 'a.b', TOO_LONG]) isRefused(() => decodeCredit(encodeCredit({ ...credit, worker })));
});

test('nothing is left behind by who asks what waits where nobody is', async () => {
  const timers = () => process.getActiveResourcesInfo().filter((each) => each === 'Timeout').length;
  const before = timers();
  let hear: (error: undefined, msg: unknown) => void = () => {};
  const nc = {
    subscribe: (_: string, { callback }: { callback: typeof hear }) => (
      (hear = callback),
      { unsubscribe: () => undefined }
    ),
    publish: () => hear(undefined, { data: new Uint8Array() }),
  };
  assert.is(await askWaiting({ nc, names: namesOf(), onFault: () => undefined } as never, 60_000), undefined);
  assert.is(timers(), before);
});

test.run();
