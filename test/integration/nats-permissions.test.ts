// limit: 120s
// The shipped server configuration with its roles, under a whole system: what each role can do, and what it cannot.
import { randomBytes } from 'node:crypto';
import { resolve } from 'node:path';
import { connectPorts } from '@baton/nats';
import { namesOf } from '@baton/protocols';
import { createSupervisor, silentLog } from '@baton/runtime';
import { connect as connectBaton, getContext, task } from '@baton/sdk';
import { connect, type NatsConnection } from '@nats-io/transport-node';
import * as assert from 'uvu/assert';
import { startConfiguredNats } from '../support/configured-nats.ts';
import { suite, type TestContext } from '../support/suite.ts';
import { thrownBy, until } from '../support/stage.ts';

const test = suite('nats permissions');

const names = namesOf();
const passwords = { runtime: secret(), publisher: secret(), observer: secret() };
type RoleName = keyof typeof passwords;

function secret(): string {
  return randomBytes(12).toString('hex');
}

/** The server as `deploy/nats` has it, on another port and folder. */
const startServer = (context: TestContext): Promise<string> =>
  startConfiguredNats(context, resolve('deploy/nats/nats-server.conf'), {
    BATON_RUNTIME_PASSWORD: passwords.runtime,
    BATON_PUBLISHER_PASSWORD: passwords.publisher,
    BATON_OBSERVER_PASSWORD: passwords.observer,
  });

const login = (servers: string, role: RoleName) => ({
  servers,
  natsUser: role,
  natsPassword: passwords[role],
  inboxPrefix: `_INBOX_${role}`,
});

/** A supervisor and a worker with the rights of `runtime`. */
const startSystem = async (servers: string, { defer }: TestContext) => {
  const ports = await connectPorts({
    servers,
    user: 'runtime',
    password: passwords.runtime,
    inboxPrefix: '_INBOX_runtime',
    onFault: (where, fault) => faults.push(`${where}: ${String(fault)}`),
  });
  const faults: string[] = [];
  defer(() => ports.close());
  const supervisor = createSupervisor(ports, { id: 's1', log: silentLog });
  await supervisor.start();
  defer(() => supervisor.stop());
  const baton = await connectBaton({ ...login(servers, 'runtime'), user: { id: 'alice' } });
  defer(() => baton.close());
  const worker = await baton.startWorker({ tasks: [double, hangs, large] });
  defer(() => worker.drain({ grace: 0 }));
  return { baton, faults };
};

const double = task({ name: 'perm.double' }, (n: number) => 2 * n);
const large = task({ name: 'perm.large' }, (bytes: number) => 'x'.repeat(bytes));
const hangs = task({ name: 'perm.hangs' }, async () => {
  const { signal } = getContext();
  await new Promise<void>((done) => signal.addEventListener('abort', () => done()));
});

/** What the server says to a role that tries; undefined: it lets it. */
const refused = async (nc: NatsConnection, subject: string, body = ''): Promise<boolean> => {
  const error = await thrownBy(() => nc.request(subject, body, { timeout: 2_000 }));
  return /permissions violation/i.test(`${error.message} ${String(error.cause)}`);
};

test(
  'every role can do what it is for, and nothing that is not',
  async (context) => {
    const servers = await startServer(context);
    const { baton, faults } = await startSystem(servers, context);
    await baton.within(async () => {
      const delayed = await double.with({ delay: 0.5, operationId: 'perm.runtime' }).schedule(4);
      await delayed.wait({ timeout: '10s' });
      assert.is(delayed.result, 8);
    });

    const publisher = await connectBaton({ ...login(servers, 'publisher'), role: 'publisher', user: { id: 'alice' } });
    context.defer(() => publisher.close());
    await publisher.within(async () => {
      const handle = await double.schedule(21);
      await handle.wait({ timeout: '10s' });
      assert.is(handle.result, 42);
      const running = await hangs.schedule();
      await until(running, ({ record }) => record.abortable === true);
      assert.is((await running.cancel()).action, 'aborted');
      const big = await large.schedule(200_000);
      await big.wait({ timeout: '10s' });
      assert.is(String(big.result).length, 200_000);
    });

    const observer = await connectBaton({ ...login(servers, 'observer'), role: 'publisher', user: { id: 'alice' } });
    context.defer(() => observer.close());
    const seen = await baton.within(() => double.schedule(1));
    const followed = await observer.open(seen);
    await followed.wait({ timeout: '10s' });
    assert.is(followed.result, 2);
    const asked = performance.now();
    const denied = await thrownBy(() => observer.schedule(double.definition, [1]));
    assert.is(denied.code, 'PERMISSION_DENIED');
    assert.ok(performance.now() - asked < 2_000, 'said at once');
    assert.equal(faults, []);

    const raw = async (role: RoleName): Promise<NatsConnection> => {
      const nc = await connect({ servers, user: role, pass: passwords[role], inboxPrefix: `_INBOX_${role}` });
      context.defer(() => nc.close());
      return nc;
    };
    const record = names.recordSubject('00.perm=double.00000000000000000000000000000000');
    const forbidden: Readonly<Record<RoleName, readonly string[]>> = {
      runtime: [
        `$JS.API.STREAM.DELETE.${names.tasksStream}`,
        `$JS.API.STREAM.PURGE.${names.tasksStream}`,
        '$SYS.REQ.SERVER.PING',
        'other',
      ],
      publisher: [
        ...[
          record,
          names.nodeSubject('worker', 'x'),
          names.operationSubject('x'),
          `${names.namespace.toLowerCase()}.run.a.b.c.d`,
        ],
        ...[
          `$JS.API.STREAM.DELETE.${names.tasksStream}`,
          `$JS.API.CONSUMER.CREATE.${names.commandsStream}.x`,
          names.deadSubject('x'),
        ],
        ...['_INBOX_runtime.x', names.signalSubject('w'), names.findSubject, names.eventSubject('00', 'x')],
      ],
      observer: [record, names.submitSubject('perm.double'), names.cancelSubject, '_INBOX_publisher.x'],
    };
    for (const role of ['runtime', 'publisher', 'observer'] as const) {
      const nc = await raw(role);
      for (const subject of forbidden[role]) assert.ok(await refused(nc, subject), `${role} may publish ${subject}`);
    }

    const nc = await raw('publisher');
    for (const subject of ['>', '_INBOX_runtime.>', names.allCommands, names.allEvents, names.signalSubject('*')]) {
      const failure = await new Promise<unknown>((done) => {
        nc.subscribe(subject, { callback: (error) => done(error) });
      });
      assert.match(String(failure), /permissions violation/i, `publisher may subscribe ${subject}`);
    }
  },
  { limitMs: 90_000 },
);

test.run();
