import * as assert from 'uvu/assert';
import { suite } from '../../../../../test/support/suite.ts';
import type { QueueSet } from '../api/queues.ts';
import { entriesOf, isPaused } from './words.ts';

const test = suite('what is set for a queue');

const made = { by: 'user:root', at: '2030-01-31T12:00:00.000Z', why: null };

const set = { ...made, when_full: 'wait', type: null, from: 'run_time', instead_of: null } as const;

test('each thing that is set says what, by whom and why, and how it is taken back', () => {
  const all: QueueSet = {
    queue: 'q',
    pauses: [
      { type: null, group: null, ...made, why: 'the disk is full' },
      { type: 'mail', group: null, ...made },
      { type: null, group: 'acme', ...made },
    ],
    limits: [
      { of: 'queue', name: null, concurrency: 4, rate: { units: 10, window_seconds: 60 }, ...set },
      {
        of: 'type',
        name: 'mail',
        concurrency: 1,
        rate: null,
        ...set,
        instead_of: { concurrency: 9, when_full: 'wait', rate: null },
      },
      { of: 'type', name: 'report', concurrency: 2, rate: null, ...set, from: 'definition' },
      { of: 'key', name: 'dock', concurrency: 1, rate: null, ...set, type: 'mail', when_full: 'cancel_newest' },
      { of: 'group', name: null, concurrency: null, rate: { units: 1, window_seconds: 1 }, ...set },
    ],
    weights: [{ group: 'acme', weight: 3, by: made.by, at: made.at }],
  };
  const entries = entriesOf(all);
  assert.equal(
    entries.map(({ what }) => what),
    [
      'Paused',
      'Type mail paused',
      'Group acme paused',
      '4 at once, 10 in 1m',
      'Type mail: 1 at once; its definition: 9 at once',
      'Type report: 2 at once, by its definition',
      'Key dock of type mail: 1 at once, then cancel the newest',
      'Each group: 1 in 1s',
      'Weight of group acme: 3',
    ],
  );
  assert.equal(
    entries.map(({ undo }) => undo?.change),
    [
      { verb: 'resume' },
      { verb: 'resume', type: 'mail' },
      { verb: 'resume', group: 'acme' },
      { verb: 'limit', of: 'queue' },
      { verb: 'limit', of: 'type', name: 'mail' },
      undefined,
      { verb: 'limit', of: 'key', name: 'dock', type: 'mail' },
      { verb: 'limit', of: 'group' },
      { verb: 'weight', group: 'acme', weight: 1 },
    ],
  );
  const [first] = entries;
  assert.equal([first?.by, first?.why, first?.at], ['root', 'the disk is full', Date.parse(made.at)]);
});

test('a queue is paused when all of it is', () => {
  const pause = { type: null, group: null, ...made };
  assert.ok(isPaused({ queue: 'q', limits: [], weights: [], pauses: [{ ...pause, group: 'a' }, pause] }));
  assert.not(
    isPaused({
      queue: 'q',
      limits: [],
      weights: [],
      pauses: [
        { ...pause, type: 'mail' },
        { ...pause, group: 'a' },
      ],
    }),
  );
});

test.run();
