// limit: 200s
// H: tasks at times of their own, by real supervisors that are killed in the middle.
import { decodeData, encodeSchedule, RECORD_LIMIT, scheduleAddressOf } from '@baton/protocols';
import type { ScheduleEntry } from '@baton/core';
import { task, type ScheduleInfo, type TaskHandle } from '@baton/sdk';
import * as assert from 'uvu/assert';
import { runCli } from '../support/cli.ts';
import { eventually } from '../support/eventually.ts';
import { stagedSuite, thrownBy, type Stage } from '../support/stage.ts';

const test = stagedSuite('behaviour: schedules', { supervisors: 2, workers: 0, projectors: 0 });

type Started = Extract<ScheduleEntry, { kind: 'started' }>;

const startedOf = ({ history }: ScheduleInfo): readonly Started[] =>
  history.filter((entry) => entry.kind === 'started');

const schedulesOf = (stage: Stage) => stage.as('alice').schedules;

/** After an outage, that of a supervisor that comes back included, a fire may be as late as this. */
const OUTAGE_MS = 5_000;

/** What a machine that does much else may add to a bound. */
const MARGIN_MS = 1_000;

test('H2 what no fire could start is refused when it is set: tasks of nobody, and arguments the type does not take', async (stage, context) => {
  const argsSchema = { type: 'array', items: { type: 'number' } };
  const numbers = task({ name: 'h2.numbers', argsSchema }, () => {});
  await stage.serve(context, [numbers]);
  const schedules = schedulesOf(stage);
  // Once a supervisor has kept what the worker serves.
  const wrong = await eventually(() =>
    thrownBy(() => schedules.set('h2.wrong', { every: '1h', task: 'h2.numbers', args: ['one'] })),
  );
  assert.equal([wrong.code, /the arguments of h2\.numbers/.test(wrong.message)], ['INVALID_ARGUMENT', true]);
  assert.is((await schedules.set('h2.right', { every: '1h', task: 'h2.numbers', args: [1] })).outcome, 'created');
  // Nobody has served that: what it takes is not known yet.
  assert.is((await schedules.set('h2.unknown', { every: '1h', task: 'h2.nobody', args: ['one'] })).outcome, 'created');
  const other = await thrownBy(() => schedules.set('h2.scope', { every: '1h', task: 'h2.numbers', scope: 'shared' }));
  assert.equal([other.code, /only an admin may submit/.test(other.message)], ['PERMISSION_DENIED', true]);
  await stage.serve(context, [task({ name: 'h2.system', scope: 'system' }, () => {})]);
  const ofSystem = { every: '1h', task: 'h2.system', scope: 'shared' } as const;
  const sys = await eventually(() => thrownBy(() => stage.admin.schedules.set('h2.sys', ofSystem)));
  assert.is(sys.code, 'PERMISSION_DENIED');
  const nightly = (scope: 'private' | 'shared') =>
    task({ name: `h2.own_${scope}`, scope, schedule: { every: '1h' } }, () => {});
  const refused = await thrownBy(() => stage.serve(context, [nightly('private')]));
  assert.equal([refused.code, refused.message.includes('needs a user')], ['INVALID_ARGUMENT', true]);
  await stage.serve(context, [nightly('shared')]);
  await stage.serve(context, [nightly('private')], { user: { id: 'alice' } });
  assert.is((await schedules.get('h2.own_private')).name, 'h2.own_private');
});

