import { setTimeout as pause } from 'node:timers/promises';
import * as assert from 'uvu/assert';
import { suite } from '../../../../test/support/suite.ts';
import type { Pending } from '../run/task-update.ts';
import { UpdateGate } from './update-gate.ts';

const test = suite('update gate');

const gate = (everyMs: number) => {
  const passed: (readonly [Pending, boolean])[] = [];
  return { passed, gate: new UpdateGate(everyMs, (pending, immediate) => void passed.push([pending, immediate])) };
};

test('the first passes at once, of many only the latest, when its time has come', async () => {
  const { passed, gate: updates } = gate(40);
  for (let count = 0; count < 1_000; count++) updates.add({ progress: { count } }, false);
  assert.equal(passed, [[{ progress: { count: 0 } }, false]]);
  while (passed.length < 2) await pause(5);
  assert.equal(passed[1], [{ progress: { count: 999 } }, false]);
});

test('a loop that lets no timer run is let through by the clock', () => {
  const { passed, gate: updates } = gate(20);
  const started = performance.now();
  for (let count = 0; passed.length < 5; count++) updates.add({ progress: { count } }, false);
  // How soon is the machine's business; that it is not sooner is the gate's.
  const tookMs = performance.now() - started;
  assert.ok(tookMs >= 4 * 20 - 1, `5 in ${tookMs} ms`);
});

test('an immediate one passes now and takes along what waits', () => {
  const { passed, gate: updates } = gate(1_000);
  const payload = Uint8Array.of(1);
  updates.add({ progress: { count: 0 } }, false);
  updates.add({ payload }, false);
  updates.add({ progress: { count: 2 } }, true);
  assert.equal(passed.slice(1), [[{ payload, progress: { count: 2 } }, true]]);
  updates.flush();
  assert.is(passed.length, 2);
});

test('what waits is passed on at the end', () => {
  const { passed, gate: updates } = gate(1_000);
  updates.add({ progress: { count: 0 } }, false);
  updates.add({ progress: { count: 1 } }, false);
  updates.flush();
  assert.equal(passed.at(-1), [{ progress: { count: 1 } }, false]);
});

test.run();
