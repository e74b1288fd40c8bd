// limit: 180s
// Rows whose promises are kept by the owner of a queue, a key or a schedule, with kill -9 of whoever that is in the middle.
import { getContext, task, TerminalError, type CallOptions } from '@baton/sdk';
import * as assert from 'uvu/assert';
import { eventually } from '../support/eventually.ts';
import { gate, stagedSuite, type Stage } from '../support/stage.ts';

const test = stagedSuite('behaviour: the owner is killed in the middle', { supervisors: 2, workers: 0 });

const LIMIT = { limitMs: 60_000 };

/** One after the other, so that whichever it is has been it; what it owns goes to the other one, and comes back. */
const killOwners = async ({ supervisors }: Stage): Promise<void> => {
  for (const supervisor of supervisors) {
    await supervisor.kill();
    await supervisor.start();
  }
};

/** All of them at once: nobody is there until they are back. */
const killAll = async ({ supervisors }: Stage): Promise<void> => {
  await Promise.all(supervisors.map((supervisor) => supervisor.kill()));
  await Promise.all(supervisors.map((supervisor) => supervisor.start()));
};

test(
  'Q10 a debounced start and a coalesced run come once, with what was said last; a throttled key makes nothing more in its window',
  async (stage, context) => {
    const alice = stage.as('alice');
    const ran: unknown[] = [];
    const put = task({ name: 'own.put' }, (value: unknown) => void ran.push(value));
    const hold = gate();
    const long = task({ name: 'own.long', mode: 'coalesce' }, async (value: unknown) => {
      ran.push(value);
      if (value === 'first') await hold.passed;
    });
    await stage.serve(context, [put, long]);

    const debounced: CallOptions = { taskKey: 'd', mode: 'debounce', window: '3s', maxWait: '60s' };
    const first = await alice.schedule(put, ['a'], debounced);
    // From now on: its record may be another task's by the time all are back.
    const firstEnd = first.wait({ timeout: '90s' });
    firstEnd.catch(() => undefined);
    const throttled: CallOptions = { taskKey: 't', mode: 'throttle', window: '40s' };
    const once = await alice.schedule(put, ['once'], throttled);
    const running = await alice.schedule(long, ['first'], { taskKey: 'c' });
    await eventually(() => assert.ok(ran.includes('first') && ran.includes('once')));
    await killOwners(stage);
    assert.is((await alice.schedule(put, ['never'], throttled)).outcome, 'throttled');
    // Its window may be over while they were killed; then this one begins a task of its own.
    const second = await alice.schedule(put, ['b'], debounced);
    const more = await Promise.all([1, 2, 3].map((n) => alice.schedule(long, [`more ${n}`], { taskKey: 'c' })));
    assert.is(new Set(more.map(({ uuid }) => uuid)).size, 1);
    await killAll(stage);
    hold.open();
    await running.wait({ timeout: '60s' });
    await more[0]!.wait({ timeout: '60s' });
    await Promise.all([firstEnd, second.wait({ timeout: '90s' })]);
    assert.equal([once.outcome, ran.filter((value) => String(value).startsWith('more')).length], ['created', 1]);
    assert.is(ran.filter((value) => value === 'once').length, 1);
    assert.not(ran.includes('never'));
    assert.equal(
      ran.filter((value) => value === 'a' || value === 'b'),
      second.uuid === first.uuid ? ['b'] : ['a', 'b'],
    );
  },
  LIMIT,
);

