import * as assert from 'uvu/assert';
import { suite } from '../../../../test/support/suite.ts';
import { ServerClock } from './server-clock.ts';

const test = suite('server clock');

const T = Date.parse('2026-01-01T00:00:00Z');
const iso = (at: number): string => new Date(at).toISOString();

const clockAt = (wall: number) => {
  const time = { mono: 1_000 };
  return { time, clock: new ServerClock({ wall, mono: time.mono }, () => time.mono) };
};

test('X7 goes by the own clock until the server has told its own', () => {
  const { clock, time } = clockAt(T);
  time.mono += 500;
  assert.is(clock.now(), T + 500);
});

test('X7 a clock of this machine that is wrong does not count', () => {
  const { clock, time } = clockAt(T - 3_600_000);
  clock.note({ wall: T - 3_600_000, mono: 1_000 }, { wall: T - 3_599_990, mono: 1_010 }, iso(T + 5));
  time.mono = 1_010;
  assert.is(clock.now(), T + 10);
  time.mono = 61_010;
  assert.is(clock.now(), T + 60_010);
});

test('a difference that the way may hide is none', () => {
  const { clock, time } = clockAt(T);
  clock.note({ wall: T, mono: 1_000 }, { wall: T + 40, mono: 1_040 }, iso(T + 60));
  time.mono = 1_040;
  assert.is(clock.now(), T + 40);
});

test('what is no time, or was heard before it was asked, changes nothing', () => {
  const { clock } = clockAt(T);
  for (const text of [undefined, '', 'soon']) clock.note({ wall: T, mono: 1_000 }, { wall: T, mono: 1_000 }, text);
  clock.note({ wall: T, mono: 2_000 }, { wall: T, mono: 1_000 }, iso(T + 99_999));
  assert.is(clock.now(), T);
});

test.run();
