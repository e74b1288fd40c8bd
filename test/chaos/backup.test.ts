// limit: 300s; tools: nats
// deploy/operations.md, "Backup and restore": taken with the real `nats` while tasks come and run, and put onto an empty server.
import { randomBytes } from 'node:crypto';
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { promisify } from 'node:util';
import { ensureGoTool, ensureNats } from '@baton/local';
import { connectMongo, type Mongo } from '@baton/mongo';
import { connectPorts } from '@baton/nats';
import { connect, task, type Baton } from '@baton/sdk';
import * as assert from 'uvu/assert';
import { runCli } from '../support/cli.ts';
import { eventually } from '../support/eventually.ts';
import { freePort } from '../support/free-port.ts';
import { suite, type TestContext } from '../support/suite.ts';
import { databaseUrl, FIXTURE_TASKS, mainOf, sharedServers } from '../support/system-fixture.ts';
import { SystemProcess } from '../support/system-process.ts';

const test = suite('chaos: backup and restore');

const double = task({ name: 'fx.double' }, (n: number) => ({ doubled: n * 2 }));

type Row = { readonly _id: string; readonly status: string };

const startServer = async (context: TestContext, port: number, folder: string): Promise<SystemProcess> => {
  const { path } = await ensureNats();
  const args = ['-a', '127.0.0.1', '-p', String(port), '-js', '-sd', folder];
  const made = new SystemProcess({ name: 'nats', command: path, args, env: {}, readyWhen: 'Server is ready' });
  context.defer(() => made.destroy());
  await made.start();
  return made;
};

const startServices = async (
  context: TestContext,
  env: Readonly<Record<string, string>>,
): Promise<readonly SystemProcess[]> => {
  const services = (['supervisor', 'projector', 'worker'] as const).map((name) => {
    const made = new SystemProcess({ name, args: [mainOf(name)], env, readyWhen: '"msg":"started"' });
    context.defer(() => made.destroy());
    return made;
  });
  await Promise.all(services.map((service) => service.start()));
  return services;
};

const statuses = async (mongo: Mongo): Promise<ReadonlyMap<string, string>> => {
  const rows = await mongo.db.collection<Row>('tasks').find({}).toArray();
  return new Map(rows.map(({ _id, status }) => [_id, status]));
};

/** What `mongodump` and `mongorestore` do with the documents; neither is among the tools of the tests. */
const dump = async (mongo: Mongo): Promise<() => Promise<void>> => {
  const kept = await mongo.db.collection<Row>('tasks').find({}).toArray();
  return async () => {
    await mongo.db.dropDatabase();
    await mongo.db.collection<Row>('tasks').insertMany(kept);
  };
};

/** Tasks one after the other until the signal comes; their ids in order. */
const submitUntil = async (baton: Baton, signal: AbortSignal, ids: string[]): Promise<void> => {
  while (!signal.aborted) {
    ids.push((await baton.within(() => double.schedule(ids.length))).uuid);
    await pause(25);
  }
};

