// Workers that write no records: what supervisors answer them, and what becomes of their tasks.
import { encodeData } from '@baton/protocols';
import { createKernel, nodeNameOf, silentLog } from '@baton/runtime';
import * as assert from 'uvu/assert';
import { only, WorkClient, type WorkAnswer, type WorkTask } from '../../support/work-client.ts';
import { seeds } from '../../support/seeds.ts';
import { suite } from '../../support/suite.ts';
import { RemoteWorker } from '../../../packages/runtime/src/work/remote-worker.ts';
import type { BeatRequest, FinishRequest } from '../../../packages/runtime/src/work/shapes.ts';
import { addressFor, createStage, until, type Stage } from './world.ts';

const test = suite('supervisor: workers in any language');

/** `settles`: time passes until it is answered; else whoever waits for the answer lets it pass. */
const clientOf = ({ world, clock }: Stage, worker = 'py', secret?: string, settles = true): WorkClient =>
  new WorkClient(
    async (verb, type, body, timeoutMs) => {
      const bytes = new TextEncoder().encode(JSON.stringify(body));
      const question = { verb, bytes, contentType: 'application/json', ...(type === undefined ? {} : { type }) };
      const asked = world.ask(question, timeoutMs);
      const answer = await (settles ? clock.settle(asked) : asked);
      return answer === undefined ? undefined : (JSON.parse(new TextDecoder().decode(answer)) as WorkAnswer);
    },
    worker,
    secret,
  );

const open = async (...supervisors: readonly string[]) => {
  const stage = createStage(1, { onlooker: false });
  const [first = 's1', ...others] = supervisors;
  const { stop: stopFirst } = await stage.supervise(first);
  for (const name of others) await stage.supervise(name);
  await stage.clock.advance(1_000);
  return { stage, stopFirst, client: clientOf(stage), asks: clientOf(stage, 'py', undefined, false), ...stage };
};

type Opened = Awaited<ReturnType<typeof open>>;

/** Beats every 2 s for so long, with what is running; the last answer. */
const beatFor = async (
  { clock }: Pick<Stage, 'clock'>,
  client: WorkClient,
  ms: number,
  running: readonly (WorkTask | Readonly<Record<string, unknown>>)[] = [],
): Promise<WorkAnswer> => {
  let last = await client.beat(running);
  for (let passed = 0; passed < ms; passed += 2_000) {
    await clock.advance(2_000);
    last = await client.beat(running);
  }
  return last;
};

const claimed = async ({ client, submit }: Opened, key = 'a', fields = {}): Promise<WorkTask> => {
  await submit(key);
  return only(await client.claim({ wait: 5, ...fields }));
};

test('O1 a task is claimed, run and ended', async () => {
  const opened = await open();
  const { client, record } = opened;
  const task = await claimed(opened);
  assert.equal([task.type, task.key, task.attempt, task.timeout], ['job', 'a', 1, null]);
  const address = addressFor('a');
  assert.is(record(address).owner?.worker, nodeNameOf(client));
  await client.beat([{ ...task, progress: [1, 4], payload: { at: 1 } }]);
  await opened.clock.advance(100);
  assert.equal(record(address).progress, { current: 1, total: 4 });
  assert.equal(await client.finish(task, { outcome: 'success', result: { rows: 3 } }), { ok: true, status: 'success' });
  assert.equal([record(address).status, record(address).history.length], ['success', 3]);
});

test('O1 a claim waits for a task, and ends empty when none comes', async () => {
  const { clock, client, asks, submit } = await open();
  const early = asks.claim({ wait: 10 });
  await clock.advance(3_000);
  await submit('late');
  assert.is(only(await clock.settle(early)).key, 'late');
  const at = clock.monotonic();
  assert.equal((await client.claim({ wait: 4 })).tasks, []);
  assert.ok(clock.monotonic() - at >= 4_000);
});

