// X4, R1: arguments and results, small and large, and how they go again.
import { DATA_LIMIT, INLINE_DATA_LIMIT, objectName, readDataText } from '@baton/protocols';
import { loadValue, prune, systemClock } from '@baton/runtime';
import { getContext, InvalidArgumentError, PayloadTooLargeError, task, type TaskHandle } from '@baton/sdk';
import { createTaskViews } from '@baton/mongo';
import * as assert from 'uvu/assert';
import { eventually } from '../support/eventually.ts';
import { gate, stagedSuite, thrownBy, until, type Stage } from '../support/stage.ts';

const test = stagedSuite('data');

const objectsOf = async ({ ports }: Stage, { address, uuid }: TaskHandle): Promise<readonly string[]> => {
  const names: string[] = [];
  for await (const page of ports.data.names()) {
    names.push(
      ...page.filter((name) => name.startsWith(`${address}/${uuid}/`)).map((name) => name.split('/')[2] ?? ''),
    );
  }
  return names.toSorted().map((name) => name.replace(/-.*/, ''));
};

/** So many bytes of text, not all alike. */
const text = (length: number): string => 'Lorem ipsum dolor sit amet. '.repeat(Math.ceil(length / 28)).slice(0, length);

test('X4 plain data goes there and back as it was', async (stage, context) => {
  const echo = task({ name: 'x4.echo' }, (value: unknown) => value);
  await stage.serve(context, [echo]);
  const value = {
    list: [1, -1.5, null, true, 'ü😀', ''],
    at: new Date(1_700_000_000_123),
    bytes: new Uint8Array([0, 255]),
    $set: { 'a.b': 1 },
  };
  await stage.as('alice').within(async () => {
    for (const run of [() => echo.schedule(value), () => echo(value)]) {
      const handle = await (await run()).wait({ timeout: '30s' });
      assert.is(handle.status, 'success');
      assert.equal({ ...(handle.result as object), bytes: [0, 255] }, { ...value, bytes: [0, 255] });
      const document = await stage.document(handle.uuid, ({ terminal }) => terminal);
      const stored = readDataText(document.result ?? '');
      assert.ok(stored.kind === 'data');
      assert.equal(await loadValue(stage.ports.data, stored.data), handle.result, 'the document tells the same');
    }
  });
});

test('X4 what is no plain data is refused at the call, and is a failure as a result', async (stage, context) => {
  const returns = task({ name: 'x4.returns' }, (what: string): unknown => {
    if (what === 'function') return () => 1;
    if (what === 'bigint') return { deep: [1n] };
    const cycle: unknown[] = [];
    cycle.push(cycle);
    return cycle;
  });
  const takes = task({ name: 'x4.takes' }, (_value: unknown) => 1);
  await stage.serve(context, [returns]);
  await stage.as('alice').within(async () => {
    const cycle: Record<string, unknown> = {};
    cycle['self'] = cycle;
    for (const value of [() => 1, 1n, cycle, Symbol('x'), new Map(), Number.NaN]) {
      const refused = await thrownBy(() => takes.schedule(value));
      assert.instance(refused, InvalidArgumentError);
      assert.instance(refused.cause, TypeError);
      assert.match(refused.message, 'not plain data');
    }
    for (const what of ['function', 'bigint', 'cycle']) {
      const handle = await (await returns.schedule(what)).wait({ timeout: '30s' });
      assert.is(handle.status, 'failure');
      assert.match(handle.error?.message ?? '', 'not plain data');
    }
  });
});

