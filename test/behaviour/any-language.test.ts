// limit: 240s
// Workers in any language, by request and reply over NATS and nothing else; see `protocols/worker.md`.
import { randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { namesOf } from '@baton/protocols';
import { task } from '@baton/sdk';
import { connect, type NatsConnection } from '@nats-io/transport-node';
import * as assert from 'uvu/assert';
import { eventually } from '../support/eventually.ts';
import { stagedSuite, type Stage } from '../support/stage.ts';
import type { TestContext } from '../support/suite.ts';
import { natsWork, only, WorkClient, type WorkAnswer, type WorkTask } from '../support/work-client.ts';

const test = stagedSuite('any language', { supervisors: 2, workers: 0 });

const handlerOf = (name: string) => task({ name }, (..._args: unknown[]) => undefined as unknown);

type Remote = { readonly nc: NatsConnection; readonly client: WorkClient };

let count = 0;

/** A worker that beats by itself with what is in `running`, until the test is over. */
const remote = async (
  { natsUrl, namespace }: Stage,
  { defer }: Pick<TestContext, 'defer'>,
  format: 'json' | 'msgpack' = 'json',
): Promise<Remote> => {
  const nc = await connect({ servers: natsUrl });
  defer(() => nc.close());
  return { nc, client: new WorkClient(natsWork(nc, namesOf(namespace), format), `remote${++count}`) };
};

/** Asks until there is an answer, as every worker has to: `request` makes it safe. */
const insist = async (ask: () => Promise<WorkAnswer | undefined>, limitMs = 10_000): Promise<WorkAnswer> =>
  eventually(
    async () => {
      const answer = await ask();
      if (answer === undefined || answer.code === 'OUTCOME_UNKNOWN' || answer.code === 'NOT_CONNECTED')
        throw new Error('no answer yet');
      return answer;
    },
    { limitMs },
  );

/** A claim that waits is answered early, with nothing, when another supervisor has the worker from now on. */
const takeOne = (client: WorkClient, type: string): Promise<WorkTask> =>
  eventually(
    async () => {
      const body = { request: randomUUID(), types: [type], max: 1, wait: 10 };
      return only(await insist(() => client.ask('claim', body, { timeoutMs: 11_000 }), 30_000));
    },
    { limitMs: 40_000 },
  );

const beating = ({ defer }: Pick<TestContext, 'defer'>, client: WorkClient, running: () => readonly object[]) => {
  const answers: WorkAnswer[] = [];
  let open = true;
  const beats = (async () => {
    while (open) {
      const answer = await client.ask('beat', { running: running() }, { timeoutMs: 1_000 });
      if (answer !== undefined) answers.push(answer);
      await pause(answer === undefined ? 100 : 500);
    }
  })();
  const stop = async (): Promise<void> => {
    open = false;
    await beats;
  };
  defer(stop);
  return { answers, stop };
};

const runOf = ({ address, fence }: WorkTask, more: object = {}) => ({ address, fence, ...more });

for (const format of ['json', 'msgpack'] as const) {
  test(`O1 a task is run in another language, in ${format}`, async (stage, context) => {
    const type = `any.life_${format}`;
    const { client } = await remote(stage, context, format);
    const definitions = [{ type, scope: 'shared', timeout: 60, max_attempts: 2, title: 'From afar' }];
    await client.claim({ types: [type], definitions });
    const at = new Date('2026-11-28T12:00:00.000Z');
    const handle = await stage.baton.within(() => handlerOf(type).with({ taskKey: 'k' }).schedule(1, { at }, 'é'));
    const taken = await takeOne(client, type);
    const shown = format === 'json' ? at.toISOString() : at;
    const { args, timeout, user, scope } = taken;
    assert.equal([args, timeout, user, scope], [[1, { at: shown }, 'é'], 60, 'alice', 'shared']);
    await client.beat([{ ...taken, progress: [1, 2], payload: { page: 1 } }]);
    await eventually(async () => {
      await handle.refresh();
      assert.equal([handle.progress, handle.payload], [{ current: 1, total: 2 }, { page: 1 }]);
    });
    assert.is((await client.finish(taken, { outcome: 'success', result: { rows: 2 } })).status, 'success');
    await handle.wait({ timeout: '30s' });
    assert.equal([handle.status, handle.result, handle.attempt], ['success', { rows: 2 }, 1]);
    await stage.document(handle.uuid, ({ status }) => status === 'success');
  });
}

test('O1, D10 once a claim was answered, its definitions apply to every submit by name', async (stage, context) => {
  const { client } = await remote(stage, context);
  for (let round = 0; round < 10; round++) {
    const type = `any.at_once_${round}`;
    const definitions = [{ type, timeout: 60, max_attempts: 3 }];
    // What waits already is in the answer, or the next task is the first.
    const waits = round % 2 === 0;
    if (waits) await stage.baton.within(() => handlerOf(type).schedule());
    const { tasks = [] } = await client.claim({ types: [type], definitions, wait: waits ? 10 : 0 });
    assert.is(tasks.length, 1 - (round % 2));
    for (const taken of tasks) await client.finish(taken, { outcome: 'success' });
    const { record } = await stage.baton.within(() => handlerOf(type).schedule());
    assert.equal([record.policy.timeoutMs, record.policy.maxAttempts], [60_000, 3], `round ${round}`);
  }
});

test('O1 a claim that waits for nothing gets what waits', async (stage, context) => {
  const type = 'any.no_wait';
  const { client } = await remote(stage, context);
  const handles = await stage.baton.within(() => Promise.all([1, 2, 3].map((n) => handlerOf(type).schedule(n))));
  for (const { uuid } of handles) {
    // A task needs its moment to come before the queue, and on a busy machine more than one.
    const taken = await eventually(async () => only(await client.claim({ types: [type] })));
    assert.is(taken.id, uuid);
    await client.finish(taken, { outcome: 'success' });
  }
  assert.equal((await client.claim({ types: [type] })).tasks, []);
});

test('O1 what is asked under a name that was used is refused, and a worker that is gone runs nothing', async (stage, context) => {
  const type = 'any.names';
  const { client } = await remote(stage, context);
  await stage.baton.within(() => handlerOf(type).schedule());
  const claim = { request: 'c', types: [type], max: 1, wait: 10 };
  const taken = only(await client.claim(claim));
  assert.is(only(await client.claim(claim)).id, taken.id);
  assert.is((await client.claim({ ...claim, max: 2 })).code, 'INVALID_ARGUMENT');
  const unfit = await client.claim({ types: [type], definitions: [{ type, priority: 'urgent' }] });
  assert.is(unfit.message, `definitions: that of '${type}': priority: is one of high, normal, low`);
  const twice = await client.claim({ types: [type], definitions: [{ type }, { type, priority: 'high' }] });
  assert.is(twice.message, `definitions: there are two of '${type}'`);
  const broken = await client.claim({ types: [type], definitions: [{ type, args_schema: { type: 'nope' } }] });
  assert.match(broken.message ?? '', `definitions: that of '${type}': args_schema: no JSON Schema that can be used`);
  const strange = await client.claim({ types: [type], colour: 1, max: 'many' });
  assert.is(strange.message, `max: is a number; there is no 'colour' here`);
  const idle = await client.claim({ types: [type], definitions: [{ type, per_key: { when_full: 'cancel_newest' } }] });
  assert.is(idle.message, `definitions: that of '${type}': whenFull: needs a concurrency that can be full`);
  const silent = await client.ask('beat', {});
  assert.equal([silent?.code, silent?.message?.startsWith('running: names every run')], ['INVALID_ARGUMENT', true]);
  const failure = { outcome: 'failure', terminal: true };
  assert.is((await client.finish(taken, failure)).status, 'failure');
  // Whoever did not hear that and says otherwise now is told how it ended.
  assert.equal(await client.finish(taken, { outcome: 'success' }), { ok: true, status: 'failure' });
  assert.is((await client.ask('beat', { state: 'gone' }))?.ok, true);
});

test('O1 large arguments and results travel in messages, up to a limit that is told', async (stage, context) => {
  const type = 'any.large';
  const { client } = await remote(stage, context, 'msgpack');
  const handle = await stage.baton.within(() => handlerOf(type).schedule('x'.repeat(300_000)));
  const taken = await takeOne(client, type);
  assert.is(String(taken.args[0]).length, 300_000);
  await client.beat([taken]);
  const large = (bytes: number) => ({ outcome: 'success', result: 'y'.repeat(bytes) });
  assert.is((await client.finish(taken, large(720_000))).code, 'RESULT_TOO_LARGE');
  assert.is((await client.finish(taken, large(600_000))).status, 'success');
  await handle.wait({ timeout: '30s' });
  assert.is(String(handle.result).length, 600_000);
});

test('O1 what does not fit into a message in one format does in the other', async (stage, context) => {
  const type = 'any.escaped';
  const json = await remote(stage, context);
  const handle = await stage.baton.within(() => handlerOf(type).schedule('\u0001'.repeat(250_000)));
  assert.is((await json.client.claim({ types: [type], wait: 10 })).code, 'ANSWER_TOO_LARGE');
  await json.client.beat([], { state: 'gone' });
  const { client } = await remote(stage, context, 'msgpack');
  const taken = await takeOne(client, type);
  assert.is(String(taken.args[0]).length, 250_000);
  assert.is((await client.finish(taken, { outcome: 'success' })).status, 'success');
  await handle.wait({ timeout: '30s' });
});

test('O1 a worker may fail a task for a result that is too large', async (stage, context) => {
  const type = 'any.too_large';
  const { client } = await remote(stage, context);
  const handle = await stage.baton.within(() => handlerOf(type).schedule());
  const taken = await takeOne(client, type);
  const error = { message: 'more than fits', type: 'result_too_large' };
  assert.is((await client.finish(taken, { outcome: 'failure', error, terminal: true })).status, 'failure');
  await handle.wait({ timeout: '30s' });
  assert.is(handle.error?.type, 'result_too_large');
});

test('O1 who is shown progress can cancel what was abortable before', async (stage, context) => {
  const type = 'any.shown';
  const { client, nc } = await remote(stage, context);
  const names = namesOf(stage.namespace);
  for (let i = 0; i < 10; i++) {
    const handle = await stage.baton.within(() =>
      handlerOf(type)
        .with({ scope: 'shared', taskKey: `${i}` })
        .schedule(),
    );
    const taken = await takeOne(client, type);
    const shown = new Promise<void>((resolve) => {
      nc.subscribe(names.progressSubject(handle.uuid), { max: 1, callback: () => resolve() });
    });
    await nc.flush();
    await client.beat([runOf(taken, { abortable: true, progress: 1 })]);
    await shown;
    assert.is((await handle.cancel()).action, 'aborted');
    await client.finish(taken, { outcome: 'stopped' });
  }
});

test('O1 a cancel comes at once by signal, and its end is proved', async (stage, context) => {
  const type = 'any.cancel';
  const { client, nc } = await remote(stage, context);
  const handle = await stage.baton.within(() => handlerOf(type).schedule());
  const claimed = await client.claim({ types: [type], wait: 10 });
  const taken = only(claimed);
  await client.beat([runOf(taken, { abortable: true })]);
  await eventually(async () => {
    await handle.refresh();
    assert.is(handle.record.abortable, true);
  });
  const told: { at: number; answer: WorkAnswer }[] = [];
  nc.subscribe(namesOf(stage.namespace).signalSubject(claimed.as ?? ''), {
    callback: () => {
      const answered = client.beat([runOf(taken, { abortable: true })]);
      void answered.then((answer) => told.push({ at: performance.now(), answer }));
    },
  });
  await nc.flush();
  const asked = performance.now();
  assert.is((await handle.cancel()).action, 'aborted');
  const { at } = await eventually(() => {
    const one = told.find(({ answer }) => answer.abort?.some(({ address }) => address === taken.address));
    if (one === undefined) throw new Error(JSON.stringify(told));
    return one;
  });
  console.log(`cancel -> known to the worker: ${Math.round(at - asked)} ms`);
  assert.ok(at - asked < 1_000, `${at - asked} ms`);
  await client.beat([runOf(taken, { observed: true })]);
  assert.is((await client.finish(taken, { outcome: 'stopped' })).status, 'aborted');
  await handle.wait({ timeout: '30s' });
  const { abort } = handle.record;
  assert.ok(abort?.observedAt !== undefined && abort.stoppedAt !== undefined);
});

test('O1 it takes turns with other workers of a queue, and keeps its order and priorities', async (stage, context) => {
  const type = 'any.order';
  const handler = handlerOf(type);
  const keys = ['n0', 'n1', 'h0', 'l0', 'h1', 'n2'];
  const priorities = { n: 'normal', h: 'high', l: 'low' } as const;
  await stage.baton.within(async () => {
    for (const key of keys) {
      const priority = priorities[key.slice(0, 1) as keyof typeof priorities];
      await handler.with({ taskKey: key, priority }).schedule();
    }
  });
  const { client } = await remote(stage, context);
  const order: string[] = [];
  const { answers } = beating(context, client, () => []);
  while (order.length < keys.length) {
    const { tasks = [] } = await client.claim({ types: [type], wait: 5 });
    for (const each of tasks) {
      order.push(each.key);
      await client.finish(each, { outcome: 'success' });
    }
  }
  assert.equal(order, ['h0', 'h1', 'n0', 'n1', 'n2', 'l0']);
  assert.ok(answers.every(({ ok }) => ok));
});

test(
  'O1 a worker that dies: its task is run by another one, in another language',
  async (stage, context) => {
    const type = 'any.dies';
    const { client } = await remote(stage, context);
    const handle = await stage.baton.within(() => handlerOf(type).schedule(3));
    const taken = await takeOne(client, type);
    await client.beat([taken]);
    const silentSince = performance.now();
    const handler = task({ name: type }, (n: number) => n * 2);
    await stage.serve(context, [handler]);
    await handle.wait({ timeout: '12s' });
    const tookMs = performance.now() - silentSince;
    console.log(`last beat -> run by another worker: ${Math.round(tookMs)} ms`);
    assert.equal([handle.status, handle.result, handle.record.rescues], ['success', 6, 1]);
    assert.ok(tookMs < 9_000, `${tookMs} ms`);
    assert.is((await client.finish(taken, { outcome: 'success', result: 'late' })).code, 'LEASE_LOST');
    assert.equal((await client.beat([taken])).lost, [runOf(taken)]);
  },
  { limitMs: 30_000 },
);

test(
  'O1 its supervisor is killed: it goes on with what it runs, and is given more',
  async (stage, context) => {
    const type = 'any.killed';
    const { client } = await remote(stage, context);
    const [first, second] = await stage.baton.within(async () => [
      await handlerOf(type).schedule(1),
      await handlerOf(type).schedule(2),
    ]);
    const taken = await takeOne(client, type);
    const { answers } = beating(context, client, () => [runOf(taken)]);
    const { supervisor = '' } = await eventually(() => answers.at(-1) ?? Promise.reject(new Error('no beat')));
    const victim = stage.supervisors.find(({ output }) => output.includes(`"supervisor":"${supervisor}"`));
    await victim?.kill();
    const killedAt = performance.now();
    await eventually(() => assert.is.not(answers.at(-1)?.supervisor, supervisor), { limitMs: 8_000 });
    console.log(`kill -9 of its supervisor -> answered by another one: ${Math.round(performance.now() - killedAt)} ms`);
    const request = 'after the kill';
    const ask = () => client.ask('claim', { request, types: [type], max: 1, wait: 10 }, { timeoutMs: 12_000 });
    const next = only(await insist(ask));
    assert.is((await client.finish(next, { outcome: 'success' })).status, 'success');
    await pause(7_000);
    assert.equal(answers.at(-1)?.lost, []);
    assert.is((await client.finish(taken, { outcome: 'success', result: 'kept' })).status, 'success');
    for (const handle of [first, second]) await handle?.wait({ timeout: '30s' });
    assert.equal(
      [first?.result, first?.attempt, second?.attempt].filter((value) => value !== undefined),
      ['kept', 1, 1],
    );
    await victim?.start();
  },
  { limitMs: 40_000 },
);

test(
  'O1 no supervisor for a while: nothing that runs is lost, and an end is told when there is one again',
  async (stage, context) => {
    const type = 'any.alone';
    const { client } = await remote(stage, context);
    const handle = await stage.baton.within(() => handlerOf(type).schedule());
    const taken = await takeOne(client, type);
    beating(context, client, () => [runOf(taken)]);
    await Promise.all(stage.supervisors.map((each) => each.kill()));
    await pause(3_000);
    const end = { request: 'the end', address: taken.address, fence: taken.fence, outcome: 'success', result: 1 };
    const told = insist(() => client.ask('finish', end, { timeoutMs: 1_000 }), 30_000);
    await Promise.all(stage.supervisors.map((each) => each.start()));
    assert.is((await told).status, 'success');
    await handle.wait({ timeout: '30s' });
    assert.equal([handle.result, handle.attempt, handle.record.rescues], [1, 1, undefined]);
  },
  { limitMs: 60_000 },
);

test('O2 what it may claim is said by subject, and by its definitions nobody else is bound', async (stage, context) => {
  const { client } = await remote(stage, context);
  const ask = (body: Readonly<Record<string, unknown>>) =>
    insist(() => client.ask('claim', body, { type: 'any.one', timeoutMs: 2_000 }));
  const wrong = await ask({ request: 'r', types: ['any.one', 'any.two'] });
  assert.is(wrong.code, 'INVALID_ARGUMENT');
  const stray = [{ type: 'any.two', scope: 'system' }];
  const defined = await ask({ request: 's', types: ['any.one'], definitions: stray });
  assert.is(defined.code, 'INVALID_ARGUMENT');
  await stage.baton.within(() => handlerOf('any.two').schedule());
  const right = await ask({ request: 't', wait: 1 });
  assert.equal([right.ok, right.tasks], [true, []]);
});

test(
  'O1 many tasks, several at once: each is run once',
  async (stage, context) => {
    const type = 'any.many';
    const total = 300;
    const handler = handlerOf(type);
    await stage.baton.within(() =>
      Promise.all(Array.from({ length: total }, (_, i) => handler.with({ taskKey: `m${i}` }).schedule(i))),
    );
    const { client } = await remote(stage, context, 'msgpack');
    const running = new Map<string, WorkTask>();
    beating(context, client, () => [...running.values()].map((each) => runOf(each)));
    const ended: string[] = [];
    const startedAt = performance.now();
    while (ended.length < total) {
      const { tasks = [] } = await client.claim({ types: [type], max: 20, wait: 5 });
      for (const each of tasks) running.set(each.address, each);
      await Promise.all(
        tasks.map(async (each) => {
          const told = await client.finish(each, { outcome: 'success', result: each.args[0] });
          running.delete(each.address);
          assert.is(told.status, 'success');
          ended.push(each.key);
        }),
      );
    }
    console.log(
      `${total} tasks by one worker, 20 at once: ${Math.round(total / ((performance.now() - startedAt) / 1_000))}/s`,
    );
    assert.is(new Set(ended).size, total);
  },
  { limitMs: 60_000 },
);

test.run();
