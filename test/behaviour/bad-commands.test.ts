// limit: 120s
// Commands that cannot be carried out: each is answered and put aside once, and none stays in the way.
import * as assert from 'uvu/assert';
import { ALICE, ask, deadLetters, namesFor, type Sent } from '../support/command-client.ts';
import { eventually } from '../support/eventually.ts';
import { double } from '../support/fixture-tasks.ts';
import { stagedSuite } from '../support/stage.ts';

const test = stagedSuite('behaviour: bad commands');

test('what cannot be carried out is answered and put aside once, whatever stands in subject and body', async (stage) => {
  const names = namesFor(stage);
  const { commandPrefix } = names;
  const subjects = ['he~bad', '-x', 'é', '===', 'x'.repeat(101), 'fx=double.more', 'fx.double'].map(
    (token) => `${commandPrefix}submit.${token}`,
  );
  const deep = `{"user":{"id":"alice"},"args":[${'['.repeat(40)}${']'.repeat(40)}]}`;
  const big = '{"user":{"id":"alice"},"args":[{"id":9007199254740993}]}';
  const text = (value: string) => new TextEncoder().encode(value);
  const toDouble = names.submitSubject('fx.double');
  const bad: readonly (readonly [string, unknown, Sent?])[] = [
    ...subjects.map((subject) => [subject, { args: [1], user: ALICE }] as const),
    [`${commandPrefix}submit`, { user: ALICE }],
    [`${commandPrefix}explode`, { user: ALICE }],
    [`${commandPrefix}cancel.x`, { id: 'x', user: ALICE }],
    [toDouble, { timeout: 1e300, user: ALICE }],
    [toDouble, { abort_grace: 1e300, user: ALICE }],
    [toDouble, { backoff: { max: '99999999d' }, user: ALICE }],
    [toDouble, { max_attempts: 1_001, user: ALICE }],
    [toDouble, { user: { id: 'x'.repeat(10_000) } }],
    [toDouble, text(deep)],
    [toDouble, text(big)],
    [toDouble, text('\u0000 garbage')],
    [toDouble, text('{}'), { headers: { 'Content-Type': 'text/xml' } }],
  ];
  const before = (await deadLetters(stage)).length;
  for (const [subject, body, sent] of bad) {
    const answer = await ask(stage, subject, body, sent);
    assert.equal([answer.ok, answer.code], [false, 'INVALID_ARGUMENT'], `${subject} ${JSON.stringify(body)}`);
  }
  assert.is((await deadLetters(stage)).length, before + bad.length);
  type Info = { readonly state: { readonly messages: number } };
  const { api } = stage.ports.wire;
  await eventually(async () => {
    const { state } = await api.call<Info>(`STREAM.INFO.${names.commandsStream}`);
    assert.is(state.messages, 0, 'none stays in the stream');
  });
});

test('what cannot be the id of a task is that of none, also beside an address', async (stage) => {
  const { commandPrefix } = namesFor(stage);
  const { uuid, address } = await stage.as('alice').within(() => double.schedule(1));
  for (const verb of ['cancel', 'signal', 'why'])
    for (const id of ['a.b', '*', '>', 'a b', `${uuid}x`]) {
      const body = { id, address, user: ALICE, ...(verb === 'signal' ? { name: 'go' } : {}) };
      assert.is((await ask(stage, `${commandPrefix}${verb}`, body)).code, 'TASK_NOT_FOUND', `${verb} ${id}`);
    }
});

test('a dead letter has the headers of its sender; those that instruct the server have another name', async (stage) => {
  const names = namesFor(stage);
  const headers = {
    Traceparent: '00-abc-def-01',
    'X-Many': 'é',
    'Nats-Msg-Id': `dead-${process.pid}`,
    'Baton-Reason': 'FORGED',
  };
  const answer = await ask(stage, names.submitSubject('fx.double'), { colour: 1, user: ALICE }, { headers });
  assert.is(answer.code, 'INVALID_ARGUMENT');
  const { headers: kept = '' } = (await deadLetters(stage)).at(-1) ?? {};
  assert.match(kept, 'Traceparent: 00-abc-def-01');
  assert.match(kept, /\r\nX-Many: /);
  assert.match(kept, /\r\nBaton-Reply: _INBOX\./);
  assert.match(kept, `Baton-Sent-Nats-Msg-Id: dead-${process.pid}`);
  assert.not.match(kept, /\r\nNats-Msg-Id/);
  assert.match(kept, 'Baton-Sent-Baton-Reason: FORGED');
  assert.match(kept, '\r\nBaton-Reason: INVALID_ARGUMENT');
});

test.run();