test('O1 no more is claimed than was asked for, in the order of the queue', async () => {
  const { clock, client, submit, record } = await open();
  for (let i = 0; i < 5; i++) await submit(`k${i}`);
  const first = await client.claim({ max: 2, wait: 5 });
  await clock.advance(5_000);
  const rest = [3, 4].map((i) => record(addressFor(`k${i}`)).status);
  assert.equal([first.tasks?.length, rest], [2, ['pending', 'pending']]);
  const keys = first.tasks?.map(({ key }) => key) ?? [];
  while (keys.length < 5) {
    const { tasks = [] } = await client.claim({ max: 9, wait: 5 });
    keys.push(...tasks.map(({ key }) => key));
  }
  assert.equal(keys, ['k0', 'k1', 'k2', 'k3', 'k4']);
});

test('O1 the same request again has the same answer and does nothing twice', async () => {
  const { client, asks, submit, record, world, clock } = await open();
  await submit('a');
  await submit('b');
  const claims = [asks.claim({ request: 'r1', wait: 5 }), asks.claim({ request: 'r1', wait: 5 })];
  const [first = { ok: false }, again] = await clock.settle(Promise.all(claims));
  assert.equal(again, first);
  const task = only(first);
  const end = { request: 'f1', outcome: 'failure', error: { message: 'no', type: 'ValueError' } };
  const ended = await client.finish(task, end);
  assert.equal(ended, { ok: true, status: 'failure' });
  const writes = world.history().length;
  assert.equal(await client.finish(task, end), ended);
  // Also where nobody remembers the request.
  assert.equal(await client.finish(task, { ...end, request: 'f2' }), ended);
  await clock.advance(1_000);
  assert.is(world.history().length, writes);
  assert.equal(record(addressFor('a')).error, { message: 'no', type: 'ValueError' });
});

test('O2 another worker, a wrong fence and a wrong secret change nothing', async () => {
  const opened = await open();
  const { stage, client, record } = opened;
  const task = await claimed(opened);
  const liar = clientOf(stage, 'py', 'the secret of somebody else');
  for (const wrong of [liar, clientOf(stage, 'other')]) {
    assert.is((await wrong.finish(task, { outcome: 'success' })).code, 'LEASE_LOST');
    const told = await wrong.beat([{ ...task, abortable: true, finishing: true, progress: 0.5 }]);
    assert.equal(told.lost, [{ address: task.address, fence: task.fence }]);
  }
  const { epoch, revision } = task.fence;
  const forged = { ...task, fence: { epoch, revision: revision + 1 } };
  assert.is((await client.finish(forged, { outcome: 'success' })).code, 'LEASE_LOST');
  assert.is((await client.finish({ ...task, address: 'nonsense' }, { outcome: 'success' })).code, 'INVALID_ARGUMENT');
  const { status, abortable, finishing, progress } = record(addressFor('a'));
  assert.equal([status, abortable, finishing, progress], ['in_progress', undefined, undefined, undefined]);
});

