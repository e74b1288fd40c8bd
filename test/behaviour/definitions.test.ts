// limit: 240s
// D10: a type has one definition, taken from the workers that serve it, and every door applies it. REST has its own part
// in the integration tests of the gateway.
import { connect, task, type Baton, type TaskHandle, type TaskOptions } from '@baton/sdk';
import * as assert from 'uvu/assert';
import { runCli } from '../support/cli.ts';
import { ask, namesFor } from '../support/command-client.ts';
import { eventually } from '../support/eventually.ts';
import { stagedSuite, thrownBy, type Stage } from '../support/stage.ts';

const test = stagedSuite('behaviour: definitions');

const OPTIONS: TaskOptions = {
  scope: 'shared',
  timeout: '7m',
  queue: 'd10',
  priority: 'high',
  abortGrace: '9s',
  maxRescues: 4,
  retry: { maxAttempts: 3, backoff: { initial: '2s' } },
  onOrphan: 'fail',
};

const POLICY = {
  ...{ timeoutMs: 420_000, maxAttempts: 3, maxRescues: 4, onOrphan: 'fail', abortGraceMs: 9_000 },
  backoff: { initialMs: 2_000, factor: 2, maxMs: 300_000, jitter: 0.5 },
};

const known = (stage: Stage, type: string) =>
  eventually(async () => {
    const kept = await stage.ports.definitions.load(type);
    if (kept === undefined) throw new Error(`${type} is not known yet`);
    return kept.kept;
  });

const briefly = ({ record }: TaskHandle) => [record.scope, record.queue, record.priority, record.policy];

const publisherOf = async (stage: Stage, defer: (undo: () => unknown) => void): Promise<Baton> => {
  const { natsUrl: servers, namespace } = stage;
  const publisher = await connect({ servers, namespace, role: 'publisher', user: { id: 'alice' } });
  defer(() => publisher.close());
  return publisher;
};

test('D10 the same key from every door is one task of the definition its workers serve', async (stage, context) => {
  const worker = await stage.serve(context, [task({ name: 'd10.all', ...OPTIONS }, () => 1)], {
    queues: ['elsewhere'],
  });
  await known(stage, 'd10.all');
  const options = { taskKey: 'k' };
  const byName = await stage.as('alice').schedule('d10.all', [], options);
  assert.equal(briefly(byName), ['shared', 'd10', 'high', POLICY]);
  assert.equal([byName.outcome, byName.known], ['created', true]);
  // What other programs believe of the type does not count, with code or without.
  const stranger = task({ name: 'd10.all', scope: 'private', timeout: 1 }, () => 1);
  const publisher = await publisherOf(stage, context.defer);
  const joined = [
    await stage.as('bob').schedule(stranger, [], options),
    await publisher.schedule('d10.all', [], options),
    await publisher.within(() => stranger.with(options).schedule()),
  ];
  for (const handle of joined) {
    assert.equal([handle.uuid, handle.outcome, handle.differs, handle.known], [byName.uuid, 'joined', false, true]);
  }
  const subject = namesFor(stage).submitSubject('d10.all');
  const command = await ask(stage, subject, { task_key: 'k', user: { id: 'carol' } });
  assert.equal(
    [command.task?.id, command.outcome, command.differs, command.known],
    [byName.uuid, 'joined', false, true],
  );
  const cli = await runCli(stage, ['submit', 'd10.all', '--key', 'k', '--user', 'dave', '--json']);
  const { id, outcome, differs, known: isKnown } = JSON.parse(cli.stdout) as Record<string, unknown>;
  assert.equal([id, outcome, differs, isKnown], [byName.uuid, 'joined', false, true]);
  assert.equal(
    (await byName.refresh()).record.subscribers.map(({ user }) => user),
    ['alice', 'bob', 'carol', 'dave'],
  );
  await worker.drain({ grace: 0 });
});

test('D10 once a worker has started, a submit by name from anywhere is run by its definition', async (stage, context) => {
  for (let round = 0; round < 6; round++) {
    const type = `d10.started_${round}`;
    await stage.serve(context, [task({ name: type, scope: 'shared', timeout: '3m' }, () => 1)]);
    const answer = await ask(stage, namesFor(stage).submitSubject(type), { task_key: 'k', user: { id: 'alice' } });
    assert.equal([answer.task?.['scope'], answer.known], ['shared', true], type);
  }
});

