import { createVirtualClock } from '@baton/testkit';
import * as assert from 'uvu/assert';
import { suite } from '../../../../test/support/suite.ts';
import type { Credit, CreditAnswer, CreditReply, OfferBatch } from '../ports/dispatch.ts';
import { QueueClient } from './queue-client.ts';

const test = suite('queue client');

/** A client whose host is spoken for here: each question is answered when the test says so. */
const scene = () => {
  let sessions = 0;
  const questions: { readonly credit: Credit; readonly answer: (reply: CreditReply) => void }[] = [];
  const client = new QueueClient({
    ...{ queue: 'q', worker: 'w', types: ['job'], shares: true },
    dispatch: {
      credit: (credit: Credit) => new Promise<CreditReply>((answer) => questions.push({ credit, answer })),
    } as never,
    clock: createVirtualClock({ seed: 1 }),
    chance: { nonce: () => `s${++sessions}`, random: () => 0.5 } as never,
    offered: () => undefined,
    changed: () => undefined,
    unhosted: () => undefined,
  });
  const answer = (parts: Partial<CreditAnswer>): void => {
    const question = questions.shift();
    if (question === undefined) throw new Error('nothing was asked');
    const said = { supervisor: 's', hosts: true, sent: 0, limit: question.credit.limit, waiting: 0, ...parts };
    question.answer({ kind: 'answered', answer: said });
  };
  const says = (parts: Partial<OfferBatch>): void =>
    client.take({ ...{ queue: 'q', session: 's1', from: 0, offers: [], waiting: 0 }, ...parts });
  return { client, answer, says, questions };
};

const passed = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test('X8: that tasks wait, said right behind an answer that nothing does, is not taken for older than it', async () => {
  const { client, answer, says, questions } = scene();
  client.check();
  await passed();
  // Both come in one piece of the event loop.
  answer({ waiting: 0 });
  says({ waiting: 3 });
  await passed();
  assert.is(client.waiting, 3);
  assert.is(questions.length, 1, 'it asks, as it does at every such word');
});

test('X8: what waited when offers were sent that the answer counts is older than it', async () => {
  const { client, answer, says } = scene();
  client.want(5);
  await passed();
  says({ waiting: 3, offers: [{ address: '00.a' as never, revision: 1 }] });
  answer({ sent: 1, waiting: 0 });
  await passed();
  assert.is(client.waiting, 0);
  client.check();
  await passed();
  answer({ sent: 1, waiting: 2 });
  await passed();
  assert.is(client.waiting, 2, 'nothing came meanwhile');
});

test('who hosts the queue is asked anew at a sign that it has another host: it did not hear the question, or as another', async () => {
  const { client, answer, questions } = scene();
  client.want(2);
  await passed();
  client.check();
  await passed();
  assert.equal(
    questions.map(({ credit: { session, turn, limit } }) => [session, turn, limit]),
    [
      ['s1', 1, 2],
      ['s2', 1, 2],
    ],
  );
  answer({ supervisor: 'late' });
  await passed();
  assert.is(client.isHosted, false);
  client.want(3);
  await passed();
  assert.is(questions.length, 1, 'one is under way');
  answer({});
  await passed();
  assert.is(client.isHosted, true);
  // It is asked once more by its name; then no second question is asked while one is under way.
  client.check();
  await passed();
  assert.is(questions.length, 1);
  answer({});
  await passed();
  assert.is(questions.length, 0);
});

test.run();
