// limit: 300s, alone
// Two who decide about one task at the same moment, on real servers: exactly one end, and an exact answer for everyone
// (A5, A12). Offsets are drawn from a seed. test/sim/interleavings.test.ts has every order of two commands.
import { setTimeout as pause } from 'node:timers/promises';
import { createKernel, type Asked } from '@baton/runtime';
import { getContext, task, type TaskHandle } from '@baton/sdk';
import { checkLives, createRandom, describeReport, type Random } from '@baton/testkit';
import * as assert from 'uvu/assert';
import { aborted, stagedSuite, until, versionsOf, type Stage } from '../support/stage.ts';
import { converged, readAllStored } from '../support/system-state.ts';

const test = stagedSuite('races', { workers: 0 });

const ROUNDS = Number(process.env['BATON_RACE_ROUNDS'] ?? 500);
/** Rounds at the same time. */
const WIDTH = 50;
const LIMIT = { limitMs: 90_000 };
/** So long that whoever comes meanwhile is first. A body of so many has an abort handler, see `endsAfter`. */
const LONG_MS = 6_000;

const seeded = (): Random => {
  const seed = Number(process.env['BATON_TEST_SEED'] ?? Date.now() % 1_000_000);
  console.log(`seed ${seed} (set BATON_TEST_SEED to repeat it)`);
  return createRandom(seed);
};

/** Ends by itself after so long, unless it is stopped before. */
const endsAfter = (name: string, scope: 'private' | 'shared' = 'private') =>
  task({ name, scope }, async (ms: number) => {
    const { signal, onAbort, onCleanup } = getContext();
    // Abort handlers and cleanup handlers: none of them, one of the two, and both.
    if (ms % 2 === 1) onCleanup(() => undefined);
    if (ms % 3 === 0) onAbort(() => undefined);
    await Promise.race([pause(ms), aborted(signal)]);
    return 'ended by itself';
  });

const USERS = ['bob', 'carol', 'dora'];

/** `aborted`, `unsubscribed`, or the code of the refusal with the state it names. */
type Answer = string;

const cancelled = (handle: TaskHandle, force = false): Promise<Answer> =>
  handle.cancel({ force }).then(
    ({ action }) => action,
    (error: { readonly code?: string; readonly status?: string }) => `${error.code}:${error.status ?? ''}`,
  );

const TOO_LATE = /^TASK_ABORT_FAILED:(success|failure|aborted|timed_out|finishing)$/;

const rounds = async (play: (round: number) => Promise<void>): Promise<void> => {
  let next = 0;
  const hand = async (): Promise<void> => {
    for (let round = next++; round < ROUNDS; round = next++) await play(round);
  };
  await Promise.all(Array.from({ length: WIDTH }, hand));
};

const counted = (): {
  readonly add: (what: string) => void;
  readonly of: (what: string) => number;
  readonly tell: () => string;
} => {
  const counts = new Map<string, number>();
  return {
    add: (what) => void counts.set(what, (counts.get(what) ?? 0) + 1),
    of: (what) => counts.get(what) ?? 0,
    tell: () => [...counts].map(([what, n]) => `${what} ${n}`).join(', '),
  };
};

/** One end each, every way a legal one. */
const checkLivesOf = async (stage: Stage, type: string): Promise<void> => {
  const records = (await readAllStored(stage)).filter(({ record }) => record.type === type);
  const report = checkLives(records);
  assert.ok(report.ok, describeReport(report));
  for (const { record } of records.filter(({ record: r }) => r.archived !== true && r.endedAt !== undefined)) {
    const ends = record.history.filter(({ status }) => !['pending', 'in_progress', 'aborting'].includes(status));
    assert.is(ends.length, 1, `${record.id} ended ${ends.length} times`);
  }
};

test(
  `A5, A12 cancel against completion, ${ROUNDS} rounds: the answer is what came of it`,
  async (stage, context) => {
    const random = seeded();
    const body = endsAfter('race.cancel');
    await stage.serve(context, [body], { concurrency: 2 * WIDTH });
    const seen = counted();
    await rounds(async () => {
      // Some are far apart, so that a slow machine sees every outcome, too.
      const share = random.int(20);
      const [bodyMs, cancelMs] = [share === 1 ? LONG_MS : random.int(30), random.int(40)];
      const handle = await stage.as('alice').within(() => body.schedule(bodyMs));
      if (share === 0) await handle.wait({ timeout: '90s' });
      if (share === 1) await until(handle, ({ record }) => record.abortable === true);
      await pause(cancelMs);
      const answer = await cancelled(handle);
      await handle.wait({ timeout: '90s' });
      if (answer === 'aborted') assert.is(handle.status, 'aborted');
      else assert.match(answer, /^(TASK_ABORT_FAILED:(success|finishing)|TASK_NOT_ABORTABLE:)$/);
      if (answer !== 'aborted') assert.is(handle.status, 'success', answer);
      assert.is(handle.result, handle.status === 'success' ? 'ended by itself' : undefined);
      seen.add(`${answer} -> ${handle.status}`);
    });
    console.log(seen.tell());
    assert.ok(seen.of('aborted -> aborted') > 0 && seen.of('TASK_ABORT_FAILED:success -> success') > 0, seen.tell());
    await checkLivesOf(stage, 'race.cancel');
  },
  LIMIT,
);

