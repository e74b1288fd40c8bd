import {
  decideSchedule,
  evolveSchedule,
  MISSED_AFTER_MS,
  WAITING_FIRES,
  type ScheduleCommand,
  type ScheduleRecord,
  type ScheduleSpec,
} from '@baton/core';
import * as assert from 'uvu/assert';
import { suite } from '../../../../test/support/suite.ts';
import { createLog } from '../log.ts';
import { FireMeter, IN_DOUBT, OVERLAP } from './fire-counts.ts';

const test = suite('fires of schedules: what is counted');

const AT = 1_700_000_000_000;
const ALICE = { user: 'alice', admin: false };
const BY = 'supervisor:s1';
const SPEC: ScheduleSpec = {
  ...{ crons: [], everyMs: 1_000, timezone: 'UTC', skipDates: [], overlap: 'skip', catchUp: 'none' },
  ...{ catchUpMs: 0, jitterMs: 0, task: { type: 'report' } },
};
const NONE = { count: 0, last: 0 };

/** A schedule, and a meter that is told of every command it takes, but of what `others` store. */
const metered = () => {
  const lines: string[] = [];
  const log = createLog({ level: 'debug', to: { write: (line: string) => void lines.push(line) } });
  const meter = new FireMeter({ log, once: { say: (_key, say) => say() } });
  let record: ScheduleRecord | undefined;
  const tell = (command: ScheduleCommand, stored = meter.stored): void => {
    const decision = decideSchedule(record, command);
    if (!decision.ok) throw new Error(decision.refusal.reason);
    const before = record;
    record = decision.events.reduce<ScheduleRecord | undefined>(evolveSchedule, record);
    if (record !== undefined && record !== before) stored(before, record);
  };
  tell({ kind: 'set', at: AT, actor: ALICE, name: 's', id: 'i', spec: SPEC });
  const tick = (at: number, due: readonly number[], left = NONE): void =>
    tell({ kind: 'tick', at, by: BY, id: 'i', due, left });
  const settle = (fire: number, how: Extract<ScheduleCommand, { kind: 'settle' }>['how'], stored = meter.stored) =>
    tell({ kind: 'settle', at: fire, by: BY, id: 'i', fire: String(fire), how }, stored);
  const levels = (): readonly string[] => lines.map((line) => (JSON.parse(line) as { level: string }).level);
  return { tick, settle, counts: meter.counts, levels };
};

test('each fire is counted by what became of it, and the history growing in place counts what is new alone', () => {
  const { tick, settle, counts } = metered();
  const times = [1, 2, 3, 4, 5, 6].map((i) => AT + i * 1_000);
  tick(AT + 6_000, times);
  const [first = 0, ...others] = times;
  settle(first, { task: 't1', address: 'a' });
  for (const time of others.slice(0, 3)) settle(time, { skipped: `${OVERLAP}the task of an earlier fire is pending` });
  settle(others[3] ?? 0, { skipped: 'UNKNOWN_TYPE: no worker has ever served it' });
  settle(others[4] ?? 0, { skipped: IN_DOUBT });
  assert.equal(counts, { started: 1, overlap: 3, calendar: 0, missed: 1, refused: 1, again: 0 });
});

test('times that nobody fired, and those of days left out, are counted apart, as many as there were', () => {
  const { tick, counts } = metered();
  const late = AT + MISSED_AFTER_MS + 60_000;
  tick(late, [AT + 1_000, AT + 2_000], { count: 3, last: AT + 3_000 });
  tick(late + 1, [AT + 4_000, AT + 5_000], { count: 2, last: AT + 6_000 });
  // Again for both reasons: each is an entry of its own, since the other stands between.
  assert.equal(counts, { started: 0, overlap: 0, calendar: 5, missed: 4, refused: 0, again: 0 });
  tick(late + 2, [AT + 7_000]);
  tick(late + 3, [AT + 8_000]);
  assert.is(counts.missed, 6);
});

test('what does not fit among those that wait is missed', () => {
  const { tick, counts } = metered();
  tick(
    AT + 20_000,
    Array.from({ length: WAITING_FIRES + 7 }, (_, i) => AT + 1 + i),
  );
  assert.is(counts.missed, 7);
});

test('what another has stored is not counted here; a fault is said aloud, a start quietly', () => {
  const { tick, settle, counts, levels } = metered();
  tick(AT + 3_000, [AT + 1_000, AT + 2_000, AT + 3_000]);
  settle(AT + 1_000, { task: 't1', address: 'a' }, () => undefined);
  settle(AT + 2_000, { task: 't2', address: 'a' });
  settle(AT + 3_000, { skipped: 'PERMISSION_DENIED: not for you' });
  assert.equal([counts.started, counts.refused], [1, 1]);
  assert.equal(levels(), ['debug', 'warn']);
});

test.run();
