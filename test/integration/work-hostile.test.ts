// limit: 240s
// Wrong and hostile workers of the worker protocol, against real servers; see `protocols/worker.md`.
import { randomUUID } from 'node:crypto';
import { namesOf } from '@baton/protocols';
import { task } from '@baton/sdk';
import { connect } from '@nats-io/transport-node';
import * as assert from 'uvu/assert';
import { eventually } from '../support/eventually.ts';
import { stagedSuite, type Stage } from '../support/stage.ts';
import type { TestContext } from '../support/suite.ts';
import { natsWork, WorkClient, type WorkTask } from '../support/work-client.ts';

const test = stagedSuite('hostile workers', { supervisors: 2, workers: 0 });

const handlerOf = (name: string) => task({ name }, (..._args: unknown[]) => undefined as unknown);

let count = 0;

const remote = async (
  { natsUrl, namespace }: Stage,
  { defer }: Pick<TestContext, 'defer'>,
  format: 'json' | 'msgpack' = 'json',
): Promise<WorkClient> => {
  const nc = await connect({ servers: natsUrl });
  defer(() => nc.close());
  return new WorkClient(natsWork(nc, namesOf(namespace), format), `hostile${++count}`);
};

/** Claims until so many are there, in one answer or in several. */
const takeAll = async (client: WorkClient, type: string, many: number, max = many): Promise<WorkTask[]> => {
  const taken: WorkTask[] = [];
  await eventually(
    async () => {
      await client.beat(taken);
      const { tasks = [] } = await client.claim({ types: [type], max, wait: 1 });
      taken.push(...tasks);
      if (taken.length < many) throw new Error(`${taken.length} of ${many} are claimed`);
    },
    { limitMs: 20_000 },
  );
  return taken;
};

test('O1 a request is one request: its name with other contents is refused', async (stage, context) => {
  const type = 'hostile.names';
  const client = await remote(stage, context);
  const [first, second] = await stage.baton.within(async () => [
    await handlerOf(type).schedule(1),
    await handlerOf(type).schedule(2),
  ]);
  const [one, two] = await takeAll(client, type, 2);
  const end = (which: WorkTask | undefined) =>
    client.finish(which as WorkTask, { request: 'the same', outcome: 'success', result: which?.args[0] });
  assert.is((await end(one)).status, 'success');
  assert.is((await end(one)).status, 'success');
  const wrong = await end(two);
  assert.equal([wrong.ok, wrong.code], [false, 'INVALID_ARGUMENT']);
  assert.match(wrong.message ?? '', /request/);
  assert.is((await client.finish(two as WorkTask, { outcome: 'success', result: two?.args[0] })).status, 'success');
  for (const handle of [first, second]) await handle?.wait({ timeout: '30s' });
  assert.equal([first?.result, second?.result], [1, 2]);
  const claim = { request: 'one claim', types: [type] };
  assert.ok((await client.claim(claim)).ok);
  assert.ok((await client.claim({ ...claim, definitions: [{ type }] })).ok);
  assert.is((await client.claim({ ...claim, types: ['hostile.other'] })).code, 'INVALID_ARGUMENT');
});

test(
  'O1 what does not fit into one answer comes with the next ones',
  async (stage, context) => {
    const type = 'hostile.wide';
    const total = 12;
    const client = await remote(stage, context);
    const handles = await stage.baton.within(() =>
      Promise.all(
        Array.from({ length: total }, (_, i) =>
          handlerOf(type)
            .with({ taskKey: `w${i}` })
            .schedule(i),
        ),
      ),
    );
    const taken = await takeAll(client, type, total, 1);
    // Twice as large in JSON as it is kept.
    const payload = '\u0001'.repeat(30_000);
    for (const each of taken) await client.beat([{ ...each, payload }, ...taken.filter((one) => one !== each)]);
    for (const each of taken) assert.ok((await client.finish(each, { outcome: 'give_back', why: 'another' })).ok);
    const startedAt = performance.now();
    const other = await remote(stage, context);
    const again = await takeAll(other, type, total, total);
    console.log(`${total} tasks with large payloads claimed in ${Math.round(performance.now() - startedAt)} ms`);
    assert.is(new Set(again.map(({ address }) => address)).size, total);
    assert.ok(again.every(({ previous }) => previous.payload === payload));
    for (const each of again) assert.ok((await other.finish(each, { outcome: 'success' })).ok);
    for (const handle of handles) await handle.wait({ timeout: '30s' });
  },
  { limitMs: 60_000 },
);