test(
  `A4, A5, L13 two cancels and a timeout against completion, ${ROUNDS} rounds: one cause, one end`,
  async (stage, context) => {
    const random = seeded();
    const body = endsAfter('race.timeout');
    await stage.serve(context, [body], { concurrency: 2 * WIDTH });
    const seen = counted();
    await rounds(async () => {
      const share = random.int(20);
      const bodyMs = share === 1 || share === 2 ? LONG_MS : random.int(60);
      const timeoutMs = share === 0 || share === 1 ? LONG_MS : 1 + random.int(60);
      const handle = await stage.as('alice').within(() => body.with({ timeout: `${timeoutMs}ms` }).schedule(bodyMs));
      const ask = async (open: TaskHandle): Promise<Answer> => {
        if (share === 0 || share === 2) await open.wait({ timeout: '90s' });
        if (share === 1) await until(open, ({ record }) => record.abortable === true);
        await pause(random.int(60));
        return cancelled(open);
      };
      const answers = await Promise.all([ask(handle), ask(await stage.admin.open(handle))]);
      await handle.wait({ timeout: '90s' });
      const { status, record } = handle;
      for (const answer of answers) {
        if (answer === 'aborted') assert.ok(['aborted', 'timed_out'].includes(status), `${answer} -> ${status}`);
        else assert.ok(TOO_LATE.test(answer) || answer.startsWith('TASK_NOT_ABORTABLE'), answer);
        const told = /:(success|aborted|timed_out)$/.exec(answer)?.[1];
        if (told !== undefined) assert.is(told, status, 'the state that was told is the one that stands');
      }
      if (status === 'timed_out') assert.is(record.abort?.cause, 'timeout');
      if (status === 'aborted') assert.is(record.abort?.cause, 'cancel');
      const causes = new Set(
        (await versionsOf(stage, handle)).flatMap(({ abort }) => (abort === undefined ? [] : [abort.cause])),
      );
      assert.ok(causes.size <= 1, 'the first cause stands');
      seen.add(status);
    });
    console.log(seen.tell());
    for (const status of ['success', 'aborted', 'timed_out']) assert.ok(seen.of(status) > 0, seen.tell());
    await checkLivesOf(stage, 'race.timeout');
  },
  LIMIT,
);

test(
  `D2, A6 join against completion and against leaving, ${ROUNDS} rounds: no subscriber is lost`,
  async (stage, context) => {
    const random = seeded();
    const body = endsAfter('race.join', 'shared');
    await stage.serve(context, [body], { concurrency: 4 * WIDTH });
    const seen = counted();
    await rounds(async (round) => {
      const call = body.with({ taskKey: `round ${round}` });
      const join = async (user: string): Promise<TaskHandle> => {
        await pause(random.int(25));
        return stage.as(user).within(() => call.schedule(10));
      };
      const first = await stage.as('alice').within(() => call.schedule(2 * random.int(10)));
      const leaving = pause(random.int(25)).then(() => cancelled(first));
      const joined = await Promise.all(USERS.map(join));
      const left = await leaving;
      const ids = [...new Set([first, ...joined].map(({ uuid }) => uuid))];
      for (const id of ids) {
        const mine = USERS.filter((_, i) => joined[i]?.uuid === id);
        const isFirst = id === first.uuid;
        const document = await stage.document(id, ({ terminal }) => terminal);
        const expected = [...(isFirst && left !== 'unsubscribed' ? ['alice'] : []), ...mine];
        assert.equal(document.subscriber_ids.toSorted(), expected.toSorted(), `after ${left}`);
        assert.is(document.dedupe_count, isFirst ? mine.length : mine.length - 1);
        const made = [first, ...joined].filter(({ uuid, outcome }) => uuid === id && outcome === 'created');
        assert.is(made.length, 1, 'one made it');
      }
      seen.add(`${left.replace(/:.*/, '')}, ${ids.length} tasks`);
    });
    console.log(seen.tell());
    assert.ok(seen.of('unsubscribed, 1 tasks') + seen.of('unsubscribed, 2 tasks') > 0, seen.tell());
    await checkLivesOf(stage, 'race.join');
  },
  LIMIT,
);

