import * as assert from 'uvu/assert';
import { suite } from '../../../../test/support/suite.ts';
import { LeaseWatch } from './lease-watch.ts';

const timings = { renewMs: 2_000, leaseMs: 6_000, blockedAfterMs: 1_000, maxBlockMs: 60_000 };

/** A watch whose owner beats all the time unless told otherwise. */
const started = () => {
  const watch = new LeaseWatch(timings, 0);
  let beats = 0;
  return { watch, beat: (now: number) => watch.heard(++beats, now) };
};

/** Held since `now`. */
const held = (now: number) => {
  const { watch, beat } = started();
  beat(now);
  watch.confirmed(watch.sent(now));
  assert.is(watch.judge(now), 'held');
  return { watch, beat };
};

const test = suite('lease watch');

test('an owner that never beats again is hung where that is set, and not before; one that was paused is not', () => {
  const { watch } = held(0);
  assert.is(watch.hungFor(1e9), undefined, 'never, when nothing is set');
  const strict = new LeaseWatch({ ...timings, endBlockedMs: 600_000 }, 0);
  assert.is(strict.hungFor(600_000), undefined);
  assert.is(strict.hungFor(600_001), 600_001);
  strict.paused(1_000);
  assert.is(strict.hungFor(600_001), undefined);
  strict.heard(1, 600_500);
  assert.is(strict.hungFor(1_200_500), undefined);
});

test('is due at once, and again a renewal later when it was confirmed', () => {
  const { watch } = started();
  assert.ok(watch.isDue(0));
  const id = watch.sent(0);
  assert.not.ok(watch.isDue(499));
  assert.ok(watch.isDue(500), 'without an answer it is sent again sooner');
  watch.confirmed(id);
  assert.not.ok(watch.isDue(1_999));
  assert.ok(watch.isDue(2_000));
});

test('is held from the first confirmation, and that is said once', () => {
  const { watch } = started();
  const id = watch.sent(0);
  assert.is(watch.judge(10), undefined);
  watch.confirmed(id);
  assert.is(watch.judge(20), 'held');
  assert.is(watch.judge(30), undefined);
});

test('is lost before the lease is over, counted from when the last confirmed renewal was sent', () => {
  const { watch, beat } = held(0);
  const late = watch.sent(1_000);
  watch.sent(2_000);
  beat(4_000);
  watch.confirmed(late);
  assert.is(watch.judge(5_999), undefined);
  assert.is(watch.judge(6_000), 'lost', 'sent at 1,000, so over at 7,000, less half a renewal');
  assert.is(watch.judge(6_100), undefined, 'said once');
});

test('a moment at which nobody was connected is as good as a renewal, but gives nothing back that was lost', () => {
  const { watch, beat } = held(0);
  beat(9_000);
  watch.unwatched(4_500);
  assert.is(watch.judge(9_499), undefined, 'whoever was back at 4,500 waits until 10,500');
  assert.is(watch.judge(9_500), 'lost');
  watch.unwatched(9_600);
  assert.is(watch.judge(9_700), undefined, 'others may have acted');
  const { watch: fresh } = started();
  fresh.unwatched(0);
  assert.is(fresh.judge(10), undefined, 'nothing is held before it was confirmed');
});

test('an answer that comes after a whole lease renews nothing', () => {
  const { watch, beat } = held(0);
  const id = watch.sent(1_000);
  beat(8_000);
  assert.is(watch.judge(8_000), 'lost');
  watch.sent(8_000);
  watch.confirmed(id);
  assert.is(watch.judge(8_001), undefined);
});

test('is regained by a renewal sent after the loss', () => {
  const { watch, beat } = held(0);
  beat(7_000);
  assert.is(watch.judge(7_000), 'lost');
  watch.confirmed(watch.sent(7_000));
  assert.is(watch.judge(7_010), 'regained');
});

test('an owner that does not beat is blocked, and renewing goes on', () => {
  const { watch } = held(0);
  assert.not.ok(watch.isBlocked(1_000));
  assert.ok(watch.isBlocked(1_001));
  assert.ok(watch.isDue(30_000));
  watch.confirmed(watch.sent(30_000));
  assert.is(watch.judge(30_000), undefined);
});

test('blocked for too long: nothing is renewed and the lease is lost, until the owner beats again', () => {
  const { watch, beat } = held(0);
  watch.confirmed(watch.sent(60_000));
  assert.is(watch.judge(60_000), undefined);
  assert.is(watch.judge(60_001), 'lost');
  assert.not.ok(watch.isDue(90_000));
  beat(90_000);
  assert.ok(watch.isDue(90_000));
  assert.is(watch.judge(90_000), undefined, 'not by beating alone');
  watch.confirmed(watch.sent(90_000));
  assert.is(watch.judge(90_010), 'regained');
});

test('R6 tells how long its owner was blocked, once it beats again', () => {
  const { beat } = held(0);
  assert.is(beat(900), undefined);
  assert.is(beat(9_900), 9_000);
  assert.is(beat(10_000), undefined);
});

test('R6 a pause of the whole process is no block', () => {
  const { watch, beat } = held(0);
  watch.paused(90_000);
  assert.not.ok(watch.isBlocked(90_000));
  assert.is(watch.judge(90_000), 'lost', 'the lease is over all the same');
  assert.ok(watch.isDue(90_000), 'and is renewed at once');
  assert.is(beat(90_100), undefined);
});

test.run();
