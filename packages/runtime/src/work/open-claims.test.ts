import type { Clock } from '../ports/environment.ts';
import * as assert from 'uvu/assert';
import { suite } from '../../../../test/support/suite.ts';
import type { WorkTask } from './answers.ts';
import { OpenClaims } from './open-claims.ts';

const test = suite('claims that wait');

const open = () => {
  const timers: { readonly ms: number; readonly run: () => void }[] = [];
  const clock = {
    after: (ms: number, run: () => void) => {
      timers.push({ ms, run });
      return { cancel: () => {} };
    },
  } as unknown as Clock;
  const rooms: number[] = [];
  const claims: OpenClaims = new OpenClaims(clock, () => void rooms.push(claims.room));
  return { claims, rooms, timers };
};

const task = { id: 'a' } as unknown as WorkTask;

test('O1 a place whose task could not be claimed is offered again, as long as its claim waits', async () => {
  const { claims, rooms } = open();
  const answer = claims.wait(1, 10_000);
  assert.equal(rooms, [1]);
  const lost = claims.reserve(100);
  assert.ok(lost !== undefined && claims.room === 0 && claims.reserve(100) === undefined);
  claims.failed(lost);
  assert.is(rooms.at(-1), 1);
  const place = claims.reserve(100);
  assert.ok(place !== undefined);
  claims.arrived(place, task);
  assert.equal(await answer, [task]);
  assert.is(rooms.at(-1), 0);
});

test('O1 a claim is answered when its time is over, with what is on its way to it and nothing else', async () => {
  const { claims, timers } = open();
  const empty = claims.wait(2, 0);
  assert.ok((timers[0]?.ms ?? 0) >= 100, 'what waits needs a moment to be offered');
  timers[0]?.run();
  assert.equal(await empty, []);
  const late = claims.wait(2, 5_000);
  const place = claims.reserve(100);
  timers[1]?.run();
  assert.is(claims.room, 0);
  if (place !== undefined) claims.failed(place);
  assert.equal(await late, []);
});

test.run();