test('O2 what is malformed is refused with a code and harms nobody', async () => {
  const { client, world, clock } = await open();
  const bad = async (verb: string, body: object, type?: string) => {
    const answer = await client.ask(verb, { ...body }, type === undefined ? {} : { type });
    return answer?.code;
  };
  const claim = { request: 'r', types: ['job'] };
  assert.is(await bad('claim', { ...claim, types: [] }), 'INVALID_ARGUMENT');
  assert.is(await bad('claim', { ...claim, types: ['a b'] }), 'INVALID_ARGUMENT');
  assert.is(await bad('claim', { ...claim, types: ['job', 'mail'] }, 'job'), 'INVALID_ARGUMENT');
  assert.is(await bad('claim', { ...claim, definitions: [{ type: 'mail' }] }), 'INVALID_ARGUMENT');
  assert.is(await bad('claim', { ...claim, types: ['baton.bulk'] }), 'INVALID_ARGUMENT', "Baton's own");
  assert.is(await bad('claim', { request: 'r' }, 'baton.bulk'), 'INVALID_ARGUMENT', 'nor by the subject');
  assert.is(await bad('claim', { ...claim, max: 0 }), 'INVALID_ARGUMENT');
  assert.is(await bad('claim', { ...claim, wait: 1e9 }), 'INVALID_ARGUMENT');
  assert.is(await bad('claim', { ...claim, surprise: 1 }), 'INVALID_ARGUMENT');
  assert.is(await bad('claim', { ...claim, worker: 'a.b' }), 'INVALID_ARGUMENT');
  assert.is(await bad('claim', { ...claim, secret: 'short' }), 'INVALID_ARGUMENT');
  assert.is(await bad('claim', { ...claim, v: 2 }), 'VERSION_UNSUPPORTED');
  assert.is(await bad('beat', {}), 'INVALID_ARGUMENT');
  assert.is(await bad('finish', { request: 'r', address: 'x', fence: {}, outcome: 'won' }), 'INVALID_ARGUMENT');
  assert.is(await bad('rob', {}), 'INVALID_ARGUMENT');
  const raw = await clock.settle(world.ask({ verb: 'beat', bytes: Uint8Array.of(0xc1, 0xff) }, 1_000));
  assert.match(new TextDecoder().decode(raw), 'INVALID_ARGUMENT');
});

test('O1 a cancel is told by a beat, its proof is kept, and the task ends as aborted', async () => {
  const opened = await open();
  const { client, clock, tell, record } = opened;
  const task = await claimed(opened);
  const address = addressFor('a');
  assert.equal((await client.beat([{ ...task, abortable: true }])).abort, []);
  await clock.advance(100);
  const { id } = record(address);
  await tell(address, () => ({
    kind: 'cancel',
    at: clock.now(),
    actor: { user: 'alice', admin: false },
    id,
    force: false,
  }));
  await clock.advance(1_200);
  assert.equal((await client.beat([{ ...task, abortable: true }])).abort, [
    { address: task.address, fence: task.fence, cause: 'cancel' },
  ]);
  assert.is((await client.finish(task, { outcome: 'success' })).code, 'ABORTING');
  await client.beat([{ ...task, observed: true }]);
  assert.equal(await client.finish(task, { outcome: 'stopped' }), { ok: true, status: 'aborted' });
  const { abort } = record(address);
  assert.ok(abort?.deliveredAt !== undefined && abort.observedAt !== undefined && abort.stoppedAt !== undefined);
  assert.ok(abort.deliveredAt <= abort.observedAt && abort.observedAt <= abort.stoppedAt);
});

test('O1 a timeout is kept by the supervisor, and a stop nobody asked for is refused', async () => {
  const { client, clock, submit, record } = await open();
  await submit('a', { policy: { timeoutMs: 3_000 } });
  const task = only(await client.claim({ wait: 5 }));
  assert.is(task.timeout, 3);
  await client.beat([{ ...task, abortable: true }]);
  assert.is((await client.finish(task, { outcome: 'stopped' })).code, 'NOT_ABORTING');
  await clock.advance(3_400);
  const { abort } = await client.beat([task]);
  assert.equal(abort, [{ address: task.address, fence: task.fence, cause: 'timeout' }]);
  const error = { message: 'handler broke', type: 'OSError' };
  await client.finish(task, { outcome: 'stopped', handler_errors: [error] });
  assert.equal([record(addressFor('a')).status, record(addressFor('a')).error], ['failure', error]);
});

