// limit: 300s, alone
// Many tasks of every kind over two workers, and what bucket, event log and MongoDB say of them afterwards.
import { addressOf, STORE_TIMEOUT_MS, type Address } from '@baton/protocols';
import { WaitTimeoutError, type Baton, type TaskHandle } from '@baton/sdk';
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
import { suite } from '../support/suite.ts';
import { startSystem, type System } from '../support/system-fixture.ts';
import { converged, effectsOf, readAllStored, readEvents, readWitnessed } from '../support/system-state.ts';

const test = suite('mixed tasks');

/** 10,000 take 35 s on two idle cores. */
const COUNT = Number(process.env['BATON_MIXED_TASKS'] ?? 10_000);
/** Calls under way at once, as a busy service has them. */
const WIDTH = 200;
const USERS = 40;
const LIMIT_MS = 240_000;
/**
 * The time of an end is when its worker told it; until it is written, which may take whole store timeouts, others join. That
 * they did before it was written is seen by the record, which has them.
 */
const END_SKEW_MS = 3 * STORE_TIMEOUT_MS + 1_000;

type Kind = keyof typeof SHARES;

/** Of a thousand. */
const SHARES = {
  success: 380,
  failure: 100,
  retried: 100,
  exhausted: 20,
  cancelledPending: 80,
  cancelledRunning: 40,
  timedOut: 20,
  progress: 60,
  joined: 120,
  reused: 50,
  inline: 30,
} as const;

const KINDS = Object.entries(SHARES).flatMap(([kind, share]) => Array<Kind>(share).fill(kind as Kind));

/** The statuses a task of that kind may end in. */
const ENDS: Readonly<Record<Kind, readonly string[]>> = {
  success: ['success'],
  failure: ['failure'],
  retried: ['success'],
  exhausted: ['failure'],
  cancelledPending: ['aborted'],
  cancelledRunning: ['aborted'],
  timedOut: ['timed_out'],
  progress: ['success'],
  joined: ['success'],
  reused: ['success'],
  inline: ['success'],
};

/** Every call and its answer, as the callers saw them. */
class CallLog {
  readonly events: CallEvent[] = [];
  private next = 0;

  async schedule(user: string, address: Address | undefined, run: () => Promise<TaskHandle>): Promise<TaskHandle> {
    const call = `call-${this.next++}`;
    const at = Date.now();
    const handle = await run();
    this.events.push({
      phase: 'invoke',
      call,
      at,
      user,
      asked: { kind: 'schedule', address: address ?? handle.address },
    });
    const { outcome = 'created', uuid: task } = handle;
    this.answer(call, { kind: outcome, task });
    return handle;
  }

  async cancel(user: string, handle: TaskHandle): Promise<void> {
    const call = `call-${this.next++}`;
    this.events.push({ phase: 'invoke', call, at: Date.now(), user, asked: { kind: 'cancel', task: handle.uuid } });
    this.answer(call, { kind: (await handle.cancel()).action });
  }

  private answer(call: string, answer: CallAnswer): void {
    this.events.push({ phase: 'answer', call, at: Date.now(), answer });
  }
}

type Stage = { readonly system: System; readonly log: CallLog; readonly random: Random };

/** One task of a kind, from the call to its end as its caller sees it. */
const play = async ({ system, log, random }: Stage, kind: Kind, i: number): Promise<void> => {
  const user = `user-${random.int(USERS)}`;
  const client = system.baton.as({ id: user });
  const call = (run: () => Promise<TaskHandle>, address?: Address) =>
    log.schedule(user, address, () => client.within(run));
  const handle = await begin(call, kind, i, random);
  if (kind === 'cancelledPending') await log.cancel(user, handle);
  if (kind === 'cancelledRunning') {
    await untilAbortable(handle);
    await log.cancel(user, handle);
  }
  if (kind === 'reused') {
    await ended(client, handle);
    const again = await begin(call, kind, i, random);
    assert.is.not(again.uuid, handle.uuid, 'the key of an ended task makes a new one');
    assert.is(again.outcome, 'created');
    await ended(client, again);
  }
};

type Call = (run: () => Promise<TaskHandle>, address?: Address) => Promise<TaskHandle>;

const begin = (call: Call, kind: Kind, i: number, random: Random): Promise<TaskHandle> => {
  switch (kind) {
    case 'success':
      return call(() => double.with({ priority: random.pick(['high', 'normal', 'low']) }).schedule(i));
    case 'failure':
      return call(() => fails.schedule(`task ${i} fails`));
    case 'retried':
      return call(() => flaky.schedule(1 + random.int(2)));
    case 'exhausted':
      return call(() => flaky.with({ retry: { maxAttempts: 2 } }).schedule(5));
    case 'cancelledPending':
      return call(() => double.with({ delay: '1h' }).schedule(i));
    case 'cancelledRunning':
      return call(() => hangs.schedule());
    case 'timedOut':
      return call(() => overtime.schedule());
    case 'progress':
      return call(() => reports.schedule(5));
    case 'joined': {
      // Few keys: a call meets an active task, or one that has just ended.
      const taskKey = `joined-${random.int(Math.max(4, COUNT / 100))}`;
      const address = addressOf({ scope: 'shared', type: 'fx.joined', key: taskKey });
      return call(() => joined.with({ taskKey }).schedule(20), address);
    }
    case 'reused':
      return call(() => double.with({ taskKey: `reused-${i}` }).schedule(i));
    case 'inline':
      return call(async () => {
        const handle = await double(i);
        assert.is(handle.status, 'success');
        return handle;
      });
  }
};

