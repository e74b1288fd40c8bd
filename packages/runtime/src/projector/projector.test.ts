import { ARCHIVE_TTL_MS, encode, encodeRecord } from '@baton/protocols';
import { createMemoryViews, type MemoryViews } from '@baton/testkit';
import * as assert from 'uvu/assert';
import { projectorScene } from '../../../../test/support/projector-scene.ts';
import { jobAddress } from '../../../../test/support/task-life.ts';
import { suite } from '../../../../test/support/suite.ts';
import { BatonError } from '../errors.ts';
import { createKernel } from '../kernel.ts';
import { rebuildViews } from './rebuild.ts';

const test = suite('projector');

const SHORT_MS = 2_000;

test('a whole short life is one write; then the record is marked, and the server forgets it', async ({ defer }) => {
  const { clock, views, start, live, heads, world } = projectorScene();
  const projector = await start();
  defer(() => clock.settle(projector.stop()));
  const { record } = await live('a');
  await clock.advance(SHORT_MS);
  assert.is(views.history().length, 1);
  assert.is(views.get(record.id)?.status, 'success');
  assert.is(projector.counters().marked, 1);
  assert.is(world.heads().length, 1);
  await clock.advance(ARCHIVE_TTL_MS);
  assert.equal(heads(), []);
  const none = { versions: 0, ageMs: 0 };
  assert.equal(projector.lags(), { documents: none, log: none, archive: none });
});

test('a task that goes on is shown as it is, within the pace', async ({ defer }) => {
  const { clock, views, start, submit, claim } = projectorScene();
  const projector = await start('projector', { paceMs: 100 });
  defer(() => clock.settle(projector.stop()));
  const { record } = await submit('a');
  await clock.advance(150);
  assert.is(views.get(record.id)?.status, 'pending');
  const claimed = await claim('a');
  await clock.advance(150);
  assert.is(views.get(record.id)?.status, 'in_progress');
  assert.is(views.get(record.id)?.rev, claimed.revision);
});

test('P3: while the database is away tasks go on, nothing is read ahead, and nothing is missing afterwards', async ({
  defer,
}) => {
  const { clock, views, world, start, live, lines, heads } = projectorScene();
  const projector = await start();
  defer(() => clock.settle(projector.stop()));
  views.failWith(new BatonError('MONGO_UNAVAILABLE', 'no database'));
  for (let i = 0; i < 40; i++) {
    await live(`k${i}`);
    await clock.advance(30_000);
  }
  assert.is(views.documents().length, 0);
  assert.ok((projector.lags()['documents']?.ageMs ?? 0) > 600_000);
  assert.is(projector.lags()['documents']?.versions, 40);
  assert.is(world.events().length, 40, 'the log does not wait');
  assert.is(heads().length, 40, 'nothing is forgotten before it is projected');
  views.failWith(undefined);
  await clock.advance(60_000);
  assert.is(views.documents().length, 40);
  assert.ok(views.documents().every((document) => document.status === 'success'));
  const told = lines.filter((line) => line.text.startsWith('MongoDB:'));
  assert.equal(
    told.map((line) => line.level),
    ['warn', 'info'],
  );
  const behind = lines.filter(
    (line) => line.text.startsWith('the projection') && line.fields['projection'] === 'documents',
  );
  assert.ok(behind.length >= 10 && behind.length <= 25, `once a minute, not ${behind.length} times`);
  assert.is(behind.at(-1)?.text, 'the projection has caught up');
});

test('NATS away: it reads again afterwards', async ({ defer }) => {
  const { clock, views, world, start, live, lines } = projectorScene();
  const projector = await start();
  defer(() => clock.settle(projector.stop()));
  world.node('projector').disconnect();
  await clock.advance(60_000);
  const { record } = await live('a');
  world.node('projector').reconnect();
  await clock.advance(40_000);
  assert.is(views.get(record.id)?.status, 'success');
  assert.ok(lines.filter((line) => line.text.startsWith('reading for the projection')).length <= 6);
});

