import * as assert from 'uvu/assert';
import { suite } from '../../../../test/support/suite.ts';
import { ServiceMeter } from './service-meter.ts';

const test = suite('service meter');

/** So many writes with so many in flight, answered one every so many milliseconds. Returns the time at the end. */
const run = (meter: ServiceMeter, writes: number, inFlight: number, msPerAnswer: number, from = 0): number => {
  let now = from;
  for (let i = 0; i < inFlight; i++) meter.sent();
  for (let i = 0; i < writes; i++) {
    now += msPerAnswer;
    meter.answered(now);
    meter.sent();
  }
  for (let i = 0; i < inFlight; i++) meter.answered((now += msPerAnswer));
  return now;
};

test('a disk write before every answer is slow', () => {
  const meter = new ServiceMeter();
  assert.is(meter.pace(run(meter, 1_000, 64, 0.4)), 'slow');
  const fastDisk = new ServiceMeter();
  assert.is(fastDisk.pace(run(fastDisk, 4_000, 64, 0.15)), 'slow');
});

test('without one it is not, however long the way', () => {
  const meter = new ServiceMeter();
  assert.is(meter.pace(run(meter, 5_000, 64, 0.03)), 'fast');
});

test('single writes one after the other tell nothing', () => {
  const meter = new ServiceMeter();
  assert.is(meter.pace(run(meter, 1_000, 1, 5)), 'unknown');
  assert.is(meter.pace(run(meter, 1_000, 7, 5)), 'unknown');
  assert.is(meter.waiting, 0);
});

test('one stop of the process is not the server', () => {
  const meter = new ServiceMeter();
  let now = run(meter, 5_000, 64, 0.03);
  meter.sent();
  now += 2_000;
  meter.answered(now);
  assert.is(meter.pace(run(meter, 3_000, 64, 0.03, now)), 'fast');
});

test('a slow beginning does not make a fast server slow', () => {
  const meter = new ServiceMeter();
  const now = run(meter, 600, 64, 0.4);
  const fresh = new ServiceMeter();
  run(fresh, 100, 64, 0.6);
  assert.is(fresh.pace(run(fresh, 3_000, 64, 0.03, 200)), 'fast');
  assert.is(meter.pace(now), 'slow');
});

test('fast holds, however busy the machine gets', () => {
  const meter = new ServiceMeter();
  const now = run(meter, 3_000, 64, 0.03);
  assert.is(meter.pace(run(meter, 3_000, 64, 0.8, now)), 'fast');
});

test('the finding ends by itself and at once with a reset', () => {
  const meter = new ServiceMeter();
  const end = run(meter, 600, 64, 0.4);
  assert.is(meter.pace(end), 'slow');
  assert.is(meter.pace(end + 60_000), 'unknown');
  assert.is(meter.pace(run(meter, 600, 64, 0.4, end + 60_000)), 'slow');
  meter.reset();
  assert.is(meter.pace(end), 'unknown');
});

test.run();
