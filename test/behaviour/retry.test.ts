// R7: an ended task is run again.
import { createTaskViews } from '@baton/mongo';
import { addressOf } from '@baton/protocols';
import { prune, systemClock } from '@baton/runtime';
import { task, TaskNotTerminalError, TaskNotFoundError, type TaskHandle } from '@baton/sdk';
import * as assert from 'uvu/assert';
import { eventually } from '../support/eventually.ts';
import { gate, stagedSuite, thrownBy, type Stage } from '../support/stage.ts';

const test = stagedSuite('retry');

const at = new Date(1_700_000_000_000);

/** Until the server has forgotten the record: from then on only the document tells what it was. */
const forgotten = async ({ ports }: Stage, { address }: TaskHandle): Promise<void> => {
  const entry = await ports.store.load(address);
  if (entry !== undefined)
    await ports.wire.api.call(`STREAM.PURGE.${ports.wire.names.tasksStream}`, {
      filter: ports.wire.names.recordSubject(address),
    });
  assert.is(await ports.store.load(address), undefined);
};

test('R7 a retry is a new task with the same arguments and options, and says where it comes from', async (stage, context) => {
  const results: unknown[] = [];
  const flaky = task({ name: 'r7.flaky', timeout: '1m', queue: 'r7' }, (given: unknown) => {
    results.push(given);
    if (results.length === 1) throw new RangeError('once');
    return given;
  });
  await stage.serve(context, [flaky], { queues: ['r7'] });
  const options = { taskKey: 'a', taskName: 'A', priority: 'high', retry: { backoff: { initial: '7s' } } } as const;
  await stage.as('alice').within(async () => {
    const first = await flaky.with(options).schedule({ at, n: 1 });
    await first.wait({ timeout: '30s' });
    assert.is(first.status, 'failure');
    const second = await first.retry();
    assert.equal([second.outcome, second.record.retriedFrom], ['created', first.uuid]);
    assert.is.not(second.uuid, first.uuid);
    await second.wait({ timeout: '30s' });
    assert.equal([second.status, second.result], ['success', { at, n: 1 }]);
    const { key, name, priority, queue, policy } = second.record;
    assert.equal(
      { key, name, priority, queue, policy },
      { key: 'a', name: 'A', priority: 'high', queue: 'r7', policy: first.record.policy },
    );
    const document = await stage.document(second.uuid, ({ terminal }) => terminal);
    assert.is(document.retried_from, first.uuid);
    assert.is((await stage.document(first.uuid)).status, 'failure', 'the first one stays what it was');
  });
});

test('R7 when the record has gone the document is enough, for small arguments and large ones', async (stage, context) => {
  const echo = task(
    { name: 'r7.echo', timeout: '90s', maxRescues: 7, onOrphan: 'fail' },
    (given: unknown, _large: string) => given,
  );
  await stage.serve(context, [echo]);
  const alice = stage.as('alice');
  const given = { at, bytes: [new Uint8Array([1, 2])], $set: { $date: 'no' } };
  for (const large of ['small', 'x'.repeat(100_000)]) {
    const first = await alice.within(() => echo.schedule(given, large));
    await first.wait({ timeout: '30s' });
    const document = await stage.document(first.uuid, ({ terminal }) => terminal);
    await forgotten(stage, first);
    const second = await alice.retry(document);
    assert.is(second.outcome, 'created');
    assert.equal(second.record.policy, first.record.policy);
    // Each task's data goes with it, and with nothing else.
    await prune(
      { views: createTaskViews(stage.mongo), data: stage.ports.data, clock: systemClock },
      { retentionPeriodDays: 0 },
    );
    await second.wait({ timeout: '30s' });
    assert.is(second.status, 'success', second.error?.message);
    assert.equal(JSON.stringify(second.result), JSON.stringify(first.result));
    assert.ok((second.result as { readonly at: unknown }).at instanceof Date, 'a time is a time again');
    if (large === 'small') continue;
    const refused = await thrownBy(() => alice.retry(document));
    assert.is(refused.code, 'DATA_MISSING', 'its own arguments were pruned with it');
  }
});

test('R7 an active key is joined, and pressing twice makes one', async (stage, context) => {
  const release = gate();
  let runs = 0;
  const once = task({ name: 'r7.once' }, async () => {
    if (++runs > 1) await release.passed;
  });
  await stage.serve(context, [once]);
  const first = await stage.as('alice').within(() => once.schedule());
  await first.wait({ timeout: '30s' });
  const retries = await Promise.all(Array.from({ length: 10 }, () => first.retry()));
  assert.is(new Set(retries.map(({ uuid }) => uuid)).size, 1);
  assert.is(retries.filter(({ outcome }) => outcome === 'created').length, 1);
  release.open();
  await retries[0]?.wait({ timeout: '30s' });
  assert.is(runs, 2);
});

test('R7 only what has ended, only by who may', async (stage, context) => {
  const release = gate();
  const waits = task({ name: 'r7.waits', scope: 'shared' }, async () => release.passed);
  await stage.serve(context, [waits]);
  const [alice, bob, carol] = [stage.as('alice'), stage.as('bob'), stage.as('carol')];
  const keyed = waits.with({ taskKey: 'k' });
  const first = await alice.within(() => keyed.schedule());
  await bob.within(() => keyed.schedule());
  assert.instance(await thrownBy(() => first.retry()), TaskNotTerminalError);
  release.open();
  await first.wait({ timeout: '30s' });
  const document = await stage.document(first.uuid, ({ terminal }) => terminal);
  assert.instance(await thrownBy(() => carol.retry(document)), TaskNotFoundError);
  const byBob = await bob.retry(document);
  assert.equal([byBob.record.creator, byBob.subscribers.map(({ user }) => user)], ['bob', ['bob']]);
  await byBob.wait({ timeout: '30s' });
  const byAdmin = await stage.admin.retry(document);
  assert.equal(
    [byAdmin.record.creator, byAdmin.subscribers.map(({ user }) => user).toSorted()],
    ['alice', ['alice', 'bob']],
  );
  assert.is(byAdmin.record.history[0]?.by, 'user:root');
});

test('R7 an admin retries a private task for its owner', async (stage, context) => {
  const own = task({ name: 'r7.own' }, () => 1);
  await stage.serve(context, [own]);
  const first = await stage.as('alice').within(() => own.with({ taskKey: 'k' }).schedule());
  await first.wait({ timeout: '30s' });
  const document = await stage.document(first.uuid, ({ terminal }) => terminal);
  assert.instance(await thrownBy(() => stage.as('bob').retry(document)), TaskNotFoundError);
  assert.instance(await thrownBy(() => stage.as('bob').retry(first)), TaskNotFoundError);
  const again = await stage.admin.retry(document);
  assert.is(again.address, addressOf({ scope: 'private', type: 'r7.own', key: 'k', user: 'alice' }));
  const seen = await eventually(async () => (await stage.as('alice').open(again)).wait({ timeout: '30s' }));
  assert.equal([seen.status, seen.record.creator], ['success', 'alice']);
});

test.run();
