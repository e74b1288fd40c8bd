// limit: 240s
import { fork, type ChildProcess } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { connectMongo, createTaskViews, type MongoTaskViews } from '@baton/mongo';
import { connectPorts, type NatsPorts } from '@baton/nats';
import {
  createKernel,
  startService,
  rebuildViews,
  createLog,
  readSettings,
  type Held,
  type Kernel,
} from '@baton/runtime';
import { projectorService } from '../../services/projector/src/service.ts';
import * as assert from 'uvu/assert';
import { eventually } from '../support/eventually.ts';
import { suite } from '../support/suite.ts';
import { deleteNamespace } from '../support/system-fixture.ts';
import { jobAddress, taskLives } from '../support/task-life.ts';

/** The same file is the process that is killed: see `role`. */
const role = process.env['PROJECTOR_TEST_ROLE'];

const natsUrl = process.env['NATS_URL'] ?? 'nats://127.0.0.1:4222';
const mongoBase = process.env['MONGODB_URL'] ?? 'mongodb://127.0.0.1:27017/';

const settingsFor = (namespace: string, url: string) =>
  readSettings({
    NATS_URL: natsUrl,
    MONGODB_URL: url,
    BATON_NAMESPACE: namespace,
    BATON_PROJECTOR_PACE_MS: '50',
  });

const run = (namespace: string, url: string) =>
  startService('projector', projectorService, {
    settings: settingsFor(namespace, url),
    log: createLog({ level: 'warn' }),
  });

if (role !== undefined) {
  const service = run(process.env['PROJECTOR_TEST_NAMESPACE'] ?? '', process.env['PROJECTOR_TEST_URL'] ?? '');
  process.exit(await service.ended);
}

const test = suite('projector on real servers');

type Scene = {
  readonly namespace: string;
  readonly url: string;
  readonly ports: NatsPorts;
  readonly views: MongoTaskViews;
  readonly live: (key: string) => Promise<Held>;
  readonly submit: (key: string) => Promise<Held>;
};

const scene = async (defer: (undo: () => unknown) => void): Promise<Scene> => {
  const namespace = `P${randomUUID().slice(0, 8).toUpperCase()}`;
  const target = new URL(mongoBase);
  target.pathname = `/projector-${namespace.toLowerCase()}`;
  defer(() => deleteNamespace(natsUrl, namespace));
  const ports = await connectPorts({ servers: natsUrl, namespace });
  defer(() => ports.close());
  const mongo = await connectMongo({ url: target.href });
  defer(async () => {
    await mongo.db.dropDatabase();
    await mongo.close();
  });
  const views = createTaskViews(mongo);
  await views.ensureIndexes();
  return { namespace, url: target.href, ports, views, ...lives(createKernel(ports), ports) };
};

const lives = (kernel: Kernel, { clock, chance, store }: NatsPorts) =>
  taskLives({
    // A machine that is busy for seconds loses its connections; a command that may have been carried out is repeated.
    ask: (address, make) =>
      eventually(
        async () => {
          const asked = await kernel.ask(address, make);
          if (asked.kind !== 'done') throw new Error(`${address} was not carried out: ${JSON.stringify(asked)}`);
          return asked;
        },
        { limitMs: 30_000 },
      ),
    now: () => clock.now(),
    uuid: () => chance.uuid(),
    epoch: store.epoch,
  });

const forkProjector = ({ namespace, url }: Scene): ChildProcess =>
  fork(process.argv[1] ?? '', {
    env: { ...process.env, PROJECTOR_TEST_ROLE: 'child', PROJECTOR_TEST_NAMESPACE: namespace, PROJECTOR_TEST_URL: url },
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });

const many = async (count: number, one: (i: number) => Promise<Held>): Promise<readonly Held[]> => {
  const held: Held[] = [];
  let next = 0;
  const hand = async (): Promise<void> => {
    for (let i = next++; i < count; i = next++) held.push(await one(i));
  };
  await Promise.all(Array.from({ length: 50 }, hand));
  return held;
};

const isProjected = async (views: MongoTaskViews, tasks: readonly Held[]): Promise<void> => {
  const { success } = await views.counts({});
  assert.is(success, tasks.length);
  for (const { record, revision } of tasks) assert.is((await views.get(record.id))?.rev, revision);
};

