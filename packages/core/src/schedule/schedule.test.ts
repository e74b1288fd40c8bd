import * as fc from 'fast-check';
import * as assert from 'uvu/assert';
import { suite } from '../../../../test/support/suite.ts';
import { ALICE, BOB, ROOT, T0 } from '../testing/make.ts';
import { decideSchedule, type ScheduleCommand } from './decide.ts';
import { evolveSchedule } from './evolve.ts';
import {
  MISSED_AFTER_MS,
  SCHEDULE_HISTORY,
  WAITING_FIRES,
  type ScheduleRecord,
  type ScheduleSpec,
} from './schedule.ts';

const test = suite('schedule decider');

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

const spec = (change: Partial<ScheduleSpec> = {}): ScheduleSpec => ({
  ...{ crons: [], everyMs: MINUTE, timezone: 'UTC', skipDates: [], overlap: 'skip', catchUp: 'last' },
  ...{ catchUpMs: HOUR, jitterMs: 0, task: { type: 'report', args: new Uint8Array([1]) } },
  ...change,
});

const set = (change: Partial<ScheduleSpec> = {}, at = T0, actor = ALICE): ScheduleCommand => ({
  ...{ kind: 'set', at, actor, name: 's', id: 'id-1', spec: spec(change) },
});

const NONE = { count: 0, last: 0 };

const tick = (at: number, due: readonly number[], more: object = {}): ScheduleCommand => ({
  ...{ kind: 'tick', at, by: 'supervisor:x', id: 'id-1', due, left: NONE },
  ...more,
});

const settle = (fire: string, at = T0, more: object = {}): ScheduleCommand => ({
  ...{ kind: 'settle', at, by: 'supervisor:x', id: 'id-1', fire, how: { task: `task-${fire}`, address: 'a' } },
  ...more,
});

const play = (...commands: readonly ScheduleCommand[]): ScheduleRecord => {
  let record: ScheduleRecord | undefined;
  for (const command of commands) {
    const decision = decideSchedule(record, command);
    if (!decision.ok) throw new Error(`${command.kind} is refused: ${decision.refusal.reason}`);
    for (const event of decision.events) record = evolveSchedule(record, event);
  }
  assert.ok(record !== undefined);
  return record;
};

const answer = (record: ScheduleRecord | undefined, command: ScheduleCommand): string => {
  const decision = decideSchedule(record, command);
  return decision.ok ? `${decision.answer.kind} ${decision.events.length}` : decision.refusal.reason;
};

test('H2 a time is decided once, whoever tells of it how often', () => {
  const due = [T0 + MINUTE, T0 + 2 * MINUTE];
  const once = play(set(), tick(T0 + 2 * MINUTE, due));
  assert.equal(
    once.waiting.map(({ id, at }) => [id, at]),
    due.map((time) => [String(time), time]),
  );
  assert.is(answer(once, tick(T0 + 2 * MINUTE, due)), 'done 0');
  assert.is(answer(once, tick(T0 + MINUTE, due.slice(0, 1))), 'done 0', 'late, from another host');
  assert.is(answer(once, tick(T0 + 3 * MINUTE, [T0 + 3 * MINUTE], { id: 'id-0' })), 'done 0', 'of one that is no more');
  const settled = play(set(), tick(T0 + MINUTE, due.slice(0, 1)), settle(String(due[0])));
  assert.equal([settled.waiting.length, settled.started, settled.history.at(-1)?.kind], [0, 1, 'started']);
  assert.is(answer(settled, settle(String(due[0]))), 'done 0');
});

test('H4 what was missed is made up for, or not, and no further back than its window', () => {
  const now = T0 + 3 * HOUR;
  const due = Array.from({ length: 18 }, (_, i) => T0 + (i + 1) * 10 * MINUTE);
  const taken = (catchUp: 'none' | 'last' | 'all') => {
    const { waiting, skipped, cursor, history } = play(set({ catchUp }), tick(now, due));
    assert.is(cursor, now);
    return [waiting.map(({ at }) => (at - T0) / MINUTE), skipped, history.at(-1)?.kind];
  };
  assert.equal(taken('none'), [[180], 17, 'skipped']);
  assert.equal(taken('last'), [[170, 180], 16, 'skipped']);
  assert.equal(taken('all'), [[120, 130, 140, 150, 160, 170, 180], 11, 'skipped']);
  const inTime = play(set({ catchUp: 'none' }), tick(T0 + MINUTE + MISSED_AFTER_MS, [T0 + MINUTE]));
  assert.is(inTime.waiting.length, 1, 'a takeover takes as long');
});

