import type { TaskRecord } from '@baton/core';
import { addressOf, type Address } from '@baton/protocols';
import { createVirtualClock } from '@baton/testkit';
import * as assert from 'uvu/assert';
import { suite } from '../../../../../test/support/suite.ts';
import { SUPERVISOR_TIMINGS } from '../timings.ts';
import { ActionRunner, type Action, type ActionOutcome } from './action-runner.ts';
import { TaskIndex, type Watched } from './task-index.ts';
import { TaskTimers } from './task-timers.ts';

const test = suite('supervisor: timers of tasks');

const addressFor = (key: string): Address => addressOf({ scope: 'shared', type: 'job', key });

/** Timers of tasks that run, and whose actions are in the hands of the test. */
const scene = () => {
  const clock = createVirtualClock({ seed: 1 });
  const dead = new Set<string>();
  const asked: { readonly at: number; readonly action: Action; readonly of: string }[] = [];
  const outcomes: ((outcome: ActionOutcome) => void)[] = [];
  const index: TaskIndex = new TaskIndex({
    ready: () => undefined,
    gone: () => undefined,
    held: () => undefined,
    freed: () => undefined,
    removed: (watched) => timers.release(watched),
  });
  const actions: ActionRunner = new ActionRunner({
    parallel: 64,
    perform: ({ duties }, action) => {
      asked.push({ at: clock.monotonic(), action, of: 'holder' in duties ? duties.holder : '' });
      return new Promise((resolve) => outcomes.push(resolve));
    },
    done: (watched, _, outcome, revision) => timers.acted(watched, outcome, revision),
  });
  const timers: TaskTimers = new TaskTimers({
    index,
    clock,
    chance: { random: () => 0.5, uuid: () => '', nonce: () => '' },
    signals: {} as never,
    timings: SUPERVISOR_TIMINGS,
    ask: (watched, action) => actions.ask(watched, action),
    isDead: (holder) => dead.has(holder),
    expect: () => undefined,
  });
  /** It runs in that worker, as the feed tells. */
  const runs = (key: string, worker: string, revision: number): Watched | undefined => {
    const owner = { worker, fence: { epoch: 1, revision: revision - 1 }, at: 0 };
    const record = {
      ...{ v: 1, id: key, type: 'job', key, name: key, scope: 'shared', queue: 'q', priority: 'normal', mode: 'async' },
      ...{
        policy: { timeoutMs: 3_600_000 },
        status: 'in_progress',
        subscribers: [],
        createdAt: 0,
        changedAt: 0,
        startedAt: 0,
        attempt: 1,
      },
      ...{ history: [], owner },
    } as unknown as TaskRecord;
    const sight = { revision, generation: 1, at: clock.monotonic(), wall: clock.now(), live: true };
    return timers.seen(addressFor(key), sight, record);
  };
  return { clock, dead, asked, outcomes, timers, runs };
};

test('what comes to nothing is tried again within 5 s where it is little, and by all together not too often', async () => {
  const tries = async (tasks: number): Promise<{ readonly longestMs: number; readonly perSecond: number }> => {
    const { clock, dead, asked, outcomes, timers, runs } = scene();
    for (let n = 0; n < tasks; n++) runs(`k${n}`, 'w1', n + 1);
    dead.add('w1');
    timers.holderDied('w1');
    const fail = async (ms: number): Promise<void> => {
      for (let passed = 0; passed < ms; passed += 250) {
        for (let some = outcomes.splice(0); some.length > 0; some = outcomes.splice(0)) {
          for (const settle of some) settle('again');
          await clock.advance(0);
        }
        await clock.advance(250);
      }
    };
    await fail(60_000);
    const before = asked.length;
    await fail(60_000);
    const perSecond = (asked.length - before) / 60;
    return { longestMs: (1_000 * tasks) / perSecond, perSecond };
  };
  const few = await tries(10);
  assert.ok(few.longestMs <= 5_000, `every ${few.longestMs} ms`);
  const many = await tries(4_000);
  assert.ok(many.perSecond <= 700, `${many.perSecond} a second`);
});

test('a worker that dies while an earlier rescue of its task is under way is not forgotten', async () => {
  const { clock, dead, asked, outcomes, timers, runs } = scene();
  dead.add('w1');
  runs('a', 'w1', 5);
  await clock.advance(1_000);
  runs('a', 'w2', 8);
  dead.add('w2');
  assert.is(timers.holderDied('w2'), 1);
  assert.equal(
    asked.map(({ of }) => of),
    ['w1'],
  );
  outcomes[0]?.('settled');
  await clock.advance(0);
  assert.equal(
    asked.map(({ action, of }) => `${action} of ${of}`),
    ['rescue of w1', 'rescue of w2'],
  );
});

test.run();