test('a refused document is put aside with its reason; the others go on; its record is kept', async ({ defer }) => {
  const { clock, views, start, live, address, heads } = projectorScene();
  views.blame((document) => (document.task_key === 'bad' ? 'refused' : undefined));
  const projector = await start();
  defer(() => clock.settle(projector.stop()));
  await live('good');
  const bad = await live('bad');
  await clock.advance(ARCHIVE_TTL_MS + SHORT_MS);
  assert.equal(
    views.documents().map((document) => document.task_key),
    ['good'],
  );
  const [entry] = views.aside();
  assert.is(entry?.kind, 'refused');
  assert.is(entry?.reason, 'blamed: refused');
  assert.is(entry?.subject, address('bad'));
  assert.equal(entry?.bytes, encodeRecord(bad.record));
  assert.equal(heads(), [address('bad')]);
});

test('a document that fails without end is put aside in the end, not at once', async ({ defer }) => {
  const { clock, views, start, live } = projectorScene();
  const projector = await start();
  defer(() => clock.settle(projector.stop()));
  views.blame((document) => (document.task_key === 'bad' ? 'failed' : undefined));
  await live('bad');
  await live('good');
  await clock.advance(10_000);
  assert.is(views.aside().length, 0);
  assert.is(views.documents().length, 1);
  await clock.advance(30_000);
  assert.is(views.aside().length, 1);
  const { record } = await live('next');
  await clock.advance(SHORT_MS);
  assert.ok(views.get(record.id));
});

test('a database that blames every document for a while loses none', async ({ defer }) => {
  const { clock, views, start, live } = projectorScene();
  const projector = await start();
  defer(() => clock.settle(projector.stop()));
  views.blame(() => 'failed');
  await live('a');
  await live('b');
  await clock.advance(12_000);
  views.blame(() => undefined);
  await clock.advance(10_000);
  assert.is(views.documents().length, 2);
  assert.is(views.aside().length, 0);
});

test('X10: a newer record is put aside once, told once, and left alone', async ({ defer }) => {
  const { clock, views, ports, start, submit, address, lines } = projectorScene();
  const projector = await start();
  defer(() => clock.settle(projector.stop()));
  const { record } = await submit('a');
  for (const [key, revision] of [
    ['x', 0],
    ['y', 0],
  ] as const) {
    await clock.settle(ports.store.write(address(key), encode({ ...record, v: 99, id: key }), revision));
  }
  await clock.advance(SHORT_MS);
  assert.equal(
    views.aside().map((entry) => entry.kind),
    ['newer', 'newer'],
  );
  assert.is(views.documents().length, 1);
  assert.is(projector.counters().newer, 2);
  assert.is(lines.filter((line) => line.text.includes('newer version')).length, 1);
});

test('what a former program put aside is projected by one that can read it', async ({ defer }) => {
  const { clock, views, ports, start, live, address } = projectorScene();
  const { record, revision } = await live('a');
  const bytes = encodeRecord(record);
  const at = { subject: address('a'), epoch: ports.store.epoch, revision, bytes, at: 0, reason: 'version 1' };
  await views.quarantine([
    { ...at, id: 'one', kind: 'newer' },
    { ...at, id: 'two', kind: 'refused', revision: revision - 1 },
    { ...at, id: 'three', kind: 'corrupt' },
  ]);
  const projector = await start();
  defer(() => clock.settle(projector.stop()));
  await clock.advance(SHORT_MS);
  assert.is(views.get(record.id)?.rev, revision);
  assert.equal(
    views.aside().map((entry) => entry.id),
    ['three'],
  );
});

test('damaged records are put aside and do not hold up the rest', async ({ defer }) => {
  const { clock, views, ports, start, live, address } = projectorScene();
  await clock.settle(ports.store.write(address('x'), new Uint8Array([0xc1]), 0));
  const { record } = await live('a');
  const projector = await start();
  defer(() => clock.settle(projector.stop()));
  await clock.advance(SHORT_MS);
  assert.ok(views.get(record.id));
  assert.equal(
    views
      .aside()
      .map((entry) => entry.kind)
      .toSorted(),
    ['corrupt'],
  );
});

