// limit: 120s
// D10 over REST: submits go by the definitions that are kept, and the route for forms shows them.
import type { KeptDefinition, TypeDefinition } from '@baton/core';
import { digestOf } from '@baton/protocols';
import * as assert from 'uvu/assert';
import { eventually } from '../support/eventually.ts';
import { ADMIN, openGatewaySystem, type CallAnswer, type GatewaySystem } from '../support/gateway-fixture.ts';
import { suite } from '../support/suite.ts';

const test = suite('gateway: definitions');

const LIST = '/api/v1/task/';

const SHARED: TypeDefinition = {
  ...{ type: 'send_mail', scope: 'shared', queue: 'mail', priority: 'high', title: 'Send a mail' },
  policy: { timeoutMs: 300_000, maxAttempts: 3, abortGraceMs: 5_000 },
  argsSchema: { type: 'array', items: { type: 'string' } },
};
const SYSTEM: TypeDefinition = { type: 'wipe', scope: 'system', queue: 'default', priority: 'normal', policy: {} };

const keep = async ({ ports }: GatewaySystem, definition: TypeDefinition): Promise<void> => {
  const conflicts = definition === SHARED ? [{ worker: 'w2', fields: ['maxAttempts', 'timeoutMs'] }] : [];
  const kept: KeptDefinition = { worker: 'w1', since: 1_000, digest: digestOf(definition), definition, conflicts };
  assert.is((await ports.definitions.write(kept, 0)).kind, 'written');
};

const codeOf = (answer: CallAnswer): readonly unknown[] => [answer.status, answer.at('code')];

test('D10 a submit over REST has the scope, timeout, retries, queue and priority of its type', async (context) => {
  const system = await openGatewaySystem(context);
  await keep(system, SHARED);
  const submit = (as: string, body: object) => system.call('POST', LIST, { as, body: { type: 'send_mail', ...body } });
  const wrong = await submit('alice', { task_key: 'k', args: ['to', 7] });
  assert.equal(codeOf(wrong), [400, 'INVALID_ARGUMENT']);
  assert.is(wrong.at('message'), 'args[1]: must be string (the arguments of send_mail)');
  assert.equal(wrong.at('faults'), [{ field: 'args.1', message: 'must be string (the arguments of send_mail)' }]);
  assert.equal((await submit('alice', {})).at('faults'), [{ field: 'task_key', message: 'a shared task needs one' }]);
  const made = await submit('alice', { task_key: 'k' });
  assert.is(made.status, 201, made.text);
  assert.equal([made.at('known'), made.at('outcome'), made.at('differs')], [true, 'created', false]);
  const task = made.at('task') as Readonly<Record<string, unknown>>;
  assert.equal(
    [task['scope'], task['queue'], task['priority'], task['timeout_seconds'], task['max_attempts']],
    ['shared', 'mail', 'high', 300, 3],
  );
  const joined = await submit('bob', { task_key: 'k' });
  assert.equal(
    [joined.at('task', 'uuid'), joined.at('outcome'), joined.at('differs')],
    [task['uuid'], 'joined', false],
  );
  const other = await submit('alice', {
    task_key: 'o',
    timeout: null,
    queue: 'q',
    priority: 'low',
    max_attempts: 1,
    delay: 60,
  });
  assert.equal(
    ['scope', 'queue', 'priority', 'timeout_seconds', 'max_attempts'].map((field) => other.at('task', field)),
    ['shared', 'q', 'low', null, 1],
    other.text,
  );
  assert.equal(codeOf(await submit('alice', { task_key: 'p', scope: 'private' })), [403, 'PERMISSION_DENIED']);
  assert.is((await submit(ADMIN, { task_key: 'p', scope: 'private' })).status, 201);
});

test('D10 a system type is for admins, whatever a body says of its scope', async (context) => {
  const system = await openGatewaySystem(context);
  await keep(system, SYSTEM);
  const submit = (as: string, body: object = {}) => system.call('POST', LIST, { as, body: { type: 'wipe', ...body } });
  for (const body of [{}, { scope: 'private' }, { scope: 'shared', task_key: 'k' }, { scope: 'system' }]) {
    assert.equal(codeOf(await submit('alice', body)), [403, 'PERMISSION_DENIED'], JSON.stringify(body));
  }
  assert.equal(codeOf(await submit(ADMIN, { scope: 'private' })), [403, 'PERMISSION_DENIED']);
  const granted = await submit(ADMIN);
  assert.equal([granted.status, granted.at('task', 'scope')], [201, 'system']);
});

test('D10 an unknown type is taken and told; strict, or a gateway set so, refuses it', async (context) => {
  const system = await openGatewaySystem(context);
  const body = { type: 'nobody' };
  const taken = await system.call('POST', LIST, { as: 'alice', body });
  assert.equal([taken.status, taken.at('known')], [201, false]);
  const strict = await system.call('POST', LIST, { as: 'alice', body: { ...body, strict: true } });
  assert.equal(codeOf(strict), [422, 'UNKNOWN_TYPE']);
  const refusing = await openGatewaySystem(context, { settings: { unknownTypes: 'refuse' } });
  assert.equal(codeOf(await refusing.call('POST', LIST, { as: 'alice', body })), [422, 'UNKNOWN_TYPE']);
});

test('D10 the definitions are listed for forms: to admins all of them, with who disagrees', async (context) => {
  const system = await openGatewaySystem(context);
  await keep(system, SHARED);
  await keep(system, SYSTEM);
  const list = (as: string) => system.call('GET', '/api/v1/definitions', { as });
  await eventually(async () => assert.is((await list(ADMIN)).at('count'), 2));
  const mine = await list('alice');
  assert.equal([mine.status, mine.at('count'), mine.at('result', 0, 'type')], [200, 1, 'send_mail']);
  const shown = mine.at('result', 0) as Readonly<Record<string, unknown>>;
  assert.equal(
    [shown['title'], shown['scope'], shown['timeout_seconds'], shown['max_attempts'], shown['abort_grace_seconds']],
    ['Send a mail', 'shared', 300, 3, 5],
  );
  assert.equal([shown['args_schema'], shown['served']], [SHARED.argsSchema, false]);
  assert.equal([shown['conflict'], shown['conflicts']], [true, []]);
  assert.equal((await list(ADMIN)).at('result', 0, 'conflicts'), [
    { worker: 'w2', fields: ['max_attempts', 'timeout'] },
  ]);
  assert.is((await system.call('GET', '/api/v1/definitions')).status, 401);
});

test.run();
