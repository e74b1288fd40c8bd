// limit: 300s
// The shipped server configuration: every service, as a process, runs whole under the role that is made for it.
import { mkdtempSync, rmSync } from 'node:fs';
import { randomBytes } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { connectMongo } from '@baton/mongo';
import { namesOf } from '@baton/protocols';
import { connect, getContext, task, type Baton } from '@baton/sdk';
import * as assert from 'uvu/assert';
import { runCli } from '../support/cli.ts';
import { eventually } from '../support/eventually.ts';
import { openEvents } from '../support/event-client.ts';
import { freePort } from '../support/free-port.ts';
import { startRolesServer, type Role, type RolesServer } from '../support/roles.ts';
import { thrownBy, until } from '../support/stage.ts';
import { suite, type TestContext } from '../support/suite.ts';
import { databaseUrl, FIXTURE_TASKS, mainOf, sharedServers } from '../support/system-fixture.ts';
import { SystemProcess } from '../support/system-process.ts';
import { natsWork, only, WorkClient } from '../support/work-client.ts';

const test = suite('nats roles');

const names = namesOf();
const LIMIT = { limitMs: 120_000 };

/** Served by the processes of the system. */
const double = task({ name: 'fx.double' }, (n: number) => ({ doubled: n * 2 }));
const hangs = task({ name: 'fx.hangs' }, () => undefined);
const flaky = task({ name: 'fx.flaky', retry: { maxAttempts: 3, backoff: { initial: '20ms' } } }, (n: number) => n);
const large = task({ name: 'fx.large_result' }, (bytes: number) => 'x'.repeat(bytes));
const steps = task({ name: 'fx.steps', scope: 'shared' }, (_count: number, _ms: number) => undefined);

type Whole = {
  readonly server: RolesServer;
  readonly gateway: string;
  readonly env: Readonly<Record<string, string>>;
  readonly workers: readonly SystemProcess[];
};

/** Every service as a process with the password of its own role. Those that make no streams are started first. */
const startWhole = async (context: TestContext): Promise<Whole> => {
  const server = await startRolesServer(context);
  const mongoUrl = databaseUrl(sharedServers().mongoUrl, `baton_roles_${randomBytes(4).toString('hex')}`);
  const mongo = await connectMongo({ url: mongoUrl });
  context.defer(() => mongo.close());
  context.defer(() => mongo.db.dropDatabase());
  const folder = mkdtempSync(join(tmpdir(), 'baton-roles-'));
  context.defer(() => rmSync(folder, { recursive: true, force: true }));
  const port = String(await freePort());
  const env = {
    MONGODB_URL: mongoUrl,
    BATON_TASKS: FIXTURE_TASKS,
    BATON_TEST_EFFECTS: join(folder, 'effects.jsonl'),
    BATON_AUTH: 'dev',
    BATON_HTTP_PORT: port,
  };
  const service = (role: 'supervisor' | 'worker' | 'projector' | 'gateway', more = {}): SystemProcess => {
    const main = role === 'gateway' ? resolve('services/gateway/dist/main.mjs') : mainOf(role);
    const made = new SystemProcess({
      name: role,
      args: [main],
      env: { ...env, ...server.env(role), ...more },
      readyWhen: '"msg":"started"',
    });
    context.defer(() => made.destroy());
    return made;
  };
  const workers = [service('worker'), service('worker')];
  const early = [...workers, service('gateway')].map((each) => each.start());
  await eventually(() => assert.match(workers[0]?.output ?? '', 'this role makes none'), { limitMs: 30_000 });
  await Promise.all([...early, service('supervisor').start(), service('projector').start()]);
  return { server, gateway: `http://127.0.0.1:${port}`, env: { ...env, ...server.env('operator') }, workers };
};

const client = async (
  { server }: Whole,
  role: Role,
  context: TestContext,
  options: { readonly role?: 'publisher' } = {},
): Promise<Baton> => {
  const baton = await connect({ ...server.login(role), ...options, user: { id: 'alice' } });
  context.defer(() => baton.close());
  return baton;
};

/** Why a task of a queue nobody serves waits: the supervisor that hosts the queue answers (behaviour Q9). */
const tryWhy = async (baton: Baton): Promise<void> => {
  const handle = await baton.within(() => double.with({ queue: 'nobodys' }).schedule(1));
  await eventually(async () => {
    const { reasons, position } = await handle.why();
    assert.equal([reasons.map(({ kind }) => kind), position], [['no_worker'], 1]);
  });
  await handle.cancel();
};