test('O1 failures are tried again as the policy says, and what a former run kept comes along', async () => {
  const { client, clock, submit, record } = await open();
  await submit('a', { policy: { maxAttempts: 3, backoff: { initialMs: 500, factor: 1, maxMs: 500, jitter: 0 } } });
  const first = only(await client.claim({ wait: 5 }));
  const failure = { outcome: 'failure', error: { message: 'x' }, payload: { page: 7 }, progress: { count: 7 } };
  assert.is((await client.finish(first, failure)).status, 'pending');
  const at = clock.monotonic();
  const second = only(await client.claim({ wait: 10 }));
  assert.ok(clock.monotonic() - at >= 500);
  assert.equal([second.attempt, second.previous], [2, { progress: { count: 7 }, payload: { page: 7 } }]);
  assert.is((await client.finish(second, { ...failure, terminal: true })).status, 'failure');
  assert.is(record(addressFor('a')).failures, 2);
});

test('O1 a task that is given back waits for anybody, with nothing counted', async () => {
  const opened = await open();
  const { client, record, stage } = opened;
  const task = await claimed(opened);
  assert.is((await client.finish(task, { outcome: 'give_back', why: 'drain' })).status, 'pending');
  const { failures, rescues, status } = record(addressFor('a'));
  assert.equal([status, failures, rescues], ['pending', undefined, undefined]);
  const next = only(await clientOf(stage, 'other').claim({ wait: 5 }));
  assert.equal([next.key, next.attempt], ['a', 1]);
});

test('O1 while a worker beats its task is left to it, and within 8 s of its last beat it is rescued', async () => {
  const opened = await open();
  const { client, clock, record, stage } = opened;
  const task = await claimed(opened);
  await beatFor(stage, client, 30_000, [task]);
  assert.is(record(addressFor('a')).status, 'in_progress');
  const took = await until(stage, 8_000, () => record(addressFor('a')).status === 'pending');
  assert.ok(took >= 5_000, `${took}`);
  assert.is(record(addressFor('a')).rescues, 1);
  // It comes back: what it had is not its own any more.
  await clock.advance(1_000);
  assert.equal((await client.beat([task])).lost, [{ address: task.address, fence: task.fence }]);
  assert.is((await client.finish(task, { outcome: 'success' })).code, 'LEASE_LOST');
});

test('O1 what a beat brings is kept by the end that comes right behind it', async () => {
  const ends = [
    { outcome: 'success' as const },
    { outcome: 'success' as const, handler_errors: [{ message: 'x' }] },
    { outcome: 'wait' as const, wait: { signal: 'go', number: 1 } },
    { outcome: 'give_back' as const, why: 'drain' },
  ];
  for (const end of ends) {
    for (const isThrottled of [false, true]) {
      const { clock, world, submit, claim, record } = await open();
      const address = addressFor('a');
      await submit('a');
      const { fence = { epoch: 0, revision: 0 } } = (await claim(address, 'py')).owner ?? {};
      const ports = world.ports('speaker');
      const parts = { ports, kernel: createKernel(ports), log: silentLog, once: { say: () => {} } };
      const worker = new RemoteWorker({ ...parts, supervisor: 'speaker', name: 'py', former: undefined });
      const beat = (news: object) =>
        worker.beat({ v: 1, worker: 'py', running: [{ address, fence, ...news }] } as unknown as BeatRequest);
      await clock.settle(beat(isThrottled ? { progress: [1, 4] } : {}));
      await clock.advance(150);
      // As two messages of one piece that was read from the connection: nothing happens between them.
      const told = beat({ progress: [4, 4], payload: { at: 4 } });
      const ended = worker.finish({
        v: 1,
        worker: 'py',
        request: 'f',
        address,
        fence,
        ...end,
      } as unknown as FinishRequest);
      await clock.settle(Promise.all([told, ended]));
      await clock.advance(3_000);
      const { progress, payload } = record(address);
      const story = `${JSON.stringify(end)}${isThrottled ? ', throttled' : ''}`;
      assert.equal(progress, { current: 4, total: 4 }, story);
      assert.ok(payload !== undefined, story);
      void worker.end();
      await clock.advance(100);
    }
  }
});

