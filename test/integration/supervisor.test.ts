// The supervisor on a real server. Workers and a second supervisor are processes of their own, so that they can be
// killed; they run this same file, see `roles`.
import { spawn, type ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import type { TaskRecord, TaskSpec } from '@baton/core';
import { addressOf, parseAddress, readRecord, type Address, type Lane } from '@baton/protocols';
import { connectPorts, type NatsPorts } from '@baton/nats';
import { createKernel, createSupervisor, silentLog, WorkerQueues, type Supervisor } from '@baton/runtime';
import * as assert from 'uvu/assert';
import { eventually } from '../support/eventually.ts';
import { suite, type TestContext } from '../support/suite.ts';
import { deleteNamespace } from '../support/system-fixture.ts';

const LANE: Lane = { queue: 'default', priority: 'normal', type: 'job' };
const servers = process.env['NATS_URL'] ?? '';
const role = process.env['SUPERVISOR_TEST_ROLE'];
const namespace = process.env['SUPERVISOR_TEST_NAMESPACE'] ?? `SUP_${randomBytes(4).toString('hex').toUpperCase()}`;

const connect = (ns = namespace): Promise<NatsPorts> => connectPorts({ servers, namespace: ns });

const claim = async (ports: NatsPorts, address: Address, worker: string): Promise<TaskRecord> => {
  const asked = await createKernel(ports).ask(address, (held) => ({
    kind: 'claim',
    at: ports.clock.now(),
    id: held?.record.id ?? '',
    worker,
    epoch: ports.store.epoch,
    revision: held?.revision ?? 0,
    offered: held?.revision ?? 0,
  }));
  if (asked.kind !== 'done') throw new Error(`not claimed: ${JSON.stringify(asked)}`);
  return asked.record;
};

const hold = (ports: NatsPorts, id: string) =>
  ports.presence.hold(
    { role: 'worker', id, host: 'h', pid: process.pid, startedAt: Date.now(), state: 'ready' },
    { lost: () => {}, regained: () => {} },
  );

/** What a child process does until it is killed. */
const roles = {
  worker: async (): Promise<void> => {
    const ports = await connect();
    await hold(ports, 'w1');
    let text = '';
    for await (const chunk of process.stdin.setEncoding('utf8')) text += String(chunk);
    const addresses = text.split('\n').flatMap((line) => parseAddress(line) ?? []);
    await Promise.all(addresses.map((address) => claim(ports, address, 'w1')));
  },
  supervisor: async (): Promise<void> => {
    const supervisor = createSupervisor(await connect(), { id: 's-child', log: silentLog });
    await supervisor.start();
    await eventually(() => supervisor.stats().ready, { limitMs: 10_000 });
  },
};

const startChild = async (what: keyof typeof roles, ns: string, input = ''): Promise<ChildProcess> => {
  const { BATON_TEST_REPORT: _, ...env } = process.env;
  const child = spawn(process.execPath, [process.argv[1] ?? ''], {
    env: { ...env, SUPERVISOR_TEST_ROLE: what, SUPERVISOR_TEST_NAMESPACE: ns },
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  child.stdin?.end(input);
  const [said] = (await Promise.race([once(child.stdout ?? child, 'data'), once(child, 'exit')])) as [unknown];
  assert.match(String(said), /ready/, `the ${what} process did not begin`);
  return child;
};

const runChild = async (what: keyof typeof roles): Promise<void> => {
  await roles[what]();
  process.stdout.write('ready\n');
};

type Stage = {
  readonly ns: string;
  readonly ports: NatsPorts;
  readonly supervisor: Supervisor;
  readonly submit: (key: string, more?: Partial<TaskSpec>) => Promise<Address>;
  readonly read: (address: Address) => Promise<TaskRecord>;
};

const setUp = async ({ defer }: TestContext, name: string): Promise<Stage> => {
  const ns = `${namespace}_${name}`;
  defer(() => deleteNamespace(servers, ns));
  const ports = await connect(ns);
  defer(() => ports.close());
  const supervisor = createSupervisor(ports, { id: 's-here', log: silentLog });
  await supervisor.start();
  defer(() => supervisor.stop());
  await eventually(() => supervisor.stats().ready);
  const kernel = createKernel(ports);
  return {
    ns,
    ports,
    supervisor,
    submit: async (key, more = {}) => {
      const address = addressOf({ scope: 'shared', type: 'job', key });
      const { queue, priority, type } = LANE;
      const spec: TaskSpec = {
        id: ports.chance.uuid(),
        key,
        name: key,
        scope: 'shared',
        queue,
        priority,
        type,
        mode: 'async',
        policy: {},
        ...more,
      };
      const actor = { user: 'alice', admin: false };
      const asked = await kernel.ask(address, () => ({
        kind: 'submit',
        at: Date.now(),
        actor,
        spec,
        whenAborting: 'queue',
      }));
      assert.is(asked.kind, 'done');
      return address;
    },
    read: async (address) => {
      const entry = await ports.store.load(address);
      const reading = entry === undefined ? undefined : readRecord(entry.bytes);
      if (reading?.kind !== 'record') throw new Error('there is no record');
      return reading.record;
    },
  };
};

const kill = (child: ChildProcess) => async (): Promise<void> => {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, 'exit');
  child.kill('SIGKILL');
  await ended;
};

/** Addresses of what is offered to a worker that claims nothing. */
const takeAll = async ({ ports }: Stage, { defer }: TestContext): Promise<Set<string>> => {
  const addresses = new Set<string>();
  const lease = await hold(ports, 'onlooker');
  defer(() => lease.release());
  const queues = new WorkerQueues({
    ...ports,
    worker: 'onlooker',
    queues: [LANE.queue],
    types: [LANE.type],
    log: silentLog,
    offered: ({ address }) => {
      addresses.add(address);
      queues.setFree(10_000);
    },
  });
  queues.setFree(10_000);
  defer(() => queues.close());
  return addresses;
};

const test = suite('supervisor on a server');

test(
  'R3: 1,000 tasks of a worker that was killed are offered again within 8 s',
  async (context) => {
    const stage = await setUp(context, 'KILL');
    const addresses = await Promise.all(Array.from({ length: 1_000 }, (_, i) => stage.submit(`k${i}`)));
    const worker = await startChild('worker', stage.ns, addresses.join('\n'));
    context.defer(kill(worker));
    // All are seen to run: what is offered from here on is offered again.
    await eventually(() => assert.equal([stage.supervisor.stats().tasks, stage.supervisor.waiting()], [1_000, []]));
    const keys = await takeAll(stage, context);
    keys.clear();
    const killedAt = performance.now();
    await kill(worker)();
    await eventually(() => assert.is(keys.size, 1_000), { limitMs: 8_000 });
    assert.ok(performance.now() - killedAt > 3_500, 'its lease was not over');
    const records = await Promise.all(addresses.map((address) => stage.read(address)));
    assert.equal([...new Set(records.map(({ status, rescues }) => `${status} ${rescues}`))], ['pending 1']);
  },
  { limitMs: 40_000 },
);

test(
  'R3: within 16 s when a supervisor was killed too',
  async (context) => {
    const stage = await setUp(context, 'BOTH');
    const other = await startChild('supervisor', stage.ns);
    context.defer(kill(other));
    await eventually(() => assert.ok(stage.supervisor.stats().partitions < 64));
    const addresses = await Promise.all(Array.from({ length: 100 }, (_, i) => stage.submit(`k${i}`)));
    const worker = await startChild('worker', stage.ns, addresses.join('\n'));
    context.defer(kill(worker));
    await Promise.all([kill(worker)(), kill(other)()]);
    await eventually(
      async () => {
        const records = await Promise.all(addresses.map((address) => stage.read(address)));
        assert.ok(records.every((record) => record.status === 'pending'));
      },
      { limitMs: 16_000, everyMs: 100 },
    );
    assert.is(stage.supervisor.stats().partitions, 64);
  },
  { limitMs: 40_000 },
);

test('a task whose record is there is offered, whoever wrote it and whatever became of him', async (context) => {
  const stage = await setUp(context, 'LOST');
  const keys = await takeAll(stage, context);
  const address = await stage.submit('lost');
  await eventually(() => assert.ok(keys.has(address)), { limitMs: 8_000 });
});

test('X7, T4: a delayed start is kept to a second, a timeout to 250 ms', async (context) => {
  const stage = await setUp(context, 'TIME');
  const keys = await takeAll(stage, context);
  const lease = await hold(stage.ports, 'w2');
  context.defer(() => lease.release());
  const runAt = Date.now() + 1_000;
  const later = await stage.submit('later', { runAt });
  const address = await stage.submit('slow', { policy: { timeoutMs: 1_500 } });
  const { owner, startedAt = 0 } = await claim(stage.ports, address, 'w2');
  if (owner === undefined) throw new Error('nobody owns it');
  const { fence } = owner;
  await createKernel(stage.ports).ask(address, () => ({ kind: 'make-abortable', at: Date.now(), fence }));
  const late = watchLateness(context);
  let poked = false;
  const pokes = stage.ports.signals.onPoke('w2', (which) => {
    poked ||= which === address;
  });
  context.defer(() => pokes.close());
  await eventually(() => assert.ok(keys.has(later)), { everyMs: 5 });
  assert.ok(Date.now() >= runAt && Date.now() < runAt + 1_000, `${Date.now() - runAt} ms late`);
  await eventually(() => assert.ok(poked), { everyMs: 5 });
  const { abort, status } = await stage.read(address);
  assert.is(status, 'aborting');
  const lateMs = (abort?.at ?? 0) - (startedAt + 1_500);
  assert.ok(lateMs >= 0 && lateMs <= 250 + late(), `${lateMs} ms late, and a timer here ${late()} ms`);
});

/** How late the latest timer of this process was that had nothing else to do: what a busy machine adds to everything. */
function watchLateness({ defer }: Pick<TestContext, 'defer'>): () => number {
  let most = 0;
  let due = performance.now() + 10;
  const timer = setInterval(() => {
    most = Math.max(most, performance.now() - due);
    due = performance.now() + 10;
  }, 10);
  defer(() => clearInterval(timer));
  return () => most;
}

if (role === 'worker' || role === 'supervisor') await runChild(role);
else test.run();