test('F9, F10: killed after the write and before the acknowledgement, two at once: nothing lost, nothing backwards', async ({
  defer,
}) => {
  const { clock, world, views, start, live } = projectorScene();
  world.inject({ op: 'reader.ack', node: 'one', fault: 'lost-request' });
  const one = await start('one');
  for (let i = 0; i < 20; i++) await live(`k${i}`);
  await clock.advance(1_000);
  world.node('one').crash();
  assert.ok(one.counters().documents > 0);
  const two = await start('two');
  const three = await start('three');
  defer(() => clock.settle(Promise.all([two.stop(), three.stop()])));
  for (let i = 20; i < 40; i++) await live(`k${i}`);
  await clock.advance(120_000);
  assert.is(views.documents().length, 40);
  const seen = new Map<string, number>();
  for (const { _id, rev } of views.history()) {
    assert.ok(rev > (seen.get(_id) ?? 0));
    seen.set(_id, rev);
  }
  assert.equal(world.heads(), []);
});

test('stop: what was not written is not acknowledged, and comes to the next one', async ({ defer }) => {
  const { clock, views, start, live } = projectorScene();
  views.failWith(new BatonError('MONGO_UNAVAILABLE', 'no database'));
  const one = await start('one');
  const { record } = await live('a');
  await clock.advance(SHORT_MS);
  await clock.settle(one.stop(), { limitMs: 5_000 });
  views.failWith(undefined);
  const two = await start('two');
  defer(() => clock.settle(two.stop()));
  await clock.advance(120_000);
  assert.ok(views.get(record.id));
});

test('a bug is told once and ends the projector; it does not spin', async () => {
  const { clock, views, start, live } = projectorScene();
  const broken: unknown[] = [];
  views.blame(() => {
    throw new TypeError('bug');
  });
  const projector = await start('projector', { onBroken: (error) => void broken.push(error) });
  await live('a');
  await clock.advance(60_000);
  assert.is(broken.length, 1);
  assert.instance(broken[0], TypeError);
  assert.is(views.calls(), 1);
  await clock.settle(projector.stop());
});

test('P4: a rebuild into an empty database gives the same documents', async ({ defer }) => {
  const { clock, world, views, start, live, submit, claim } = projectorScene();
  const projector = await start();
  defer(() => clock.settle(projector.stop()));
  for (let i = 0; i < 10; i++) await live(`k${i}`);
  await clock.advance(ARCHIVE_TTL_MS * 2);
  await live('k3');
  await submit('waiting');
  await submit('running');
  await claim('running');
  await clock.advance(SHORT_MS);
  const again = createMemoryViews();
  const phases = new Set<string>();
  const report = await clock.settle(
    rebuildViews(world.ports('rebuild'), again, { onProgress: ({ phase }) => void phases.add(phase) }),
  );
  assert.ok(report.documents >= 13);
  assert.equal([...phases], ['log', 'bucket']);
  const shown = (from: MemoryViews) =>
    from
      .documents()
      .map(({ rev: _rev, changed_at: _at, ...document }) => document)
      .toSorted((a, b) => (a._id < b._id ? -1 : 1));
  assert.equal(shown(again), shown(views));
});

test('P4: what a bucket had that is no more is in the log, and behind what the new one says of the same task', async ({
  defer,
}) => {
  const { clock, world, start, live, submit } = projectorScene();
  const projector = await start();
  defer(() => clock.settle(projector.stop()));
  for (let i = 0; i < 20; i++) await live(`k${i}`);
  const { record: open } = await submit('goes on');
  await clock.advance(SHORT_MS);
  const bytes = world.heads().find((head) => head.address === jobAddress('goes on'))?.bytes ?? new Uint8Array();
  world.recreateBucket();
  const restored = world.ports('restored');
  // As a restore brings it back, and it ends there: with a lower revision than it had.
  const again = createKernel(restored);
  await clock.settle(restored.store.write(jobAddress('goes on'), bytes, 0));
  const cancel = {
    kind: 'cancel',
    at: clock.now(),
    actor: { user: 'alice', admin: true },
    id: open.id,
    force: false,
  } as const;
  assert.is((await clock.settle(again.ask(jobAddress('goes on'), () => cancel))).kind, 'done');
  const views = createMemoryViews();
  await clock.settle(rebuildViews(world.ports('rebuild'), views));
  assert.is(views.documents().length, 21);
  assert.is(views.get(open.id)?.status, 'aborted');
  assert.is(views.documents().filter(({ status }) => status === 'success').length, 20);
});