/** What a program with the SDK does, with the rights of a worker: submit, run, watch, cancel, and be rescued. */
const tryWorker = async (whole: Whole, context: TestContext): Promise<void> => {
  const baton = await client(whole, 'worker', context);
  await tryWhy(baton);
  await baton.within(async () => {
    const delayed = await double.with({ delay: 0.5, operationId: 'roles.op' }).schedule(4);
    assert.equal((await delayed.wait({ timeout: '60s' })).result, { doubled: 8 });
    assert.is((await double.with({ operationId: 'roles.op' }).schedule(4)).uuid, delayed.uuid);
    assert.is((await (await flaky.schedule(1)).wait({ timeout: '60s' })).status, 'success');
    assert.is(String((await (await large.schedule(200_000)).wait({ timeout: '60s' })).result).length, 200_000);
    const running = await hangs.schedule();
    await until(running, ({ record }) => record.abortable === true);
    assert.is((await running.cancel()).action, 'aborted');
    assert.is((await running.wait({ timeout: '60s' })).status, 'aborted');
    const again = await running.retry();
    await until(again, ({ record }) => record.abortable === true);
    await again.cancel();
    const inline = task({ name: 'roles.inline' }, (n: number) => n + getContext().attempt);
    assert.is((await inline.with({ taskKey: 'k' })(41)).result, 42);
  });
};

const tryRescue = async (whole: Whole, context: TestContext): Promise<void> => {
  const baton = await client(whole, 'worker', context);
  const long = await baton.within(() => steps.with({ taskKey: 'rescued' }).schedule(40, 100));
  await until(long, ({ record }) => record.progress !== undefined);
  const owner = (await baton.open({ uuid: long.uuid, address: long.address })).record.owner?.worker ?? 'none';
  const victim = whole.workers.find(({ output }) => output.includes(owner));
  await victim?.kill();
  await long.wait({ timeout: '40s' });
  assert.equal([long.status, long.record.rescues], ['success', 1]);
};

const tryGateway = async ({ gateway }: Whole): Promise<void> => {
  const headers = { 'x-baton-user': 'alice', 'x-baton-csrf': '1', 'content-type': 'application/json' };
  const call = async (method: string, path: string, body?: object) => {
    const init = { method, headers, ...(body === undefined ? {} : { body: JSON.stringify(body) }) };
    const response = await fetch(`${gateway}/api/v1${path}`, init);
    return { status: response.status, body: (await response.json()) as Readonly<Record<string, unknown>> };
  };
  const submitted = await call('POST', '/task/', { type: 'fx.hangs', args: [], operation_id: 'roles.rest' });
  assert.ok(submitted.status < 300, JSON.stringify(submitted));
  const { uuid } = (submitted.body['task'] ?? submitted.body['result'] ?? submitted.body) as { readonly uuid: string };
  const events = await openEvents(`${gateway}/api/v1/task/${uuid}/events`, { 'x-baton-user': 'alice' });
  await eventually(() => assert.match(events.text(), 'in_progress'), { limitMs: 20_000 });
  const cancelled = await eventually(
    async () => {
      const answer = await call('POST', `/task/${uuid}/cancel`, {});
      assert.is(answer.status, 200, JSON.stringify(answer));
      return answer;
    },
    { limitMs: 20_000 },
  );
  assert.is(cancelled.body['action'], 'aborted');
  await eventually(() => assert.match(events.text(), '"aborted"'), { limitMs: 20_000 });
  events.close();
  const big = await call('POST', '/task/', { type: 'fx.large_result', args: [200_000] });
  assert.ok(big.status < 300, JSON.stringify(big));
  assert.is((await call('POST', '/task/', { type: 'fx.double', args: [1, 'x'.repeat(100_000)] })).status < 300, true);
  // One that joins leaves nothing of its large arguments behind, and may take them away.
  const joins = { type: 'fx.steps', task_key: 'joined', args: [20, 100] };
  assert.ok((await call('POST', '/task/', joins)).status < 300);
  assert.ok((await call('POST', '/task/', { ...joins, args: ['x'.repeat(100_000)] })).status < 300);
  const waits = await call('POST', '/task/', { type: 'fx.double', args: [1], queue: 'nobodys' });
  const { uuid: waiting } = waits.body['task'] as { readonly uuid: string };
  await eventually(async () => assert.is((await call('GET', `/task/${waiting}/why`)).body['position'], 1));
  const all = await call('POST', '/task/bulk', {
    operation: 'cancel',
    filter: { type: ['fx.double'], status: ['pending'] },
  });
  assert.is(all.status, 201, JSON.stringify(all));
  const { uuid: bulk } = all.body['task'] as { readonly uuid: string };
  await eventually(
    async () => {
      const { body } = await call('GET', `/task/${bulk}/result`);
      assert.equal([body['status'], (body['result'] as { done: number } | null)?.done], ['success', 1]);
    },
    { limitMs: 30_000 },
  );
  assert.is((await call('GET', `/task/${waiting}/status`)).body['status'], 'aborted');
  assert.is((await call('GET', '/task/')).status, 200);
  assert.is((await call('GET', '/types')).status, 200);
  assert.is((await fetch(`${gateway}/readyz`)).status, 200);
};

const tryPublisher = async (whole: Whole, context: TestContext): Promise<void> => {
  const publisher = await client(whole, 'publisher', context, { role: 'publisher' });
  await tryWhy(publisher);
  await publisher.within(async () => {
    assert.equal((await (await double.schedule(21)).wait({ timeout: '60s' })).result, { doubled: 42 });
    const running = await hangs.schedule();
    await until(running, ({ record }) => record.abortable === true);
    assert.is((await running.cancel()).action, 'aborted');
    const big = await (await large.schedule(200_000)).wait({ timeout: '60s' });
    assert.is(String(big.result).length, 200_000);
  });
};

