import { ARCHIVE_TTL_MS, decodeRecord } from '@baton/protocols';
import * as assert from 'uvu/assert';
import { projectorScene } from '../../../../test/support/projector-scene.ts';
import { suite } from '../../../../test/support/suite.ts';
import { createMemoryViews } from '@baton/testkit';
import { BatonError } from '../errors.ts';
import type { EventLog } from '../ports/projections.ts';
import type { RecordStore } from '../ports/store.ts';
import { startProjector } from './projector.ts';
import type { Sink } from './sink.ts';

const test = suite('projections side by side');

const SHORT_MS = 2_000;

test('a mark that was lost is written again, also by the next projector', async ({ defer }) => {
  const { clock, world, start, live, heads } = projectorScene();
  const one = await start('one');
  const lost = world.inject({ op: 'store.write', node: 'one', fault: 'lost-request' });
  await live('a');
  await clock.advance(10_000);
  assert.ok(lost.hits() > 0);
  assert.is(one.counters().marked, 0);
  world.node('one').crash();
  const two = await start('two');
  defer(() => clock.settle(two.stop()));
  await clock.advance(20_000);
  assert.is(two.counters().marked, 1);
  await clock.advance(ARCHIVE_TTL_MS);
  assert.equal(heads(), []);
});

test('a record the store will not take a mark for stays, and holds up no other', async ({ defer }) => {
  const { clock, world, start, live, heads, address, lines } = projectorScene();
  const projector = await start();
  defer(() => clock.settle(projector.stop()));
  world.inject({ op: 'store.write', node: 'projector', subject: address('bad'), fault: 'refused' });
  await live('bad');
  await live('good');
  await clock.advance(ARCHIVE_TTL_MS + 10_000);
  assert.equal([projector.counters().marked, projector.counters().unmarked], [1, 1]);
  assert.equal(heads(), [address('bad')]);
  assert.is(lines.filter(({ text }) => text.startsWith('no archive mark')).length, 1);
});

test('P6 a key that is reused before its outcome was projected: the outcome is kept, projected, and forgotten', async ({
  defer,
}) => {
  const { clock, world, views, start, live, submit, heads, address } = projectorScene();
  const former = await live('a');
  const waiting = await submit('a');
  assert.equal(
    world.outcomes().map((entry) => entry.address),
    [address('a')],
  );
  const projector = await start();
  defer(() => clock.settle(projector.stop()));
  await clock.advance(SHORT_MS);
  assert.equal(
    [former, waiting].map(({ record }) => views.get(record.id)?.status),
    ['success', 'pending'],
  );
  const logged = world.events().map(({ bytes }) => decodeRecord(bytes));
  assert.equal(logged.map(({ id }) => id).toSorted(), [former.record.id, waiting.record.id].toSorted());
  await clock.advance(ARCHIVE_TTL_MS + 10_000);
  assert.equal([world.outcomes().length, heads()], [0, [address('a')]]);
});

test('P6 keys are used again and again while MongoDB is away: every outcome is there afterwards', async ({ defer }) => {
  const { clock, world, views, start, live, heads } = projectorScene();
  const projector = await start();
  defer(() => clock.settle(projector.stop()));
  await live('before');
  await clock.advance(SHORT_MS);
  views.failWith(new BatonError('MONGO_UNAVAILABLE', 'no database'));
  const ended: string[] = [];
  for (let i = 0; i < 20; i++) {
    ended.push((await live(`k${i % 2}`)).record.id);
    await clock.advance(1_000);
  }
  assert.is(world.outcomes().length, 18);
  const logged = new Set(world.events().map(({ bytes }) => decodeRecord(bytes).id));
  assert.ok(ended.every((id) => logged.has(id)));
  views.failWith(undefined);
  await clock.advance(60_000);
  assert.ok(ended.every((id) => views.get(id)?.status === 'success'));
  await clock.advance(ARCHIVE_TTL_MS);
  assert.equal([world.outcomes().length, heads()], [0, []]);
});

test('P6 an outcome is not forgotten before the log has it, and MongoDB does not wait for the log', async ({
  defer,
}) => {
  const { clock, world, views, start, live, heads } = projectorScene();
  const projector = await start();
  defer(() => clock.settle(projector.stop()));
  const away = world.inject({ op: 'log.append', fault: 'refused', code: 'STORE_MISSING' });
  for (let i = 0; i < 5; i++) await live(`k${i}`);
  await clock.advance(10 * ARCHIVE_TTL_MS);
  assert.is(views.documents().length, 5);
  assert.is(heads().length, 5);
  assert.equal([projector.lags()['documents']?.versions, projector.lags()['log']?.versions], [0, 5]);
  away.remove();
  await clock.advance(60_000 + ARCHIVE_TTL_MS);
  assert.is(world.events().length, 5);
  assert.equal(heads(), []);
});

test('P6 a version that the log refuses, alone in its batch, is left out of it and holds up nothing', async ({
  defer,
}) => {
  const { clock, world, start, live, heads, address, lines } = projectorScene();
  const projector = await start();
  defer(() => clock.settle(projector.stop()));
  world.inject({ op: 'log.append', subject: address('bad'), fault: 'refused' });
  await live('good');
  await clock.advance(SHORT_MS);
  await live('bad');
  await clock.advance(60_000);
  await live('last');
  await clock.advance(SHORT_MS + 2 * ARCHIVE_TTL_MS);
  assert.equal(new Set(world.events().map((entry) => entry.address)), new Set([address('good'), address('last')]));
  assert.ok(projector.counters().unlogged > 0);
  assert.ok(lines.some(({ text }) => text.startsWith('left out of the event log')));
  assert.equal([projector.lags()['log']?.versions, heads()], [0, []]);
});