test('P4: a rebuild whose consumer was taken away and made anew reads all there is', async () => {
  const { clock, world, start, live } = projectorScene();
  const projector = await start();
  for (let i = 0; i < 60; i++) await live(`k${i}`);
  await clock.settle(projector.stop());
  const views = createMemoryViews();
  const ports = world.ports('rebuild');
  let reads = 0;
  // In small pieces; with the fifth it begins from the start.
  const reader = async (name: string) => {
    let now = await ports.projections.reader(name);
    const next: typeof now.next = async (most, waitMs) => {
      if (++reads === 5) now = await ports.projections.reader(`${name}-again`);
      return now.next(Math.min(most, 10), waitMs);
    };
    return { next, close: (options?: { readonly forget?: boolean }) => now.close(options) };
  };
  const log = { ...ports.log, reader: () => Promise.reject(new BatonError('STORE_MISSING', 'there is none')) };
  const projections = { ...ports.projections, reader };
  const told: number[] = [];
  await clock.settle(
    rebuildViews({ ...ports, log, projections }, views, {
      onProgress: ({ done, total }) => void told.push(total - done),
    }),
  );
  assert.is(views.documents().length, 60);
  assert.ok(told.every((left) => left >= 0) && told.at(-1) === 0, told.join());
});

test('P4: a rebuild one of whose acknowledgements failed reads all there is, also where nothing can be taken back', async () => {
  const { clock, world, start, live } = projectorScene();
  const projector = await start();
  for (let i = 0; i < 60; i++) await live(`k${i}`);
  await clock.settle(projector.stop());
  const views = createMemoryViews();
  const ports = world.ports('rebuild');
  let acks = 0;
  const reader = async (name: string) => {
    let now = await ports.projections.reader(name);
    const next: typeof now.next = async (most, waitMs) => {
      // What comes again has more behind it.
      const batch = await now.next(Math.min(most, acks < 2 ? 10 : 15), waitMs);
      const ack = async (): Promise<void> => {
        if (++acks !== 2) return batch.ack();
        await now.close();
        now = await ports.projections.reader(name);
        throw new BatonError('STORE_TIMEOUT', 'no confirmation');
      };
      return { ...batch, ack };
    };
    const close = () => Promise.reject(new BatonError('NOT_CONNECTED', 'the connection was lost'));
    return { next, close };
  };
  const log = { ...ports.log, reader: () => Promise.reject(new BatonError('STORE_MISSING', 'there is none')) };
  await clock.settle(rebuildViews({ ...ports, log, projections: { ...ports.projections, reader } }, views));
  assert.is(views.documents().length, 60);
});

test('P4: a rebuild passes by a whole batch of what is nothing to read, as deletions by hand leave it', async () => {
  const { clock, world, start, live } = projectorScene();
  const projector = await start();
  for (let i = 0; i < 9; i++) await live(`k${i}`);
  await clock.settle(projector.stop());
  const views = createMemoryViews();
  const ports = world.ports('rebuild');
  let deletions = 3;
  const reader = async (name: string) => {
    const real = await ports.projections.reader(name);
    const next: typeof real.next = async (most, waitMs) =>
      deletions-- > 0
        ? { entries: [], unreadable: [], last: 3 - deletions, pending: 60, ack: async () => {} }
        : real.next(most, waitMs);
    return { next, close: real.close };
  };
  const log = { ...ports.log, reader: () => Promise.reject(new BatonError('STORE_MISSING', 'there is none')) };
  await clock.settle(rebuildViews({ ...ports, log, projections: { ...ports.projections, reader } }, views));
  assert.is(views.documents().length, 9);
});

test('P4: a rebuild ends though work goes on', async ({ defer }) => {
  const { clock, world, start, live } = projectorScene();
  const projector = await start();
  defer(() => clock.settle(projector.stop()));
  for (let i = 0; i < 50; i++) await live(`k${i}`);
  let isOver = false;
  const rebuilding = rebuildViews(world.ports('rebuild'), createMemoryViews()).finally(() => {
    isOver = true;
  });
  let more = 0;
  for (; !isOver && more < 300; more++) {
    await live(`more ${more}`);
    await clock.advance(100);
  }
  assert.ok(isOver, 'it goes on as long as there is work');
  assert.ok((await rebuilding).documents >= 50);
});

test.run();
