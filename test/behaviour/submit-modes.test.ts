// limit: 120s
// Q10, Q11: what a submit does where its key has a task already, and tasks that are to be started in time; at every door.
import { connect, task, type CallOptions, type TaskHandle } from '@baton/sdk';
import * as assert from 'uvu/assert';
import { startCallers } from '../support/callers.ts';
import { runCli } from '../support/cli.ts';
import { ask, namesFor } from '../support/command-client.ts';
import { eventually } from '../support/eventually.ts';
import { stagedSuite, thrownBy, type Stage } from '../support/stage.ts';

const test = stagedSuite('behaviour: modes of a submit', { workers: 0 });

/** Bodies that end when they are told to, and say with which arguments they ran. */
const gate = (name: string, options: object = {}) => {
  const ran: unknown[] = [];
  const open: (() => void)[] = [];
  const made = task({ name, scope: 'shared', ...options }, async (value: unknown) => {
    ran.push(value);
    await new Promise<void>((resolve) => open.push(resolve));
    return value;
  });
  const next = () =>
    eventually(() => {
      const end = open.shift();
      assert.ok(end !== undefined, 'no body is waiting');
      end();
    });
  return { task: made, ran, next };
};

const alice = (stage: Stage) => stage.as('alice');

const outcomes = (handles: readonly TaskHandle[]): readonly unknown[] => handles.map(({ outcome }) => outcome);

test('Q10 coalesce and replace: at most one more run after the active one, and replace has the last word', async (stage, context) => {
  for (const mode of ['coalesce', 'replace'] as const) {
    const { task: type, ran, next } = gate(`q10.${mode}`);
    await stage.serve(context, [type]);
    const submit = (value: number) => alice(stage).schedule(type, [value], { taskKey: 'k', mode });
    const first = await submit(1);
    await eventually(() => assert.equal(ran, [1]));
    const later = await Promise.all([2, 3, 4, 5].map(submit));
    assert.equal(new Set(later.map(({ uuid }) => uuid)).size, 1, 'one more');
    const come = mode === 'coalesce' ? 'joined' : 'replaced';
    assert.equal(outcomes(later).filter((outcome) => outcome === 'created').length, 1);
    assert.equal(outcomes(later).filter((outcome) => outcome === come).length, 3);
    assert.is(first.outcome, 'created');
    await next();
    await eventually(() => assert.is(ran.length, 2));
    await next();
    const end = await later[0]!.wait({ timeout: '30s' });
    assert.equal([end.status, ran.length], ['success', 2]);
    if (mode === 'replace') {
      const sixth = await submit(6);
      await eventually(() => assert.is(ran.at(-1), 6));
      await next();
      assert.is((await sixth.wait({ timeout: '30s' })).result, 6);
    }
  }
});

test('Q10 five hundred callers of one key in four processes: each has his exact answer', async (stage, context) => {
  const callers = await startCallers(context, stage, 4);
  const ways = [
    [{ mode: 'coalesce' }, 'joined'],
    [{ mode: 'replace' }, 'replaced'],
    [{ mode: 'debounce', window: '1h' }, 'debounced'],
    [{ mode: 'throttle', window: '1h' }, 'joined'],
  ] as const;
  for (const [how, come] of ways) {
    const users = Array.from({ length: 125 }, (_, i) => `${how.mode}-${i}`);
    const order = { key: how.mode, users, bodyMs: 0, isUnserved: true, how };
    const answers = (await Promise.all(callers.map((caller) => caller.ask(order)))).flat();
    const count = (wanted: string) => answers.filter(({ outcome }) => outcome === wanted).length;
    const ids = [...new Set(answers.map(({ id }) => id))];
    assert.equal([count('created'), count(come), ids.length], [1, 499, 1], JSON.stringify(answers.at(-1)));
    const document = await stage.document(ids[0] ?? '', ({ dedupe_count: joined }) => joined === 499);
    assert.equal(document.subscriber_ids.toSorted(), users.toSorted());
  }
});

test('Q10 replace takes large arguments along, which stay as long as their task', async (stage, context) => {
  const sizes: number[] = [];
  const type = task({ name: 'q10.large' }, (text: string) => void sizes.push(text.length));
  const options: CallOptions = { taskKey: 'k', mode: 'replace', delay: 2 };
  const submit = (length: number) => alice(stage).schedule(type, ['x'.repeat(length)], options);
  const first = await submit(10);
  const second = await submit(300_000);
  assert.equal([second.outcome, second.uuid], ['replaced', first.uuid]);
  const { args } = (await first.refresh()).record;
  assert.ok(args !== undefined && 'object' in args && args.object.includes(`/${first.uuid}/args-`));
  await stage.serve(context, [type]);
  await first.wait({ timeout: '30s' });
  assert.equal(sizes, [300_000]);
});

