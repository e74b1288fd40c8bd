// limit: 150s
// B1 by REST: one operation on all tasks that match, a task of its own; and one task's priority.
import { getContext, task } from '@baton/sdk';
import * as assert from 'uvu/assert';
import { eventually } from '../support/eventually.ts';
import { ADMIN, openGatewaySystem, type CallAnswer, type GatewaySystem } from '../support/gateway-fixture.ts';
import { aborted, gate } from '../support/stage.ts';
import { suite } from '../support/suite.ts';

const test = suite('gateway: bulk');

const WHOLE = { projector: true, supervisor: true } as const;

type Report = {
  readonly matched: number;
  readonly done: number;
  readonly unsubscribed: number;
  readonly refused: Readonly<Record<string, number>>;
  readonly complete: boolean;
};

const ask = ({ call }: GatewaySystem, body: object, as = 'alice'): Promise<CallAnswer> =>
  call('POST', '/api/v1/task/bulk', { as, body });

/** To its end; what it came to. */
const bulk = async (system: GatewaySystem, body: object, as = 'alice'): Promise<Report> => {
  const { uuid } = await ended(system, await ask(system, body, as), as);
  return (await system.call('GET', `/api/v1/task/${uuid}/result`, { as })).at('result') as Report;
};

const ended = async ({ call }: GatewaySystem, asked: CallAnswer, as: string) => {
  assert.is(asked.status, 201, asked.text);
  const uuid = String(asked.at('task', 'uuid'));
  await eventually(
    async () => {
      const found = await call('GET', `/api/v1/task/${uuid}`, { as });
      assert.is(found.at('result', 'status'), 'success', found.text);
    },
    { limitMs: 30_000, everyMs: 100 },
  );
  return { uuid };
};

const counts = ({ matched, done, unsubscribed, refused }: Report) => ({ matched, done, unsubscribed, refused });

const statusesOf = async ({ call }: GatewaySystem, type: string): Promise<readonly string[]> => {
  const found = await call('GET', `/api/v1/task/?type=${type}&page_size=100`, { as: ADMIN });
  return (found.at('result') as { readonly status: string }[]).map(({ status }) => status).toSorted();
};

test(
  'B1 cancels what matches and what its user may cancel, with exact counts, a dry run first, and tells who it was',
  async (context) => {
    const system = await openGatewaySystem(context, WHOLE);
    const { baton, call } = system;
    const [alice, bob, carol] = ['alice', 'bob', 'carol'].map((id) => baton.as({ id }));
    const release = gate();
    const deaf = task({ name: 'bulk.deaf' }, () => release.passed);
    const soft = task({ name: 'bulk.soft' }, async () => {
      const { signal } = getContext();
      await aborted(signal);
      throw signal.reason;
    });
    const idle = task({ name: 'bulk.idle', tags: { batch: 7 } }, () => undefined);
    const shared = task({ name: 'bulk.shared', scope: 'shared', tags: { batch: 7 } }, () => undefined);
    const worker = await baton.startWorker({ tasks: [deaf, soft] });
    context.defer(() => worker.drain({ grace: 0 }));
    context.defer(async () => release.open());

    for (let i = 0; i < 5; i++) await alice!.schedule(idle);
    await bob!.schedule(idle);
    await alice!.schedule(shared, [], { taskKey: 'alone' });
    await alice!.schedule(shared, [], { taskKey: 'both' });
    await bob!.schedule(shared, [], { taskKey: 'both' });
    const running = [await alice!.schedule(deaf, []), await alice!.schedule(soft, [])];
    await eventually(async () => {
      for (const handle of running) assert.is((await handle.refresh()).status, 'in_progress');
    });
    await eventually(async () => assert.ok((await running[1]!.refresh()).isAbortable));

    const wanted = { operation: 'cancel', filter: { tag: ['batch:7'] } };
    const expected = { matched: 7, done: 6, unsubscribed: 1, refused: {} };
    assert.equal(counts(await bulk(system, { ...wanted, dry_run: true })), expected);
    assert.equal(
      await statusesOf(system, 'bulk.idle'),
      Array.from({ length: 6 }, () => 'pending'),
    );
    const report = await bulk(system, wanted);
    assert.equal([counts(report), report.complete], [expected, true]);
    assert.equal(await statusesOf(system, 'bulk.idle'), [...Array.from({ length: 5 }, () => 'aborted'), 'pending']);
    assert.equal(await statusesOf(system, 'bulk.shared'), ['aborted', 'pending']);
    assert.equal(counts(await bulk(system, wanted)), { matched: 0, done: 0, unsubscribed: 0, refused: {} });
    const [gone] = (await call('GET', '/api/v1/task/?type=bulk.idle&status=aborted', { as: 'alice' })).at('ids') as [
      string,
    ];
    const { by, why } = (await call('GET', `/api/v1/task/${gone}/history`, { as: 'alice' })).at('history', 1) as {
      by: string;
      why: string;
    };
    assert.is(by, 'user:alice');
    assert.match(why, /^bulk [0-9a-f-]{36}$/);
    const order = (await call('GET', `/api/v1/task/${why.slice(5)}`, { as: 'alice' })).at('result') as Record<
      string,
      unknown
    >;
    assert.equal([order['task_type'], order['created_by'], order['scope']], ['baton.bulk', 'alice', 'private']);
    assert.is(order['task_name'], 'Cancel tasks: tag batch:7, status pending or in_progress');

    // What cannot be stopped is counted by its reason; what is in another state is not meant.
    const both = { operation: 'cancel', filter: { type: ['bulk.deaf', 'bulk.soft'] } };
    const stopped = { matched: 2, done: 1, unsubscribed: 0, refused: { TASK_NOT_ABORTABLE: 1 } };
    assert.equal(counts(await bulk(system, { ...both, dry_run: true })), stopped);
    assert.equal(counts(await bulk(system, { operation: 'cancel', filter: { ...both.filter, status: ['pending'] } })), {
      ...{ matched: 0, done: 0, unsubscribed: 0, refused: {} },
    });
    assert.equal(counts(await bulk(system, both)), stopped);
    await eventually(async () => assert.is((await running[1]!.refresh()).status, 'aborted'));

    // Others' are not there for a user; an admin sees all, and forces what others wait for.
    assert.is((await bulk(system, wanted, 'carol')).matched, 0);
    assert.equal((await bulk(system, { ...wanted, dry_run: true }, ADMIN)).refused, {});
    await carol!.schedule(shared, [], { taskKey: 'both' });
    const asAdmin = { ...wanted, filter: { type: ['bulk.shared'] } };
    assert.equal(counts(await bulk(system, asAdmin, ADMIN)), {
      ...expected,
      matched: 1,
      done: 0,
      unsubscribed: 0,
      refused: { FORCE_REQUIRED: 1 },
    });
    assert.equal((await bulk(system, { ...asAdmin, force: true }, ADMIN)).done, 1);
    assert.equal(await statusesOf(system, 'bulk.shared'), ['aborted', 'aborted']);
  },
  { limitMs: 60_000 },
);

