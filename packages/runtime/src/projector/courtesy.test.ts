import * as assert from 'uvu/assert';
import { suite } from '../../../../test/support/suite.ts';
import { Courtesy } from './courtesy.ts';

const test = suite('courtesy');

const RUSH = { versions: 4_000, waiting: 4_000, ageMs: 500 };

const scene = () => {
  let waited = 100;
  const courtesy = new Courtesy(() => waited);
  return { courtesy, wait: (ms: number) => void (waited += ms) };
};

test('who never waits for a processor never rests', () => {
  const { courtesy } = scene();
  assert.is(courtesy.restMs(RUSH), 0);
});

test('in a rush it rests longer than it had to wait, up to a second', () => {
  const { courtesy, wait } = scene();
  wait(50);
  assert.is(courtesy.restMs(RUSH), 200);
  wait(900);
  assert.is(courtesy.restMs({ ...RUSH, waiting: 8_000 }), 1_000);
});

test('a wait is made up for once', () => {
  const { courtesy, wait } = scene();
  wait(50);
  courtesy.restMs(RUSH);
  assert.is(courtesy.restMs({ ...RUSH, waiting: 8_000 }), 0);
});

test('when the rush is over it catches up', () => {
  const { courtesy, wait } = scene();
  courtesy.restMs({ versions: 4_000, waiting: 20_000, ageMs: 500 });
  wait(50);
  assert.is(courtesy.restMs({ versions: 4_000, waiting: 16_000, ageMs: 500 }), 0);
});

test('far behind it rests no more', () => {
  const { courtesy, wait } = scene();
  wait(50);
  assert.is(courtesy.restMs({ ...RUSH, ageMs: 20_001 }), 0);
});

test.run();