test('Q10 debounce: the window restarts with every submit, the longest wait ends it, the last arguments run', async (stage, context) => {
  const ran: number[] = [];
  const type = task({ name: 'q10.debounce' }, (n: number) => void ran.push(n));
  await stage.serve(context, [type]);
  const options = { taskKey: 'k', mode: 'debounce', window: 1, maxWait: 2.5 } as const;
  const first = await alice(stage).schedule(type, [0], options);
  let last = 0;
  const seen = new Set<unknown>();
  // Somebody comes all the time: without a longest wait it would never start.
  await eventually(
    async () => {
      if (ran.length > 0) return;
      const n = last + 1;
      seen.add((await alice(stage).schedule(type, [n], options)).outcome);
      last = n;
      assert.ok(ran.length > 0, 'it has not begun');
    },
    { limitMs: 15_000, everyMs: 50 },
  );
  const { started_at: startedAt, created_at: createdAt } = await stage.document(first.uuid, (d) => d.terminal);
  const waited = (startedAt?.getTime() ?? 0) - createdAt.getTime();
  assert.ok(waited >= 2_500 && waited <= 3_500, `started after ${waited} ms`);
  assert.ok(seen.has('debounced'), 'it was put off');
  // The one that came while it began may have been too late for it.
  assert.ok(ran[0] === last || ran[0] === last - 1, `ran with ${ran[0]} of ${last}`);
});

test('Q10 throttle: one in a window, also after it has ended, and who may not see it learns no more', async (stage, context) => {
  const type = task({ name: 'q10.throttle', scope: 'shared' }, () => 7);
  await stage.serve(context, [type]);
  const options = { taskKey: 'k', mode: 'throttle', window: 3 } as const;
  const first = await alice(stage).schedule(type, [], options);
  await first.wait({ timeout: '30s' });
  const second = await alice(stage).schedule(type, [], options);
  assert.equal([second.outcome, second.uuid, second.status, second.result], ['throttled', first.uuid, 'success', 7]);
  const { name, code, message } = await thrownBy(() => stage.as('bob').schedule(type, [], options));
  assert.equal([name, code], ['TaskThrottledError', 'TASK_THROTTLED']);
  assert.match(message, /from \d{4}-.*Z on/);
  const third = await eventually(async () => {
    const made = await alice(stage).schedule(type, [], options);
    assert.is(made.outcome, 'created');
    return made;
  });
  assert.ok(third.record.createdAt - first.record.createdAt >= 3_000, 'not before the window was over');
});

test('Q10 the same mode by SDK, publisher, command and command line, and the definition says it for all of them', async (stage, context) => {
  const type = task({ name: 'q10.doors', mode: 'debounce', window: '1h', expires: '2h' }, () => 1);
  await stage.serve(context, [type], { queues: ['elsewhere'] });
  await eventually(async () => assert.ok((await stage.ports.definitions.load('q10.doors')) !== undefined));
  const publisher = await connect({
    ...{ servers: stage.natsUrl, namespace: stage.namespace, role: 'publisher', user: { id: 'alice' } },
  });
  context.defer(() => publisher.close());
  const subject = namesFor(stage).submitSubject('q10.doors');
  const taskKey = 'k';
  const byName = await alice(stage).schedule('q10.doors', [], { taskKey });
  const { runAt = 0, createdAt, latestRunAt, expiresAt } = byName.record;
  assert.equal([runAt - createdAt, latestRunAt! - createdAt], [3_600_000, 36_000_000]);
  assert.ok(Math.abs(expiresAt! - createdAt - 3 * 3_600_000) < 1_000, 'it expires two hours after it may begin');
  assert.is((await publisher.schedule('q10.doors', [2], { taskKey })).outcome, 'debounced');
  const command = await ask(stage, subject, { task_key: taskKey, args: [3], user: { id: 'alice' } });
  assert.equal([command.outcome, command.task?.id], ['debounced', byName.uuid]);
  const cli = await runCli(stage, ['submit', 'q10.doors', '4', '--key', taskKey, '--user', 'alice', '--json']);
  assert.is((JSON.parse(cli.stdout) as { outcome: string }).outcome, 'debounced');
  assert.is((await byName.refresh()).record.dedupeCount, 3);

  // A submit says it otherwise.
  const mode = 'reject';
  const refusals = [
    () => alice(stage).schedule('q10.doors', [], { taskKey, mode }),
    () => publisher.schedule('q10.doors', [], { taskKey, mode }),
  ];
  for (const attempt of refusals) {
    const { name, code, message } = await thrownBy(attempt);
    assert.equal([name, code], ['TaskActiveError', 'TASK_ACTIVE']);
    assert.match(message, /is pending/);
  }
  const refused = await ask(stage, subject, { task_key: taskKey, mode, user: { id: 'alice' } });
  assert.equal([refused.ok, refused.code], [false, 'TASK_ACTIVE']);
  const line = await runCli(stage, ['submit', 'q10.doors', '--key', taskKey, '--user', 'alice', '--mode', mode]);
  assert.match(line.stderr, /^TASK_ACTIVE: /);
  assert.not.equal(line.code, 0);
});

