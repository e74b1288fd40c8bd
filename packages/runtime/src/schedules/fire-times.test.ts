import * as fc from 'fast-check';
import * as assert from 'uvu/assert';
import { suite } from '../../../../test/support/suite.ts';
import { FireTimes, jitterOf, type Timing } from './fire-times.ts';

const test = suite('times of schedules');

const times = (timing: Partial<Timing>, anchor = 0) =>
  new FireTimes({ crons: [], timezone: 'UTC', skipDates: [], ...timing }, anchor);

const at = (iso: string): number => Date.parse(iso);

const next = (timing: Partial<Timing>, from: string, count: number): readonly string[] =>
  times(timing)
    .upcoming(count, at(from))
    .map((time) => new Date(time).toISOString().replace('.000Z', 'Z'));

const BERLIN = 'Europe/Berlin';
const NEW_YORK = 'America/New_York';

test('H1 five fields and six, in the zone they are meant in', () => {
  assert.equal(next({ crons: ['30 9 * * 1-5'], timezone: BERLIN }, '2030-01-04T12:00:00Z', 2), [
    '2030-01-07T08:30:00Z',
    '2030-01-08T08:30:00Z',
  ]);
  assert.equal(next({ crons: ['*/20 * * * * *'] }, '2030-01-01T00:00:05Z', 3), [
    '2030-01-01T00:00:20Z',
    '2030-01-01T00:00:40Z',
    '2030-01-01T00:01:00Z',
  ]);
  assert.throws(() => times({ crons: ['* * * * *'], timezone: 'Mars/Olympus' }), RangeError);
});

test('H1 what is no cron expression is told in words of ours: how many fields, or which one is wrong', () => {
  const says = (cron: string): string => {
    try {
      times({ crons: [cron] });
      return 'taken';
    } catch (error) {
      return (error as Error).message;
    }
  };
  for (const cron of ['', '*', '* * *', '* * * *', '* * * * * * *', '@nope', 'every day'])
    assert.match(says(cron), /^is five fields \(minute, hour, .*\), or six with the second before them$/, cron);
  for (const [cron, words] of [
    ['61 * * * *', "has '61' for the minute, which is 0 to 59"],
    ['61 * * * * *', "has '61' for the second, which is 0 to 59"],
    ['* 25 * * *', "has '25' for the hour, which is 0 to 23"],
    ['0 0 32 * *', "has '32' for the day of the month, which is 1 to 31"],
    ['0 0 * 13 *', "has '13' for the month, which is 1 to 12"],
    ['0 0 * * funday', "has 'funday' for the day of the week, which is 0 to 7"],
    ['*/0 * * * *', "has '*/0' for the minute"],
    ['0 5-1 * * *', "has '5-1' for the hour"],
  ] as const)
    assert.ok(says(cron).startsWith(words), says(cron));
  for (const cron of ['0 6 * * mon-fri', '0 0 L * *', '0 0 * * 5#2', '@daily']) assert.is(says(cron), 'taken', cron);
});

test('H1 several expressions and an interval together, each time once', () => {
  const both = { crons: ['0 * * * *', '0 12 * * *'], everyMs: 1_800_000 };
  assert.equal(next(both, '2030-01-01T11:29:00Z', 4), [
    '2030-01-01T11:30:00Z',
    '2030-01-01T12:00:00Z',
    '2030-01-01T12:30:00Z',
    '2030-01-01T13:00:00Z',
  ]);
  assert.is(times({ crons: ['0 0 30 2 *'] }).after(at('2030-01-01T00:00:00Z')), undefined, 'it never comes');
});

test('H5 a local time that does not exist fires once, when the clock has jumped over it', () => {
  // 2030-03-31: 02:00 is 03:00 in Berlin. 2030-03-10: the same in New York.
  assert.equal(next({ crons: ['30 2 * * *'], timezone: BERLIN }, '2030-03-30T00:00:00Z', 3), [
    '2030-03-30T01:30:00Z',
    '2030-03-31T01:00:00Z',
    '2030-04-01T00:30:00Z',
  ]);
  assert.equal(next({ crons: ['15,45 2 10 3 *'], timezone: NEW_YORK }, '2030-03-01T00:00:00Z', 2), [
    '2030-03-10T07:00:00Z',
    '2031-03-10T06:15:00Z',
  ]);
  // Half an hour, at midnight of the other half of the world; and a day that was left out.
  assert.equal(next({ crons: ['10 2 * * *'], timezone: 'Australia/Lord_Howe' }, '2029-10-06T10:00:00Z', 2), [
    '2029-10-06T15:30:00Z',
    '2029-10-07T15:10:00Z',
  ]);
  assert.equal(next({ crons: ['0 12 30 12 *'], timezone: 'Pacific/Apia' }, '2011-12-01T00:00:00Z', 1), [
    '2011-12-30T10:00:00Z',
  ]);
});

test('H5 a local time that exists twice fires once, the first time', () => {
  // 2030-10-27: 03:00 is 02:00 again in Berlin. 2030-11-03: 02:00 is 01:00 in New York.
  assert.equal(next({ crons: ['30 2 * * *'], timezone: BERLIN }, '2030-10-26T00:00:00Z', 3), [
    '2030-10-26T00:30:00Z',
    '2030-10-27T00:30:00Z',
    '2030-10-28T01:30:00Z',
  ]);
  assert.equal(next({ crons: ['0,30 1 * * *'], timezone: NEW_YORK }, '2030-11-03T00:00:00Z', 3), [
    '2030-11-03T05:00:00Z',
    '2030-11-03T05:30:00Z',
    '2030-11-04T06:00:00Z',
  ]);
  // Asked in the middle of the second hour, also.
  assert.equal(next({ crons: ['30 2 * * *'], timezone: BERLIN }, '2030-10-27T01:10:00Z', 1), ['2030-10-28T01:30:00Z']);
});

