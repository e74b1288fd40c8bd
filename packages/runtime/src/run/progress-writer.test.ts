import { decode } from '@baton/protocols';
import { createVirtualClock } from '@baton/testkit';
import * as assert from 'uvu/assert';
import { suite } from '../../../../test/support/suite.ts';
import { ProgressWriter } from './progress-writer.ts';
import type { Pending } from './task-update.ts';

const test = suite('progress writer');

/** A store that takes `writeMs` for each write. */
const scene = (throttleMs: number, writeMs = 10, before: () => Promise<unknown> | undefined = () => undefined) => {
  const clock = createVirtualClock();
  const stored: { readonly at: number; readonly progress: Pending['progress'] }[] = [];
  let live = 0;
  let shown: unknown;
  const writer = new ProgressWriter({
    clock,
    signals: {
      progress: (_id: string, bytes: Uint8Array) => {
        live++;
        ({ progress: shown } = decode(bytes, 1_024) as { readonly progress: unknown });
      },
    } as never,
    taskId: 'task',
    throttleMs,
    before,
    write: ({ progress }) =>
      new Promise((resolve) => {
        clock.after(writeMs, () => {
          stored.push({ at: clock.monotonic(), progress });
          resolve();
        });
      }),
  });
  return { clock, writer, stored, lives: () => live, shown: () => shown };
};

test('C4 the first at once, then the latest when its time has come', async () => {
  const { clock, writer, stored, lives } = scene(2_000);
  for (let count = 0; count < 30; count++) {
    writer.update({ progress: { count } });
    await clock.advance(110);
  }
  await clock.advance(2_000);
  assert.equal(
    stored.map(({ at, progress }) => [at, progress]),
    [
      [10, { count: 0 }],
      [2_010, { count: 18 }],
      [4_010, { count: 29 }],
    ],
  );
  assert.is(lives(), 30);
});

test('C4 an immediate update waits for the write under way and not for its time', async () => {
  const { clock, writer, stored } = scene(2_000);
  writer.update({ progress: { count: 1 } });
  writer.update({ progress: { count: 2 } }, true);
  await clock.advance(25);
  assert.equal(
    stored.map(({ at, progress }) => [at, progress]),
    [
      [10, { count: 1 }],
      [20, { count: 2 }],
    ],
  );
});

test('C4 without a throttle every update that finds the last one stored is stored', async () => {
  const { clock, writer, stored } = scene(0);
  for (let count = 1; count <= 3; count++) {
    writer.update({ progress: { count } });
    await clock.advance(15);
  }
  assert.equal(
    stored.map(({ at }) => at),
    [10, 25, 40],
  );
});

test('C4 a flush leaves nothing behind', async () => {
  const { clock, writer, stored } = scene(2_000);
  writer.update({ progress: { count: 1 } });
  writer.update({ progress: { count: 2 } });
  await clock.settle(writer.flush());
  assert.equal(stored.at(-1)?.progress, { count: 2 });
  assert.is(clock.pending(), 0);
});

test('C4 a flush ends, however much is told meanwhile: with what was told when it began', async () => {
  const { clock, writer, stored } = scene(2_000);
  let count = 0;
  const tells = (): void => {
    writer.update({ progress: { count: ++count } });
    clock.after(1, tells);
  };
  tells();
  await clock.advance(100);
  const began = clock.now();
  const told = count;
  await clock.settle(writer.flush());
  assert.ok(clock.now() - began <= 30, `${clock.now() - began} ms`);
  const { progress } = stored.at(-1) ?? {};
  assert.ok(progress !== undefined && 'count' in progress && progress.count >= told);
});

test('E3 nobody is shown progress before what the body did first is stored, and then the latest', async () => {
  let stored = (): void => undefined;
  let registering: Promise<void> | undefined = new Promise((resolve) => (stored = resolve));
  const { clock, writer, lives, shown } = scene(2_000, 10, () => registering);
  writer.update({ progress: { count: 1 } });
  await clock.advance(500);
  writer.update({ progress: { count: 2 } });
  await clock.advance(500);
  assert.is(lives(), 0);
  stored();
  registering = undefined;
  await clock.advance(0);
  assert.equal([lives(), shown()], [1, { count: 2 }]);
  writer.update({ progress: { count: 3 } });
  assert.equal([lives(), shown()], [2, { count: 3 }]);
});

test.run();
