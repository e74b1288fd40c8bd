import * as assert from 'uvu/assert';
import { suite } from '../../../../test/support/suite.ts';
import { LoadPause, type Written } from './load-pause.ts';
import { Stopped } from './outage-retry.ts';

const test = suite('load pause');

const RUSH: Written = { versions: 4_000, waiting: 4_000, ageMs: 500 };

/** A clock that goes by itself: a timer is over as soon as it is waited for. */
const scene = (idle: (now: number) => number, processors = 2) => {
  let now = 0;
  const stopping = new AbortController();
  const clock = {
    now: () => now,
    monotonic: () => now,
    after: (ms: number, call: () => void) => {
      let cancelled = false;
      queueMicrotask(() => {
        if (cancelled) return;
        now += ms;
        call();
      });
      return { cancel: () => void (cancelled = true) };
    },
  };
  const loadPause = new LoadPause({
    idleProcessors: () => ({ idle: idle(now), processors }),
    clock,
    signal: stopping.signal,
  });
  const restMs = async (written: Written): Promise<number> => {
    const before = now;
    await loadPause.rest(written);
    return now - before;
  };
  return { restMs, stop: () => stopping.abort() };
};

test('with a processor to spare nobody rests', async () => {
  const { restMs } = scene(() => 1.2);
  assert.is(await restMs(RUSH), 0);
});

test('a few are written at once, however busy the machine is', async () => {
  assert.is(await scene(() => 0).restMs({ versions: 40, waiting: 5, ageMs: 200 }), 0);
});

test('of one processor half is enough', async () => {
  assert.is(await scene(() => 0.6, 1).restMs(RUSH), 0);
  assert.is(await scene(() => 0.4, 1).restMs(RUSH), 7_500);
});

test('in a rush it rests until what waits is eight seconds old', async () => {
  const { restMs } = scene(() => 0.4);
  assert.is(await restMs(RUSH), 7_500);
  assert.is(await restMs({ ...RUSH, ageMs: 7_900 }), 100);
});

test('further behind it rests no more', async () => {
  const { restMs } = scene(() => 0);
  assert.is(await restMs({ ...RUSH, ageMs: 8_001 }), 0);
});

test('a rush that is over while it rests ends the rest', async () => {
  const { restMs } = scene((now) => (now < 2_000 ? 0.1 : 1.5));
  assert.is(await restMs(RUSH), 2_000);
});

test('what came in a rush that is over is written without another rest', async () => {
  let isOver = false;
  const { restMs } = scene((now) => (now === 2_000 && !isOver ? 1.5 : 0.1));
  assert.is(await restMs(RUSH), 2_000);
  isOver = true;
  assert.is(await restMs({ ...RUSH, waiting: 9_000 }), 0);
  assert.is(await restMs({ ...RUSH, waiting: 14_000 }), 7_500);
});

test('when less comes than it writes it catches up, however busy the machine is: with its own work', async () => {
  const { restMs } = scene(() => 0);
  await restMs({ versions: 4_000, waiting: 20_000, ageMs: 8_001 });
  assert.is(await restMs({ versions: 4_000, waiting: 16_000, ageMs: 500 }), 0);
});

test('it is stopped while it rests', async () => {
  const { restMs, stop } = scene(() => 0);
  const rested = restMs(RUSH).then(
    () => 'rested',
    (error: unknown) => error,
  );
  stop();
  assert.instance(await rested, Stopped);
});

test.run();