test('H5 intervals lose none and double none: by minute, by hour, by every', () => {
  const days = ['2030-03-31', '2030-10-27'];
  for (const day of days) {
    const from = at(`${day}T00:00:00Z`) - 7_200_000;
    const count = 6 * 60;
    for (const [timing, step] of [
      [{ crons: ['* * * * *'] }, 60_000],
      [{ crons: ['0 * * * *'] }, 3_600_000],
      [{ crons: ['17 */1 * * *'] }, 3_600_000],
      [{ everyMs: 900_000 }, 900_000],
    ] as const) {
      const found = times({ ...timing, timezone: BERLIN }).upcoming((count * 60_000) / step, from);
      for (const [i, time] of found.slice(1).entries())
        assert.is(time - found[i]!, step, `${JSON.stringify(timing)} ${day}`);
    }
  }
});

test('H5 a time that the clock jumps over is found from the instant right before it, too', () => {
  const daily = times({ crons: ['0 2 * * *'], timezone: NEW_YORK });
  const jump = at('2025-03-09T07:00:00Z');
  for (const before of [2, 1]) assert.is(daily.after(jump - before), jump);
  assert.is(daily.after(jump), at('2025-03-10T06:00:00Z'));
  // Of intervals none is there.
  const hourly = times({ crons: ['30 * * * *'], timezone: NEW_YORK });
  assert.is(hourly.after(jump - 1), jump + 30 * 60_000);
});

test('H5 whatever the zone, the expression and the place: in order, and the same wherever one begins to ask', () => {
  const zones = [
    BERLIN,
    NEW_YORK,
    'Australia/Lord_Howe',
    'America/Sao_Paulo',
    'Africa/Casablanca',
    'Asia/Kolkata',
    'UTC',
  ];
  const minute = fc.constantFrom('0', '30', '*/15', '7,53');
  const hour = fc.constantFrom('*', '2', '1-3', '*/2', '0,3', '23');
  const parameters = fc.record({
    timezone: fc.constantFrom(...zones),
    cron: fc.tuple(minute, hour).map(([m, h]) => `${m} ${h} * * *`),
    from: fc.integer({ min: at('2024-01-01T00:00:00Z') / 60_000, max: at('2031-01-01T00:00:00Z') / 60_000 }),
  });
  fc.assert(
    fc.property(parameters, ({ timezone, cron, from }) => {
      const schedule = times({ crons: [cron], timezone });
      const start = from * 60_000;
      const found = schedule.upcoming(6, start);
      for (const [i, time] of found.entries()) {
        assert.ok(time > (found[i - 1] ?? start), 'in order');
        assert.is(schedule.after(time - 1), time, 'asked right before it');
        const before = found[i - 1] ?? start;
        assert.is(schedule.after(Math.floor((before + time) / 2)), time, 'asked on the way');
      }
    }),
    { numRuns: 60 },
  );
});

test('H1 days that are left out are of the zone, and are counted', () => {
  const timing = { crons: ['0 8 * * *'], timezone: NEW_YORK, skipDates: ['2030-12-24', '2030-12-25'] };
  assert.equal(next(timing, '2030-12-23T14:00:00Z', 1), ['2030-12-26T13:00:00Z']);
  const { due, left } = times(timing).between(at('2030-12-23T14:00:00Z'), at('2030-12-26T14:00:00Z'), 10);
  assert.equal([due.length, left.count, left.last], [1, 2, at('2030-12-25T13:00:00Z')]);
});

test(
  'H1, H5 a year of days that are left out, every second, and the hours in which the clock is set: each looked at once',
  () => {
    const days = Array.from({ length: 366 }, (_, i) =>
      new Date(at('2030-01-01') + i * 86_400_000).toISOString().slice(0, 10),
    );
    const crons = Array.from({ length: 20 }, (_, i) => `${i}-59 * * * * *`);
    const all = { crons, timezone: BERLIN, skipDates: days };
    assert.equal(next(all, '2030-01-01T12:00:00Z', 2), ['2031-01-01T23:00:00Z', '2031-01-01T23:00:01Z']);
    const inAutumn = { crons: ['*/10 * * 27 10 *'], timezone: BERLIN, skipDates: ['2030-10-27'] };
    assert.equal(next(inAutumn, '2030-10-01T00:00:00Z', 1), ['2031-10-26T23:00:00Z']);
    const { due, left } = times(all).between(at('2030-10-27T00:00:00Z'), at('2030-10-28T00:00:00Z'), 10);
    assert.equal(
      [due.length, left.last],
      [0, at('2030-10-27T00:00:00Z') + left.count * 1_000],
      'and no more of them at once than it takes',
    );
    assert.ok(left.count < 1_000, `${left.count}`);
  },
  { limitMs: 2_000 },
);

test('H4, H6 an interval goes on from its anchor, and jitter is the same for the same fire', () => {
  const every = times({ everyMs: 10_000 }, 3);
  assert.equal(every.upcoming(2, 0), [10_003, 20_003]);
  assert.equal(every.upcoming(2, 1_000_000), [1_000_003, 1_010_003]);
  const spec = { jitterMs: 5_000 } as Parameters<typeof jitterOf>[0]['spec'];
  const jitters = Array.from({ length: 50 }, (_, i) => jitterOf({ id: 's', spec }, i * 60_000));
  assert.ok(jitters.every((jitter) => jitter >= 0 && jitter <= 5_000) && new Set(jitters).size > 30);
  assert.is(jitterOf({ id: 's', spec }, 60_000), jitters[1]);
});

test.run();