test(
  'H3, H5, H6 what waits behind a running fire starts once each; a pause holds; a backfill makes each of its fires once',
  async (stage, context) => {
    const { schedules } = stage.as('alice');
    const open: (() => void)[] = [];
    const ran: string[] = [];
    const slow = task({ name: 'own.slow' }, () => new Promise<void>((resolve) => void open.push(resolve)));
    const tick = task({ name: 'own.tick' }, (text: string) => void ran.push(text));
    await stage.serve(context, [slow, tick], { concurrency: 50 });
    await schedules.set('own.buffer', { every: '1d', overlap: 'buffer_all', task: slow });
    for (const id of ['one', 'two', 'three']) await schedules.trigger('own.buffer', { id });
    await eventually(() => assert.is(open.length, 1));
    await schedules.set('own.paused', { every: '1s', overlap: 'allow', task: tick, args: ['paused'] });
    await eventually(() => assert.ok(ran.includes('paused')));
    await schedules.pause('own.paused', 'the owner is killed');
    // Every hour through a change of the clock.
    await schedules.set('own.fill', {
      cron: '0 * * * *',
      timezone: 'Europe/Berlin',
      overlap: 'allow',
      task: tick,
      args: ['fill'],
    });
    const backfill = { from: new Date('2030-03-30T12:00:00Z'), to: new Date('2030-04-01T12:00:00Z'), id: 'spring' };
    await schedules.backfill('own.fill', backfill);
    const { started: before } = await schedules.get('own.paused');
    await killOwners(stage);
    for (const done of [1, 2, 3]) {
      await eventually(() => assert.is(open.length, done), { limitMs: 20_000 });
      if (done === 2) await killAll(stage);
      open[done - 1]?.();
    }
    const buffered = await eventually(
      async () => {
        const info = await schedules.get('own.buffer');
        assert.equal([info.waiting, info.started], [0, 3]);
        return info;
      },
      { limitMs: 20_000 },
    );
    assert.equal([buffered.skipped, open.length], [0, 3]);
    await eventually(
      async () => {
        const { waiting, started } = await schedules.get('own.fill');
        assert.equal([waiting, started], [0, ran.filter((text) => text === 'fill').length]);
        assert.is(started, 48);
      },
      { limitMs: 20_000 },
    );
    const paused = await schedules.get('own.paused');
    assert.equal([paused.started, paused.paused?.why, paused.next], [before, 'the owner is killed', []]);
    await schedules.resume('own.paused');
    await eventually(async () => assert.ok((await schedules.get('own.paused')).started > before), { limitMs: 20_000 });
    for (const name of ['own.buffer', 'own.paused', 'own.fill']) await schedules.remove(name);
  },
  LIMIT,
);

test(
  'G2, G6, B2, Q11 a wait ends with its reason, steps run once, tags stay, and what was not started in time is ended',
  async (stage, context) => {
    const alice = stage.as('alice');
    const hold = gate();
    const done: string[] = [];
    const worked = task({ name: 'own.work', tags: { kind: 'work' } }, async () => {
      const ctx = getContext();
      await ctx.step('charge', () => void done.push('charge'));
      ctx.updateTask({ tags: { charged: true } });
      if (ctx.attempt === 1 && !done.includes('waited')) {
        await ctx.waitForSignal('go', { timeout: '60s' });
      }
      await ctx.step('send', () => void done.push('send'));
      return ctx.tags;
    });
    const breaks = task({ name: 'own.breaks' }, async () => {
      await hold.passed;
      throw new TerminalError('it is broken');
    });
    await stage.serve(context, [worked, breaks]);
    const job = await alice.schedule(worked, []);
    const broken = await alice.schedule(breaks, []);
    const behind = await alice.schedule(worked, [], { dependsOn: [broken] });
    const further = await alice.schedule(worked, [], { dependsOn: [behind] });
    const late = await alice.schedule('own.nobody', [], { expires: '2s' });
    await eventually(async () => assert.ok((await job.refresh()).record.waiting !== undefined));
    await killOwners(stage);
    hold.open();
    await killAll(stage);
    done.push('waited');
    await job.signal('go');
    await job.wait({ timeout: '60s' });
    assert.equal([job.status, job.result], ['success', { kind: 'work', charged: true }]);
    assert.equal(done, ['charge', 'waited', 'send']);
    for (const handle of [behind, further]) {
      await handle.wait({ timeout: '60s' });
      assert.equal([handle.status, handle.error?.type], ['failure', 'DependencyFailedError']);
    }
    await late.wait({ timeout: '60s' });
    assert.equal([late.status, late.record.abort?.cause, late.attempt], ['aborted', 'expired', 0]);
    const document = await stage.document(job.uuid, ({ terminal }) => terminal);
    assert.equal(
      [document.tags, document.steps?.map(({ name }) => name)],
      [{ kind: 'work', charged: true }, ['charge', 'send']],
    );
  },
  LIMIT,
);

test.run();