test('H4 the same schedule again is no change; another one begins where it is set, and keeps its interval', () => {
  const made = play(set(), tick(T0 + MINUTE, [T0 + MINUTE]));
  assert.is(answer(made, set({ task: { args: new Uint8Array([1]), type: 'report' } }, T0 + HOUR)), 'unchanged 0');
  const changed = play(set(), set({ overlap: 'allow' }, T0 + HOUR));
  assert.equal([changed.anchor, changed.cursor, changed.createdAt], [T0, T0, T0], 'what has come is still to be fired');
  assert.is(play(set(), set({ crons: ['* * * * *'] }, T0 + HOUR)).cursor, T0 + HOUR);
  assert.is(play(set(), set({ everyMs: 5 }, T0 + HOUR)).anchor, T0 + HOUR);
});

test('H6 paused nothing is decided but a trigger; what passed is counted when it is resumed', () => {
  const pause: ScheduleCommand = { kind: 'pause', at: T0 + 1, actor: ALICE, why: 'holiday' };
  const paused = play(set(), pause);
  assert.is(answer(paused, tick(T0 + MINUTE, [T0 + MINUTE])), 'done 0');
  assert.is(answer(paused, pause), 'done 0');
  const trigger: ScheduleCommand = { kind: 'trigger', at: T0 + 2, actor: ALICE, fire: 'trigger:a' };
  const triggered = play(set(), pause, trigger);
  assert.equal([triggered.waiting[0]?.by, answer(triggered, trigger)], ['user:alice', 'done 0']);
  const resumed = play(set(), pause, { kind: 'resume', at: T0 + HOUR, actor: ALICE, missed: 60 });
  assert.equal([resumed.paused, resumed.cursor, resumed.skipped], [undefined, T0 + HOUR, 60]);
  assert.equal(
    resumed.history.map(({ kind, by }) => `${kind} ${by}`),
    [...['set user:alice', 'paused user:alice', 'skipped user:alice', 'resumed user:alice']],
  );
});

test('H6 a backfill is decided once under its id, and refused where too many would wait', () => {
  const backfill = (times: readonly number[], id = 'b'): ScheduleCommand => ({
    ...{ kind: 'backfill', at: T0 + 1, actor: ALICE, id, times, overlap: 'buffer_all' },
  });
  const filled = play(set(), backfill([1, 2, 3]));
  assert.equal([filled.waiting.length, answer(filled, backfill([1, 2, 3]))], [3, 'done 0']);
  const many = Array.from({ length: WAITING_FIRES - 2 }, (_, i) => i);
  assert.is(answer(filled, backfill(many, 'c')), 'too_many');
});

test('S1 it is of who has made it; what an admin made only an admin changes', () => {
  const made = play(set());
  for (const kind of ['pause', 'remove'] as const) assert.is(answer(made, { kind, at: T0, actor: BOB }), 'not_found');
  assert.is(answer(made, set({}, T0, BOB)), 'not_found');
  assert.is(answer(made, { kind: 'pause', at: T0, actor: ROOT }), 'done 1');
  const byAdmin = play(set({}, T0, { user: 'alice', admin: true }));
  assert.is(answer(byAdmin, set({ overlap: 'allow' })), 'admin_required', 'its tasks have the rights of an admin');
  assert.is(answer(undefined, { kind: 'remove', at: T0, actor: ROOT }), 'not_found');
  const again = play(set(), { kind: 'remove', at: T0 + 1, actor: ALICE }, {
    ...set({}, T0 + 2),
    id: 'id-2',
  } as ScheduleCommand);
  assert.equal([again.id, again.createdAt, again.removed], ['id-2', T0 + 2, undefined]);
});

test('H2, H6 only a fire of this very schedule is settled, and it is said who asked for it', () => {
  const due = T0 + MINUTE;
  const trigger: ScheduleCommand = { kind: 'trigger', at: T0 + 1, actor: ALICE, fire: 'trigger:a' };
  const waiting = play(set(), trigger, tick(due, [due]));
  assert.is(answer(waiting, settle(String(due), due, { id: 'id-0' })), 'done 0', 'of one that had the name before');
  const other = settle(String(due), due, { by: 'supervisor:y' });
  const settled = play(set(), trigger, tick(due, [due]), settle('trigger:a', due), other);
  assert.equal(
    settled.history.map(({ by }) => by),
    ['user:alice', 'user:alice', 'supervisor:y'],
  );
  const removed = play(set(), trigger, { kind: 'remove', at: due, actor: ALICE });
  assert.equal([removed.removed, removed.waiting], [true, []]);
});

