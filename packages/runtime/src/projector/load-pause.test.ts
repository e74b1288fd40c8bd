import * as assert from 'uvu/assert';
import { suite } from '../../../../test/support/suite.ts';
import { LoadPause } from './load-pause.ts';

const test = suite('load pause');

const RUSH = { versions: 4_000, waiting: 4_000, ageMs: 500 };

const scene = () => {
  let waited = 100;
  const loadPause = new LoadPause(() => waited);
  return { loadPause, wait: (ms: number) => void (waited += ms) };
};

test('who never waits for a processor never rests', () => {
  const { loadPause } = scene();
  assert.is(loadPause.restMs(RUSH), 0);
});

test('in a rush it rests longer than it had to wait, up to a second', () => {
  const { loadPause, wait } = scene();
  wait(50);
  assert.is(loadPause.restMs(RUSH), 200);
  wait(900);
  assert.is(loadPause.restMs({ ...RUSH, waiting: 8_000 }), 1_000);
});

test('a wait is made up for once', () => {
  const { loadPause, wait } = scene();
  wait(50);
  loadPause.restMs(RUSH);
  assert.is(loadPause.restMs({ ...RUSH, waiting: 8_000 }), 0);
});

test('when the rush is over it catches up', () => {
  const { loadPause, wait } = scene();
  loadPause.restMs({ versions: 4_000, waiting: 20_000, ageMs: 500 });
  wait(50);
  assert.is(loadPause.restMs({ versions: 4_000, waiting: 16_000, ageMs: 500 }), 0);
});

test('far behind it rests no more', () => {
  const { loadPause, wait } = scene();
  wait(50);
  assert.is(loadPause.restMs({ ...RUSH, ageMs: 20_001 }), 0);
});

test.run();