test('X4 large arguments and results lie in the object store, and come back whole', async (stage, context) => {
  const grow = task({ name: 'x4.grow' }, (input: string, length: number) => ({
    got: input.length,
    text: text(length),
  }));
  await stage.serve(context, [grow]);
  await stage.as('alice').within(async () => {
    for (const [args, result] of [
      [10, INLINE_DATA_LIMIT + 10],
      [INLINE_DATA_LIMIT + 10, 10],
      [3_000_000, 5_000_000],
    ] as const) {
      const handle = await grow.schedule(text(args), result);
      await handle.wait({ timeout: '45s' });
      assert.is(handle.status, 'success', handle.error?.message);
      assert.equal(handle.result, { got: args, text: text(result) });
      const wanted = [...(args > INLINE_DATA_LIMIT ? ['args'] : []), ...(result > INLINE_DATA_LIMIT ? ['result'] : [])];
      assert.equal(await objectsOf(stage, handle), wanted);
      assert.ok(JSON.stringify(handle.record).length < 400_000, 'the record itself stays small');
      const document = await stage.document(handle.uuid, ({ terminal }) => terminal);
      assert.equal(
        document.objects.map((name) => name.split('/')[2]?.replace(/-.*/, '')),
        wanted,
      );
      const stored = readDataText(document.result ?? '');
      assert.ok(stored.kind === 'data');
      assert.equal(await loadValue(stage.ports.data, stored.data), handle.result, 'the document tells where');
    }
    const inline = await grow(text(100_000), 100_000);
    assert.equal(inline.result, { got: 100_000, text: text(100_000) });
  });
});

test('X4 a large result is fetched when it is asked for, not before', async (stage, context) => {
  const large = task({ name: 'x4.lazy' }, () => text(200_000));
  await stage.serve(context, [large]);
  const handle = await stage.as('alice').within(() => large.schedule());
  await handle.wait({ timeout: '30s', fetch: false });
  assert.is((await thrownBy(() => handle.result)).code, 'RESULT_NOT_FETCHED');
  assert.is(await handle.fetchResult(), text(200_000));
  assert.is(handle.result, text(200_000));
  const again = await stage.as('alice').open(handle);
  assert.is(await again.fetchResult(), text(200_000));
});

test('X4 many values are no hindrance where they are large', async (stage, context) => {
  const rows = task({ name: 'x4.rows' }, (given: readonly number[]) => given.map((n) => ({ n })));
  await stage.serve(context, [rows]);
  const given = Array.from({ length: 30_000 }, (_, i) => i);
  const handle = await stage.as('alice').within(() => rows.schedule(given));
  await handle.wait({ timeout: '45s' });
  assert.equal(handle.result?.at(-1), { n: 29_999 });
});

test('X4 over the hard limit: arguments are refused at the call, a result is a failure', async (stage, context) => {
  const big = task({ name: 'x4.big' }, (length: number) => text(length));
  const takes = task({ name: 'x4.bigargs' }, (_value: string) => 1);
  const small = task({ name: 'x4.small' }, (length: number) => text(length));
  await stage.serve(context, [big]);
  await stage.serve(context, [small], { dataLimitBytes: 100_000 });
  await stage.as('alice').within(async () => {
    const refused = await thrownBy(() => takes.schedule(text(DATA_LIMIT)));
    assert.instance(refused, PayloadTooLargeError);
    assert.match(refused.message, String(DATA_LIMIT));
    const failed = await (await big.schedule(DATA_LIMIT)).wait({ timeout: '45s' });
    assert.is(failed.status, 'failure');
    assert.is(failed.error?.type, 'result_too_large');
    assert.is(failed.attempt, 1, 'it does not get smaller by another attempt');
    assert.equal(await objectsOf(stage, failed), []);
    const limited = await (await small.schedule(100_001)).wait({ timeout: '30s' });
    assert.is(limited.error?.type, 'result_too_large');
    assert.is((await (await small.schedule(90_000)).wait({ timeout: '30s' })).status, 'success');
  });
});

