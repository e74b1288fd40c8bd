// limit: 300s
// The chart with TLS on three nats-servers: every server, then every service, is restarted one after the other, as a cluster does,
// while tasks come and run. A pod is replaced when the probe of its manifest says that the one before it is ready.
import { randomBytes, randomUUID } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { ensureNats } from '@baton/local';
import { connectMongo, type Mongo } from '@baton/mongo';
import { BatonError } from '@baton/runtime';
import { connect, task, type Baton } from '@baton/sdk';
import { jetstreamManager } from '@nats-io/jetstream';
import { connect as connectNats } from '@nats-io/transport-node';
import * as assert from 'uvu/assert';
import { startInstallation, type Installation, type Pod } from '../support/chart-installation.ts';
import { eventually } from '../support/eventually.ts';
import { freePort } from '../support/free-port.ts';
import { suite, type TestContext } from '../support/suite.ts';
import { databaseUrl, FIXTURE_TASKS, sharedServers } from '../support/system-fixture.ts';
import { SystemProcess } from '../support/system-process.ts';

const test = suite('chaos: rolling restart');

const double = task({ name: 'fx.double' }, (n: number) => ({ doubled: n * 2 }));

type Load = {
  /** Ids of the tasks that were taken. */
  readonly taken: Set<string>;
  /** Answers that were no, by code; the same submit was tried again. */
  readonly refused: Map<string, number>;
  /** Longest time in which no submit was taken, milliseconds. */
  longestMs: number;
};

/** Some fifteen submits a second; what is refused or unknown is repeated under its own id until it is taken. */
const submitAlways = async (baton: Baton, signal: AbortSignal, load: Load): Promise<void> => {
  let lastAt = performance.now();
  const hand = async (): Promise<void> => {
    while (!signal.aborted) {
      const operationId = randomUUID();
      for (;;) {
        try {
          const handle = await baton.within(() => double.with({ operationId }).schedule(load.taken.size));
          load.taken.add(handle.uuid);
          load.longestMs = Math.max(load.longestMs, performance.now() - lastAt);
          lastAt = performance.now();
          break;
        } catch (error) {
          if (!(error instanceof BatonError)) throw error;
          load.refused.set(error.code, (load.refused.get(error.code) ?? 0) + 1);
          await pause(100);
        }
      }
      await pause(250);
    }
  };
  await Promise.all(Array.from({ length: 4 }, hand));
};

/** Stops it as a cluster does, starts another one in its place, and waits until that one is ready. */
const restart = async ({ process, ready, name }: Pod): Promise<void> => {
  const { code } = await process.stop(60_000);
  assert.ok(code === 0 || (code === 1 && name.startsWith('baton-nats')), `${name} ended with ${code}`);
  await process.start();
  await ready();
};

const startServices = async (
  installation: Installation,
  env: Readonly<Record<string, string>>,
): Promise<readonly Pod[]> => {
  const names = ['supervisor', 'supervisor', 'projector', 'worker-default', 'worker-default'];
  const pods: Pod[] = [];
  for (const name of names) pods.push(await installation.pod(`baton-${name}`, { ...env, BATON_TASKS: FIXTURE_TASKS }));
  await Promise.all(pods.map(({ process }) => process.start()));
  await Promise.all(pods.map(({ ready }) => ready()));
  return pods;
};

/** A server that was not asked in: it has no password of the routes. */
const refuseRoute = async (
  context: TestContext,
  route: string,
  { tls }: { tls: { caFile: string } },
): Promise<void> => {
  const folder = mkdtempSync(join(tmpdir(), 'baton-stranger-'));
  context.defer(() => rmSync(folder, { recursive: true, force: true }));
  const config = join(folder, 'nats.conf');
  writeFileSync(
    config,
    [
      `listen: "127.0.0.1:${await freePort()}"`,
      `cluster { name: baton-nats, listen: "127.0.0.1:${await freePort()}", routes: ["${route}"]`,
      `tls { ca_file: ${JSON.stringify(tls.caFile)}, cert_file: ${JSON.stringify(tls.caFile.replace('ca.crt', 'tls.crt'))}`,
      `key_file: ${JSON.stringify(tls.caFile.replace('ca.crt', 'tls.key'))} } }`,
    ].join('\n'),
  );
  const { path } = await ensureNats();
  const stranger = new SystemProcess({ name: 'stranger', command: path, args: ['-c', config], env: {} });
  context.defer(() => stranger.destroy());
  await stranger.start();
  await eventually(() => assert.match(stranger.output, 'Authorization Violation'), { limitMs: 10_000 });
  await stranger.destroy();
};

