import { task, type ScheduleInfo } from '@baton/sdk';
import * as assert from 'uvu/assert';
import { suite } from '../../../../test/support/suite.ts';
import { createTestBaton } from './test-baton.ts';

const test = suite('test kit: schedules');

const scene = async (defer: (undo: () => Promise<void>) => void, length = '1s') => {
  const t = await createTestBaton();
  defer(() => t.close());
  const ran: number[] = [];
  const report = task({ name: 'report' }, async (n: number) => {
    ran.push(n);
    await t.sleep(length);
  });
  const worker = await t.startWorker({ tasks: [report] });
  const { schedules } = t.baton;
  const get = (): Promise<ScheduleInfo> => t.run(() => schedules.get('s'));
  return { t, ran, report, worker, schedules, get };
};

const kinds = ({ history }: ScheduleInfo): readonly string[] =>
  history.map((entry) => (entry.kind === 'skipped' ? `skipped ${entry.why.split(':')[0]} ${entry.count}` : entry.kind));

test('H1, H6 fires on time, is paused, resumed and triggered, and says so', async ({ defer }) => {
  const { t, ran, report, schedules, get } = await scene(defer);
  const made = await t.run(() => t.baton.schedule('s', { every: '1m', task: report, args: [1] }));
  assert.is(made.outcome, 'created');
  assert.is(made.next.length, 10);
  await t.advance('5m');
  await t.advance('1s');
  assert.is(ran.length, 5);
  await t.run(() => schedules.pause('s', 'holiday'));
  await t.advance('10m');
  assert.is(ran.length, 5);
  await t.run(() => schedules.trigger('s', { id: 'once' }));
  await t.run(() => schedules.trigger('s', { id: 'once' }));
  await t.advance('10s');
  assert.is(ran.length, 6, 'a trigger fires while it is paused, once');
  await t.run(() => schedules.resume('s'));
  await t.advance('2m');
  const info = await get();
  assert.is(ran.length, 8);
  assert.equal(kinds(info), [
    ...['set', 'started', 'started', 'started', 'started', 'started', 'paused', 'started'],
    ...['skipped paused 10', 'resumed', 'started', 'started'],
  ]);
  assert.equal([info.started, info.skipped, info.waiting], [8, 10, 0]);
  const [late] = info.history.flatMap((entry) => (entry.kind === 'started' ? [entry.at - entry.due] : []));
  assert.ok(late! >= 0 && late! <= 1_000);
});

test('H2 it is its owner who has to be able to submit it, whoever changes it', async ({ defer }) => {
  const { t, schedules, report } = await scene(defer);
  await t.startWorker({ tasks: [task({ name: 'cleaning', scope: 'system' }, () => {})] });
  await t.run(() => schedules.set('s', { every: '1m', task: report, args: [1] }));
  const admin = t.baton.as({ id: 'root', admin: true });
  const changed = { every: '1m', task: 'cleaning' } as const;
  const thrown = await t.run(() =>
    admin.schedules.set('s', changed).catch((error: Error & { code?: string }) => error),
  );
  assert.is(thrown instanceof Error && thrown.code, 'PERMISSION_DENIED');
  assert.match(thrown instanceof Error ? thrown.message : '', /is that of '\w+', who is none/);
  assert.is((await t.run(() => admin.schedules.set('of_an_admin', changed))).outcome, 'created');
});

test('H4 the same schedule again keeps its cadence, another one begins anew', async ({ defer }) => {
  const { t, ran, report, schedules } = await scene(defer);
  const options = { every: '10m', task: report, args: [1] } as const;
  const first = await t.run(() => schedules.set('s', options));
  await t.advance('9m');
  const again = await t.run(() => schedules.set('s', options));
  assert.equal([again.outcome, again.next[0]], ['unchanged', first.next[0]]);
  await t.advance('2m');
  assert.is(ran.length, 1);
  const changed = await t.run(() => schedules.set('s', { ...options, args: [2] }));
  assert.equal([changed.outcome, changed.next[0]], ['changed', again.next[1]], 'other arguments at the same times');
  const other = await t.run(() => schedules.set('s', { ...options, every: '20m' }));
  assert.is(other.next[0]!.getTime() - t.now().getTime(), 1_200_000);
});