test('O1 a worker that dies right behind a claim is given nothing any more once it is found dead', async () => {
  for (const seed of seeds(12)) {
    const { clock, submit, supervise, record, ...stage } = createStage(seed, { onlooker: false });
    const all = { clock, submit, supervise, record, ...stage };
    await supervise('s1');
    // They look who is dead at times of their own.
    await clock.advance(1_000 + ((seed * 37) % 250));
    await supervise('s2');
    await clock.advance(3_000);
    const address = addressFor(`a${seed}`);
    await submit(`a${seed}`);
    const dead = clientOf(all, `dead${seed}`);
    await dead.beat([], { concurrency: 8 });
    only(await dead.claim({ max: 8, wait: 1, concurrency: 8 }));
    await clock.advance(400);
    // It has room for more, and asks: too soon for its lease to be renewed. Then it is heard of no more.
    void clientOf(all, `dead${seed}`, undefined, false).claim({ max: 7, wait: 10, concurrency: 8 });
    await clock.advance(50);
    const other = clientOf(all, `other${seed}`, undefined, false);
    let next: WorkTask | undefined;
    void other.claim({ max: 8, wait: 25 }).then(({ tasks = [] }) => (next = tasks[0]));
    await until(all, 20_000, () => {
      void other.beat();
      return next !== undefined;
    });
    assert.equal([next?.attempt, record(address).rescues], [2, 1], `seed ${seed}`);
  }
});

test('O1 who says that it goes is not waited for', async () => {
  const opened = await open();
  const { client, record, stage } = opened;
  await claimed(opened);
  await client.beat([], { state: 'gone' });
  await until(stage, 1_000, () => record(addressFor('a')).status === 'pending');
});

test('O1 a task whose worker never heard of it is taken back', async () => {
  const opened = await open();
  const { client, stage, record } = opened;
  await claimed(opened);
  // Its answer was lost, and it lives on without it.
  await beatFor(stage, client, 14_000);
  const { status, rescues, history } = record(addressFor('a'));
  assert.equal([status, rescues, history.at(-1)?.why], ['pending', undefined, 'its worker does not run it']);
});

test('O1 cleanup handlers: too late for a cancel, and what the body came to stands', async () => {
  const opened = await open();
  const { client, clock, stage, record } = opened;
  const task = await claimed(opened);
  const finishing = { outcome: 'success', result: 41 };
  await beatFor(stage, client, 2_000, [{ ...task, finishing }]);
  assert.is(record(addressFor('a')).finishing, true);
  await until(stage, 9_000, () => record(addressFor('a')).status === 'success');
  assert.is(record(addressFor('a')).rescues, undefined);
  await clock.advance(100);
});

test('O1 a worker and its definitions are seen like any other', async () => {
  const { client, clock, world, stage } = await open();
  const asked = await client.claim({ queues: ['default', 'mail'], concurrency: 7, host: 'h1', pid: 12 });
  assert.equal(asked.ask, ['definitions']);
  const definitions = [{ type: 'job', scope: 'shared', timeout: '5m', max_attempts: 3, title: 'A job' }];
  const told = await client.claim({ queues: ['default', 'mail'], concurrency: 7, definitions });
  assert.is(told.ask, undefined);
  await client.beat([], { host: 'h1', pid: 12 });
  const seen: unknown[] = [];
  const watching = { left: () => {}, caughtUp: () => {}, lost: () => {} };
  await clock.settle(
    world.ports('look').presence.follow({
      ...watching,
      seen: ({ role, id, queues, types, concurrency, host, pid }) => {
        if (role === 'worker' && id === told.as) seen.push({ queues, types, concurrency, host, pid });
      },
    }),
  );
  await beatFor(stage, client, 2_000);
  assert.equal(seen.at(-1), { queues: ['default', 'mail'], types: ['job'], concurrency: 7, host: 'h1', pid: 12 });
  const kept = await clock.settle(world.ports('look').definitions.load('job'));
  assert.equal([kept?.kept.definition.scope, kept?.kept.definition.policy.timeoutMs], ['shared', 300_000]);
});