const copies = async (installation: Installation): Promise<readonly (readonly [string, number])[]> => {
  const { natsUser: user, natsPassword: pass, inboxPrefix, servers, tls } = installation.login('operator');
  const nc = await connectNats({ servers: [...servers], user, pass, inboxPrefix, tls });
  try {
    const jsm = await jetstreamManager(nc);
    const streams = await jsm.streams.list().next();
    return streams.map(({ config, cluster }) => [
      config.name,
      config.num_replicas === 3 ? (cluster?.replicas ?? []).filter(({ current }) => current).length + 1 : 0,
    ]);
  } finally {
    await nc.close();
  }
};

const open = async (context: TestContext): Promise<Mongo & { readonly url: string }> => {
  const url = databaseUrl(sharedServers().mongoUrl, `baton_rolling_${randomBytes(4).toString('hex')}`);
  const mongo = await connectMongo({ url });
  context.defer(() => mongo.close());
  context.defer(() => mongo.db.dropDatabase());
  return { ...mongo, url };
};

test(
  'R11 E1 P5 all nats-servers and all services are restarted in turn while tasks run: what was taken ends, once, and is in the documents',
  async (context) => {
    const began = performance.now();
    const installation = await startInstallation(context);
    await refuseRoute(context, installation.routeOf(0), installation.login('worker'));
    const mongo = await open(context);
    const folder = mkdtempSync(join(tmpdir(), 'baton-rolling-'));
    context.defer(() => rmSync(folder, { recursive: true, force: true }));
    const effects = join(folder, 'effects.jsonl');
    const services = await startServices(installation, { MONGODB_URL: mongo.url, BATON_TEST_EFFECTS: effects });
    const baton = await connect({ ...installation.login('worker'), user: { id: 'alice' } });
    context.defer(() => baton.close());
    const load: Load = { taken: new Set(), refused: new Map(), longestMs: 0 };
    const stopping = new AbortController();
    context.defer(() => stopping.abort());
    const submitting = submitAlways(baton, stopping.signal, load);
    await eventually(() => assert.ok(load.taken.size > 20), { limitMs: 20_000 });

    for (const server of installation.nats) await restart(server);
    const afterServers = load.taken.size;
    for (const service of services) await restart(service);
    await eventually(() => assert.ok(load.taken.size > afterServers + 20), { limitMs: 20_000 });
    stopping.abort();
    await submitting;

    await eventually(
      async () => {
        const ids = [...load.taken];
        const found = await mongo.db
          .collection<{ _id: string; status: string }>('tasks')
          .find({ _id: { $in: ids } })
          .toArray();
        const statuses = new Set(found.map(({ status }) => status));
        assert.equal([found.length, ...statuses], [ids.length, 'success']);
        assert.is(await mongo.db.collection('tasks').countDocuments(), ids.length, 'and no other task was made');
      },
      { limitMs: 40_000, everyMs: 500 },
    );
    const ran = readFileSync(effects, 'utf8')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { task: string });
    assert.is(new Set(ran.map((one) => one.task)).size, load.taken.size);
    for (const [stream, current] of await copies(installation)) assert.is(current, 3, `${stream} has all its copies`);
    const report = {
      tasks: load.taken.size,
      refused: Object.fromEntries(load.refused),
      longestMs: Math.round(load.longestMs),
      tookMs: Math.round(performance.now() - began),
    };
    console.log(`     ${JSON.stringify(report)}`);
    assert.ok(load.longestMs < 20_000, JSON.stringify(report));
  },
  { limitMs: 240_000 },
);

test.run();