test(
  'H1, H2 every second by cron, supervisors killed all the while: no fire twice, none lost, none late',
  async (stage, context) => {
    const ran: string[] = [];
    const tick = task({ name: 'h2.tick' }, (text: string) => void ran.push(text));
    await stage.serve(context, [tick]);
    const schedules = schedulesOf(stage);
    const made = await schedules.set('h2', { cron: '* * * * * *', overlap: 'allow', task: tick, args: ['x'] });
    assert.is(made.outcome, 'created');
    assert.is(made.next.length, 10);
    assert.is(made.next[1]!.getTime() - made.next[0]!.getTime(), 1_000);
    const [one, two] = stage.supervisors;
    for (const supervisor of [one, two, one, two]) {
      const { started: before } = await schedules.get('h2');
      await eventually(async () => assert.ok((await schedules.get('h2')).started > before), { limitMs: 30_000 });
      await supervisor?.kill();
      await supervisor?.start();
    }
    await one?.kill();
    await two?.kill();
    const downAt = Date.now();
    // Two of its times come, and nobody is there.
    await eventually(() => assert.ok(Date.now() > downAt + 2_000));
    await two?.start();
    const upAt = Date.now();
    await one?.start();
    const settledAt = Date.now() + OUTAGE_MS;
    await eventually(
      async () => assert.ok(startedOf(await schedules.get('h2')).some(({ due }) => due > settledAt + 4_000)),
      { limitMs: 30_000 },
    );
    await schedules.pause('h2');
    const info = await eventually(async () => {
      const now = await schedules.get('h2');
      assert.equal([now.waiting, ran.length], [0, now.started]);
      return now;
    });
    const started = startedOf(info);
    assert.ok(started.length >= 10, `${started.length} fires`);
    assert.is(new Set(started.map(({ task: id }) => id)).size, started.length, 'a task each');
    for (const [i, { due }] of started.slice(1).entries()) assert.is(due - started[i]!.due, 1_000, 'each second once');
    assert.is(info.skipped, 0);
    const lateAfter = (since: number): number[] =>
      started
        .filter(({ due }) => due > since)
        .map(({ at, due }) => at - due)
        .toSorted((a, b) => a - b);
    const [all, settled] = [lateAfter(upAt), lateAfter(settledAt)];
    assert.ok(all[0]! >= 0, 'none is early');
    assert.ok(all.at(-1)! <= OUTAGE_MS + MARGIN_MS, `late by ${all.join(', ')} ms`);
    assert.ok(settled[Math.floor(settled.length / 2)]! <= 1_000, `late by ${settled.join(', ')} ms`);
    const outage = started.find(({ due }) => due > downAt && due <= upAt)!;
    assert.ok(outage.at - upAt <= OUTAGE_MS + MARGIN_MS, `${outage.at - upAt} ms after the outage`);
    await schedules.remove('h2');
  },
  { limitMs: 90_000 },
);

test('H3 a fire while the task of an earlier one runs is skipped, waits, takes its place, or runs beside it', async (stage, context) => {
  const open: (() => void)[] = [];
  const slow = task({ name: 'h3.slow' }, () => new Promise<void>((resolve) => open.push(resolve)));
  await stage.serve(context, [slow]);
  const schedules = schedulesOf(stage);
  const whys: Record<string, readonly unknown[]> = {};
  for (const overlap of ['skip', 'buffer_one', 'buffer_all', 'allow'] as const) {
    const name = `h3.${overlap}`;
    await schedules.set(name, { every: '1d', overlap, task: slow });
    const before = open.length;
    for (let i = 0; i < 3; i++) {
      await schedules.trigger(name);
      await eventually(async () => {
        const { history, waiting } = await schedules.get(name);
        assert.is(
          history.reduce((sum, e) => sum + (e.kind === 'skipped' ? e.count : e.kind === 'started' ? 1 : 0), waiting),
          i + 1,
        );
      });
      if (i === 0) await eventually(() => assert.is(open.length, before + 1));
    }
    const { started, skipped, waiting } = await eventually(async () => {
      const info = await schedules.get(name);
      if (overlap !== 'buffer_all') assert.is(info.waiting, 0);
      return info;
    });
    whys[overlap] = [started, skipped, waiting];
    // Each that has a task, and each that will have one: a task may have ended before its schedule has noted it.
    for (let left = started + waiting; left > 0; left--) {
      await eventually(() => {
        const end = open.shift();
        assert.ok(end !== undefined);
        end();
      });
    }
  }
  assert.equal(whys, { skip: [1, 2, 0], buffer_one: [2, 1, 0], buffer_all: [1, 0, 2], allow: [3, 0, 0] });
  const { history } = await schedules.get('h3.skip');
  assert.match(
    history.flatMap((e) => (e.kind === 'skipped' ? [e.why] : []))[0] ?? '',
    /^overlap: the task of an earlier fire is (in_progress|pending)$/,
  );
});

