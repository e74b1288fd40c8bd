// limit: 300s
// What is wrong is told within seconds, with a code, and harms nothing beside it.
import { fileURLToPath } from 'node:url';
import { startNats } from '@baton/local';
import { addressOf, DATA_LIMIT, PAYLOAD_LIMIT } from '@baton/protocols';
import { connect } from '@baton/sdk';
import * as assert from 'uvu/assert';
import { eventually } from '../support/eventually.ts';
import { failureOf, WORD_MS, type Coded } from '../support/failure.ts';
import { closedPort, fakeNats, gateTo, rawNats, silentServer } from '../support/faulty-servers.ts';
import { double, largePayload, largeResult } from '../support/fixture-tasks.ts';
import { suite } from '../support/suite.ts';
import { FIXTURE_TASKS, mainOf, sharedServers, startSystem, type ServiceKind } from '../support/system-fixture.ts';
import { SystemProcess } from '../support/system-process.ts';
import type { TestContext } from '../support/test-body.ts';

const test = suite('bad input');

const LIMIT = { limitMs: 60_000 };

/** A refused `connect`; one that succeeds is closed and is a fault. */
const refused = (what: string, options: Parameters<typeof connect>[0]): Promise<Coded> =>
  failureOf(what, async () => {
    const baton = await connect(options);
    await baton.close();
  });

const connects = (title: string, code: string, urlOf: (context: TestContext) => Promise<string>, words: RegExp) =>
  test(
    title,
    async (context) => {
      const error = await refused(title, { servers: await urlOf(context) });
      assert.is(error.code, code, error.stack);
      assert.match(error.message, words);
    },
    LIMIT,
  );

connects(
  'a server that is too old',
  'SERVER_TOO_OLD',
  (context) => fakeNats(context, '2.10.29'),
  /2\.10\.29.*2\.14\.5/,
);
connects('a server without JetStream', 'JETSTREAM_DISABLED', (context) => rawNats(context, []), /JetStream/);
connects(
  'no credentials where some are needed',
  'AUTHORIZATION_FAILED',
  (context) => rawNats(context, ['-js', '--user', 'baton', '--pass', 'secret-of-the-test']),
  /credentials/,
);
connects('nothing listens', 'NOT_CONNECTED', async () => `nats://127.0.0.1:${await closedPort()}`, /is it running/);
connects(
  'something that never speaks',
  'NOT_CONNECTED',
  async (context) => `nats://127.0.0.1:${await silentServer(context)}`,
  /./,
);

connects(
  'no address of NATS',
  'INVALID_ARGUMENT',
  async () => 'http://127.0.0.1:4222',
  /^servers: must begin with nats:/,
);

test('a credentials file that is not there', async () => {
  const error = await refused('no credentials file', {
    servers: sharedServers().natsUrl,
    credsFile: '/nowhere/baton.creds',
  });
  assert.is(error.code, 'AUTHORIZATION_FAILED');
  assert.match(error.message, /\/nowhere\/baton\.creds/);
});

test(
  'a port that is taken',
  async (context) => {
    const port = await silentServer(context);
    const error = await failureOf('port taken', () => startNats({ port }));
    assert.is(error.code, 'PORT_TAKEN');
    assert.match(error.message, new RegExp(String(port)));
  },
  LIMIT,
);

type Ended = { readonly code: number | null; readonly output: string };

/** Runs a service that is expected to give up by itself. */
const runToEnd = async (
  { defer }: TestContext,
  kind: ServiceKind,
  env: Readonly<Record<string, string | undefined>>,
): Promise<Ended> => {
  const service = new SystemProcess({ name: kind, args: [mainOf(kind)], env });
  defer(() => service.destroy());
  const began = performance.now();
  await service.start();
  await eventually(() => !service.isRunning, { limitMs: WORD_MS });
  const { code } = await service.ended;
  console.log(`${kind}: exit code ${code} after ${Math.round(performance.now() - began)} ms`);
  return { code, output: service.output };
};