test('H6 every time that is not fired is counted, with its reason and by whom', () => {
  const times = Array.from({ length: WAITING_FIRES - 1 }, (_, i) => i);
  const backfill: ScheduleCommand = { kind: 'backfill', at: T0, actor: ALICE, id: 'b', times, overlap: 'buffer_all' };
  const due = [1, 2, 3].map((n) => T0 + n * 1_000);
  const full = play(set(), backfill, tick(T0 + 3_000, due));
  assert.equal([full.waiting.length, full.waiting.at(-1)?.at, full.skipped], [WAITING_FIRES, due[0], 2]);
  assert.equal(
    full.history.flatMap((entry) => (entry.kind === 'skipped' ? [entry.why] : [])),
    ['too many wait already'],
  );

  const days = (by: string, n: number) =>
    tick(T0 + n * HOUR, [], { by, left: { count: n, last: T0 + n * HOUR - MINUTE } });
  const left = play(set(), days('supervisor:x', 1), days('supervisor:x', 2), days('supervisor:y', 3));
  assert.equal([left.skipped, left.cursor], [6, T0 + 3 * HOUR - MINUTE]);
  assert.equal(
    left.history.flatMap((entry) => (entry.kind === 'skipped' ? [[entry.by, entry.count, entry.why]] : [])),
    [
      ['supervisor:x', 3, 'calendar'],
      ['supervisor:y', 3, 'calendar'],
    ],
  );
});

test('H4 the last that was missed is looked for behind as many as one tick takes', () => {
  const late = [T0 + MINUTE, T0 + 2 * MINUTE];
  const now = T0 + HOUR;
  const fires = (next?: number) => play(set(), tick(now, late, next === undefined ? {} : { next })).waiting.length;
  assert.equal([fires(), fires(now - 10 * MINUTE), fires(now - MISSED_AFTER_MS)], [1, 0, 1]);
  const jittered = play(set({ catchUp: 'none', jitterMs: HOUR }), tick(now, late));
  assert.equal([jittered.waiting.length, jittered.skipped], [2, 0], 'it may come so late');
});

const steps = fc.array(
  fc.oneof(
    fc.record({ kind: fc.constant('tick' as const), ms: fc.nat(20 * MINUTE), stale: fc.boolean() }),
    fc.record({ kind: fc.constantFrom('settle', 'again', 'pause', 'resume', 'trigger', 'change'), ms: fc.nat(MINUTE) }),
  ),
  { maxLength: 40, size: 'max' },
);

test('H2, H6 whatever comes: a fire is settled once, times only go on, and every time is accounted for', () => {
  fc.assert(
    fc.property(steps, (story) => {
      let at = T0;
      let record = play(set({ catchUp: 'all' }));
      const settled = new Set<string>();
      const run = (command: ScheduleCommand): void => {
        const decision = decideSchedule(record, command);
        if (!decision.ok) return;
        const before = record;
        record = decision.events.reduce<ScheduleRecord>((state, event) => evolveSchedule(state, event), record);
        assert.ok(record.cursor >= before.cursor, 'the cursor goes back');
        assert.ok(record.history.length <= SCHEDULE_HISTORY && record.waiting.length <= WAITING_FIRES);
        const ids = record.waiting.map(({ id }) => id);
        assert.is(new Set(ids).size, ids.length, 'one waits twice');
        for (const id of ids) assert.ok(!settled.has(id), 'one that was settled waits again');
      };
      let last = '';
      for (const step of story) {
        at += step.ms;
        switch (step.kind) {
          case 'tick': {
            const from = step.stale ? T0 : record.cursor;
            const due = Array.from({ length: Math.floor((at - T0) / MINUTE) }, (_, i) => T0 + (i + 1) * MINUTE);
            run(
              tick(
                at,
                due.filter((time) => time > from),
              ),
            );
            break;
          }
          case 'settle':
            last = record.waiting[0]?.id ?? '';
            run(settle(last, at));
            settled.add(last);
            break;
          case 'again':
            run(settle(last, at));
            break;
          case 'pause':
            run({ kind: 'pause', at, actor: ALICE });
            break;
          case 'resume':
            run({ kind: 'resume', at, actor: ALICE, missed: 1 });
            break;
          case 'trigger':
            run({ kind: 'trigger', at, actor: ALICE, fire: `trigger:${at}` });
            break;
          case 'change':
            run(set({ jitterMs: step.ms, catchUp: 'all' }, at));
        }
      }
    }),
    { numRuns: 300 },
  );
});

test.run();