test('X4 large arguments survive retry, joins, and the wait behind an aborting task', async (stage, context) => {
  const open = gate();
  const flaky = task(
    { name: 'x4.flaky', scope: 'shared', retry: { maxAttempts: 3, backoff: { initial: '10ms' } } },
    async (input: string, failures: number) => {
      const { attempt, onAbort } = getContext();
      onAbort(() => {});
      if (failures === -1) await open.passed;
      if (attempt <= failures) throw new Error(`attempt ${attempt}`);
      return input.length;
    },
  );
  await stage.serve(context, [flaky]);
  const input = text(150_000);
  const [alice, bob] = [stage.as('alice'), stage.as('bob')];
  const retried = await alice.within(() => flaky.with({ taskKey: 'retried' }).schedule(input, 2));
  await retried.wait({ timeout: '30s' });
  assert.equal([retried.status, retried.result, retried.attempt], ['success', 150_000, 3]);

  const held = await alice.within(() => flaky.with({ taskKey: 'held' }).schedule(input, -1));
  await until(held, ({ record }) => record.abortable === true);
  const same = await bob.within(() => flaky.with({ taskKey: 'held' }).schedule(input, -1));
  const other = await bob.within(() => flaky.with({ taskKey: 'held' }).schedule(`${input}!`, -1));
  assert.equal([same.outcome, same.differs, other.outcome, other.differs], ['joined', false, 'joined', true]);
  await eventually(async () => assert.equal(await objectsOf(stage, held), ['args'], 'what joined left nothing'));

  await alice.within(() => held.cancel());
  await bob.within(async () => (await bob.open(held)).cancel());
  const next = await alice.within(() => flaky.with({ taskKey: 'held' }).schedule(`${input}?`, 0));
  assert.is(next.outcome, 'created');
  open.open();
  await next.wait({ timeout: '45s' });
  assert.equal([next.status, next.result], ['success', 150_001]);
});

test('X4 what was pruned away is said to be lost, for arguments as for results', async (stage, context) => {
  const length = task({ name: 'x4.lost' }, (input: string) => `${input}${input.length}`);
  const handle = await stage.as('alice').within(() => length.with({ delay: '2s' }).schedule(text(100_000)));
  await stage.ports.data.remove(objectName(handle.address, handle.uuid, 'args'));
  await stage.serve(context, [length]);
  await handle.wait({ timeout: '45s' });
  assert.equal([handle.status, handle.error?.type, handle.attempt], ['failure', 'DataLostError', 1]);

  const done = await stage.as('alice').within(() => length.schedule(text(100_000)));
  await done.wait({ timeout: '30s', fetch: false });
  for (const name of (await stage.document(done.uuid, ({ terminal }) => terminal)).objects)
    await stage.ports.data.remove(name);
  assert.is((await thrownBy(() => done.fetchResult())).code, 'DATA_MISSING');
});

test('R1 prune takes ended tasks with their objects, and leaves what is active', async (stage, context) => {
  const views = createTaskViews(stage.mongo);
  const parts = { views, data: stage.ports.data, clock: systemClock };
  const release = gate();
  const keeps = task({ name: 'r1.keeps' }, async (input: string, waits: boolean) => {
    if (waits) await release.passed;
    return input;
  });
  await stage.serve(context, [keeps]);
  await stage.as('alice').within(async () => {
    const ended = await keeps.schedule(text(100_000), false);
    const runs = await keeps.schedule(text(100_000), true);
    await ended.wait({ timeout: '30s', fetch: false });
    await stage.document(ended.uuid, ({ terminal }) => terminal);
    await stage.document(runs.uuid, ({ status }) => status === 'in_progress');
    assert.is((await prune(parts, { retentionPeriodDays: 1 })).tasks, 0, 'it ended today');
    const report = await prune(parts, { retentionPeriodDays: 0 });
    assert.ok(report.tasks >= 1 && report.objects >= 2 && report.complete);
    assert.is(await views.get(ended.uuid), undefined);
    assert.equal(await objectsOf(stage, ended), []);
    assert.equal(await objectsOf(stage, runs), ['args']);
    release.open();
    await runs.wait({ timeout: '30s' });
    assert.is(runs.result?.length, 100_000);
  });
});

test('R1 the projector prunes on its schedule', async (stage, context) => {
  const quick = task({ name: 'r1.quick' }, () => 1);
  await stage.serve(context, [quick]);
  const handle = await stage.as('alice').within(() => quick.schedule());
  await handle.wait({ timeout: '30s' });
  await stage.document(handle.uuid, ({ terminal }) => terminal);
  const projector = stage.service('projector', 'pruning', { BATON_PRUNE_DAYS: '0', BATON_PRUNE_EVERY_MS: '1000' });
  await projector.start();
  context.defer(() => projector.stop());
  const views = createTaskViews(stage.mongo);
  await eventually(async () => assert.is(await views.get(handle.uuid), undefined), { limitMs: 10_000 });
});

test.run();