test(
  'settings that cannot be used: all faults at once, exit code 2, no secret shown',
  async (context) => {
    const env = {
      NATS_URL: 'http://127.0.0.1:4222',
      NATS_USER: 'somebody',
      NATS_PASSWORD: undefined,
      MONGODB_URL: 'postgres://127.0.0.1',
      BATON_NAMESPACE: 'lower case',
      BATON_REPLICAS: '2',
      BATON_CONCURRENCY: 'many',
      BATON_LOG_LEVEL: 'loud',
      BATON_ENABLED: 'perhaps',
      BATON_JWT_SECRET: 'hunter2-too-short',
    };
    for (const kind of ['worker', 'supervisor', 'projector'] as const) {
      const { code, output } = await runToEnd(context, kind, env);
      assert.is(code, 2, output);
      assert.match(output, /CONFIG_INVALID/);
      for (const name of Object.keys(env)) {
        if (name !== 'NATS_USER') assert.ok(output.includes(name), `${kind} does not speak of ${name}:\n${output}`);
      }
      assert.not.match(output, /hunter2/);
      assert.is(output.trim().split('\n').length, 1, 'one line, not a stack');
    }
  },
  LIMIT,
);

const HANGS = fileURLToPath(new URL('./fixture-hangs.mjs', import.meta.url));

const taskModules = (title: string, modules: string | undefined, words: RegExp) =>
  test(
    `BATON_TASKS: ${title}`,
    async (context) => {
      const { natsUrl } = sharedServers();
      const env = { NATS_URL: natsUrl, BATON_TASKS: modules, BATON_LOAD_LIMIT_MS: '1000' };
      const { code, output } = await runToEnd(context, 'worker', env);
      assert.is(code, 2, output);
      assert.match(output, /CONFIG_INVALID/);
      assert.match(output, words);
    },
    LIMIT,
  );

