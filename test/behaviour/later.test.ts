// limit: 200s, alone
// Delayed starts: to the second, through every outage, and by the server's clock.
import { task, type TaskHandle } from '@baton/sdk';
import * as assert from 'uvu/assert';
import { eventually } from '../support/eventually.ts';
import { startsIn } from '../support/effect-starts.ts';
import { double } from '../support/fixture-tasks.ts';
import { stagedSuite, thrownBy, until } from '../support/stage.ts';
import type { SystemProcess } from '../support/system-process.ts';

const test = stagedSuite('behaviour: delayed starts', { ownNats: true });

const SECOND = 1_000;

const lateness = (handle: TaskHandle): number => (handle.record.startedAt ?? 0) - (handle.record.history[0]?.at ?? 0);

test('X7 a delayed task starts within a second of its time and never before it', async (stage) => {
  await stage.as('alice').within(async () => {
    const delays = [300, 1_000, 1_700, 2_500];
    const handles = await Promise.all(delays.map((ms) => double.with({ delay: ms / SECOND }).schedule(ms)));
    assert.ok(handles.every(({ status, record }) => status === 'pending' && record.runAt !== undefined));
    for (const [i, handle] of handles.entries()) {
      const runAt = handle.record.runAt ?? 0;
      await handle.wait({ timeout: '30s' });
      const late = (handle.record.startedAt ?? 0) - runAt;
      assert.ok(late >= 0 && late <= SECOND, `${delays[i]} ms: ${late} ms late`);
    }
  });
});

test('X7 a past date means now, a year is the most', async (stage) => {
  await stage.as('alice').within(async () => {
    const past = await double.with({ runAt: new Date(1_000) }).schedule(1);
    await past.wait({ timeout: '30s' });
    assert.ok(lateness(past) < SECOND);
    const year = await double.with({ delay: '365d' }).schedule(1);
    assert.is(year.status, 'pending');
    await year.cancel();
    assert.is((await thrownBy(() => double.with({ delay: '400d' }).schedule(1))).code, 'INVALID_ARGUMENT');
  });
});

test('X7 a delay is counted by the clock of the server', async (stage, context) => {
  const client = await stage.client(context, { servers: stage.natsUrl, user: { id: 'alice' } });
  const real = Date.now;
  // The clock of this machine goes wrong by an hour, and the connection looks at the server's again.
  Date.now = () => real() - 3_600_000;
  context.defer(() => {
    Date.now = real;
  });
  const handle = await eventually(
    async () => {
      const made = await client.schedule(double.definition, [1], { delay: 1 });
      const ahead = (made.record.runAt ?? 0) - real();
      if (ahead > 500 && ahead < 1_500) return made;
      await made.cancel();
      throw new Error(`it was to run in ${ahead} ms`);
    },
    { limitMs: 15_000, everyMs: 500 },
  );
  Date.now = real;
  await handle.wait({ timeout: '30s' });
});

test('X7 who joins a delayed task waits for it, and it starts once', async (stage) => {
  const shared = task({ name: 'fx.joined', scope: 'shared' }, (_ms: number) => ({ attempt: 0 }));
  const options = { taskKey: 'x7.joined' };
  const first = await stage.as('alice').within(() => shared.with({ ...options, delay: 1.5 }).schedule(0));
  const second = await stage.as('bob').within(() => shared.with(options).schedule(0));
  const { runAt = 0 } = first.record;
  assert.equal([second.outcome, second.uuid], ['joined', first.uuid]);
  await second.wait({ timeout: '30s' });
  const late = (second.record.startedAt ?? 0) - runAt;
  assert.ok(late >= 0 && late <= SECOND, `${late} ms late`);
  assert.is(second.attempt, 1);
});

test('X7 a cancelled one never starts, and its key starts anew by its own time', async (stage) => {
  await stage.as('alice').within(async () => {
    const keyed = double.with({ taskKey: 'x7.replaced' });
    const first = await keyed.with({ delay: 0.8 }).schedule(1);
    assert.is((await first.cancel()).action, 'aborted');
    const second = await keyed.with({ delay: 2 }).schedule(2);
    const { runAt = 0 } = second.record;
    await second.wait({ timeout: '30s' });
    const late = (second.record.startedAt ?? 0) - runAt;
    assert.ok(late >= 0 && late <= SECOND, `${late} ms late`);
    const starts = startsIn(stage.effectsPath);
    assert.equal([starts.has(first.uuid), starts.has(second.uuid)], [false, true]);
  });
});

test('R2 the pause before the next attempt runs on while no supervisor does', async (stage, context) => {
  const [supervisor] = stage.supervisors as [SystemProcess];
  const body = task({ name: 'r2.pause', retry: { maxAttempts: 2, backoff: { initial: '2s', jitter: 0 } } }, () => {
    throw new Error('again');
  });
  await stage.serve(context, [body]);
  await stage.as('alice').within(async () => {
    const handle = await body.schedule();
    await until(handle, ({ record }) => record.failures === 1);
    const runAt = handle.record.runAt ?? 0;
    await supervisor.kill();
    await until(handle, () => Date.now() > runAt + 500);
    await handle.refresh();
    assert.is(handle.attempt, 1, 'nobody dispatches it now');
    await supervisor.start();
    const back = Date.now();
    await handle.wait({ timeout: '30s' });
    assert.is(handle.attempt, 2);
    assert.ok((handle.record.startedAt ?? 0) - back < 5 * SECOND);
  });
});

test.run();