test('O1 a claim that is repeated names nothing that was taken back meanwhile', async (stage, context) => {
  const type = 'hostile.repeat';
  const client = await remote(stage, context);
  await stage.baton.within(async () => [await handlerOf(type).schedule(1), await handlerOf(type).schedule(2)]);
  const claim = { request: 'lost on its way', types: [type], max: 2, wait: 5 };
  const { tasks = [] } = await eventually(async () => {
    const answer = await client.claim({ ...claim });
    if (answer.tasks?.length !== 2) throw new Error(JSON.stringify(answer));
    return answer;
  });
  const [gone, kept] = tasks as [WorkTask, WorkTask];
  assert.equal((await client.claim(claim)).tasks?.length, 2);
  await client.finish(gone, { outcome: 'give_back' });
  assert.equal(
    (await client.claim(claim)).tasks?.map(({ address }) => address),
    [kept.address],
  );
});

for (const state of ['draining', 'gone'])
  test(`O1 nothing is claimed for a worker that said it is ${state} while its claim came`, async (stage, context) => {
    const type = `hostile.${state}`;
    const client = await remote(stage, context);
    await client.beat();
    const claim = { request: randomUUID(), types: [type], max: 1, wait: 5, concurrency: 7 };
    const asked = client.ask('claim', claim);
    const left = client.beat([], { state });
    const handle = await stage.baton.within(() => handlerOf(type).schedule());
    const [answer] = await Promise.all([asked, left]);
    assert.equal(answer?.tasks ?? [], []);
    await handle.refresh();
    assert.is(handle.status, 'pending');
  });

test('G4 a body far away waits for a signal; a wait is told once, and by its owner alone', async (stage, context) => {
  const type = 'hostile.wait';
  const client = await remote(stage, context);
  const handle = await stage.baton.within(() => handlerOf(type).schedule());
  await handle.signal('early', 1);
  const [taken] = (await takeAll(client, type, 1)) as [WorkTask];
  assert.equal(taken['signals'], [{ name: 'early', by: 'user:alice', data: 1 }]);
  const wait = (fields: object, more: object = {}) =>
    client.finish(taken, { outcome: 'wait', wait: { signal: 'go', number: 1, ...fields }, ...more });
  assert.is((await client.finish(taken, { outcome: 'wait' })).code, 'INVALID_ARGUMENT');
  assert.is((await wait({ timeout: 0 })).code, 'INVALID_ARGUMENT');
  assert.is((await wait({}, { fence: { epoch: 1, revision: 1 } })).code, 'LEASE_LOST');
  const had = (await wait({ signal: 'early' })) as { readonly status?: string; readonly signal?: object };
  assert.equal([had.status, had.signal], ['in_progress', { name: 'early', by: 'user:alice', data: 1 }]);
  for (let i = 0; i < 2; i++) assert.is((await wait({ timeout: '1h' }, { request: 'once' })).status, 'pending');
  assert.is((await client.finish(taken, { outcome: 'success' })).code, 'LEASE_LOST');
  assert.equal((await client.beat([taken])).lost, [{ address: taken.address, fence: taken.fence }]);
  assert.is((await handle.signal('go', 2)).outcome, 'delivered');
  const [again] = (await takeAll(client, type, 1)) as [WorkTask];
  assert.equal(
    [again.attempt, (again['signals'] as { readonly data: unknown }[]).map(({ data }) => data)],
    [1, [1, 2]],
  );
  // Its cleanup handlers have run before it heard of the signal: the run is over, and the next one is there at once.
  const over = { signal: 'go', number: 1, over: true };
  assert.is((await client.finish(again, { outcome: 'wait', wait: over })).status, 'pending');
  const [last] = (await takeAll(client, type, 1)) as [WorkTask];
  assert.is((await client.finish(last, { outcome: 'success' })).status, 'success');
  await handle.wait({ timeout: '30s' });
  assert.equal([handle.attempt, handle.record.rescues, handle.record.failures], [1, undefined, undefined]);
});

const INVALID = 'INVALID_ARGUMENT';

const nested = (depth: number) => `${'['.repeat(depth)}${']'.repeat(depth)}`;

