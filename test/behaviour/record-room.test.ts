// limit: 180s
// R9: what others add to a record is refused while it has room for its own way to its end.
import { connect, getContext, task, type TaskHandle } from '@baton/sdk';
import * as assert from 'uvu/assert';
import { runCli } from '../support/cli.ts';
import { eventually } from '../support/eventually.ts';
import { startGateway } from '../support/page-fixture.ts';
import { aborted, gate, recordingLog, stagedSuite, statuses, thrownBy, until, type Stage } from '../support/stage.ts';

const test = stagedSuite('room in a record');

const LIMIT = { limitMs: 90_000 };

/** User ids of the greatest length, in letters of the widest kind. */
const longName = (n: number): string => `${n}-`.padEnd(256, '\u{6f22}');

type Join = (user: string) => Promise<TaskHandle>;

const shortName = (n: number): string => n.toString(36);

/** Users join, many at once, until no more can: at first with long names, then with short ones. */
const fill = async (join: Join, nameOf = longName): Promise<readonly TaskHandle[]> => {
  const joined: TaskHandle[] = [];
  for (let n = 0; ; n += 100) {
    const names = Array.from({ length: 100 }, (_, i) => nameOf(n + i));
    const results = await Promise.allSettled(names.map(join));
    const refused = results.flatMap((one) =>
      one.status === 'rejected' ? [one.reason as Error & { code?: string }] : [],
    );
    joined.push(...results.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : [])));
    assert.ok(
      refused.every(({ code }) => code === 'RECORD_FULL'),
      refused.find(({ code }) => code !== 'RECORD_FULL')?.message ?? '',
    );
    if (refused.length > 0) return nameOf === shortName ? joined : [...joined, ...(await fill(join, shortName))];
  }
};

const joinerOf =
  (stage: Stage, schedule: () => Promise<TaskHandle>): Join =>
  (user) =>
    stage.as(user).within(schedule);

test(
  'R9 a full record: refused at every door, payload left out and said, a retry, and the result beside it',
  async (stage, context) => {
    const { log, lines } = recordingLog();
    const [hold, first] = [gate(), gate()];
    const result = 'r'.repeat(60_000);
    const body = task(
      { name: 'r9.full', scope: 'shared', retry: { maxAttempts: 2, backoff: { initial: '50ms' } } },
      async () => {
        const { updateTask, attempt } = getContext();
        await first.passed;
        updateTask({ progress: [attempt, 2], payload: { much: 'p'.repeat(50_000) } }, { immediate: true });
        await hold.passed;
        if (attempt === 1) throw Object.assign(new Error('e'.repeat(4_000)), { stack: '\u{6f22}'.repeat(20_000) });
        return result;
      },
    ).with({ taskKey: 'full' });
    await stage.serve(context, [body], { log });
    const handle = await stage.as('alice').within(() => body.schedule());
    await until(handle, ({ status }) => status === 'in_progress');
    const joined = await fill(joinerOf(stage, () => body.schedule()));
    assert.ok(joined.length > 500, `${joined.length} joined`);

    // Who is there already may come again; nobody else, by whatever door.
    assert.is((await stage.as('alice').within(() => body.schedule())).uuid, handle.uuid);
    const user = longName(99_999);
    const publisher = await connect({
      ...{ servers: stage.natsUrl, namespace: stage.namespace, role: 'publisher' },
      user: { id: user },
    });
    context.defer(() => publisher.close());
    const refused = await thrownBy(() => publisher.within(() => body.schedule()));
    assert.equal([refused.code, refused.name], ['RECORD_FULL', 'RecordFullError']);
    const { url } = await startGateway(context, stage, { BATON_AUTH: 'dev' });
    const answer = await fetch(`${url}/api/v1/task/`, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        cookie: 'baton_dev_user=bob',
        'x-baton-csrf': '1',
      },
      body: JSON.stringify({ type: 'r9.full', task_key: 'full', scope: 'shared', args: [] }),
    });
    assert.equal([answer.status, ((await answer.json()) as { code: string }).code], [413, 'RECORD_FULL']);

    first.open();
    await until(handle, ({ progress }) => progress !== undefined);
    await eventually(() => assert.ok(lines.some(({ msg }) => /a payload could not be stored/.test(msg))));
    assert.is(handle.record.payload, undefined);
    hold.open();
    await handle.wait({ timeout: '60s' });
    assert.equal([handle.status, handle.attempt, handle.result], ['success', 2, result]);
    assert.equal(statuses(handle), ['pending', 'in_progress', 'pending', 'in_progress', 'success']);
    assert.not.instance(handle.record.result, Uint8Array, 'it lies in the object store');
    const document = await stage.document(handle.uuid, ({ terminal }) => terminal);
    assert.is(document.subscriber_ids.length, joined.length + 1);
  },
  LIMIT,
);

