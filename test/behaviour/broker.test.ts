// limit: 240s, pair
// R8: the broker is away, half there, or full. A server of its own, which is killed.
import { setTimeout as pause } from 'node:timers/promises';
import { LEASE_MS } from '@baton/protocols';
import { getContext, task, type TaskHandle } from '@baton/sdk';
import * as assert from 'uvu/assert';
import { openCuttableLink } from '../support/cuttable-link.ts';
import { eventually } from '../support/eventually.ts';
import { double, steps } from '../support/fixture-tasks.ts';
import { gate, stagedSuite, thrownBy, until } from '../support/stage.ts';
import { converged } from '../support/system-state.ts';

const test = stagedSuite('broker', { ownNats: true, workers: 2, supervisors: 2 });

/** The bounds of R8, and what a loaded machine of two cores may add. */
const BACK_MS = 10_000;
const SUBMIT_MS = 5_000;
const HALF_OPEN_MS = 6_000;
const MARGIN_MS = 1_000;

test(
  'R8 the broker goes away and comes back: submits fail in time and honestly, then every process works again',
  async (stage) => {
    const alice = stage.as('alice');
    const running = await alice.within(() => steps.with({ taskKey: 'over the outage' }).schedule(40, 100));
    await until(running, ({ status }) => status === 'in_progress');
    const admitted = await alice.within(() => double.with({ queue: 'nobody' }).schedule(1));
    await stage.nats.kill();
    const began = performance.now();
    const submit = async (i: number): Promise<string> => {
      const failure = await thrownBy(() => alice.within(() => double.with({ taskKey: `away ${i}` }).schedule(i)));
      const tookMs = performance.now() - began;
      assert.ok(
        ['NOT_CONNECTED', 'OUTCOME_UNKNOWN'].includes(failure.code ?? ''),
        `${failure.code}: ${failure.message}`,
      );
      assert.ok(tookMs <= SUBMIT_MS + 2 * MARGIN_MS, `told after ${tookMs} ms`);
      return failure.code ?? '';
    };
    const codes: string[] = [];
    try {
      codes.push(...(await Promise.all(Array.from({ length: 500 }, (_, i) => submit(i)))));
    } finally {
      await stage.nats.restart();
    }
    const backAt = performance.now();
    const after: TaskHandle[] = [];
    await eventually(
      async () => {
        after.push(await alice.within(() => double.schedule(7)));
      },
      { limitMs: BACK_MS + MARGIN_MS },
    );
    // Worker, supervisor and projector each do their part.
    const timed = await eventually(() => alice.within(() => double.with({ delay: '1s' }).schedule(8)), {
      limitMs: 5_000,
    });
    for (const handle of [...after, timed]) await handle.wait({ timeout: '45s' });
    for (const { uuid } of after) await stage.document(uuid, ({ terminal }) => terminal);
    const tookMs = performance.now() - backAt;
    console.log(`back and at work after ${Math.round(tookMs)} ms`);
    assert.ok(tookMs <= BACK_MS + MARGIN_MS, `${tookMs} ms`);
    await running.wait({ timeout: '90s' });
    assert.is(running.status, 'success');
    assert.is((await admitted.refresh()).status, 'pending', 'what was acknowledged is there');
    await admitted.cancel();
    await converged(stage, 30_000);
    // What was told as not done has not happened.
    const refused = codes.filter((code) => code === 'NOT_CONNECTED').length;
    const made = await stage.mongo.db.collection('tasks').countDocuments({ task_key: /^away / });
    assert.ok(made <= codes.length - refused, `${made} of ${codes.length - refused} unknown ones were made`);
  },
  { limitMs: 90_000 },
);

/** Abortable tasks that run until they are let go, and what their signals said before. */
const holding = (name: string) => {
  const hold = gate();
  const told: unknown[] = [];
  const holds = task({ name, queue: name }, async () => {
    const { signal, attempt } = getContext();
    signal.addEventListener('abort', () => void told.push(signal.reason));
    await hold.passed;
    return attempt;
  });
  return { hold, told, holds };
};

test(
  'R8 the broker away from everybody, for 2.5 s and for 10 s, interrupts no running task',
  async (stage, context) => {
    const { hold, told, holds } = holding('r8gap');
    context.defer(() => hold.open());
    await stage.serve(context, [holds], { queues: ['r8gap'] });
    const handles = await Promise.all(
      Array.from({ length: 8 }, () => stage.as('alice').within(() => holds.schedule())),
    );
    for (const handle of handles) await until(handle, ({ isAbortable }) => isAbortable);
    for (const awayMs of [2_500, 10_000]) {
      await stage.nats.kill();
      await pause(awayMs);
      await stage.nats.restart();
      // Whoever would take over does it within this time of the return.
      await pause(LEASE_MS + 3_000);
      assert.equal(told, [], `away for ${awayMs} ms`);
    }
    hold.open();
    for (const handle of handles) {
      await eventually(() => handle.wait({ timeout: '45s' }), { limitMs: 20_000 });
      assert.equal([handle.status, handle.result, handle.record.rescues], ['success', 1, undefined]);
    }
  },
  { limitMs: 90_000 },
);

test(
  'R8 a link that is silent for 3.5 s interrupts no running task',
  async (stage, context) => {
    const { hold, told, holds } = holding('r8silent');
    context.defer(() => hold.open());
    const link = await openCuttableLink(stage.natsUrl);
    context.defer(() => link.close());
    const own = await stage.client(context, { servers: `nats://${link.address}`, user: { id: 'alice' } });
    const worker = await own.startWorker({ tasks: [holds], queues: ['r8silent'] });
    context.defer(() => worker.drain({ grace: 0 }));
    const handle = await stage.as('alice').within(() => holds.schedule());
    await until(handle, ({ isAbortable }) => isAbortable);
    for (let round = 0; round < 3; round++) {
      link.freeze();
      await pause(3_500);
      link.mend();
      await eventually(() => assert.ok(own.link.connected), { limitMs: 5_000 });
      await pause(LEASE_MS);
      assert.equal(told, []);
    }
    hold.open();
    await handle.wait({ timeout: '45s' });
    assert.equal([handle.status, handle.result], ['success', 1]);
  },
  { limitMs: 60_000 },
);