test('H3 cancel_other stops the one that runs', async (stage, context) => {
  const causes: string[] = [];
  const abortable = task({ name: 'h3.abortable' }, async () => {
    const { getContext } = await import('@baton/sdk');
    const { signal } = getContext();
    await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()));
    causes.push('aborted');
  });
  await stage.serve(context, [abortable]);
  const schedules = schedulesOf(stage);
  await schedules.set('h3.cancel', { every: '1d', overlap: 'cancel_other', task: abortable });
  await schedules.trigger('h3.cancel');
  /** The newest of so many, once it can be stopped. */
  const running = async (count: number): Promise<TaskHandle> => {
    const newest = await eventually(async () => {
      const started = startedOf(await schedules.get('h3.cancel'));
      assert.is(started.length, count);
      return started.at(-1)!;
    });
    const handle = await stage.as('alice').open({ uuid: newest.task, address: newest.address });
    await eventually(async () => assert.is((await handle.refresh()).record.abortable, true));
    return handle;
  };
  const first = await running(1);
  await schedules.trigger('h3.cancel');
  assert.is((await first.wait({ timeout: '30s' })).status, 'aborted');
  await running(2);
  await schedules.trigger('h3.cancel');
  await eventually(() => assert.is(causes.length, 2));
});

test('H4 what was missed in an outage is made up for as the schedule says; a redeploy keeps the cadence', async (stage, context) => {
  await stage.serve(context, [task({ name: 'h4.task' }, () => 1)]);
  const schedules = schedulesOf(stage);
  const counts: Record<string, readonly unknown[]> = {};
  for (const catchUp of ['none', 'last', 'all'] as const) {
    const name = `h4.${catchUp}`;
    const options = { every: '10m', overlap: 'buffer_all', catchUp, catchUpWindow: '2h', task: 'h4.task' } as const;
    const { record } = await schedules.set(name, options);
    assert.is((await schedules.set(name, options)).outcome, 'unchanged');
    // As a supervisor that died four hours ago has left it.
    const ago = 4 * 3_600_000 + 60_000;
    const address = scheduleAddressOf(name);
    const entry = await stage.ports.schedules.store.load(address);
    const left = {
      ...record,
      createdAt: record.createdAt - ago,
      anchor: record.anchor - ago,
      cursor: record.cursor - ago,
    };
    assert.is(
      (await stage.ports.schedules.store.write(address, encodeSchedule(left), entry?.revision ?? 0)).kind,
      'written',
    );
    const info = await eventually(async () => {
      const now = await schedules.get(name);
      assert.ok(now.waiting === 0 && now.record.cursor > record.cursor - 600_000);
      return now;
    });
    counts[catchUp] = [info.started, info.skipped];
    assert.is((info.next[0]!.getTime() - left.anchor) % 600_000, 0, 'the cadence is what it was');
  }
  assert.equal(counts, { none: [0, 24], last: [1, 23], all: [12, 12] });
});

test('H5, H6 a backfill over both changes of the clock fires each time as it was in its zone', async (stage, context) => {
  await stage.serve(context, [task({ name: 'h5.task' }, () => 1)]);
  const schedules = schedulesOf(stage);
  await schedules.set('h5', { cron: '30 2 * * *', timezone: 'Europe/Berlin', task: 'h5.task' });
  for (const [from, to] of [
    ['2030-03-30', '2030-04-01'],
    ['2030-10-26', '2030-10-29'],
  ] as const) {
    await schedules.backfill('h5', { from: new Date(`${from}T00:00:00Z`), to: new Date(`${to}T00:00:00Z`), id: from });
  }
  await schedules.backfill('h5', {
    from: new Date('2030-03-30T00:00:00Z'),
    to: new Date('2030-04-01T00:00:00Z'),
    id: '2030-03-30',
  });
  const info = await eventually(async () => {
    const now = await schedules.get('h5');
    assert.equal([now.waiting, now.started], [0, 5]);
    return now;
  });
  assert.equal(
    startedOf(info).map(({ due }) => new Date(due).toISOString().slice(0, 16)),
    [...['2030-03-30T01:30', '2030-03-31T01:00'], ...['2030-10-26T00:30', '2030-10-27T00:30', '2030-10-28T01:30']],
  );
});

