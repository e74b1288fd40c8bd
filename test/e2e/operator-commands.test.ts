// limit: 450s
// Every command of an operator, as a process of its own, against real servers and services.
import { readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TaskDocument } from '@baton/protocols';
import { task } from '@baton/sdk';
import * as assert from 'uvu/assert';
import { runCli, type CliResult } from '../support/cli.ts';
import { editStream } from '../support/edit-stream.ts';
import { eventually } from '../support/eventually.ts';
import { stagedSuite, type Stage } from '../support/stage.ts';

const test = stagedSuite('operator commands');

const LIMIT = { limitMs: 60_000 };

/** Ends with 0, or fails with all it said. */
const ok = async (stage: Stage, ...args: readonly string[]): Promise<string> => {
  const result = await runCli(stage, args);
  if (result.code !== 0)
    throw new Error(`baton ${args.join(' ')} ended with ${result.code}:\n${result.stdout}${result.stderr}`);
  return result.stdout;
};

type Answer = Readonly<Record<string, unknown>>;

const json = async <T = Answer>(stage: Stage, ...args: readonly string[]): Promise<T> =>
  JSON.parse(await ok(stage, ...args, '--json')) as T;

const lastLine = ({ stdout }: CliResult): Answer => JSON.parse(stdout.trim().split('\n').at(-1) ?? '') as Answer;

const refused = async (stage: Stage, code: number, name: string, ...args: readonly string[]): Promise<void> => {
  const result = await runCli(stage, args);
  assert.is(result.code, code, `${args.join(' ')}: ${result.stderr}`);
  assert.ok(result.stderr.startsWith(`${name}: `), result.stderr);
  const machine = await runCli(stage, [...args, '--json']);
  const { error } = JSON.parse(machine.stderr) as {
    readonly error: { readonly code: string; readonly message: string };
  };
  assert.is(error.code, name);
};

const end = (stage: Stage, id: string): Promise<TaskDocument> => stage.document(id, ({ terminal }) => terminal);

test(
  'a wrong call of a command in a group ends with 2, and so do certificates that cannot be read',
  async (stage) => {
    assert.is((await runCli(stage, ['schedule', 'set', 'x', '--never'])).code, 2);
    const { code, stderr } = await runCli(stage, ['workers'], { NATS_CA: '/no/such/ca.crt' });
    assert.is(code, 2);
    assert.match(
      stderr,
      /^CONFIG_INVALID: the settings cannot be used:\n {2}NATS_CA names \/no\/such\/ca.crt, which cannot be read: there is no such file/,
    );
  },
  LIMIT,
);

test(
  'token signs one for the gateway where there is a secret to sign it with',
  async (stage) => {
    await refused(stage, 2, 'CONFIG_INVALID', 'token', 'alice');
    const secret = { BATON_JWT_SECRET: 'x'.repeat(32), BATON_AUTH: 'jwt' };
    const { code, stdout } = await runCli(stage, ['token', 'alice', '--admin', '--valid', '8h'], secret);
    assert.is(code, 0);
    const claims = JSON.parse(Buffer.from(stdout.split('.')[1] ?? '', 'base64url').toString()) as Answer;
    assert.equal([claims['sub'], claims['roles']], ['alice', ['admin']]);
    assert.is(Number(claims['exp']) - Number(claims['iat']), 8 * 3_600);
    assert.is((await runCli(stage, ['token', 'alice', '--valid', '8d'], secret)).code, 2);
  },
  LIMIT,
);