test('O1 a drain: nothing new, and what runs may end', async () => {
  const opened = await open();
  const { client, asks, submit, stage, record } = opened;
  const task = await claimed(opened);
  const waiting = asks.claim({ wait: 10 });
  await client.beat([task], { state: 'draining' });
  assert.equal((await stage.clock.settle(waiting)).tasks, []);
  await submit('b');
  await beatFor(stage, client, 4_000, [task]);
  assert.is(record(addressFor('b')).status, 'pending');
  assert.is((await client.finish(task, { outcome: 'success' })).status, 'success');
});

test('O1 a supervisor dies: another one goes on with the worker and what it runs', async () => {
  const opened = await open('s1', 's2', 's3');
  const { client, clock, world, submit, record, stage } = opened;
  const task = await claimed(opened);
  const { supervisor = '' } = await client.beat([task]);
  world.node(supervisor).crash();
  await submit('b');
  let answer: WorkAnswer | undefined;
  const took = clock.monotonic();
  while (answer === undefined)
    answer = await client.ask('beat', { running: [{ address: task.address, fence: task.fence }] }, { timeoutMs: 500 });
  assert.ok(clock.monotonic() - took < 4_000, `${clock.monotonic() - took} ms`);
  assert.is.not(answer.supervisor, supervisor);
  assert.equal([answer.lost, answer.abort], [[], []]);
  assert.is(only(await client.claim({ wait: 5 })).key, 'b');
  await beatFor(stage, client, 20_000, [task]);
  assert.is(record(addressFor('a')).attempt, 1);
  assert.is((await client.finish(task, { outcome: 'success', result: 1 })).status, 'success');
});

test('O1 a supervisor that stops answers claims that wait, and one that comes takes its share', async () => {
  const opened = await open('s1');
  const { stage, clock } = opened;
  const clients = Array.from({ length: 12 }, (_, i) => clientOf(stage, `w${i}`, undefined, false));
  const settled: WorkAnswer[] = [];
  for (const client of clients) void client.claim({ wait: 20 }).then((answer) => settled.push(answer));
  await clock.advance(500);
  const second = await stage.supervise('s2');
  await clock.advance(2_000);
  assert.ok(
    settled.length > 0 && settled.every(({ code }) => code === 'NOT_CONNECTED'),
    'those that are not its own any more: to be asked again there',
  );
  const answers = await clock.settle(Promise.all(clients.map((client) => client.beat())));
  const speakers = new Set(answers.map(({ supervisor = '' }) => supervisor));
  assert.equal([speakers.has('s1'), speakers.has('s2')], [true, true]);
  await clock.settle(second.stop());
  await clock.advance(1_000);
  const later = await clock.settle(Promise.all(clients.map((client) => client.beat())));
  assert.equal([...new Set(later.map(({ supervisor }) => supervisor))], ['s1']);
});

test('O1 a supervisor goes: what it was told last of a run is in the record, and nothing of it is lost on the way to the next one', async () => {
  for (const comes of ['in its place', 'beside it'] as const) {
    const opened = await open('s1');
    const { client, clock, record, stage } = opened;
    const task = await claimed(opened);
    const news = [
      { progress: [1, 3], payload: { at: 1 }, tags: { phase: 'load' } },
      { progress: [3, 3], payload: { at: 3 }, tags: { phase: 'done' } },
    ];
    for (const each of news) {
      const answer = await client.ask('beat', { running: [{ address: task.address, fence: task.fence, ...each }] });
      assert.is(answer?.ok, true);
      await clock.advance(300);
    }
    if (comes === 'in its place') {
      await stage.supervise('s2');
      await clock.settle(opened.stopFirst());
    } else for (let i = 2; i < 9; i++) await stage.supervise(`s${i}`);
    for (let i = 0; i < 5; i++) {
      await clock.advance(2_000);
      await client.ask('beat', { running: [{ address: task.address, fence: task.fence }] }, { timeoutMs: 500 });
    }
    await client.finish(task, { outcome: 'success' });
    const { progress, tags, status } = record(addressFor('a'));
    assert.equal([status, progress, tags], ['success', { current: 3, total: 3 }, { phase: 'done' }], comes);
  }
});