test(
  'what was taken before a backup began is there after a restore: ended, to come, and in the documents',
  async (context) => {
    const folder = mkdtempSync(join(tmpdir(), 'baton-backup-'));
    context.defer(() => rmSync(folder, { recursive: true, force: true }));
    const port = await freePort();
    const url = databaseUrl(sharedServers().mongoUrl, `baton_backup_${randomBytes(4).toString('hex')}`);
    const env = { NATS_URL: `nats://127.0.0.1:${port}`, MONGODB_URL: url, BATON_TASKS: FIXTURE_TASKS };
    const { path: nats } = await ensureGoTool('nats');
    const natsTool = (...args: readonly string[]) =>
      promisify(execFile)(nats, args, { env: { ...process.env, NATS_URL: env.NATS_URL }, timeout: 60_000 });
    const mongo = await connectMongo({ url });
    context.defer(() => mongo.close());
    context.defer(() => mongo.db.dropDatabase());

    const first = await startServer(context, port, join(folder, 'one'));
    const services = await startServices(context, env);
    const baton = await connect({ servers: env.NATS_URL, user: { id: 'alice' } });
    const ids: string[] = [];
    const stopping = new AbortController();
    context.defer(() => stopping.abort());
    const submitting = submitUntil(baton, stopping.signal, ids);
    const later = await baton.within(() => double.with({ delay: '1h', taskKey: 'later' }).schedule(7));
    await eventually(async () => assert.ok((await statuses(mongo)).size > 40), { limitMs: 30_000 });
    const ended = [...(await statuses(mongo))].filter(([, status]) => status === 'success').map(([id]) => id);

    // What has been forgotten by the bucket, as it does a minute after everybody has it, is in the log alone.
    const forgotten = await baton.within(() => double.with({ taskKey: 'forgotten' }).schedule(1));
    await forgotten.wait({ timeout: '60s' });
    await eventually(
      async () => assert.ok((await baton.open(forgotten)).record.archived === true, 'not every projection has it yet'),
      { limitMs: 20_000 },
    );
    const old = await connectPorts({ servers: env.NATS_URL });
    context.defer(() => old.close());
    await old.wire.api.call('STREAM.PURGE.KV_BATON_TASKS', { filter: `$KV.BATON_TASKS.${forgotten.address}` });

    // Documents first: what comes after them is in the streams, and never the other way round.
    const restoreDocuments = await dump(mongo);
    const before = ids.slice();
    await natsTool('backup', 'account', '--force', join(folder, 'backup'));
    const atEnd = ids.length;
    await eventually(() => assert.ok(ids.length > atEnd + 20), { limitMs: 10_000 });
    stopping.abort();
    await submitting;
    await baton.close();
    let endedBy: unknown;
    old.link.onClosed((cause) => (endedBy = cause));

    for (const service of services) assert.is((await service.stop(60_000)).code, 0, service.name);
    await first.kill('SIGKILL');
    await restoreDocuments();
    await startServer(context, port, join(folder, 'two'));
    await natsTool('backup', 'restore', 'account', join(folder, 'backup'));
    await startServices(context, env);
    const rebuilt = await runCli({ env }, ['rebuild', '--json']);
    assert.is(rebuilt.code, 0, rebuilt.stderr);

    await eventually(
      async () => {
        const found = await statuses(mongo);
        const missing = before.filter((id) => found.get(id) !== 'success');
        assert.equal(missing, [], `${missing.length} of ${before.length}`);
        assert.is(found.get(later.uuid), 'pending');
        for (const id of ended) assert.is(found.get(id), 'success', 'what had ended does not come again');
      },
      { limitMs: 30_000, everyMs: 250 },
    );
    // Without a backup of the documents: from the log of the former bucket, and from what is in this one.
    await mongo.db.dropDatabase();
    const anew = await runCli({ env }, ['rebuild', '--json']);
    assert.is(anew.code, 0, anew.stderr);
    const found = await statuses(mongo);
    assert.equal(
      [...before, forgotten.uuid].filter((id) => found.get(id) !== 'success'),
      [],
      anew.stdout,
    );
    const kept = await statuses(mongo);
    assert.not.ok(kept.has(ids.at(-1) ?? ''), 'what came after the backup is lost, and is said to be');

    const again = await connect({ servers: env.NATS_URL, user: { id: 'alice' } });
    context.defer(() => again.close());
    const fresh = await again.within(() => double.schedule(21));
    await fresh.wait({ timeout: '60s' });
    assert.equal(fresh.result, { doubled: 42 });
    const joins = await again.within(() => double.with({ delay: '1h', taskKey: 'later' }).schedule(7));
    assert.is(joins.uuid, later.uuid, 'the key still has its task');
    await joins.cancel();
    await eventually(async () => assert.is((await statuses(mongo)).get(later.uuid), 'aborted'), { limitMs: 10_000 });
    await eventually(() => assert.is((endedBy as { code?: string } | undefined)?.code, 'EPOCH_CHANGED'), {
      limitMs: 20_000,
    });
    const doctor = await runCli({ env }, ['doctor', '--json']);
    assert.is(doctor.code, 0, doctor.stdout.slice(0, 4_000));
  },
  { limitMs: 240_000 },
);

test.run();
