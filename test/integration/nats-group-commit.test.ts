import type { NatsPorts, NatsPortsSettings } from '@baton/nats';
import type { WriteResult } from '@baton/runtime';
import { RECORD_LIMIT } from '@baton/protocols';
import * as assert from 'uvu/assert';
import { eventually } from '../support/eventually.ts';
import { openNatsSystem, type NatsSystem } from '../support/nats-ports.ts';
import { noteIn, sampleAddress, sampleBytes } from '../support/sample-records.ts';
import { suite, type TestContext } from '../support/suite.ts';

const test = suite('nats group commit');

const open = async ({ defer }: TestContext, settings: Partial<NatsPortsSettings> = {}): Promise<NatsPorts> =>
  (await openSystem(defer, settings)).ports('one');

const openSystem = async (defer: TestContext['defer'], settings: Partial<NatsPortsSettings>): Promise<NatsSystem> => {
  const system = await openNatsSystem({ commit: 'group', ...settings });
  defer(() => system.close());
  return system;
};

const revisions = (results: readonly WriteResult[]): readonly number[] =>
  results.flatMap((result) => (result.kind === 'written' ? [result.revision] : []));

const kinds = (results: readonly WriteResult[]): Readonly<Record<string, number>> => {
  const counts: Record<string, number> = {};
  for (const { kind } of results) counts[kind] = (counts[kind] ?? 0) + 1;
  return counts;
};

/** How many messages of a stream carry a batch id, asked of the server itself. */
const batchedMessages = async ({ wire }: NatsPorts, upTo: number): Promise<number> => {
  let batched = 0;
  for (let seq = 1; seq <= upTo; seq++) {
    const { message } = await wire.api.call<{ message: { hdrs?: string } }>(
      `STREAM.MSG.GET.${wire.names.tasksStream}`,
      { seq },
    );
    if (Buffer.from(message.hdrs ?? '', 'base64').includes('Nats-Batch-Id')) batched++;
  }
  return batched;
};

test(
  'writes that wait together go as batches, with their true revisions; few go alone',
  async (context) => {
    const ports = await open(context);
    const alone = await Promise.all(
      [0, 1, 2].map((i) => ports.store.write(sampleAddress(`a${i}`), sampleBytes('a'), 0)),
    );
    assert.equal(revisions(alone), [1, 2, 3]);
    assert.is(await batchedMessages(ports, 3), 0);
    const many = await Promise.all(
      Array.from({ length: 700 }, (_, i) => ports.store.write(sampleAddress(`m${i}`), sampleBytes(`m${i}`, `${i}`), 0)),
    );
    assert.equal(kinds(many), { written: 700 });
    assert.is(await batchedMessages(ports, 703), 700);
    await Promise.all(
      many.map(async (result, i) => {
        const entry = await ports.store.load(sampleAddress(`m${i}`));
        assert.is(entry?.revision, result.kind === 'written' ? result.revision : 0);
        assert.is(noteIn(entry?.bytes ?? new Uint8Array()), String(i));
      }),
    );
  },
  { limitMs: 20_000 },
);

test('one stale member does not hurt the others, wherever it stands and however many there are', async (context) => {
  const ports = await open(context);
  for (const stale of [[0], [63], [17, 18, 40], Array.from({ length: 64 }, (_, i) => i)]) {
    const round = `r${stale.length}-${stale[0]}`;
    const results = await Promise.all(
      Array.from({ length: 64 }, (_, i) =>
        ports.store.write(sampleAddress(`${round}-${i}`), sampleBytes('k'), stale.includes(i) ? 7 : 0),
      ),
    );
    results.forEach((result, i) =>
      assert.is(result.kind, stale.includes(i) ? 'conflict' : 'written', `${round}: ${i}`),
    );
  }
  const { records, groups } = ports.wire.writes;
  assert.equal(records, { written: 4 * 64 - 69, conflict: 69, failed: 0, unknown: 0 }, 'each write is counted once');
  assert.ok(groups.sum >= 4 * 64, 'and what was sent, tries again included');
});

test('a time to live in a batch is its own', async (context) => {
  const ports = await open(context);
  const results = await Promise.all(
    Array.from({ length: 40 }, (_, i) =>
      ports.store.write(sampleAddress(`t${i}`), sampleBytes('t'), 0, i % 2 === 0 ? { ttlMs: 1_000 } : {}),
    ),
  );
  assert.equal(kinds(results), { written: 40 });
  await eventually(async () => {
    for (let i = 0; i < 40; i++)
      assert.is((await ports.store.load(sampleAddress(`t${i}`))) === undefined, i % 2 === 0, `t${i}`);
  });
});

test('twenty rounds of one key written twice at the same moment among others: one wins, and no batch breaks', async (context) => {
  const ports = await open(context);
  let expected = 0;
  for (let round = 0; round < 20; round++) {
    const [a, b, ...others] = await Promise.all([
      ports.store.write(sampleAddress('k'), sampleBytes('k', 'a'), expected),
      ports.store.write(sampleAddress('k'), sampleBytes('k', 'b'), expected),
      ...Array.from({ length: 20 }, (_, i) => ports.store.write(sampleAddress(`o${round}-${i}`), sampleBytes('o'), 0)),
    ]);
    assert.equal([a?.kind, b?.kind].toSorted(), ['conflict', 'written']);
    assert.equal(kinds(others), { written: 20 });
    expected = revisions([a, b])[0] ?? 0;
  }
});

test('one member the server will not have does not take the others with it', async (context) => {
  const ports = await open(context);
  const results = await Promise.all(
    Array.from({ length: 30 }, (_, i) =>
      ports.store.write(sampleAddress(`b${i}`), i === 12 ? new Uint8Array(RECORD_LIMIT + 8_192) : sampleBytes('b'), 0),
    ),
  );
  results.forEach((result, i) => assert.is(result.kind, i === 12 ? 'failed' : 'written', `b${i}`));
});

test(
  'eight processes that commit batches at once stay inside what the server allows, and all writes are done',
  async (context) => {
    const system = await openSystem(context.defer, { commitSettings: { groupsInFlight: 10, maxBatch: 10 } });
    const all = await Promise.all(Array.from({ length: 8 }, (_, i) => system.ports(`p${i}`)));
    const results = await Promise.all(
      all.flatMap((ports, p) =>
        Array.from({ length: 300 }, (_, i) => ports.store.write(sampleAddress(`p${p}-${i}`), sampleBytes('p'), 0)),
      ),
    );
    assert.equal(kinds(results), { written: 2_400 });
    assert.is(new Set(revisions(results)).size, 2_400);
  },
  { limitMs: 30_000 },
);

test('more than may be in flight waits and does not fail', async (context) => {
  const ports = await open(context, { inFlight: { count: 16 }, commit: 'single' });
  const results = await Promise.all(
    Array.from({ length: 500 }, (_, i) => ports.store.write(sampleAddress(`f${i}`), sampleBytes('f'), 0)),
  );
  assert.equal(kinds(results), { written: 500 });
});

test.run();