test(
  'R9 full while it waits: it is claimed all the same, and stopped by an admin',
  async (stage, context) => {
    const body = task({ name: 'r9.waiting', scope: 'shared' }, () => aborted(getContext().signal)).with({
      taskKey: 'waiting',
    });
    const handle = await stage.as('alice').within(() => body.schedule());
    await fill(joinerOf(stage, () => body.schedule()));
    const named = async (): Promise<string> => (await runCli(stage, ['doctor'])).stdout;
    await eventually(
      async () => assert.match(await named(), `full record       task ${handle.uuid}: its record holds 5`),
      {
        limitMs: 20_000,
      },
    );
    await stage.serve(context, [body]);
    await until(handle, ({ isAbortable }) => isAbortable);
    const { action } = await (await stage.admin.open(handle)).cancel({ force: true });
    assert.is(action, 'aborted');
    await handle.wait({ timeout: '60s' });
    assert.is(handle.status, 'aborted');
    await eventually(async () => assert.not.match(await named(), handle.uuid), { limitMs: 20_000 });
  },
  LIMIT,
);

test(
  'R9 twenty large tasks wait behind an aborting one and are cancelled: each leaves at once, none vanishes',
  async (stage, context) => {
    const hold = gate();
    const body = task({ name: 'r9.behind' }, async (load: string) => {
      if (load !== '') return 'ran';
      await aborted(getContext().signal);
      await hold.passed;
      return undefined;
    }).with({ taskKey: 'behind' });
    await stage.serve(context, [body]);
    const alice = stage.as('alice');
    const old = await alice.within(() => body.schedule(''));
    await until(old, ({ isAbortable }) => isAbortable);
    await old.cancel();
    await until(old, ({ status }) => status === 'aborting');
    const cancelled: TaskHandle[] = [];
    for (let n = 0; n < 20; n++) {
      const waiting = await alice.within(() => body.schedule(`${n}`.padEnd(60_000, 'x')));
      assert.is(waiting.outcome, 'created');
      assert.is((await waiting.cancel()).action, 'aborted');
      assert.is(waiting.status, 'aborted');
      assert.is((await thrownBy(() => waiting.cancel())).code, 'TASK_ABORT_FAILED');
      cancelled.push(waiting);
    }
    const last = await alice.within(() => body.schedule('last'));
    await eventually(async () => {
      await old.refresh();
      const { successor } = old.record;
      assert.equal([successor?.spec.id, successor?.cancelled, successor?.next], [last.uuid, undefined, undefined]);
    });
    hold.open();
    await old.wait({ timeout: '30s' });
    await last.wait({ timeout: '30s' });
    assert.equal([old.status, last.status, last.result], ['aborted', 'success', 'ran']);
    for (const [n, { uuid }] of cancelled.entries()) {
      const document = await stage.document(uuid, ({ terminal }) => terminal);
      assert.equal(
        [document.status, document.abort?.requested_by, (document.args ?? '').length],
        ['aborted', 'user:alice', 60_000 + 4],
        `${n}`,
      );
    }
    // What was cancelled while it waited can be run again, with its arguments.
    const again = await cancelled[0]?.retry();
    await again?.wait({ timeout: '30s' });
    assert.equal([again?.status, again?.result], ['success', 'ran']);
  },
  LIMIT,
);

test.run();
