import * as assert from 'uvu/assert';
import { suite } from '../../../test/support/suite.ts';
import { createVirtualClock } from './virtual-clock.ts';

const test = suite('testkit: virtual clock');

const failureOf = async (promise: Promise<unknown>): Promise<string> => {
  try {
    await promise;
  } catch (error) {
    return (error as Error).message;
  }
  return 'none';
};

test('runs what is due in time order and nothing later', async () => {
  const clock = createVirtualClock();
  const ran: string[] = [];
  clock.after(20, () => ran.push(`b ${clock.monotonic()}`));
  clock.after(10, () => ran.push(`a ${clock.monotonic()}`));
  clock.after(31, () => ran.push('c'));
  await clock.advance(30);
  assert.equal(ran, ['a 10', 'b 20']);
  assert.is(clock.monotonic(), 30);
  assert.is(clock.pending(), 1);
});

test('wall clock and monotonic clock go together', async () => {
  const clock = createVirtualClock({ startAt: 1_000 });
  await clock.advance(250);
  assert.equal([clock.now(), clock.monotonic()], [1_250, 250]);
});

test('a cancelled timer does not run, also when it is cancelled by one of the same moment', async () => {
  for (let seed = 0; seed < 20; seed++) {
    const clock = createVirtualClock({ seed });
    let ran = 0;
    const timers = [0, 1].map((i) =>
      clock.after(5, () => {
        ran++;
        timers[1 - i]?.cancel();
      }),
    );
    await clock.advance(5);
    assert.is(ran, 1);
    assert.is(clock.pending(), 0);
  }
});

test('finishes the promises of one timer before the next', async () => {
  const clock = createVirtualClock();
  const ran: string[] = [];
  clock.after(1, () => {
    void (async () => {
      for (let i = 0; i < 100; i++) await Promise.resolve();
      ran.push('promises of the first');
    })();
  });
  clock.after(2, () => ran.push('second'));
  await clock.advance(2);
  assert.equal(ran, ['promises of the first', 'second']);
});

test('breaks ties by the seed', async () => {
  const orders = new Set<string>();
  for (let seed = 0; seed < 20; seed++) {
    const run = async (): Promise<string> => {
      const clock = createVirtualClock({ seed });
      let order = '';
      for (const name of ['a', 'b', 'c']) clock.after(1, () => (order += name));
      await clock.runUntilIdle();
      return order;
    };
    const order = await run();
    assert.is(await run(), order);
    orders.add(order);
  }
  assert.ok(orders.size > 2, [...orders].join());
});

test('settle lets time pass just until the promise is settled', async () => {
  const clock = createVirtualClock();
  const value = await clock.settle(new Promise((resolve) => clock.after(40, () => resolve('done'))));
  assert.is(value, 'done');
  assert.is(clock.monotonic(), 40);
  const failed = new Promise((_, reject) => clock.after(1, () => reject(new Error('no'))));
  assert.is(await failureOf(clock.settle(failed)), 'no');
});

test('settle says when nothing will settle the promise', async () => {
  const clock = createVirtualClock();
  assert.match(await failureOf(clock.settle(new Promise(() => {}))), /no timer will bring/);
  const again = (): void => void clock.after(100, again);
  again();
  assert.match(await failureOf(clock.settle(new Promise(() => {}), { limitMs: 1_000 })), /not settled within 1000 ms/);
  assert.match(await failureOf(clock.runUntilIdle({ limitMs: 1_000 })), /timers are left/);
});

test('a failing invariant stops the run where it failed', async () => {
  const clock = createVirtualClock();
  let ran = 0;
  clock.onStep(() => {
    if (ran === 2) throw new Error('broken');
  });
  for (const ms of [1, 2, 3]) clock.after(ms, () => ran++);
  assert.is(await failureOf(clock.advance(10)), 'broken');
  assert.equal([ran, clock.monotonic()], [2, 2]);
});

test('time does not pass twice at once', async () => {
  const clock = createVirtualClock();
  const first = clock.advance(10);
  assert.match(await failureOf(clock.advance(10)), /already being advanced/);
  await first;
});

test.run();