/** A program in any language, from an account that reaches supervisors alone. */
const tryRemoteWorker = async ({ server }: Whole, baton: Baton): Promise<void> => {
  const nc = await server.raw('remote_worker');
  const client = new WorkClient(natsWork(nc, names), 'remote');
  const type = 'roles.remote';
  const remote = task({ name: type }, (n: number) => n);
  const handle = await baton.within(() => remote.schedule(20));
  const claimed = await client.claim({ types: [type], wait: 10, definitions: [{ type }] });
  const taken = only(claimed);
  const told: string[] = [];
  nc.subscribe(names.signalSubject(claimed.as ?? ''), { callback: (_error, { data }) => void told.push(String(data)) });
  await client.beat([{ ...taken, abortable: true, progress: 0.5 }]);
  await until(handle, ({ record }) => record.abortable === true && record.progress !== undefined);
  await handle.cancel();
  await eventually(() => assert.ok(told.length > 0), { limitMs: 5_000 });
  await eventually(async () => assert.is((await client.beat([taken])).abort?.length, 1));
  assert.is((await client.finish(taken, { outcome: 'stopped' })).status, 'aborted');
  // Of this type alone.
  const again = await baton.within(() => remote.schedule(21));
  const one = await client.ask('claim', { request: 'one', wait: 10 }, { type, timeoutMs: 15_000 });
  await client.finish(only(one ?? { ok: false }), { outcome: 'success', result: 'x'.repeat(200_000) });
  assert.is(String((await again.wait({ timeout: '60s' })).result).length, 200_000);
  await client.beat([], { state: 'gone' });
};

/** A service that follows by a consumer an operator has made for it. */
const tryObserver = async (whole: Whole, context: TestContext): Promise<void> => {
  const { server } = whole;
  const operator = await server.raw('operator');
  const made = await operator.request(
    `$JS.API.CONSUMER.CREATE.${names.eventsStream}.observer`,
    JSON.stringify({
      stream_name: names.eventsStream,
      config: {
        durable_name: 'observer',
        ack_policy: 'explicit',
        filter_subjects: [names.allEvents.replace('>', '*.fx=double')],
      },
    }),
  );
  assert.is(made.json<{ readonly error?: unknown }>().error, undefined);
  const worker = await client(whole, 'worker', context);
  const observer = await client(whole, 'observer', context, { role: 'publisher' });
  const seen = await worker.within(() => double.schedule(1));
  const followed = await observer.open(seen);
  assert.equal((await followed.wait({ timeout: '60s' })).result, { doubled: 2 });
  const asked = performance.now();
  assert.is((await thrownBy(() => observer.schedule(double.definition, [1]))).code, 'PERMISSION_DENIED');
  assert.ok(performance.now() - asked < 2_000, 'said at once');

  const nc = await server.raw('observer');
  const events = nc.subscribe('_INBOX_observer.events');
  const pull = { reply: '_INBOX_observer.events' };
  nc.publish(`$JS.API.CONSUMER.MSG.NEXT.${names.eventsStream}.observer`, '{"batch":2,"expires":20000000000}', pull);
  let count = 0;
  for await (const message of events) {
    assert.ok(message.subject.endsWith('.fx=double'), message.subject);
    await nc.request(message.reply ?? '', '+ACK', { timeout: 5_000 });
    if (++count === 2) break;
  }
  const info = await nc.request(`$JS.API.CONSUMER.INFO.${names.eventsStream}.observer`);
  assert.is(info.json<{ readonly num_ack_pending: number }>().num_ack_pending, 0);
};

const tryOperator = async ({ env }: Whole): Promise<void> => {
  const ok = async (...args: readonly string[]): Promise<string> => {
    const { code, stdout, stderr } = await runCli({ env }, args);
    assert.is(code, 0, `${args.join(' ')}: ${stdout}${stderr}`);
    return stdout;
  };
  assert.match(await ok('submit', 'fx.double', '5', '--user', 'alice', '--wait'), 'success');
  assert.match(await ok('doctor'), 'every write is on disk before it is answered');
  await ok('stats');
  await ok('workers');
  await ok('rebuild');
  assert.match(await ok('prune', '--days', '0'), /objects deleted/);
};

test(
  'every role can do what it is for, and the server refuses nothing meanwhile',
  async (context) => {
    const whole = await startWhole(context);
    // Those that came before the streams were there tried to make them.
    const early = whole.server.violations();
    for (const line of early) assert.match(line, '$JS.API.STREAM.CREATE.');
    const since = (): readonly string[] => whole.server.violations().slice(early.length);
    await tryWorker(whole, context);
    await tryGateway(whole);
    await tryPublisher(whole, context);
    await tryRemoteWorker(whole, await client(whole, 'worker', context));
    await tryRescue(whole, context);
    assert.equal(since(), []);
    await tryObserver(whole, context);
    await tryOperator(whole);
    const [submit, ...more] = since();
    assert.match(submit ?? '', names.submitSubject('fx.double'));
    assert.equal(more, []);
  },
  LIMIT,
);

test.run();