test('D10 the definition stays when its last worker has gone, through a restart of the supervisor', async (stage, context) => {
  const worker = await stage.serve(context, [task({ name: 'd10.gone', scope: 'shared', timeout: '3m' }, () => 1)]);
  await known(stage, 'd10.gone');
  await worker.drain({ grace: 0 });
  const [supervisor] = stage.supervisors;
  await supervisor?.kill();
  await supervisor?.start();
  const subject = namesFor(stage).submitSubject('d10.gone');
  const answer = await ask(stage, subject, { task_key: 'k', user: { id: 'alice' } }, { limitMs: 20_000 });
  assert.equal([answer.task?.['scope'], answer.known], ['shared', true]);
});

test("D10 a submit overrides what anybody may; the scope is an admin's, and nobody weakens system", async (stage, context) => {
  const shared = task({ name: 'd10.over', ...OPTIONS }, () => 1);
  const system = task({ name: 'd10.system', scope: 'system' }, () => 1);
  await stage.serve(context, [shared, system], { queues: ['elsewhere'] });
  await known(stage, 'd10.over');
  await known(stage, 'd10.system');
  const subject = namesFor(stage).submitSubject('d10.over');
  const mine = {
    task_key: 'o',
    timeout: 0,
    queue: 'q',
    priority: 'low',
    backoff: { factor: 3 },
    user: { id: 'alice' },
  };
  const { task: view = { id: '', address: '' } } = await ask(stage, subject, mine);
  const handle = await stage.as('alice').open({ uuid: view.id, address: view.address });
  const { timeoutMs: _none, ...rest } = POLICY;
  assert.equal(briefly(handle), ['shared', 'q', 'low', { ...rest, backoff: { ...POLICY.backoff, factor: 3 } }]);

  const scoped = { scope: 'private', task_key: 'p' };
  const denied = await ask(stage, subject, { ...scoped, user: { id: 'alice' } });
  assert.equal([denied.code, /only an admin/.test(denied.message ?? '')], ['PERMISSION_DENIED', true]);
  assert.is((await ask(stage, subject, { ...scoped, user: { id: 'root', admin: true } })).task?.['scope'], 'private');
  assert.is((await ask(stage, subject, { scope: 'shared', task_key: 's', user: { id: 'alice' } })).ok, true);
  const cli = await runCli(stage, ['submit', 'd10.over', '--key', 'c', '--scope', 'private', '--user', 'alice']);
  assert.is(cli.code, 5, cli.stderr);
  const isolated = await ask(stage, subject, { isolation: 'thread', task_key: 'i', user: { id: 'alice' } });
  assert.is(isolated.code, 'INVALID_ARGUMENT');

  const attempts = [
    () => stage.as('alice').schedule('d10.system'),
    () => stage.as('alice').schedule('d10.system', [], { scope: 'private' }),
    () => stage.admin.schedule('d10.system', [], { scope: 'private' }),
    () => stage.as('alice').schedule(task({ name: 'd10.system' }, () => 1)),
  ];
  for (const attempt of attempts) assert.is((await thrownBy(attempt)).code, 'PERMISSION_DENIED');
  const command = { user: { id: 'alice' } };
  const asked = await ask(stage, namesFor(stage).submitSubject('d10.system'), command);
  assert.is(asked.code, 'PERMISSION_DENIED');
  assert.is((await stage.admin.schedule('d10.system')).scope, 'system');
});

test('D10 a type nobody has ever served is taken and told, or refused where that is asked for or set', async (stage, context) => {
  const type = 'd10.nobody';
  const alice = stage.as('alice');
  const handle = await alice.schedule(type, [], { scope: 'shared', taskKey: 'k' });
  assert.equal([handle.known, handle.outcome, handle.scope], [false, 'created', 'shared']);
  const subject = namesFor(stage).submitSubject(type);
  assert.is((await ask(stage, subject, { user: { id: 'alice' } })).known, false);
  const cli = await runCli(stage, ['submit', type, '--user', 'alice']);
  assert.match(cli.stdout, /no worker has ever served tasks of type d10\.nobody/);

  const strict = await thrownBy(() => alice.schedule(type, [], { strict: true }));
  assert.equal([strict.name, strict.code], ['UnknownTypeError', 'UNKNOWN_TYPE']);
  const refused = await ask(stage, subject, { strict: true, user: { id: 'alice' } });
  assert.equal([refused.ok, refused.code], [false, 'UNKNOWN_TYPE']);
  const refusing = { BATON_UNKNOWN_TYPES: 'refuse' };
  assert.is((await runCli(stage, ['submit', type, '--user', 'alice'], refusing)).code, 5);
  const own = await stage.client(context, { servers: stage.natsUrl, user: { id: 'a' }, unknownTypes: 'refuse' });
  assert.is((await thrownBy(() => own.schedule(type))).code, 'UNKNOWN_TYPE');
  assert.is((await own.schedule('fx.double', [1])).known, true);
});