test(
  'submit schedules any type, joins by key, and waits for the end when asked to',
  async (stage) => {
    const first = await json(stage, 'submit', 'fx.double', '21', '--key', 'a', '--user', 'alice');
    assert.is(first['outcome'], 'created');
    const document = await end(stage, String(first['id']));
    assert.equal([document.created_by, document.task_key, document.result], ['alice', 'a', '{"doubled":42}']);
    const waited = await runCli(stage, ['submit', 'fx.double', '--args', '[4]', '--wait', '--json', '--user', 'alice']);
    assert.is(waited.code, 0, waited.stderr);
    assert.equal(lastLine(waited)['result'], { doubled: 8 });
    const failed = await runCli(stage, ['submit', 'fx.fails', 'so it is', '--wait', '--user', 'alice']);
    assert.is(failed.code, 6);
    assert.match(failed.stdout, 'RangeError: so it is');
    const again = ['submit', 'fx.double', '1', '--operation-id', 'op-1', '--user', 'alice'];
    assert.is((await json(stage, ...again))['id'], (await json(stage, ...again))['id']);
    const over = await runCli(stage, ['submit', 'fx.hangs', '--wait', '--wait-timeout', '300ms', '--user', 'alice']);
    assert.is(over.code, 8);
    assert.match(over.stderr, 'WAIT_TIMEOUT');
    await refused(stage, 2, 'INVALID_ARGUMENT', 'submit', 'no such type!');
    await refused(stage, 2, 'INVALID_ARGUMENT', 'list', '--user', '');
    await refused(stage, 2, 'INVALID_ARGUMENT', 'submit', 'fx.double', '1', '--user', 'x'.repeat(257));
    await refused(stage, 2, 'INVALID_ARGUMENT', 'submit', 'fx.double', '9007199254740993', '--user', 'alice');
    await refused(stage, 2, 'INVALID_ARGUMENT', 'submit', 'fx.double', '1', '--max-attempts', '1001');
    await refused(stage, 2, 'INVALID_ARGUMENT', 'submit', 'fx.double', '--args', '{}');
    assert.is((await runCli(stage, ['submit', 'fx.double', '--priority', 'urgent'])).code, 2);
  },
  LIMIT,
);

test(
  'list shows the newest first, filtered and in pages, and only what a user may see',
  async (stage) => {
    const mine = task({ name: 'cli.listed' }, () => 1);
    const handles = [];
    for (let i = 0; i < 5; i++)
      handles.push(await stage.as('lister').within(() => mine.with({ taskName: `L${i}\u001b[31m` }).schedule()));
    for (const { uuid } of handles) await stage.document(uuid);
    type List = { readonly result: readonly { readonly id: string }[]; readonly next_cursor: string | null };
    const ids = handles.map(({ uuid }) => uuid).toReversed();
    const page = await json<List>(stage, 'list', '--type', 'cli.listed', '--limit', '3');
    assert.equal(
      page.result.map(({ id }) => id),
      ids.slice(0, 3),
    );
    const rest = await json<List>(stage, 'list', '--type', 'cli.listed', '--after', page.next_cursor ?? '');
    assert.equal([rest.result.map(({ id }) => id), rest.next_cursor], [ids.slice(3), null]);
    const own = await json<List>(stage, 'list', '--type', 'cli.listed', '--user', 'lister', '--status', 'pending');
    assert.is(own.result.length, 5);
    assert.equal((await json<List>(stage, 'list', '--type', 'cli.listed', '--user', 'nobody')).result, []);
    const table = await ok(stage, 'list', '--type', 'cli.listed');
    assert.match(table, /^ID +TYPE +NAME +STATUS/);
    assert.match(table, 'L0·[31m');
    assert.not.match(table, '\u001b');
  },
  LIMIT,
);

test(
  'get shows a task, its arguments and its whole result; what one may not see is not there',
  async (stage, context) => {
    const large = task({ name: 'cli.large' }, (text: string) => ({ text: text.repeat(30_000), at: new Date(0) }));
    await stage.serve(context, [large]);
    const handle = await stage.as('alice').within(() => large.schedule('abcd'));
    await handle.wait({ timeout: '30s' });
    await end(stage, handle.uuid);
    assert.match(await ok(stage, 'get', handle.uuid), /status +success/);
    const whole = await json<{ readonly text: string }>(stage, 'get', handle.uuid, '--result');
    assert.is(whole.text.length, 120_000);
    const people = await ok(stage, 'get', handle.uuid);
    assert.match(people, /result +1\d\d\.\d KiB, to be seen with --result/);
    assert.not.match(people, /\$object|digest/);
    const file = join(tmpdir(), `baton-result-${handle.uuid}.json`);
    context.defer(() => rmSync(file, { force: true }));
    assert.match(await ok(stage, 'get', handle.uuid, '--result', '--output', file), /KiB/);
    assert.equal(JSON.parse(readFileSync(file, 'utf8')), whole);
    await refused(stage, 2, 'INVALID_ARGUMENT', 'get', handle.uuid, '--output', file);
    await refused(stage, 2, 'INVALID_ARGUMENT', 'get', handle.uuid, '--result', '--output', '/no/such/folder/x');
    assert.equal(await json(stage, 'get', handle.uuid, '--args'), ['abcd'] as never);
    const document = await json(stage, 'get', handle.uuid, '--user', 'alice');
    assert.equal([document['id'], document['task_type'], document['args']], [handle.uuid, 'cli.large', ['abcd']]);
    await refused(stage, 4, 'TASK_NOT_FOUND', 'get', handle.uuid, '--user', 'bob');
    await refused(stage, 4, 'TASK_NOT_FOUND', 'get', '01a225a7-76e9-702f-b5af-25a4da0d6c00');
    await refused(stage, 2, 'INVALID_ARGUMENT', 'get', 'no-id');
  },
  LIMIT,
);

