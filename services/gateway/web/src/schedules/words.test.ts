import * as assert from 'uvu/assert';
import { suite } from '../../../../../test/support/suite.ts';
import { eventText, timesText } from './words.ts';

const test = suite('words about schedules');

test('H1 when it fires', () => {
  const zone = { timezone: 'Europe/Berlin' };
  assert.is(timesText({ ...zone, crons: [], everySeconds: 900 }), 'every 15m');
  assert.is(timesText({ ...zone, crons: ['0 9 * * 1-5'], everySeconds: undefined }), '0 9 * * 1-5, Europe/Berlin');
  const both = { ...zone, crons: ['0 9 * * *', '30 17 * * *'], everySeconds: undefined };
  assert.is(timesText(both), '0 9 * * * and 30 17 * * *, Europe/Berlin');
});

test('H6 what happened, by whom and why', () => {
  const event = { at: 1, by: 'eve', due: undefined, task: undefined, why: undefined, count: 1 } as const;
  assert.is(eventText({ ...event, kind: 'started' }), 'Started');
  assert.is(
    eventText({ ...event, kind: 'skipped', count: 3, why: 'the last one runs' }),
    'Skipped, 3 times: the last one runs',
  );
  assert.is(eventText({ ...event, kind: 'paused', why: 'holidays' }), 'Paused by eve: holidays');
  assert.is(eventText({ ...event, kind: 'resumed' }), 'Resumed by eve');
  assert.is(eventText({ ...event, kind: 'set' }), 'Set by eve');
  assert.is(eventText({ ...event, kind: 'backfilled', why: '2 of 2' }), 'Backfilled by eve: 2 of 2');
});

test.run();