test('O2 whatever is sent is answered, and harms nothing that others run', async (stage, context) => {
  const type = 'hostile.bytes';
  const nc = await connect({ servers: stage.natsUrl });
  context.defer(() => nc.close());
  const { workPrefix } = namesOf(stage.namespace);
  const client = await remote(stage, context);
  const handle = await stage.baton.within(() => handlerOf(type).schedule());
  const [taken] = (await takeAll(client, type, 1)) as [WorkTask];
  const { worker, secret } = client;
  const me = { v: 1, worker, secret };
  const run = { address: taken.address, fence: taken.fence };
  const json = (fields: object, more = {}) => JSON.stringify({ ...me, ...fields, ...more });
  const beat = (fields: object, more = {}) => json({ running: [{ ...run, ...fields }] }, more);
  const claim = (fields: object) => json({ request: randomUUID(), types: [type] }, fields);
  const finish = (fields: object) => json({ request: randomUUID(), ...run, outcome: 'success' }, fields);
  const strangers = Array.from({ length: 6_000 }, (_, i) => ({
    address: `00.x.${i}`,
    fence: { epoch: 1, revision: i },
  }));
  const yet = { outcome: 'success', error: { message: 'and yet' } };
  const bad: readonly (readonly [verb: string, body: string | Uint8Array, code?: string])[] = [
    ['claim', '', INVALID],
    ['claim', '{', INVALID],
    ['claim', '[]', INVALID],
    ['claim', `{"v":1,"x":${nested(200_000)}}`, INVALID],
    ['claim', claim({ worker: '../x' }), INVALID],
    ['claim', claim({ worker: '*' }), INVALID],
    ['claim', claim({ worker: 'a.b' }), INVALID],
    ['claim', claim({ types: ['__proto__'] }), INVALID],
    ['claim', claim({}).replace('{', '{"__proto__":{"max":9},'), INVALID],
    ['claim', claim({ host: '\ud800' }), INVALID],
    ['claim', claim({ request: '\ud800', host: '\u001b[2J' })],
    ['claim', claim({ definitions: [{ type, title: '\u001b[31m\u202e' }] })],
    ['claim.x.y', claim({}), INVALID],
    ['nothing', '{}', INVALID],
    ['beat', new Uint8Array([0xc1]), INVALID],
    ['beat', new Uint8Array([0xdf, 0xff, 0xff, 0xff, 0xff]), INVALID],
    ['beat', new Uint8Array(900_000).fill(0x91), INVALID],
    ['beat', beat({}, { host: '\ud800' }), INVALID],
    ['beat', beat({ progress: 'x'.repeat(100_000), payload: 'x'.repeat(100_000) })],
    ['beat', beat({ progress: [1e308, -1], observed: true })],
    ['beat', beat({}, { running: [run, ...strangers] })],
    ['beat', beat({ finishing: yet }), INVALID],
    ['finish', finish(yet), INVALID],
    ['finish', finish({ outcome: 'stopped' }), 'NOT_ABORTING'],
    ['finish', finish({ address: 'x' }), INVALID],
    ['finish', finish({ fence: { epoch: 1, revision: 1 } }), 'LEASE_LOST'],
    ['finish', finish({ fence: { ...taken.fence, revision: taken.fence.revision + 1 } }), 'LEASE_LOST'],
    ['finish', finish({ fence: { ...taken.fence, revision: 9e15 }, outcome: 'failure' }), 'LEASE_LOST'],
    ['finish', finish({ worker: 'another' }), 'LEASE_LOST'],
    ['finish', finish({ secret: 'a guess of some length' }), 'LEASE_LOST'],
  ];
  for (const [verb, body, code] of bad) {
    const bytes = typeof body === 'string' ? new TextEncoder().encode(body) : body;
    const { data } = await nc.request(`${workPrefix}${verb}`, bytes, { timeout: 5_000 });
    const text = new TextDecoder().decode(data);
    const asked = `${verb} ${JSON.stringify(body).slice(0, 200)} -> ${text.slice(0, 300)}`;
    assert.ok(code === undefined ? text.startsWith('{"ok":true') : text.includes(code), asked);
    assert.ok(!text.includes(secret), asked);
  }
  await handle.refresh();
  assert.is(handle.status, 'in_progress');
  for (const { output } of stage.supervisors) {
    assert.ok(!output.includes(secret) && !output.includes('x'.repeat(100)));
    assert.not.match(output, /"level":"error"/);
    assert.ok(output.split('progress was not understood').length <= 2);
  }
  const told = await client.finish(taken, { outcome: 'success', result: 1 });
  assert.is(told.status, 'success');
  await handle.wait({ timeout: '30s' });
});

test.run();
