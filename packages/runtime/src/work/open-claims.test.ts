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
  let isReached = true;
  const claims: OpenClaims = new OpenClaims(
    clock,
    () => void rooms.push(claims.room),
    () => isReached,
  );
  return { claims, rooms, timers, reach: (is: boolean) => void (isReached = is) };
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

test('O1 a claim is not answered as empty before its queues know of it, for a second at most', async () => {
  const { claims, timers, reach } = open();
  const states: string[] = [];
  const wait = (name: string): void => void claims.wait(1, 0).then(() => states.push(name));
  reach(false);
  wait('reached in the end');
  for (const due of [0, 1, 2]) timers[due]?.run();
  assert.is(claims.room, 1);
  reach(true);
  timers[3]?.run();
  await Promise.resolve();
  assert.equal([claims.room, states], [0, ['reached in the end']]);
  reach(false);
  wait('never reached');
  for (let due = 4; due < timers.length; due++) timers[due]?.run();
  await Promise.resolve();
  assert.equal(states.at(-1), 'never reached');
  assert.is(
    timers.slice(4).reduce((sum, { ms }) => sum + ms, 0),
    1_000,
  );
});

test.run();