test('X2, D10 two workers that serve one type by different definitions are shown by doctor', async (stage, context) => {
  const { natsUrl: servers } = stage;
  await stage.serve(context, [task({ name: 'd10.torn', timeout: '1m' }, () => 1)]);
  await known(stage, 'd10.torn');
  await stage.serve(context, [task({ name: 'd10.torn', timeout: '2m', scope: 'shared' }, () => 1)], { servers });
  await eventually(async () => {
    const kept = await known(stage, 'd10.torn');
    assert.equal(kept.conflicts[0]?.fields, ['scope', 'timeoutMs']);
    assert.is(kept.definition.policy.timeoutMs, 120_000, 'the one that came up last');
  });
  const doctor = await runCli(stage, ['doctor']);
  assert.match(doctor.stdout, /warn.*definitions.*d10\.torn: that of .* is applied; .* has another scope, timeout/);
  const output = (): string => stage.supervisors.map((each) => each.output).join('');
  await eventually(() => assert.match(output(), /workers serve d10\.torn by different definitions/));
});

test('D10 arguments that do not fit the schema of their type are refused at every door, early and with their place', async (stage, context) => {
  const argsSchema = {
    type: 'array',
    prefixItems: [{ type: 'object', properties: { to: { type: 'string', format: 'email' } }, required: ['to'] }],
    minItems: 1,
  };
  const options: TaskOptions = { name: 'd10.checked', queue: 'nobody', argsSchema };
  const ours = task(options, ({ to }: { to: string }) => to);
  await stage.serve(context, [ours], { queues: ['elsewhere'] });
  await known(stage, 'd10.checked');
  const wrong = [{ to: 'nobody' }];
  const says = 'args[0].to: must match format "email" (the arguments of d10.checked)';
  const alice = stage.as('alice');
  const publisher = await publisherOf(stage, context.defer);
  // Who has other code of the type, or none, is held to the same schema; inline to that of the code that runs.
  const stranger = task({ name: 'd10.checked' }, (_mail: unknown) => 1);
  const doors: readonly (() => Promise<unknown>)[] = [
    () => alice.schedule('d10.checked', wrong),
    () => alice.within(() => stranger.schedule(wrong[0])),
    () => alice.within(() => ours({ to: 'nobody' })),
    () => publisher.schedule('d10.checked', wrong),
    () => publisher.within(() => stranger.schedule(wrong[0])),
  ];
  for (const [i, door] of doors.entries()) {
    const { code, message } = await thrownBy(door);
    assert.equal([code, message], ['INVALID_ARGUMENT', says], `door ${i}`);
  }
  const subject = namesFor(stage).submitSubject('d10.checked');
  const answer = await ask(stage, subject, { args: wrong, user: { id: 'alice' } });
  assert.equal([answer.ok, answer.code, answer.message], [false, 'INVALID_ARGUMENT', says]);
  const cli = await runCli(stage, ['submit', 'd10.checked', '--args', JSON.stringify(wrong)]);
  assert.equal([cli.code, cli.stderr.trim()], [2, `INVALID_ARGUMENT: ${says}`]);
  assert.match((await thrownBy(() => alice.schedule('d10.checked'))).message, 'args: must NOT have fewer than 1 items');
  const fits = [{ to: 'bob@example.com' }];
  assert.is((await alice.schedule('d10.checked', fits)).outcome, 'created');
  assert.is((await publisher.schedule('d10.checked', fits)).outcome, 'created');
  // A schema nobody can use is said where it was written.
  const broken = task({ name: 'd10.broken', argsSchema: { type: 'arrray' } }, () => 1);
  const refused = await thrownBy(() => stage.serve(context, [broken]));
  assert.match(`${String(refused.code)} ${refused.message}`, /^INVALID_ARGUMENT argsSchema of d10\.broken: /);
});

test('D10 what a type is called and takes travels with it', async (stage, context) => {
  const argsSchema = { type: 'array', prefixItems: [{ type: 'string', title: 'Address' }] };
  const described = task({ name: 'd10.form', title: 'Send', description: 'Sends it', argsSchema }, () => 1);
  await stage.serve(context, [described]);
  await known(stage, 'd10.form');
  await eventually(async () => {
    const { definition } = (await stage.baton.types()).find((kept) => kept.definition.type === 'd10.form') ?? {};
    assert.equal(
      [definition?.title, definition?.description, definition?.argsSchema],
      ['Send', 'Sends it', argsSchema],
    );
  });
});

test.run();
