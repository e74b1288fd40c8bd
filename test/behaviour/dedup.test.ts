// alone
// D: one key, one task. The callers of D3 and D6 are processes of their own; races against the end are in races.test.ts.
import { readFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import {
  getContext,
  InvalidArgumentError,
  task,
  TaskAbortFailedError,
  TaskAbortingError,
  WaitTimeoutError,
  type TaskHandle,
} from '@baton/sdk';
import { checkEffects, describeReport } from '@baton/testkit';
import * as assert from 'uvu/assert';
import { startCallers } from '../support/callers.ts';
import { eventually } from '../support/eventually.ts';
import { joined } from '../support/fixture-tasks.ts';
import { aborted, gate, stagedSuite, statuses, thrownBy, until, type Stage } from '../support/stage.ts';
import { effectsOf, readAllStored, readWitnessed } from '../support/system-state.ts';

const test = stagedSuite('deduplication', { workers: 2 });

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

/** Tasks nobody serves: they are active until they are cancelled. */
const waiting = (name: string, scope: 'private' | 'shared' = 'private') =>
  task({ name, scope }, (..._args: unknown[]) => 1);

const usersOf = ({ subscribers }: TaskHandle): readonly string[] => subscribers.map(({ user }) => user);

test('D1 the key is scope, type, task key, and for private tasks the user', async (stage) => {
  const [one, other] = [waiting('d1.one'), waiting('d1.other')];
  const shared = waiting('d1.one', 'shared');
  const key = { taskKey: 'the key' };
  const alice = (run: () => Promise<TaskHandle>) => stage.as('alice').within(run);
  const made = [
    await alice(() => one.with(key).schedule()),
    await alice(() => other.with(key).schedule()),
    await alice(() => shared.with(key).schedule()),
    await alice(() => one.with({ taskKey: 'THE KEY' }).schedule()),
    await stage.as('bob').within(() => one.with(key).schedule()),
  ];
  assert.equal(
    made.map(({ outcome }) => outcome),
    made.map(() => 'created'),
  );
  assert.is(new Set(made.map(({ uuid }) => uuid)).size, made.length);
  const again = await alice(() => one.with(key).schedule());
  const theirs = await stage.as('bob').within(() => shared.with(key).schedule());
  assert.equal([again.outcome, again.uuid], ['joined', made[0]?.uuid]);
  assert.equal([theirs.outcome, theirs.uuid], ['joined', made[2]?.uuid]);
});

test('D1 without a key it is a random UUID; what cannot have a key is an error', async (stage, context) => {
  const body = waiting('d1.keyless');
  const [a, b] = await stage.as('alice').within(async () => [await body.schedule(), await body.schedule()]);
  assert.is.not(a.uuid, b.uuid);
  for (const { key } of [a, b]) assert.match(key, UUID);
  const shared = await thrownBy(() => stage.as('alice').within(() => waiting('d1.shared', 'shared').schedule()));
  assert.instance(shared, InvalidArgumentError);
  const service = await stage.client(context, { servers: stage.natsUrl });
  const nobody = await thrownBy(() => service.within(() => body.schedule()));
  assert.instance(nobody, InvalidArgumentError);
});

test('D2 a second submit joins: same task, subscribed, counted, told whether his arguments differ', async (stage) => {
  const body = waiting('d2.body', 'shared').with({ taskKey: 'd2', taskName: 'the first one', timeout: 60 });
  const first = await stage.as('alice').within(() => body.schedule('first'));
  const same = await stage.as('bob').within(() => body.schedule('first'));
  const others = [
    await stage.as('carol').within(() => body.schedule('second')),
    await stage.as('dora').within(() => body.with({ timeout: 61 }).schedule('first')),
    await stage.as('emil').within(() => body.with({ taskName: 'mine' }).schedule('first')),
    await stage.as('emil').within(() => body.with({ priority: 'high' }).schedule('first')),
  ];
  assert.equal([first.outcome, first.differs], ['created', false]);
  assert.equal([same.outcome, same.differs, same.uuid], ['joined', false, first.uuid]);
  for (const { outcome, differs, uuid } of others) assert.equal([outcome, differs, uuid], ['joined', true, first.uuid]);
  await first.refresh();
  assert.equal(usersOf(first), ['alice', 'bob', 'carol', 'dora', 'emil'], 'in the order they came, once each');
  assert.equal([first.record.dedupeCount, first.name, first.record.policy.timeoutMs], [5, 'the first one', 60_000]);
  const { args } = await stage.document(first.uuid, ({ dedupe_count }) => dedupe_count === 5);
  assert.is(args, '["first"]', 'what came first stands');
});

test('D2 a running task is joined as a pending one is', async (stage, context) => {
  const hold = gate();
  let bodies = 0;
  const body = task({ name: 'd2.running', scope: 'shared' }, async () => {
    bodies++;
    await hold.passed;
    return 'one result';
  }).with({ taskKey: 'd2' });
  await stage.serve(context, [body]);
  const first = await stage.as('alice').within(() => body.schedule());
  await until(first, ({ status }) => status === 'in_progress');
  const second = await stage.as('bob').within(() => body.schedule());
  assert.equal([second.outcome, second.uuid, second.status], ['joined', first.uuid, 'in_progress']);
  hold.open();
  for (const handle of [first, second]) {
    await handle.wait({ timeout: '30s' });
    assert.is(handle.result, 'one result');
  }
  assert.is(bodies, 1);
});

test(
  'D3 a hundred callers in four processes at once: one created, all the same task, everyone subscribed',
  async (stage, context) => {
    const callers = await startCallers(context, stage, 4);
    const users = Array.from({ length: 100 }, (_, i) => `user-${i}`);
    const answers = (
      await Promise.all(
        callers.map((caller, p) =>
          caller.ask({ key: 'd3', users: users.filter((_, i) => i % callers.length === p), bodyMs: 5_000 }),
        ),
      )
    ).flat();
    assert.equal(
      answers.filter(({ error }) => error !== undefined),
      [],
    );
    assert.is(answers.filter(({ outcome }) => outcome === 'created').length, 1);
    assert.is(answers.filter(({ outcome }) => outcome === 'joined').length, 99);
    const ids = new Set(answers.map(({ id }) => id));
    assert.is(ids.size, 1);
    const document = await stage.document([...ids][0] ?? '', ({ terminal }) => terminal);
    assert.equal([document.status, document.dedupe_count], ['success', 99]);
    assert.equal(document.subscriber_ids.toSorted(), users.toSorted());
    assert.is(readWitnessed(stage.effectsPath).filter(({ task: id }) => ids.has(id)).length, 2, 'one body');
  },
  { limitMs: 40_000 },
);

for (const [processes, each] of [
  [1, 500],
  [4, 250],
] as const) {
  const total = processes * each;
  test(
    `D9 ${total} callers of one key at once in ${processes} processes: each has his exact answer`,
    async (stage, context) => {
      const callers = await startCallers(context, stage, processes);
      const users = Array.from({ length: total }, (_, i) => `d9-${i}`);
      const orders = callers.map((caller, p) => {
        const mine = users.filter((_, i) => i % processes === p);
        return caller.ask({ key: `d9-${processes}`, users: mine, bodyMs: 0, isUnserved: true });
      });
      const answers = (await Promise.all(orders)).flat();
      const errors = answers.flatMap(({ error }) => error ?? []);
      assert.equal([errors.length, errors[0]], [0, undefined]);
      assert.is(answers.filter(({ outcome }) => outcome === 'created').length, 1);
      assert.is(answers.filter(({ outcome }) => outcome === 'joined').length, total - 1);
      const ids = new Set(answers.map(({ id }) => id));
      assert.is(ids.size, 1);
      const document = await stage.document([...ids][0] ?? '', ({ dedupe_count }) => dedupe_count === total - 1);
      assert.equal(document.subscriber_ids.toSorted(), users.toSorted());
      const ms = answers.map((answer) => answer.ms).toSorted((a, b) => a - b);
      console.log(
        `${total} callers in ${processes} processes: p99 ${Math.round(ms[Math.floor(total * 0.99)] ?? 0)} ms`,
      );
    },
    { limitMs: 60_000 },
  );
}

test(
  'D9 the end of a body does not wait behind those who join',
  async (stage, context) => {
    const hold = gate();
    const body = task({ name: 'd9.end', scope: 'shared' }, async () => {
      await hold.passed;
      return 'ended';
    }).with({ taskKey: 'd9' });
    await stage.serve(context, [body]);
    const first = await stage.as('alice').within(() => body.schedule());
    await until(first, ({ status }) => status === 'in_progress');
    let isOver = false;
    const outcomes = new Set<string | undefined>();
    // Two hundred at any moment, of the worker's own process, which is where they would be in its way.
    const keepJoining = async (user: string): Promise<void> => {
      while (!isOver) {
        const handle = await stage.as(user).within(() => body.schedule());
        if (handle.uuid === first.uuid) outcomes.add(handle.outcome);
      }
    };
    const joiners = Array.from({ length: 200 }, (_, i) => keepJoining(`d9-user-${i}`));
    await eventually(() => assert.ok(outcomes.has('joined')));
    hold.open();
    await first.wait({ timeout: '60s' });
    isOver = true;
    await Promise.all(joiners);
    assert.equal([first.status, first.result, [...outcomes]], ['success', 'ended', ['joined']]);
  },
  { limitMs: 60_000 },
);

test('D4 after the end the same key makes a new task, again and again', async (stage, context) => {
  const body = task({ name: 'd4.body' }, (kind: string) => {
    if (kind === 'failure') throw new Error('no');
    return kind;
  }).with({ taskKey: 'd4' });
  await stage.serve(context, [body]);
  const ids: string[] = [];
  await stage.as('alice').within(async () => {
    for (const kind of ['success', 'failure', 'aborted', 'success', 'success']) {
      const handle = await body.with(kind === 'aborted' ? { delay: 60 } : {}).schedule(kind);
      assert.is(handle.outcome, 'created');
      if (kind === 'aborted') await handle.cancel();
      await handle.wait({ timeout: '30s' });
      assert.is(handle.status, kind);
      ids.push(handle.uuid);
    }
  });
  assert.is(new Set(ids).size, 5);
  assert.equal(ids, ids.toSorted(), 'ids sort by time');
  // Nothing is buried by the reuse of a key: each has its document.
  for (const id of ids) assert.ok((await stage.document(id, ({ terminal }) => terminal)).ended_at !== null);
});

for (const when of ['at once', 'when every projection has it'] as const)
  test(`D4 a task whose key has a newer one is there still, for who has its handle or its id and address: ${when}`, async (stage, context) => {
    const name = `d4.former_${when.length}`;
    const body = task({ name }, (kind: string) => {
      if (kind === 'failure') throw new Error('no');
      return kind;
    }).with({ taskKey: 'd4' });
    await stage.serve(context, [body]);
    const alice = stage.as('alice');
    const schedule = (kind: string, operationId?: string) =>
      alice.within(() => body.with(operationId === undefined ? {} : { operationId }).schedule(kind));
    const former = await schedule('first', `${name}-1`);
    const { uuid, address } = former;
    const ref = { uuid, address };
    const seen = await alice.open(ref);
    await seen.wait();
    if (when !== 'at once')
      await eventually(async () => assert.ok((await alice.open(ref)).record.archived === true, 'it is not marked yet'));
    const next = await schedule('failure');
    assert.equal([next.outcome, next.uuid === uuid], ['created', false]);
    const events = [];
    for await (const { status } of former.events()) events.push(status);
    assert.equal(events, ['success']);
    const opened = await alice.open(ref);
    await opened.wait();
    assert.equal([opened.status, opened.result], ['success', 'first']);
    const stale = await schedule('other', `${name}-1`);
    assert.equal([stale.uuid, stale.status, stale.outcome, stale.differs], [uuid, 'success', 'created', true]);
    assert.is((await thrownBy(() => alice.signal(ref, 'go'))).code, 'TASK_ENDED');
    assert.equal((await opened.why()).reasons, []);
    assert.is((await thrownBy(() => opened.changePriority('high'))).code, 'TASK_NOT_PENDING');
    const late = await thrownBy(() => opened.cancel());
    assert.instance(late, TaskAbortFailedError);
    const after = await alice.within(() => body.with({ taskKey: 'd4-after', dependsOn: [ref] }).schedule('after'));
    await after.wait({ timeout: '30s' });
    assert.is(after.status, 'success');
    await next.wait({ timeout: '30s' });
    const again = await alice.retry(opened);
    await again.wait({ timeout: '30s' });
    assert.equal([again.outcome, again.result], ['created', 'first']);
    for (const other of [stage.as('bob'), stage.as('carol')])
      assert.is((await thrownBy(() => other.open(ref))).code, 'TASK_NOT_FOUND');
  });

/** A task of that name which has been cancelled and does not stop before it may. */
const abortingTask = async (stage: Stage, context: { defer: (undo: () => unknown) => void }, name: string) => {
  const hold = gate();
  const starts: unknown[] = [];
  const body = task({ name, scope: 'shared' }, async (n: unknown) => {
    starts.push(n);
    if (n !== 0) return n;
    await aborted(getContext().signal);
    await hold.passed;
    return undefined;
  }).with({ taskKey: 'key' });
  await stage.serve(context, [body]);
  const old = await stage.as('alice').within(() => body.schedule(0));
  await until(old, ({ isAbortable }) => isAbortable);
  await old.cancel();
  await until(old, ({ status }) => status === 'aborting');
  return { body, old, starts, let: () => hold.open() };
};

test('D5 queue: a successor waits, is joined, and starts when the old one has ended', async (stage, context) => {
  const { body, old, starts, let: go } = await abortingTask(stage, context, 'd5.queue');
  const next = await stage.as('bob').within(() => body.schedule(1));
  assert.equal([next.outcome, next.status, next.uuid === old.uuid], ['created', 'pending', false]);
  const joiner = await stage.as('carol').within(() => body.schedule(2));
  assert.equal([joiner.outcome, joiner.uuid, joiner.differs], ['joined', next.uuid, true]);
  assert.equal(usersOf(joiner), ['bob', 'carol']);
  assert.equal(starts, [0], 'it does not start before the old one has ended');
  go();
  await old.wait({ timeout: '30s' });
  await next.wait({ timeout: '30s' });
  assert.equal([old.status, next.status, next.result], ['aborted', 'success', 1]);
  assert.equal(starts, [0, 1]);
  assert.equal(statuses(next), ['pending', 'in_progress', 'success']);
  for (const { uuid } of [old, next]) await stage.document(uuid, ({ terminal }) => terminal);
});

test('D5 a successor can be cancelled while it waits, and another takes its place', async (stage, context) => {
  const { body, old, starts, let: go } = await abortingTask(stage, context, 'd5.cancel');
  const first = await stage.as('bob').within(() => body.schedule(1));
  assert.is((await first.cancel()).action, 'aborted');
  const refused = await thrownBy(() => first.cancel());
  assert.instance(refused, TaskAbortFailedError);
  const second = await stage.as('bob').within(() => body.schedule(2));
  assert.is.not(second.uuid, first.uuid);
  go();
  await second.wait({ timeout: '30s' });
  assert.equal([second.result, starts], [2, [0, 2]], 'what was cancelled never ran');
  const documents = await Promise.all(
    [old, first, second].map(({ uuid }) => stage.document(uuid, ({ terminal }) => terminal)),
  );
  assert.equal(
    documents.map(({ status }) => status),
    ['aborted', 'aborted', 'success'],
  );
});

test('D5 join and reject: into the aborting task, or an error', async (stage, context) => {
  const { body, old, let: go } = await abortingTask(stage, context, 'd5.choice');
  const mine = await stage.as('bob').within(() => body.with({ whenAborting: 'join' }).schedule(1));
  assert.equal([mine.outcome, mine.uuid, mine.status], ['joined', old.uuid, 'aborting']);
  const refused = await thrownBy(() => stage.as('bob').within(() => body.with({ whenAborting: 'reject' }).schedule(1)));
  assert.instance(refused, TaskAbortingError);
  go();
  await mine.wait({ timeout: '30s' });
  assert.is(mine.status, 'aborted');
});

test('D6 an inline call on an active key of another process waits for its end, woken at once', async (stage) => {
  const call = joined.with({ taskKey: 'd6' });
  const scheduled = await stage.as('alice').within(() => call.schedule(1_500));
  await until(scheduled, ({ status }) => status === 'in_progress');
  let wokenAt = 0;
  const [inline] = await Promise.all([
    stage
      .as('bob')
      .within(() => call(1_500))
      .finally(() => {
        wokenAt = Date.now();
      }),
    scheduled.wait({ timeout: '30s' }),
  ]);
  assert.equal([inline.outcome, inline.uuid, inline.status], ['joined', scheduled.uuid, 'success']);
  assert.equal([inline.result, inline.record.owner?.worker === undefined], [{ attempt: 1 }, false]);
  // The store is read again only every 15 s: what comes sooner was pushed.
  const lateMs = wokenAt - (inline.record.endedAt ?? 0);
  assert.ok(lateMs < 1_000, `woken ${lateMs} ms after the end`);
});

test('D6 two inline calls run one body; a wait that is over is an error and the task runs on', async (stage) => {
  let bodies = 0;
  const hold = gate();
  const body = task({ name: 'd6.inline', scope: 'shared' }, async () => {
    bodies++;
    await hold.passed;
    return 'the one';
  }).with({ taskKey: 'd6' });
  const first = stage.as('alice').within(() => body());
  await eventually(() => assert.is(bodies, 1));
  const second = stage.as('bob').within(() => body());
  const impatient = await thrownBy(() => stage.as('carol').within(() => body.with({ waitTimeout: '100ms' })()));
  assert.instance(impatient, WaitTimeoutError);
  const watcher = await stage.as('dora').within(() => body.schedule());
  assert.instance(await thrownBy(() => watcher.wait({ timeout: '50ms' })), WaitTimeoutError);
  assert.is((await watcher.refresh()).status, 'in_progress', 'it runs on');
  hold.open();
  const [a, b] = await Promise.all([first, second]);
  assert.equal([a.uuid, a.result, b.result, bodies], [b.uuid, 'the one', 'the one', 1]);
});

test(
  'D8 over two workers no two bodies of one key ever run at once',
  async (stage) => {
    const handles: TaskHandle[] = [];
    const began = performance.now();
    const hand = async (user: string): Promise<void> => {
      while (performance.now() - began < 3_000) {
        const handle = await stage.as(user).within(() => joined.with({ taskKey: 'd8' }).schedule(5));
        handles.push(handle);
        await pause(3);
      }
    };
    await Promise.all(['alice', 'bob', 'carol', 'dora'].map(hand));
    const ids = new Set(handles.map(({ uuid }) => uuid));
    // By their documents: the record of a task is gone once its key has another.
    for (const id of ids) assert.is((await stage.document(id, ({ terminal }) => terminal)).status, 'success');
    const records = (await readAllStored(stage)).filter(({ record }) => record.type === 'fx.joined');
    const report = checkEffects({ effects: effectsOf(readWitnessed(stage.effectsPath), records), records });
    assert.ok(report.ok, describeReport(report));
    assert.ok(ids.size > 20, `${ids.size} tasks one after the other`);
    const runs = readWitnessed(stage.effectsPath).filter(({ task: id }) => ids.has(id));
    const pids = new Set(runs.map(({ pid }) => pid));
    assert.is(pids.size, 2, 'both workers took part');
    let open = 0;
    for (const { kind } of runs.toSorted((a, b) => a.at - b.at)) {
      open += kind === 'start' ? 1 : -1;
      assert.ok(open >= 0 && open <= 1, 'two bodies at once');
    }
  },
  { limitMs: 30_000 },
);

test('D8 the README says when two bodies may overlap, and what guards then', () => {
  const readme = readFileSync('README.md', 'utf8').replaceAll(/\s+/g, ' ');
  assert.match(readme, /Two handler bodies may still overlap in time/);
  assert.match(readme, /`ctx\.fence`/);
});

test.run();