test('O1 a supervisor that goes writes nothing over what the next one was told meanwhile', async () => {
  const { clock, world, submit, claim, record } = await open();
  const address = addressFor('a');
  await submit('a');
  const { fence = { epoch: 0, revision: 0 } } = (await claim(address, 'py')).owner ?? {};
  const speakers = ['first', 'second'].map((name) => {
    const ports = world.ports(name);
    const parts = { ports, kernel: createKernel(ports), log: silentLog, once: { say: () => {} } };
    const worker = new RemoteWorker({ ...parts, supervisor: name, name: 'py', former: undefined });
    const tell = (count: number) =>
      clock.settle(
        worker.beat({ v: 1, worker: 'py', running: [{ address, fence, progress: count }] } as unknown as BeatRequest),
      );
    return { worker, tell };
  });
  const [first, second] = speakers;
  await first?.tell(1);
  await clock.advance(100);
  await first?.tell(2);
  await second?.tell(3);
  await clock.advance(100);
  assert.equal(record(address).progress, { count: 3 });
  await clock.settle(first?.worker.leave() ?? Promise.resolve());
  assert.equal(record(address).progress, { count: 3 });
  await clock.settle(second?.worker.end() ?? Promise.resolve());
});

test('O1 a supervisor that comes reads the records of some at a time, and says of which it has heard nothing yet', async () => {
  const opened = await open('s1');
  const { client, clock, submit, record, stage } = opened;
  const COUNT = 260;
  const tasks: WorkTask[] = [];
  for (let i = 0; i < COUNT; i++) await submit(`a${i}`);
  while (tasks.length < COUNT) {
    tasks.push(...((await client.claim({ wait: 5, max: COUNT - tasks.length })).tasks ?? []));
    await client.beat(tasks);
  }
  await stage.supervise('s2');
  await clock.settle(opened.stopFirst());
  const running = tasks.map(({ address, fence }) => ({ address, fence, progress: [7, 9], tags: { phase: 'late' } }));
  // As a worker does: what was heard is said once, and the others are named again.
  let left: readonly { readonly address: string }[] = running;
  for (let beats = 0; left.length > 0; beats++) {
    assert.ok(beats < 20);
    const named = new Set(left.map(({ address }) => address));
    const said = running.map(({ address, fence, ...news }) => ({
      address,
      fence,
      ...(named.has(address) ? news : {}),
    }));
    const answer = await client.ask('beat', { running: said }, { timeoutMs: 500 });
    if (answer?.ok === true) left = answer.unheard ?? [];
    await clock.advance(200);
  }
  for (const task of tasks) await client.finish(task, { outcome: 'success' });
  const untold = tasks.filter(({ key }) => record(addressFor(key)).tags?.['phase'] !== 'late');
  assert.is(untold.length, 0);
});

test('O1 that a body has ended is told where its record has no room for what it came to', async () => {
  const opened = await open();
  const { client, clock, tell, record } = opened;
  const task = await claimed(opened);
  const address = addressFor('a');
  for (let i = 0; i < 8; i++) {
    const actor = { user: 'alice', admin: false };
    const data = encodeData('x'.repeat(65_000));
    await tell(address, ({ id }) => ({ kind: 'signal', at: clock.now(), actor, id, signal: `s${i}`, name: 'n', data }));
  }
  await client.beat([{ ...task, abortable: true }]);
  const finishing = { outcome: 'success', result: 'y'.repeat(8_000) };
  await client.beat([{ ...task, abortable: true, finishing }]);
  await clock.advance(500);
  assert.is(record(address).finishing, true);
  await client.finish(task, { outcome: 'success', result: 'y'.repeat(8_000) });
  assert.is(record(address).status, 'success');
});

test.run();