test(
  'watch follows progress to the end',
  async (stage) => {
    const { id } = await json(
      stage,
      'submit',
      'fx.steps',
      // Still at it when the second process has started and connected, on a slow machine too.
      '60',
      '100',
      '--scope',
      'shared',
      '--key',
      'watched',
      '--user',
      'alice',
    );
    const people = await runCli(stage, ['watch', String(id)]);
    assert.is(people.code, 0, people.stderr);
    assert.match(people.stderr, /of 60 \(\d+%\)/);
    assert.match(people.stdout, `${String(id)}  success`);
    const machine = await runCli(stage, ['watch', String(id), '--json']);
    assert.is(lastLine(machine)['status'], 'success');
  },
  LIMIT,
);

test(
  'cancel stops what can be stopped, and says why it cannot',
  async (stage) => {
    const { id } = await json(stage, 'submit', 'fx.hangs', '--user', 'alice');
    await stage.document(String(id), ({ is_abortable: abortable }) => abortable);
    await refused(stage, 4, 'TASK_NOT_FOUND', 'cancel', String(id), '--user', 'bob');
    assert.equal(await json(stage, 'cancel', String(id), '--user', 'alice'), { id, action: 'aborted' });
    const document = await end(stage, String(id));
    assert.equal([document.status, document.abort?.requested_by], ['aborted', 'user:alice']);
    await refused(stage, 5, 'TASK_ABORT_FAILED', 'cancel', String(id));
  },
  LIMIT,
);

test(
  'Q9 why tells why a task waits, in sentences or as data, and that it does not',
  async (stage) => {
    const { id } = await json<{ readonly id: string }>(stage, 'submit', 'cli.nobody', '1', '--user', 'alice');
    const told = await ok(stage, 'why', id, '--user', 'alice');
    assert.match(told, /none of them takes type cli\.nobody\.\nIt is next in queue default, priority normal/);
    assert.match(told, /position +1, of \d+ that wait/);
    type Told = { readonly waits: boolean; readonly reasons: readonly { readonly kind: string }[] };
    assert.is((await json<Told>(stage, 'why', id)).reasons[0]?.kind, 'no_worker');
    await refused(stage, 4, 'TASK_NOT_FOUND', 'why', id, '--user', 'bob');
    await ok(stage, 'cancel', id, '--user', 'alice');
    assert.equal((await json<Told>(stage, 'why', id)).waits, false);
  },
  LIMIT,
);

test(
  'retry runs an ended task again; history tells what happened',
  async (stage) => {
    const { id } = await json(stage, 'submit', 'fx.fails', 'once', '--user', 'alice');
    await end(stage, String(id));
    const again = await json(stage, 'retry', String(id));
    assert.equal([again['outcome'], again['retried_from']], ['created', id]);
    await end(stage, String(again['id']));
    const waited = await runCli(stage, ['retry', String(id), '--wait', '--user', 'alice', '--json']);
    assert.equal([waited.code, lastLine(waited)['status']], [6, 'failure']);
    await refused(stage, 4, 'TASK_NOT_FOUND', 'retry', String(id), '--user', 'bob');
    const running = await json(stage, 'submit', 'fx.hangs', '--key', 'runs', '--user', 'alice');
    await refused(stage, 5, 'TASK_NOT_TERMINAL', 'retry', String(running['id']));
    await ok(stage, 'cancel', String(running['id']));
    await end(stage, String(running['id']));
    type History = { readonly history: readonly { readonly status: string; readonly why: string | null }[] };
    const { history } = await json<History>(stage, 'history', String(again['id']));
    assert.equal(
      history.map(({ status }) => status),
      ['pending', 'in_progress', 'failure'],
    );
    assert.is(history[0]?.why, `retry of ${String(id)}`);
    assert.match(await ok(stage, 'history', String(id)), /AT \(UTC\) +STATUS +ATTEMPT +BY +WHY/);
  },
  LIMIT,
);