taskModules('not set', undefined, /BATON_TASKS names no module/);
taskModules('a module that is not there', './nowhere.tasks.mjs', /nowhere\.tasks\.mjs cannot be loaded/);
taskModules('a file that is no module', './package.json', /package\.json cannot be loaded/);
taskModules(
  'a module without a task',
  fileURLToPath(new URL('./fixture-empty.mjs', import.meta.url)),
  /exports no task/,
);
taskModules(
  'a module that throws, with its line',
  fileURLToPath(new URL('./fixture-throws.mjs', import.meta.url)),
  /fixture-throws\.mjs cannot be loaded: MY_SETTING is not set \([^"()]*fixture-throws\.(?:mjs|ts):\d+:\d+\)/,
);
taskModules(
  'an import that never ends',
  HANGS,
  /fixture-hangs\.mjs cannot be loaded: its import has not ended within 1 s/,
);

test(
  'SIGTERM to a worker whose import does not end: it ends at once',
  async ({ defer }) => {
    const env = { NATS_URL: sharedServers().natsUrl, BATON_TASKS: HANGS };
    const worker = new SystemProcess({ name: 'worker', args: [mainOf('worker')], env });
    defer(() => worker.destroy());
    await worker.start();
    await eventually(() => assert.match(worker.output, /the import has begun/));
    const began = performance.now();
    assert.equal(await worker.stop(), { code: 0, signal: null });
    assert.ok(performance.now() - began < 3_000, worker.output);
  },
  LIMIT,
);

test(
  'services without a server say so, with the code',
  async ({ defer }) => {
    const env = { NATS_URL: `nats://127.0.0.1:${await closedPort()}`, BATON_TASKS: FIXTURE_TASKS };
    for (const kind of ['worker', 'supervisor', 'projector'] as const) {
      const service = new SystemProcess({ name: kind, args: [mainOf(kind)], env });
      defer(() => service.destroy());
      const began = performance.now();
      await service.start();
      await eventually(() => assert.match(service.output, /NOT_CONNECTED/), { limitMs: WORD_MS });
      console.log(`${kind} without a server: told after ${Math.round(performance.now() - began)} ms`);
    }
  },
  LIMIT,
);

test(
  'too large: arguments are refused, a payload is left out, a result fails the task',
  async (context) => {
    const system = await startSystem(context);
    const { baton } = system;
    const error = await failureOf('arguments too large', () =>
      baton.within(() => double.with({ taskKey: 'large' }).schedule('x'.repeat(DATA_LIMIT) as never)),
    );
    assert.is(error.code, 'PAYLOAD_TOO_LARGE');
    assert.match(error.message, new RegExp(String(DATA_LIMIT)));
    const address = addressOf({ scope: 'private', type: 'fx.double', key: 'large', user: 'alice' });
    assert.is(await system.ports.store.load(address), undefined, 'nothing is stored');
    const key = await failureOf('a key too long', async () =>
      baton.within(() => double.with({ taskKey: 'k'.repeat(300) }).schedule(1)),
    );
    assert.is(key.code, 'INVALID_ARGUMENT');
    const functions = await failureOf('arguments that are no data', () =>
      baton.within(() => double.schedule((() => 1) as never)),
    );
    assert.is(functions.code, 'INVALID_ARGUMENT');

    const payload = await baton.within(() => largePayload.schedule(PAYLOAD_LIMIT + 1));
    await payload.wait({ timeout: '60s' });
    assert.is(payload.status, 'success');
    assert.equal(payload.result, { went: 'on' });
    assert.equal(payload.payload, { kept: true }, 'the payload before it stands');
    assert.match(system.workers[0]?.output ?? '', /a payload could not be stored and is left out/);

    const result = await baton.within(() => largeResult.schedule(DATA_LIMIT + 1));
    await result.wait({ timeout: '60s' });
    assert.is(result.status, 'failure');
    assert.is(result.error?.type, 'result_too_large');
    assert.match(result.error?.message ?? '', new RegExp(String(DATA_LIMIT)));
  },
  LIMIT,
);

test(
  'MongoDB away: the projector says so and goes on trying, tasks are scheduled and run, then all of it is projected',
  async (context) => {
    const system = await startSystem(context, { projectors: 0 });
    const gate = await gateTo(context, Number(new URL(system.mongoUrl).port));
    const url = new URL(system.mongoUrl);
    url.port = String(gate.port);
    const projector = new SystemProcess({
      name: 'projector',
      args: [mainOf('projector')],
      env: { ...system.env, MONGODB_URL: url.href },
    });
    context.defer(() => projector.destroy());
    const tasks = system.mongo.db.collection<{ _id: string; status: string }>('tasks');
    const runOne = async (): Promise<string> => {
      const began = performance.now();
      const handle = await system.baton.within(() => double.schedule(1));
      await handle.wait({ timeout: '30s' });
      assert.is(handle.status, 'success');
      console.log(`a task while MongoDB is away: ${Math.round(performance.now() - began)} ms`);
      return handle.uuid;
    };
    const projected = async (ids: readonly string[]): Promise<void> => {
      const began = performance.now();
      await eventually(
        async () => assert.is(await tasks.countDocuments({ _id: { $in: [...ids] }, status: 'success' }), ids.length),
        {
          limitMs: 20_000,
        },
      );
      console.log(`MongoDB is back: all projected after ${Math.round(performance.now() - began)} ms`);
    };

    await projector.start();
    await eventually(() => assert.match(projector.output, /MONGO_UNAVAILABLE/), { limitMs: WORD_MS + 2_000 });
    const first = await runOne();
    assert.ok(projector.isRunning, projector.output);
    await gate.open();
    await projected([first]);

    await gate.shut();
    const from = projector.output.length;
    const second = await runOne();
    await eventually(() => assert.match(projector.output.slice(from), /MONGO_UNAVAILABLE|MongoDB/), {
      limitMs: WORD_MS + 4_000,
    });
    const third = await runOne();
    assert.ok(projector.isRunning, projector.output);
    await gate.open();
    await projected([first, second, third]);
  },
  { limitMs: 90_000 },
);

test.run();
