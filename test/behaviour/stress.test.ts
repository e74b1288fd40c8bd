// limit: 300s, alone
// A12 and all: thousands of tasks with random cancels, joins, timeouts, failures and retries over several workers and
// supervisors. Everything ends, everything that was stored was a legal step, every call has its exact answer.
import { setTimeout as pause } from 'node:timers/promises';
import { addressOf, STORE_TIMEOUT_MS, type Address } from '@baton/protocols';
import { type TaskHandle } from '@baton/sdk';
import {
  checkAnswers,
  checkEffects,
  checkLives,
  createRandom,
  describeReport,
  type CallAnswer,
  type CallEvent,
  type Random,
} from '@baton/testkit';
import * as assert from 'uvu/assert';
import { eventually } from '../support/eventually.ts';
import { double, fails, flaky, hangs, joined, overtime, reports } from '../support/fixture-tasks.ts';
import { stagedSuite, type Stage } from '../support/stage.ts';
import { converged, effectsOf, readAllStored, readWitnessed } from '../support/system-state.ts';

/** 5,000 take less than a minute on two idle cores. */
const COUNT = Number(process.env['BATON_STRESS_TASKS'] ?? 5_000);
const WIDTH = 60;
const USERS = 30;
const LIMIT_MS = 240_000;
/**
 * The time of an end is when its worker told it first; until it is written, which may take store timeouts, others join.
 */
const END_SKEW_MS = 3 * STORE_TIMEOUT_MS;

const test = stagedSuite('stress', { workers: 3, supervisors: 2, env: { BATON_CONCURRENCY: '100' } });

const KINDS = [
  'double',
  'fails',
  'flaky',
  'exhausted',
  'hangs',
  'overtime',
  'reports',
  'joined',
  'joined',
  'reused',
] as const;
type Kind = (typeof KINDS)[number];

class CallLog {
  readonly events: CallEvent[] = [];
  private next = 0;

  async schedule(user: string, address: Address | undefined, run: () => Promise<TaskHandle>): Promise<TaskHandle> {
    const call = `call-${this.next++}`;
    const at = Date.now();
    const handle = await run();
    const asked = { kind: 'schedule', address: address ?? handle.address } as const;
    this.events.push({ phase: 'invoke', call, at, user, asked });
    this.answer(call, { kind: handle.outcome ?? 'created', task: handle.uuid });
    return handle;
  }

  /** Any of the answers a cancel has; anything else fails the test. */
  async cancel(user: string, handle: TaskHandle): Promise<string> {
    const call = `call-${this.next++}`;
    const at = Date.now();
    try {
      const { action } = await handle.cancel();
      this.events.push({ phase: 'invoke', call, at, user, asked: { kind: 'cancel', task: handle.uuid } });
      this.answer(call, { kind: action });
      return action;
    } catch (error) {
      const { code = String(error) } = error as { readonly code?: string };
      assert.ok(
        ['TASK_ABORT_FAILED', 'TASK_NOT_ABORTABLE', 'TASK_NOT_FOUND'].includes(code),
        `a cancel was told ${code}`,
      );
      return code;
    }
  }

  private answer(call: string, answer: CallAnswer): void {
    this.events.push({ phase: 'answer', call, at: Date.now(), answer });
  }
}