test(
  'B1 retries what failed, each once; re-prioritises what waits; deletes what has ended',
  async (context) => {
    const system = await openGatewaySystem(context, WHOLE);
    const { baton, call } = system;
    const alice = baton.as({ id: 'alice' });
    let broken = true;
    const starts: number[] = [];
    const flaky = task({ name: 'bulk.flaky' }, (n: number) => {
      starts.push(n);
      if (broken) throw new Error('not yet');
      return n;
    });
    const slow = task({ name: 'bulk.order', queue: 'bulk.line' }, (n: number) => void starts.push(n));
    const worker = await baton.startWorker({ tasks: [flaky] });
    context.defer(() => worker.drain({ grace: 0 }));
    const first = await Promise.all([1, 2, 3, 4].map((n) => alice.schedule(flaky, [n])));
    for (const handle of first) await handle.wait({ timeout: '30s' });
    broken = false;
    starts.length = 0;
    const retry = { operation: 'retry', filter: { type: ['bulk.flaky'] } };
    const all = { matched: 4, done: 4, unsubscribed: 0, refused: {} };
    assert.equal(counts(await bulk(system, { ...retry, dry_run: true })), all);
    assert.equal(counts(await bulk(system, { ...retry, operation_id: 'again' })), all);
    await eventually(async () =>
      assert.equal(await statusesOf(system, 'bulk.flaky'), [
        ...Array.from({ length: 4 }, () => 'failure'),
        ...Array.from({ length: 4 }, () => 'success'),
      ]),
    );
    assert.equal(
      starts.toSorted((a, b) => a - b),
      [1, 2, 3, 4],
    );
    const repeated = await ask(system, { ...retry, operation_id: 'again' });
    assert.equal([repeated.status, repeated.at('task', 'status')], [201, 'success'], 'it is the same operation');

    // Those behind come before those that were there first.
    const waiting = await Promise.all([1, 2, 3].map((n) => alice.schedule(slow, [n], { tags: { late: n === 3 } })));
    const urgent = { operation: 'change_priority', priority: 'high', filter: { tag: ['late:true'] } };
    assert.is((await bulk(system, { ...urgent, dry_run: true })).done, 1);
    assert.is((await waiting[2]!.refresh()).record.priority, 'normal');
    assert.is((await bulk(system, urgent)).done, 1);
    assert.is((await waiting[2]!.refresh()).record.priority, 'high');
    const one = await call('POST', `/api/v1/task/${waiting[0]!.uuid}/priority`, {
      as: 'alice',
      body: { priority: 'low' },
    });
    assert.equal([one.status, one.at('task', 'priority')], [200, 'low']);
    starts.length = 0;
    const line = await baton.startWorker({ tasks: [slow], queues: ['bulk.line'], concurrency: 1 });
    context.defer(() => line.drain({ grace: 0 }));
    for (const handle of waiting) await handle.wait({ timeout: '30s' });
    assert.equal(starts, [3, 2, 1]);
    const late = await call('POST', `/api/v1/task/${waiting[0]!.uuid}/priority`, {
      as: 'alice',
      body: { priority: 'low' },
    });
    assert.equal([late.status, late.at('code')], [422, 'TASK_NOT_PENDING']);

    const gone = { operation: 'delete', filter: { type: ['bulk.flaky'], status: ['failure'] } };
    assert.is((await bulk(system, { ...gone, dry_run: true }, ADMIN)).done, 4);
    assert.is((await statusesOf(system, 'bulk.flaky')).length, 8);
    assert.equal(counts(await bulk(system, gone, ADMIN)), all);
    await eventually(async () =>
      assert.equal(await statusesOf(system, 'bulk.flaky'), ['success', 'success', 'success', 'success']),
    );
    assert.is((await call('GET', `/api/v1/task/${first[0]!.uuid}`, { as: 'alice' })).status, 404);
  },
  { limitMs: 60_000 },
);