test('P6 where the log refuses everything it is waited for, and nothing is left out', async ({ defer }) => {
  const { clock, world, start, live, heads } = projectorScene();
  const projector = await start();
  defer(() => clock.settle(projector.stop()));
  await live('before');
  await clock.advance(SHORT_MS);
  const away = world.inject({ op: 'log.append', fault: 'refused' });
  await live('a');
  await clock.advance(10 * ARCHIVE_TTL_MS);
  assert.equal([projector.counters().unlogged, heads().length], [0, 1]);
  away.remove();
  await clock.advance(60_000 + ARCHIVE_TTL_MS);
  assert.equal([projector.counters().unlogged, heads()], [0, []]);
});

test('P6 what is too large for the log is left out of it, also as the first that is ever read', async ({ defer }) => {
  const { clock, world, live, heads } = projectorScene();
  const ports = world.ports('projector');
  const cause = new BatonError('PAYLOAD_TOO_LARGE', 'more than it takes in one message');
  const log: EventLog = { ...ports.log, append: async () => ({ kind: 'failed', cause }) };
  const projector = await clock.settle(startProjector({ ...ports, log }, createMemoryViews()));
  defer(() => clock.settle(projector.stop()));
  await live('large');
  await clock.advance(60_000 + ARCHIVE_TTL_MS);
  assert.ok(projector.counters().unlogged > 0);
  assert.equal(heads(), []);
});

test('P6 a mark that is too large for the store is none, and holds up no other', async ({ defer }) => {
  const { clock, world, live, heads, address } = projectorScene();
  const ports = world.ports('projector');
  const cause = new BatonError('PAYLOAD_TOO_LARGE', 'more than it takes in one message');
  const write: RecordStore['write'] = async (at, ...rest) =>
    at === address('large') ? { kind: 'failed', cause } : ports.store.write(at, ...rest);
  const store = Object.assign(Object.create(ports.store) as typeof ports.store, { write });
  const projector = await clock.settle(startProjector({ ...ports, store }, createMemoryViews()));
  defer(() => clock.settle(projector.stop()));
  await live('large');
  await live('good');
  await clock.advance(60_000 + ARCHIVE_TTL_MS);
  assert.equal([projector.counters().unmarked, heads()], [1, [address('large')]]);
});

test('P6 a further projection is a sink and a name; nothing is forgotten before it has it', async ({ defer }) => {
  const { clock, start, live, heads } = projectorScene();
  const got: string[] = [];
  let open = (): void => {};
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  const sink: Sink = {
    name: 'warehouse',
    write: async ({ entries }) => {
      await opened;
      for (const { bytes, isMark } of entries) if (!isMark) got.push(decodeRecord(bytes).status);
    },
  };
  const projector = await start('projector', { sinks: [sink] });
  defer(() => clock.settle(projector.stop()));
  await live('a');
  await clock.advance(ARCHIVE_TTL_MS * 2);
  assert.is(heads().length, 1);
  open();
  await clock.advance(ARCHIVE_TTL_MS * 2);
  assert.is(got.at(-1), 'success');
  assert.equal(heads(), []);
});

test('an installation without a log: nothing is written to it, and nothing waits for it', async ({ defer }) => {
  const { clock, world, views, start, live, heads } = projectorScene();
  const projector = await start('projector', { events: false });
  defer(() => clock.settle(projector.stop()));
  await live('a');
  await clock.advance(ARCHIVE_TTL_MS + 10_000);
  assert.equal([views.documents().length, world.events().length, heads().length], [1, 0, 0]);
  assert.equal(Object.keys(projector.lags()), ['documents', 'archive']);
});

test('P5 a projection that stands still without a word is seen to fall behind', async ({ defer }) => {
  const { clock, world, start, live, lines } = projectorScene();
  const projector = await start();
  defer(() => clock.settle(projector.stop()));
  world.inject({ op: 'reader.next', subject: 'log', fault: 'lost-request' });
  await live('a');
  await clock.advance(20_000);
  const { documents, log } = projector.lags();
  assert.equal([documents?.versions, log?.versions], [0, 1]);
  assert.ok((log?.ageMs ?? 0) > 15_000);
  const behind = lines.filter(({ text }) => text.startsWith('the projection is behind'));
  assert.equal(new Set(behind.map(({ fields }) => fields['projection'])), new Set(['log', 'archive']));
});

test('P5 when the bucket does not answer, nobody says that nothing is behind', async ({ defer }) => {
  const { clock, world, start } = projectorScene();
  const projector = await start();
  defer(() => clock.settle(projector.stop()));
  await clock.advance(5_000);
  world.node('projector').disconnect();
  await clock.advance(30_000);
  assert.ok(Object.values(projector.lags()).every(({ ageMs }) => ageMs > 25_000));
  world.node('projector').reconnect();
  await clock.advance(10_000);
  const after = Object.values(projector.lags());
  assert.ok(
    after.every(({ ageMs }) => ageMs === 0),
    JSON.stringify(after),
  );
});

test.run();