test(
  'stats and workers tell what there is',
  async (stage, context) => {
    const waits = task({ name: 'cli.unserved' }, () => 1);
    const handle = await stage.as('alice').within(() => waits.with({ queue: 'far' }).schedule());
    context.defer(() => handle.cancel());
    type Stats = {
      readonly tasks: Answer;
      readonly lanes: readonly Answer[];
      readonly projections_behind: Readonly<Record<string, number | null>>;
    };
    await eventually(
      async () => {
        const { lanes, tasks } = await json<Stats>(stage, 'stats');
        assert.equal(
          lanes.find(({ type }) => type === 'cli.unserved'),
          { queue: 'far', priority: 'normal', type: 'cli.unserved', waiting: 1 },
        );
        assert.ok(Number(tasks['pending']) >= 1);
      },
      { limitMs: 20_000 },
    );
    assert.match(await ok(stage, 'stats'), 'Waiting for a worker');
    type Node = { readonly role: string; readonly alive: boolean; readonly types?: readonly string[] };
    const nodes = await json<readonly Node[]>(stage, 'workers');
    for (const role of ['worker', 'supervisor', 'projector'])
      assert.ok(
        nodes.some((node) => node.role === role && node.alive),
        role,
      );
    assert.ok(nodes.some(({ types = [] }) => types.includes('fx.double')));
    assert.match(await ok(stage, 'workers'), 'fx.double');
  },
  LIMIT,
);

type Health = {
  readonly healthy: boolean;
  readonly findings: readonly { readonly check: string; readonly level: string; readonly found: string }[];
};

test(
  'doctor finds nothing to mend in a whole system, and names what is wrong in a broken one',
  async (stage, context) => {
    const unserved = task({ name: 'cli.lonely' }, () => 1);
    const handle = await stage.as('alice').within(() => unserved.schedule());
    context.defer(() => handle.cancel());
    const well = await json<Health>(stage, 'doctor');
    assert.is(well.healthy, true, JSON.stringify(well));
    assert.ok(
      well.findings.some(({ level, found }) => level === 'warn' && found.includes('no worker serves cli.lonely')),
    );
    assert.match(await ok(stage, 'doctor'), /ok {4}NATS/);

    const broken = async (more: Readonly<Record<string, string>>): Promise<Health['findings']> => {
      const result = await runCli(stage, ['doctor', '--json'], more);
      assert.is(result.code, 9, result.stderr);
      return (JSON.parse(result.stdout) as Health).findings.filter(({ level }) => level === 'fail');
    };
    const dead = await broken({
      NATS_URL: 'nats://127.0.0.1:9',
      MONGODB_URL: 'mongodb://127.0.0.1:9/x?serverSelectionTimeoutMS=500',
    });
    assert.equal(
      dead.map(({ check }) => check),
      ['NATS', 'MongoDB'],
    );
    const { nodesStream } = stage.ports.wire.names;
    await editStream(stage.ports, nodesStream, { max_msgs_per_subject: 5 });
    context.defer(() => editStream(stage.ports, nodesStream, { max_msgs_per_subject: 1 }));
    const changed = await broken({});
    assert.match(changed.map(({ found }) => found).join(), 'max_msgs_per_subject is 5, 1 is needed');

    const { commandsStream: stream, commandsConsumer: name } = stage.ports.wire.names;
    const { config } = await stage.ports.wire.api.call<{ readonly config: object }>(`CONSUMER.INFO.${stream}.${name}`);
    const body = { stream_name: stream, action: 'update', config: { ...config, max_ack_pending: 1 } };
    // A supervisor that opens it anew mends it, and may be faster than the doctor.
    await eventually(
      async () => {
        await stage.ports.wire.api.call(`CONSUMER.CREATE.${stream}.${name}`, body);
        const blind = await broken({});
        assert.match(blind.map(({ found }) => found).join(), `${name} of ${stream}: max_ack_pending is 1`);
      },
      { limitMs: 40_000 },
    );

    const { eventsStream } = stage.ports.wire.names;
    const former = { stream_name: eventsStream, config: { durable_name: 'projector', ack_policy: 'explicit' } };
    await stage.ports.wire.api.call(`CONSUMER.DURABLE.CREATE.${eventsStream}.projector`, former);
    context.defer(() => stage.ports.wire.api.call(`CONSUMER.DELETE.${eventsStream}.projector`));
    const { stdout } = await runCli(stage, ['doctor']);
    assert.match(stdout, `projector of ${eventsStream} was made by an earlier version`);
    assert.match(stdout, `nats consumer rm ${eventsStream} projector`);
  },
  LIMIT,
);