test(
  'a task is shown within a second, and its record is marked',
  async ({ defer }) => {
    const { namespace, url, views, ports, live, submit } = await scene(defer);
    const service = run(namespace, url);
    defer(() => service.stop('the test is over'));
    const first = await submit('first');
    await eventually(async () => assert.ok(await views.get(first.record.id)), { limitMs: 10_000 });
    const { record, address } = {
      ...(await live('a')),
      address: jobAddress('a'),
    };
    await eventually(async () => assert.is((await views.get(record.id))?.status, 'success'), { limitMs: 3_000 });
    await eventually(async () => {
      const held = await createKernel(ports).load(address);
      assert.ok(held === undefined || held.record.archived === true);
    });
    assert.is(await service.stop('the test is over'), 0);
  },
  { limitMs: 30_000 },
);

test(
  'F9: killed again and again in the middle of its work: nothing is missing, nothing went back',
  async ({ defer }) => {
    const made = await scene(defer);
    const { views, live } = made;
    const tasks: Held[] = [];
    let making = true;
    defer(() => void (making = false));
    const maker = (async () => {
      while (making) {
        const from = tasks.length;
        tasks.push(...(await many(100, (i) => live(`k${from + i}`))));
      }
    })();
    let child = forkProjector(made);
    defer(() => child.kill('SIGKILL'));
    let seen = 0;
    for (let kills = 0; kills < 3; kills++) {
      // Killed as soon as it has written something more, while tasks go on: in the middle of the next batch, mostly.
      seen = await eventually(
        async () => {
          const { success = 0 } = await views.counts({});
          assert.ok(success > seen);
          return success;
        },
        { limitMs: 60_000 },
      );
      child.kill('SIGKILL');
      child = forkProjector(made);
    }
    making = false;
    await maker;
    await eventually(() => isProjected(views, tasks), { limitMs: 90_000, everyMs: 500 });
  },
  { limitMs: 150_000 },
);

test(
  'P3: MongoDB goes away and comes back: tasks go on, then all of them are there',
  async ({ defer }) => {
    const made = await scene(defer);
    const { namespace, url, views, live } = made;
    const gate = await startGate(new URL(url));
    defer(() => gate.close());
    const through = new URL(url);
    through.port = String(gate.port);
    const service = run(namespace, through.href);
    defer(() => service.stop('the test is over'));
    const first = await live('first');
    await eventually(async () => assert.ok(await views.get(first.record.id)), { limitMs: 10_000 });
    gate.shut();
    const tasks = await many(500, (i) => live(`k${i}`));
    assert.is((await views.counts({})).success, 1);
    gate.open();
    await eventually(() => isProjected(views, [first, ...tasks]), { limitMs: 60_000, everyMs: 500 });
  },
  { limitMs: 90_000 },
);

test(
  'P4: a rebuild into an empty database gives what the projector gave, and leaves no reader behind',
  async ({ defer }) => {
    const made = await scene(defer);
    const other = await scene(defer);
    const { namespace, url, views, ports, live, submit } = made;
    const service = run(namespace, url);
    defer(() => service.stop('the test is over'));
    const tasks = await many(100, (i) => live(`k${i}`));
    await submit('waiting');
    await eventually(() => isProjected(views, tasks), { limitMs: 20_000 });
    const report = await rebuildViews(ports, other.views);
    assert.ok(report.versions >= 101);
    for (const { record, revision } of tasks) {
      const { rev = 0, changed_at: _at, ...rebuilt } = (await other.views.get(record.id)) ?? {};
      const { rev: _rev, changed_at: _changed, ...shown } = (await views.get(record.id)) ?? {};
      assert.equal(rebuilt, shown);
      assert.ok(rev >= revision, 'the archive mark may be newer');
    }
    assert.equal(await other.views.counts({}), { success: 100, pending: 1 });
  },
  { limitMs: 60_000 },
);

/** A TCP gate before MongoDB that can be shut: what is under way is cut, what is new is refused. */
const startGate = async (target: URL) => {
  const sockets = new Set<Socket>();
  let isOpen = true;
  const server: Server = createServer((from) => {
    if (!isOpen) return void from.destroy();
    const to = connect({ host: target.hostname, port: Number(target.port) });
    for (const socket of [from, to]) {
      sockets.add(socket);
      socket.on('error', () => {});
      socket.on('close', () => {
        sockets.delete(socket);
        (socket === from ? to : from).destroy();
      });
    }
    from.pipe(to).pipe(from);
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const address = server.address();
  const cut = (): void => {
    for (const socket of sockets) socket.destroy();
  };
  return {
    port: typeof address === 'object' && address !== null ? address.port : 0,
    shut: () => {
      isOpen = false;
      cut();
    },
    open: () => {
      isOpen = true;
    },
    close: () => {
      server.close();
      cut();
    },
  };
};

test.run();