const begin = (log: CallLog, stage: Stage, user: string, kind: Kind, random: Random): Promise<TaskHandle> => {
  const client = stage.as(user);
  const priority = random.pick(['high', 'normal', 'low'] as const);
  const call = (run: () => Promise<TaskHandle>, address?: Address) =>
    log.schedule(user, address, () => client.within(run));
  switch (kind) {
    case 'double':
      return call(() => double.with({ priority, ...(random.int(10) === 0 ? { delay: '300ms' } : {}) }).schedule(1));
    case 'fails':
      return call(() => fails.schedule('on purpose'));
    case 'flaky':
      return call(() => flaky.with({ priority }).schedule(1 + random.int(2)));
    case 'exhausted':
      return call(() => flaky.with({ retry: { maxAttempts: 2 } }).schedule(9));
    case 'hangs':
      return call(() => hangs.with({ timeout: `${100 + random.int(900)}ms` }).schedule());
    case 'overtime':
      return call(() => overtime.schedule());
    case 'reports':
      return call(() => reports.schedule(3));
    case 'joined': {
      const taskKey = `joined-${random.int(Math.max(4, COUNT / 100))}`;
      return call(
        () => joined.with({ taskKey }).schedule(random.int(40)),
        addressOf({ scope: 'shared', type: 'fx.joined', key: taskKey }),
      );
    }
    case 'reused': {
      const taskKey = `reused-${random.int(Math.max(4, COUNT / 50))}`;
      const address = addressOf({ scope: 'private', type: 'fx.double', key: taskKey, user });
      return call(() => double.with({ taskKey }).schedule(2), address);
    }
  }
};

test(
  `A12 ${COUNT} tasks with random cancels, joins, timeouts, failures and retries: all end, all agree`,
  async (stage) => {
    const seed = Number(process.env['BATON_TEST_SEED'] ?? Date.now() % 1_000_000);
    const random = createRandom(seed);
    console.log(`seed ${seed} (set BATON_TEST_SEED to repeat it)`);
    const log = new CallLog();
    const cancels = new Map<string, number>();
    const began = performance.now();
    const seconds = (): string => ((performance.now() - began) / 1_000).toFixed(1);
    let next = 0;
    const hand = async (): Promise<void> => {
      for (let i = next++; i < COUNT; i = next++) {
        const user = `user-${random.int(USERS)}`;
        const handle = await begin(log, stage, user, random.pick(KINDS), random);
        for (let more = random.int(3); more > 1; more--) {
          await pause(random.int(60));
          const answer = await log.cancel(user, handle);
          cancels.set(answer, (cancels.get(answer) ?? 0) + 1);
        }
      }
    };
    await Promise.all(Array.from({ length: WIDTH }, hand));
    const playedAt = seconds();
    const made = new Set(
      log.events.flatMap((event) => (event.phase === 'answer' && 'task' in event.answer ? [event.answer.task] : [])),
    );
    const tasks = stage.mongo.db.collection<{ _id: string; terminal: boolean }>('tasks');
    await eventually(async () => assert.is(await tasks.countDocuments({ terminal: true }), made.size), {
      limitMs: LIMIT_MS,
      everyMs: 250,
    });
    const endedAt = seconds();
    const projection = await converged(stage, 60_000);
    assert.is(projection.counters['projected'], made.size);

    const records = await readAllStored(stage);
    const lives = checkLives(records);
    assert.ok(lives.ok, describeReport(lives));
    const answers = checkAnswers({ calls: log.events, records, skewMs: END_SKEW_MS });
    assert.ok(answers.ok, describeReport(answers));
    const effects = checkEffects({ effects: effectsOf(readWitnessed(stage.effectsPath), records), records });
    assert.ok(effects.ok, describeReport(effects));
    for (const name of ['success', 'failure', 'aborted', 'timed_out', 'retries', 'abortsAsked']) {
      assert.ok((lives.counters[name] ?? 0) > 0, `no ${name}: ${describeReport(lives)}`);
    }
    const workers = new Set(records.flatMap(({ record }) => record.owner?.worker ?? []));
    assert.is(workers.size, 3, 'every worker took part');
    for (const answer of ['aborted', 'TASK_ABORT_FAILED']) assert.ok((cancels.get(answer) ?? 0) > 0, answer);
    console.log(
      `${made.size} tasks, ${records.length} records: played in ${playedAt} s, ended after ${endedAt} s, checked after ${seconds()} s; ` +
        `cancels: ${[...cancels].map(([answer, n]) => `${answer} ${n}`).join(', ')}`,
    );
    console.log(describeReport(lives));
  },
  { limitMs: LIMIT_MS },
);

test.run();