test('Q10 what makes no sense is refused early, by the same words at every door', async (stage) => {
  const type = 'q10.wrong';
  const subject = namesFor(stage).submitSubject(type);
  const wrong: readonly (readonly [CallOptions, object, RegExp])[] = [
    [{ taskKey: 'k', mode: 'debounce' }, { task_key: 'k', mode: 'debounce' }, /^window: mode debounce needs one/],
    [
      { taskKey: 'k', mode: 'throttle', window: '0s' },
      { task_key: 'k', mode: 'throttle', window: '0s' },
      /^window: is longer than 0, such as "5s"$/,
    ],
    [{ taskKey: 'k', window: 5 }, { task_key: 'k', window: 5 }, /^window: belongs to mode debounce or throttle/],
    [{ mode: 'coalesce' }, { mode: 'coalesce' }, /^mode: coalesce needs a task key/],
    [
      { taskKey: 'k', mode: 'debounce', window: 5, maxWait: 1 },
      { task_key: 'k', mode: 'debounce', window: 5, max_wait: 1 },
      /^max_wait: is not shorter than the window/,
    ],
    [
      { taskKey: 'k', mode: 'debounce', window: 5, delay: 1 },
      { task_key: 'k', mode: 'debounce', window: 5, delay: 1 },
      /^mode: debounce says itself when the task starts/,
    ],
    [{ expiresAt: new Date(1_000) }, { expires_at: '2001-01-01T00:00:00Z' }, /^expires_at: has passed already/],
  ];
  for (const [options, body, says] of wrong) {
    const thrown = await thrownBy(() => alice(stage).schedule(type, [], options));
    assert.is(thrown.code, 'INVALID_ARGUMENT');
    assert.match(thrown.message, says);
    const answer = await ask(stage, subject, { ...body, user: { id: 'alice' } });
    assert.equal([answer.ok, answer.code], [false, 'INVALID_ARGUMENT']);
    assert.match(answer.message ?? '', says);
  }
  const mode = 'sometimes' as 'join';
  assert.match((await thrownBy(() => alice(stage).schedule(type, [], { mode }))).message, /^mode: is one of join, /);
  assert.throws(() => task({ name: 'q10.never', mode: 'throttle' }, () => 1), /window: mode throttle needs one/);
});

test('Q11 what is not started in time ends aborted with the reason; what has begun goes on', async (stage, context) => {
  const { task: type, next } = gate('q11.late', { scope: 'private' });
  const waiting = await alice(stage).schedule(type, ['late'], { expires: 1.5 });
  const delayed = await alice(stage).schedule(type, ['delayed'], { delay: 1, expires: 1 });
  assert.equal(waiting.record.expiresAt! - waiting.record.createdAt >= 1_400, true);
  const [one, two] = await Promise.all([waiting, delayed].map((handle) => handle.wait({ timeout: '30s' })));
  for (const { status, record } of [one!, two!]) {
    assert.equal([status, record.abort?.cause, record.attempt], ['aborted', 'expired', 0]);
    assert.match(record.abort?.by ?? '', /^supervisor:/);
    const late = (record.endedAt ?? 0) - (record.expiresAt ?? 0);
    assert.ok(late >= 0 && late <= 1_000, `${late} ms late`);
    assert.match(record.history.at(-1)?.why ?? '', /^expired/);
  }
  await stage.serve(context, [type]);
  const intime = await alice(stage).schedule(type, ['in time'], { expires: 5 });
  await eventually(async () => assert.is((await intime.refresh()).status, 'in_progress'));
  const other = await alice(stage).schedule('q11.nobody', [], { expires: 5 });
  // What is to be ended at that time has been.
  assert.is((await other.wait({ timeout: '30s' })).status, 'aborted');
  await next();
  assert.is((await intime.wait({ timeout: '30s' })).status, 'success');
});

test('Q11 a supervisor that was away ends at once what has expired meanwhile', async (stage) => {
  const [supervisor] = stage.supervisors;
  await supervisor?.kill();
  const handle = await alice(stage).schedule('q11.away', [], { expires: 0.5 });
  await eventually(() => assert.ok(Date.now() > handle.record.expiresAt!));
  await supervisor?.start();
  const { status, record } = await handle.wait({ timeout: '45s' });
  assert.equal([status, record.abort?.cause], ['aborted', 'expired']);
});

test.run();