test('doctor of a namespace nobody has used changes nothing', async (stage) => {
  const result = await runCli(stage, ['doctor', '--json'], { BATON_NAMESPACE: `${stage.namespace}_X` });
  const { findings } = JSON.parse(result.stdout) as Health;
  assert.ok(
    findings.some(({ check, level }) => check === 'streams' && level === 'warn'),
    result.stdout,
  );
  const { streams = [] } = await stage.ports.wire.api.call<{ readonly streams?: readonly string[] }>(
    'STREAM.NAMES',
    {},
  );
  assert.equal(
    streams.filter((name) => name.includes(`${stage.namespace}_X`)),
    [],
  );
});

test(
  'R1 prune deletes what ended, P4 rebuild brings it back from the log',
  async (stage) => {
    const tasks = stage.mongo.db.collection<TaskDocument>('tasks');
    const { id } = await json(stage, 'submit', 'fx.double', '2', '--user', 'alice');
    const before = await end(stage, String(id));
    const ended = await tasks.countDocuments({ terminal: true });
    assert.equal(await json(stage, 'prune', '--days', '0', '--dry-run'), { dry_run: true, tasks: ended });
    assert.equal(await json(stage, 'prune', '--days', '1', '--dry-run'), { dry_run: true, tasks: 0 });
    const one = await json(stage, 'prune', '--days', '0', '--max-rows', '1');
    assert.equal([one['tasks'], one['complete']], [1, false]);
    const people = await runCli(stage, ['prune', '--days', '0']);
    assert.is(people.code, 0, people.stderr);
    assert.match(people.stdout, /tasks and \d+ objects deleted/);
    assert.match(people.stderr, /\(100%\)/);
    assert.is(await tasks.findOne({ _id: String(id) }), null);
    await refused(stage, 2, 'INVALID_ARGUMENT', 'prune', '--days', '0', '--user', 'alice');
    assert.is((await runCli(stage, ['prune', '--days', '-1'])).code, 2);
    assert.is((await runCli(stage, ['prune'])).code, 2);
    const rebuilt = await json(stage, 'rebuild');
    assert.ok(Number(rebuilt['documents']) >= ended);
    assert.equal((await tasks.findOne({ _id: String(id) }))?.result, before.result);
    const bar = await runCli(stage, ['rebuild']);
    assert.is(bar.code, 0);
    assert.match(bar.stderr, /records: (\d+) of \1 \(100%\)/);
  },
  LIMIT,
);

test('what cannot be reached, and what is no call, has a code of its own', async (stage) => {
  const away = await runCli(stage, ['stats'], { MONGODB_URL: 'mongodb://127.0.0.1:9/x?serverSelectionTimeoutMS=500' });
  assert.is(away.code, 3);
  assert.match(away.stderr, 'MONGO_UNAVAILABLE');
  const wrong = await runCli(stage, ['list'], { BATON_NAMESPACE: 'no' });
  assert.is(wrong.code, 2);
  assert.is((await runCli(stage, ['no-such-command'])).code, 2);
  const help = await runCli(stage, ['cancel', '--help']);
  assert.is(help.code, 0);
  assert.match(help.stdout, 'Exit codes:');
});

test(
  'G5 signal sends what a task waits for, or will, as JSON or text, and says what became of it',
  async (stage) => {
    const { id } = await json(stage, 'submit', 'fx.approval', '2', '--key', 'g5', '--user', 'alice');
    const send = (...args: readonly string[]) => ['signal', String(id), ...args, '--user', 'alice'];
    await refused(stage, 2, 'INVALID_ARGUMENT', ...send('two words'));
    await refused(stage, 4, 'TASK_NOT_FOUND', 'signal', String(id), 'approved', '--user', 'mallory');
    await stage.document(String(id), ({ waiting_for }) => waiting_for !== null);
    const shown = await ok(stage, 'get', String(id), '--user', 'alice');
    assert.match(shown, 'signal approved, until');
    assert.is(
      (await json(stage, ...send('approved', '{"by":"eve"}', '--operation-id', 'once')))['outcome'],
      'delivered',
    );
    assert.is(
      (await json(stage, ...send('approved', '{"by":"eve"}', '--operation-id', 'once')))['outcome'],
      'delivered',
    );
    const text = await ok(stage, ...send('approved', 'so be it'));
    assert.ok(text.includes('goes on') || text.includes('keeps it'));
    const document = await end(stage, String(id));
    assert.match(document.result ?? '', '[{"by":"eve"},"so be it"]');
    assert.match(await ok(stage, 'get', String(id), '--user', 'alice'), 'approved by user:alice at');
    await refused(stage, 5, 'TASK_ENDED', ...send('approved'));
  },
  LIMIT,
);

test.run();
