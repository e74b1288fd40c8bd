import * as assert from 'uvu/assert';
import { suite } from '../../../../test/support/suite.ts';
import type { JetStreamApi } from '../wire.ts';
import { progressOf } from './projections.ts';

const test = suite('projections: progress');

const STORED = '2026-01-01T00:00:00Z';

const apiOf = (floor: number, last: number): JetStreamApi => {
  const answers: Readonly<Record<string, object>> = {
    'CONSUMER.INFO.S.c': { ack_floor: { stream_seq: floor }, num_pending: 0, num_ack_pending: 0 },
    'STREAM.INFO.S': { state: { last_seq: last } },
    'STREAM.MSG.GET.S': { message: { time: STORED } },
  };
  return { call: async (subject: string) => answers[subject] } as unknown as JetStreamApi;
};

test('at its end nothing is behind, before it what is there', async () => {
  assert.equal(await progressOf(apiOf(7, 7), 'S', 'c'), { floor: 7, last: 7, behind: 0 });
  assert.equal(await progressOf(apiOf(6, 7), 'S', 'c'), {
    floor: 6,
    last: 7,
    behind: 1,
    oldestAt: Date.parse(STORED),
  });
});

test('a place behind the end, of a bucket that has lost its last writes, is none', async () => {
  assert.equal(await progressOf(apiOf(20, 13), 'S', 'c'), {
    floor: 0,
    last: 13,
    behind: 1,
    oldestAt: Date.parse(STORED),
  });
});

test.run();