test(
  'H6 paused, resumed, triggered and removed, from the command line too, by whose it is; and all of it is shown',
  async (stage, context) => {
    const seen: unknown[] = [];
    let release: () => void = () => {};
    const held = task({ name: 'h6.held' }, () => new Promise<void>((resolve) => void (release = resolve)));
    await stage.serve(context, [task({ name: 'h6.task' }, (n: number) => void seen.push(n)), held]);
    const cli = (...args: readonly string[]) => runCli(stage, ['schedule', ...args, '--user', 'alice', '--json']);
    const set = [
      'set',
      'h6',
      'h6.task',
      '7',
      '--cron',
      '0 3 * * 1-5',
      '--timezone',
      'America/New_York',
      '--jitter',
      '5m',
    ];
    const made = await cli(...set);
    assert.is(made.code, 0, made.stderr);
    assert.is((JSON.parse(made.stdout) as { outcome: string }).outcome, 'created');
    assert.is((JSON.parse((await cli(...set)).stdout) as { outcome: string }).outcome, 'unchanged');
    assert.is((await cli('pause', 'h6', '--why', 'holiday')).code, 0);
    const schedules = schedulesOf(stage);
    const fired = await cli('trigger', 'h6', '--id', 't');
    assert.is((JSON.parse(fired.stdout) as { fire: { kind: string } }).fire.kind, 'started', fired.stdout);
    await schedules.trigger('h6', { id: 't' });
    await eventually(() => assert.equal(seen, [7]));
    const paused = await eventually(async () => {
      const info = await schedules.get('h6');
      assert.is(info.started, 1);
      return info;
    });
    assert.equal([paused.paused?.by, paused.paused?.why, paused.next], ['user:alice', 'holiday', []]);
    assert.is((await schedules.resume('h6')).next.length, 10);
    const { history } = await schedules.get('h6');
    assert.equal(
      history.map(({ kind, by }) => [kind, by]),
      [
        ...[
          ['set', 'user:alice'],
          ['paused', 'user:alice'],
          ['started', 'user:alice'],
          ['resumed', 'user:alice'],
        ],
      ],
    );
    const table = await runCli(stage, ['schedule', 'get', 'h6', '--user', 'alice']);
    assert.match(table.stdout, /0 3 \* \* 1-5 \(America\/New_York\)/);
    assert.match(table.stdout, /paused .*holiday/);
    assert.is((await thrownBy(() => stage.as('bob').schedules.trigger('h6'))).code, 'SCHEDULE_NOT_FOUND');
    assert.is((await runCli(stage, ['schedule', 'pause', 'h6', '--user', 'bob'])).code, 4);
    const { record } = await stage
      .as('alice')
      .open({ uuid: startedOf(paused)[0]!.task, address: startedOf(paused)[0]!.address });
    assert.equal([record.creator, decodeData(record.args as Uint8Array, RECORD_LIMIT)], ['alice', [7]]);
    // Who triggers is told whether anything was started.
    assert.is((await cli('set', 'h6.over', 'h6.held', '--every', '1h')).code, 0);
    const triggered = async () => (await runCli(stage, ['schedule', 'trigger', 'h6.over', '--user', 'alice'])).stdout;
    assert.match(await triggered(), /h6.over {2}started [0-9a-f-]{36}, next /);
    assert.match(
      await triggered(),
      /h6.over {2}not started: overlap: the task of an earlier fire is (pending|in_progress), next /,
    );
    await eventually(() => release());
    assert.is((await cli('remove', 'h6')).code, 0);
    assert.is((await thrownBy(() => schedules.get('h6'))).code, 'SCHEDULE_NOT_FOUND');
    const wrong = await cli('set', 'h6', 'h6.task', '--cron', '61 * * * *');
    assert.equal([wrong.code, /cron: '61 \* \* \* \*': /.test(wrong.stderr)], [2, true], wrong.stderr);
  },
  { limitMs: 60_000 },
);

test.run();