test('B1 S4 what is no order is refused at once; types of Baton are made by nobody else, and not run again', async (context) => {
  const system = await openGatewaySystem(context, WHOLE);
  const { call, baton } = system;
  assert.is((await call('POST', '/api/v1/task/bulk', { body: {} })).status, 401);
  const filter = { type: ['x'] };
  const cases: readonly (readonly [body: object, status: number, says: RegExp])[] = [
    [{ operation: 'cancel' }, 400, /filter/],
    [{ operation: 'cancel', filter: {} }, 400, /filter: says which tasks/],
    [{ operation: 'burn', filter }, 400, /operation/],
    [{ operation: 'cancel', filter: { typ: ['x'] } }, 400, /typ/],
    [{ operation: 'cancel', filter: { status: ['success'] } }, 400, /filter\.status: cancel is for pending/],
    [{ operation: 'retry', filter: { status: ['pending'] } }, 400, /filter\.status/],
    [{ operation: 'change_priority', filter }, 400, /priority/],
    [{ operation: 'cancel', filter, priority: 'high' }, 400, /priority/],
    [{ operation: 'retry', filter, force: true }, 400, /force/],
    [{ operation: 'cancel', filter, force: true }, 403, /admin/],
    [{ operation: 'delete', filter }, 403, /admin/],
  ];
  for (const [body, status, says] of cases) {
    const answer = await ask(system, body);
    assert.is(answer.status, status, `${JSON.stringify(body)}: ${answer.text}`);
    assert.match(answer.text, says);
    if (status !== 400) continue;
    const [{ field } = { field: '' }] = answer.at('faults') as { readonly field: string }[];
    assert.match(field, /^(filter(\.status|\.typ|\.tag\.0)?|operation|priority|force|operation_id)$/, answer.text);
  }
  const order = { operation: 'delete', filter, admin: true };
  const forged = await call('POST', '/api/v1/task/', { as: 'alice', body: { type: 'baton.bulk', args: [order] } });
  assert.equal([forged.status, forged.at('code')], [400, 'INVALID_ARGUMENT']);
  assert.match(forged.text, /those that begin with baton\. are Baton's own/);
  const timed = { task: 'baton.bulk', every: '1m', args: [order] };
  const planned = await call('PUT', '/api/v1/schedules/forged', { as: ADMIN, body: timed });
  assert.equal([planned.status, planned.at('code')], [400, 'INVALID_ARGUMENT'], planned.text);
  assert.throws(() => task({ name: 'baton.bulk' }, () => undefined), /Baton's own/);
  const asAlice = baton.as({ id: 'alice' });
  let refusal: unknown;
  await asAlice.schedule('baton.bulk', [order]).catch((error: unknown) => void (refusal = error));
  assert.match(String(refusal), /Baton's own/);
  const { uuid } = await ended(system, await ask(system, { operation: 'cancel', filter }), 'alice');
  const listed = async (query: string) => (await call('GET', `/api/v1/task/?${query}`, { as: 'alice' })).at('ids');
  assert.equal([await listed(''), await listed('text=cancel'), await listed('status=success')], [[], [], []]);
  await eventually(async () =>
    assert.equal([await listed('type=baton.bulk'), await listed(`text=${uuid}`)], [[uuid], [uuid]]),
  );
  const again = await call('POST', `/api/v1/task/${uuid}/retry`, { as: 'alice' });
  assert.equal([again.status, again.at('code')], [400, 'INVALID_ARGUMENT'], again.text);
  const shown = await call('GET', `/api/v1/task/${uuid}`, { as: 'alice' });
  assert.is(shown.at('result', 'may_retry'), false, 'nor offered');
  // Neither is it offered as something to run, nor is who runs it a worker of theirs.
  assert.equal((await call('GET', '/api/v1/definitions', { as: ADMIN })).at('count'), 0);
});

test.run();