test('H1, H4 a task may say its schedule itself: every worker that starts sets it, and the cadence stays', async ({
  defer,
}) => {
  const t = await createTestBaton();
  defer(() => t.close());
  let ran = 0;
  const sweep = task({ name: 'sweep', schedule: { every: '10m' } }, () => void ran++);
  await t.startWorker({ tasks: [sweep] });
  await t.advance('9m');
  await t.startWorker({ tasks: [sweep] });
  await t.advance('2m');
  const { history } = await t.run(() => t.baton.schedules.get('sweep'));
  assert.equal([ran, history.map(({ kind }) => kind)], [1, ['set', 'started']]);
  assert.throws(() => task({ name: 'wrong', schedule: { cron: '61 * * * *' } }, () => 1), /cron: '61/);
});

test('H3 while the task of an earlier fire runs: each policy', async ({ defer }) => {
  const counts: Record<string, readonly [number, readonly string[]]> = {};
  for (const overlap of ['skip', 'buffer_one', 'buffer_all', 'allow'] as const) {
    const { t, ran, report, get } = await scene(defer, '150s');
    await t.run(() => t.baton.schedule('s', { every: '1m', overlap, task: report, args: [1] }));
    await t.advance('290s');
    const begun = ran.length;
    const info = await get();
    counts[overlap] = [begun, kinds(info).filter((kind) => kind !== 'set')];
  }
  assert.equal(counts, {
    skip: [2, ['started', 'skipped overlap 2', 'started']],
    buffer_one: [2, ['started', 'started', 'skipped overlap 1', 'started']],
    buffer_all: [2, ['started', 'started']],
    allow: [4, ['started', 'started', 'started', 'started']],
  });
});

test('H3 cancel_other stops the earlier one, and the new one runs', async ({ defer }) => {
  const t = await createTestBaton();
  defer(() => t.close());
  const causes: unknown[] = [];
  const slow = task({ name: 'slow' }, async () => {
    const { getContext } = await import('@baton/sdk');
    const { signal } = getContext();
    await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()));
    causes.push(signal.reason);
  });
  await t.startWorker({ tasks: [slow] });
  await t.run(() => t.baton.schedule('s', { every: '1m', overlap: 'cancel_other', task: slow }));
  await t.advance('3m');
  await t.advance('5s');
  const info = await t.run(() => t.baton.schedules.get('s'));
  assert.equal([causes.length, info.started, info.skipped], [2, 3, 0]);
});

test('H6 backfill fires for every time of a range, one after the other', async ({ defer }) => {
  const { t, ran, report, schedules, get } = await scene(defer);
  await t.run(() => t.baton.schedule('s', { cron: '0 0 1 1 *', task: report, args: [1] }));
  const from = new Date('2001-06-01T00:00:00Z');
  const range = { from, to: new Date('2005-06-01T00:00:00Z'), id: 'b' };
  await t.run(() => schedules.backfill('s', range));
  await t.run(() => schedules.backfill('s', range));
  await t.advance('20s');
  assert.is(ran.length, 4);
  const dues = (await get()).history.flatMap((entry) =>
    entry.kind === 'started' ? [new Date(entry.due).getUTCFullYear()] : [],
  );
  assert.equal(dues, [2002, 2003, 2004, 2005]);
});

test('S1, H6 a schedule is of who has made it, and is removed for good', async ({ defer }) => {
  const { t, report, schedules } = await scene(defer);
  await t.run(() => t.baton.schedule('s', { every: '1m', task: report }));
  const bob = t.baton.as({ id: 'bob' }).schedules;
  const attempts = [
    () => bob.get('s'),
    () => bob.pause('s'),
    () => bob.trigger('s'),
    () => bob.remove('s'),
    () => bob.set('s', { every: '1h', task: report }),
  ];
  for (const attempt of attempts) {
    const error = await t.run(() =>
      attempt().then(
        () => undefined,
        (thrown: { readonly code?: string }) => thrown,
      ),
    );
    assert.is(error?.code, 'SCHEDULE_NOT_FOUND');
  }
  assert.equal((await t.run(() => bob.list())).length, 0);
  await t.run(() => schedules.remove('s'));
  assert.equal(await t.run(() => schedules.list()), []);
  const again = await t.run(() => schedules.set('s', { every: '2m', task: report }));
  assert.equal([again.outcome, again.started], ['created', 0]);
});

test('H1 what is no schedule is refused, with what is wrong', async ({ defer }) => {
  const { t, report, schedules } = await scene(defer);
  const wrong: readonly (readonly [object, RegExp])[] = [
    [{}, /^cron: it says when, or every does, or both/],
    [{ cron: '61 * * * *' }, /^cron: '61 \* \* \* \*': /],
    [{ cron: '0 0 30 2 *' }, /never comes/],
    [{ cron: '* * * * *', timezone: 'Mars/Olympus' }, /^timezone: 'Mars\/Olympus'/],
    [{ every: 0.5 }, /^every: is one second or more/],
    [{ every: 'often' }, /^every: is a number of seconds/],
    [{ every: 5, skipDates: ['2030-02-31'] }, /^skip_dates/],
    [{ every: 5, overlap: 'maybe' }, /^overlap/],
    [{ every: 5, cadence: 1 }, /cadence/],
  ];
  for (const [options, says] of wrong) {
    const error = await t.run(() =>
      schedules.set('s', { task: report, ...options }).then(
        () => undefined,
        (thrown: Error & { code?: string }) => thrown,
      ),
    );
    assert.is(error?.code, 'INVALID_ARGUMENT', JSON.stringify(options));
    assert.match(error?.message ?? '', says);
  }
});

test.run();