for (const how of ['cut', 'freeze'] as const) {
  test(
    `R4, R8 a worker that alone is cut off (${how}) tells its handlers before anyone takes over`,
    async (stage, context) => {
      const link = await openCuttableLink(stage.natsUrl);
      context.defer(() => link.close());
      const told: number[] = [];
      const name = `r8alone.${how}`;
      const body = task({ name, queue: name }, async () => {
        const { signal, attempt } = getContext();
        if (attempt > 1) return attempt;
        await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
        told.push(Date.now());
        throw signal.reason;
      });
      const own = await stage.client(context, { servers: `nats://${link.address}`, user: { id: 'alice' } });
      await own.startWorker({ tasks: [body], queues: [name] });
      const handle = await stage.as('alice').within(() => body.schedule());
      await until(handle, ({ isAbortable }) => isAbortable);
      await stage.serve(context, [body], { queues: [name] });
      link[how]();
      await until(handle, ({ record }) => record.rescues === 1, 15_000);
      const takenAt = handle.record.history.find(({ why }) => why?.endsWith(' died') === true)?.at ?? 0;
      assert.is(told.length, 1, 'its handler was told to stop');
      assert.ok((told[0] ?? Infinity) <= takenAt, `told ${(told[0] ?? 0) - takenAt} ms after somebody took over`);
      link.mend();
      await handle.wait({ timeout: '25s' });
      assert.equal([handle.status, handle.result], ['success', 2]);
    },
    { limitMs: 60_000 },
  );
}

test(
  'R8 while the broker is silent a submit, a cancel and a retry end within 5 s, as not connected or unknown',
  async (stage, context) => {
    const body = task({ name: 'r8.silent', queue: 'nobody' }, () => 1);
    for (const how of ['mute', 'freeze'] as const) {
      const link = await openCuttableLink(stage.natsUrl);
      context.defer(() => link.close());
      const own = await stage.client(context, { servers: `nats://${link.address}`, user: { id: 'alice' } });
      const [waits, ended] = await own.within(() => Promise.all([body.schedule(), body.schedule()]));
      await ended.cancel();
      await own.types();
      link[how]();
      const began = performance.now();
      const calls: Readonly<Record<string, () => Promise<unknown>>> = {
        'a submit': () => own.within(() => body.schedule()),
        'one with a key and an operation': () =>
          own.within(() => body.with({ taskKey: 'k', operationId: `${how} op` }).schedule()),
        'one by name': () => own.schedule('r8.unknown'),
        'a cancel': () => waits.cancel(),
        'a retry': () => ended.retry(),
      };
      await Promise.all(
        Object.entries(calls).map(async ([name, call]) => {
          const { code = '' } = await thrownBy(call);
          const tookMs = Math.round(performance.now() - began);
          console.log(`${how}: ${name}: ${code} after ${tookMs} ms`);
          assert.ok(['NOT_CONNECTED', 'OUTCOME_UNKNOWN'].includes(code), `${name}: ${code}`);
          assert.ok(tookMs <= SUBMIT_MS + MARGIN_MS, `${name} told after ${tookMs} ms`);
        }),
      );
      link.mend();
    }
  },
  { limitMs: 60_000 },
);

test(
  'R8 a half-open connection is noticed within 6 s, and before anyone takes over',
  async (stage, context) => {
    const link = await openCuttableLink(stage.natsUrl);
    context.defer(() => link.close());
    const told: number[] = [];
    const body = task({ name: 'r8.body', queue: 'r8' }, async () => {
      const { signal, attempt } = getContext();
      if (attempt > 1) return attempt;
      await new Promise((resolve) => {
        signal.addEventListener('abort', resolve, { once: true });
      });
      told.push(Date.now());
      throw signal.reason;
    });
    const own = await stage.client(context, { servers: `nats://${link.address}`, user: { id: 'alice' } });
    const worker = await own.startWorker({ tasks: [body], queues: ['r8'] });
    const handle = await stage.as('alice').within(() => body.schedule());
    await until(handle, ({ isAbortable }) => isAbortable);
    await stage.serve(context, [body], { queues: ['r8'] });
    link.freeze();
    const frozenAt = performance.now();
    await eventually(() => assert.not(own.link.connected), { limitMs: HALF_OPEN_MS + MARGIN_MS });
    console.log(`half-open noticed after ${Math.round(performance.now() - frozenAt)} ms`);
    const refused = await thrownBy(() => own.within(() => body.schedule()));
    assert.is(refused.code, 'NOT_CONNECTED');
    await until(handle, ({ record }) => record.rescues === 1, 15_000);
    const takenAt = handle.record.history.find(({ why }) => why?.endsWith(' died') === true)?.at ?? 0;
    assert.is(told.length, 1, 'its handler was told to stop');
    assert.ok((told[0] ?? Infinity) <= takenAt, `told ${(told[0] ?? 0) - takenAt} ms after somebody took over`);
    link.mend();
    await eventually(() => assert.ok(own.link.connected), { limitMs: 10_000 });
    // The dispatch may have gone to the connection that was no more: then it comes again when its acknowledgement is due.
    await handle.wait({ timeout: '25s' });
    assert.equal([handle.status, handle.result], ['success', 2]);
    await worker.drain({ grace: 0 });
  },
  { limitMs: 90_000 },
);

test.run();