/** What the kernel says to one who asks. */
const told = (asked: Asked): string => (asked.kind === 'refused' ? asked.reason : asked.kind);

test(
  `R3, A5 rescue against completion, cancel and timeout, ${ROUNDS} rounds: a run is given up or ends, never both`,
  async (stage) => {
    const random = seeded();
    const { ports } = stage;
    const kernel = createKernel(ports);
    const body = task({ name: 'race.rescue' }, () => 1);
    const seen = counted();
    const at = (): number => ports.clock.now();
    await rounds(async (round) => {
      const worker = `worker-${round}`;
      const handle = await stage
        .as('alice')
        .within(() => body.with({ queue: 'nobody', timeout: '1h', maxRescues: random.int(2) }).schedule());
      const { address, uuid: id } = handle;
      const claim = await kernel.ask(address, (held) => ({
        ...({ kind: 'claim', at: at(), id, worker, epoch: ports.store.epoch } as const),
        ...{ revision: held?.revision ?? 0, offered: held?.revision ?? 0 },
      }));
      assert.is(claim.kind, 'done');
      const fence = claim.kind === 'done' ? claim.record.owner?.fence : undefined;
      assert.ok(fence !== undefined);
      await kernel.ask(address, () => ({ kind: 'make-abortable', at: at(), fence }));
      const soon = <T>(run: () => Promise<T>): Promise<T> => pause(random.int(4)).then(run);
      const [rescue, finish, timeOut, cancel] = await Promise.all([
        soon(() => kernel.ask(address, () => ({ kind: 'rescue', at: at(), by: 'supervisor:s', id, worker, fence }))),
        soon(() =>
          kernel.ask(address, () => ({
            ...({ kind: 'finish', at: at(), fence, body: { kind: 'returned' } } as const),
            ...{ handlerErrors: [], abortHandled: true, random: 0 },
          })),
        ),
        soon(() => kernel.ask(address, () => ({ kind: 'time-out', at: at(), by: 'supervisor:s', fence }))),
        soon(() => cancelled(handle)),
      ]);
      const now = await kernel.load(address);
      assert.ok(now !== undefined);
      const { status, rescues = 0, history } = now.record;
      const ends = history.filter((each) => !['pending', 'in_progress', 'aborting'].includes(each.status));
      assert.ok(ends.length <= 1, `ended ${ends.length} times`);
      if (told(finish) === 'done') assert.is(rescues, 0, 'what has ended is not run again');
      if (rescues === 1) assert.equal([told(rescue), told(finish)], ['done', 'fenced'], 'what was given up is fenced');
      if (status === 'success') assert.equal([told(finish), TOO_LATE.test(cancel)], ['done', true], cancel);
      if (cancel === 'aborted') assert.ok(['aborted', 'timed_out'].includes(status), status);
      seen.add(
        `${status}${rescues > 0 ? ' rescued' : ''} (rescue ${told(rescue)}, finish ${told(finish)}, timeout ${told(timeOut)})`,
      );
      if (status === 'pending') await cancelled(handle);
    });
    console.log(seen.tell());
    assert.ok(seen.tell().includes('success') && seen.tell().includes('aborted'), seen.tell());
    await checkLivesOf(stage, 'race.rescue');
  },
  LIMIT,
);

test(
  `L9, A5 a retry against a cancel, ${ROUNDS} rounds: the body never begins after the answer`,
  async (stage, context) => {
    const random = seeded();
    const begun = new Map<string, number>();
    const body = task({ name: 'race.retry', retry: { maxAttempts: 3, backoff: { initial: '5ms', jitter: 1 } } }, () => {
      const { taskId, signal } = getContext();
      begun.set(taskId, performance.now());
      assert.not(signal.aborted);
      throw new Error('again');
    });
    await stage.serve(context, [body], { concurrency: 2 * WIDTH });
    const seen = counted();
    await rounds(async () => {
      const handle = await stage.as('alice').within(() => body.schedule());
      await pause(random.int(40));
      const answer = await cancelled(handle);
      const answeredAt = performance.now();
      await handle.wait({ timeout: '90s' });
      if (answer === 'aborted') {
        assert.is(handle.status, 'aborted');
        assert.ok((begun.get(handle.uuid) ?? 0) <= answeredAt, 'no attempt began after the promise');
      } else assert.is(handle.status, 'failure', answer);
      seen.add(`${answer} -> ${handle.status}`);
    });
    console.log(seen.tell());
    assert.ok(seen.of('aborted -> aborted') > 0, seen.tell());
    await checkLivesOf(stage, 'race.retry');
    await converged(stage, 40_000);
  },
  LIMIT,
);

test.run();