const untilAbortable = async (handle: TaskHandle): Promise<void> => {
  for await (const { record } of handle.events()) if (record.abortable) return;
  throw new Error(`${handle.uuid} ended ${handle.status} and could never be aborted`);
};

const ended = async (client: Baton, handle: TaskHandle): Promise<void> => {
  await client.within(() => handle.wait({ timeout: LIMIT_MS / 1_000 }));
};

const playAll = async (stage: Stage, kinds: readonly Kind[]): Promise<void> => {
  let next = 0;
  const hand = async (): Promise<void> => {
    for (let i = next++; i < kinds.length; i = next++) {
      const kind = kinds[i] as Kind;
      try {
        await play(stage, kind, i);
      } catch (error) {
        const what = error instanceof WaitTimeoutError ? 'never ended' : String(error);
        throw new Error(`task ${i} (${kind}): ${what}`, { cause: error });
      }
    }
  };
  await Promise.all(Array.from({ length: WIDTH }, hand));
};

const TYPES: Readonly<Record<string, readonly Kind[]>> = {
  'fx.double': ['success', 'cancelledPending', 'reused', 'inline'],
  'fx.fails': ['failure'],
  'fx.flaky': ['retried', 'exhausted'],
  'fx.hangs': ['cancelledRunning'],
  'fx.overtime': ['timedOut'],
  'fx.reports': ['progress'],
  'fx.joined': ['joined'],
};

test(
  `${COUNT} tasks of every kind: bucket, event log and MongoDB agree, every call is answered once`,
  async (context) => {
    const system = await startSystem(context, { workers: 2, supervisors: 2, env: { BATON_CONCURRENCY: '200' } });
    process.env['BATON_TEST_EFFECTS'] = system.effectsPath; // inline calls run here
    const seed = Number(process.env['BATON_TEST_SEED'] ?? Date.now() % 1_000_000);
    const random = createRandom(seed);
    console.log(`seed ${seed} (set BATON_TEST_SEED to repeat it)`);
    const kinds = Array.from({ length: COUNT }, () => KINDS[random.int(KINDS.length)] as Kind);
    const log = new CallLog();
    const began = performance.now();
    const seconds = (): string => ((performance.now() - began) / 1_000).toFixed(1);

    await playAll({ system, log, random }, kinds);
    const playedAt = seconds();
    const made = new Set(
      log.events.flatMap((event) => (event.phase === 'answer' && 'task' in event.answer ? [event.answer.task] : [])),
    );
    const tasks = system.mongo.db.collection<{ _id: string; terminal: boolean; status: string; task_type: string }>(
      'tasks',
    );
    await eventually(async () => assert.is(await tasks.countDocuments({ terminal: true }), made.size), {
      limitMs: LIMIT_MS,
      everyMs: 200,
    });
    const projectedAt = seconds();
    const projection = await converged(system, 60_000);
    assert.is(projection.counters['projected'], made.size);

    const records = await readAllStored(system);
    const logged = new Set((await readEvents(system)).map(({ revision }) => revision));
    const unlogged = records.filter(({ revision, record }) => !logged.has(revision) && !record.archived).length;
    const lives = checkLives(records);
    assert.ok(lives.ok, describeReport(lives));
    const answers = checkAnswers({ calls: log.events, records, skewMs: END_SKEW_MS });
    assert.ok(answers.ok, describeReport(answers));
    const effects = checkEffects({ effects: effectsOf(readWitnessed(system.effectsPath), records), records });
    assert.ok(effects.ok, describeReport(effects));

    // Every kind has happened, and each ended as its kind ends.
    for (const document of await tasks.find({}, { projection: { status: 1, task_type: 1 } }).toArray()) {
      const allowed = (TYPES[document.task_type] ?? []).flatMap((kind) => ENDS[kind]);
      assert.ok(
        allowed.includes(document.status),
        `${document._id}, a ${document.task_type}, ended ${document.status}`,
      );
    }
    for (const name of ['success', 'failure', 'aborted', 'timed_out', 'retries', 'abortsAsked', 'claims']) {
      assert.ok((lives.counters[name] ?? 0) > 0, `no ${name}: ${describeReport(lives)}`);
    }
    assert.ok((answers.counters['schedule joined'] ?? 0) > 0, describeReport(answers));
    const perSecond = Math.round(made.size / Number(playedAt));
    console.log(
      `${COUNT} plays, ${made.size} tasks, ${records.length} records (${unlogged} too short-lived for the log): played in ${playedAt} s (${perSecond} tasks/s), ` +
        `projected after ${projectedAt} s, checked after ${seconds()} s`,
    );
    console.log(describeReport(lives));
    console.log(describeReport(answers));
  },
  { limitMs: LIMIT_MS },
);

test.run();
