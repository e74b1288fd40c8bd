import { OBJECT_CHUNK } from '@baton/protocols';
import * as assert from 'uvu/assert';
import { openNatsSystem } from '../support/nats-ports.ts';
import { suite } from '../support/suite.ts';

const test = suite('nats data store');

test('X4 what a put left that never ended is found and removed, what is whole stays', async ({ defer }) => {
  const system = await openNatsSystem();
  defer(() => system.close());
  const { data } = await system.ports('a');
  const { names, jsm, nc } = system;
  const bytes = Buffer.alloc(3 * OBJECT_CHUNK, 7);
  await data.put('whole', bytes);
  for (let i = 0; i < 3; i++) await nc.request(names.chunkSubject('half'), bytes.subarray(0, OBJECT_CHUNK));
  const messages = async (): Promise<number> => (await jsm.streams.info(names.objectsStream)).state.messages;
  assert.is(await messages(), 7);
  assert.is(await data.removeUnfinished(Date.now() - 60_000), 0, 'it may still be on its way');
  assert.is(await data.removeUnfinished(Date.now() + 60_000), 1);
  assert.is(await messages(), 4);
  assert.ok(Buffer.from((await data.get('whole')) ?? []).equals(bytes));
});

test('X4 an object whose pieces are not all there is not there; one removed leaves nothing', async ({ defer }) => {
  const system = await openNatsSystem();
  defer(() => system.close());
  const { data } = await system.ports('a');
  const { names, jsm } = system;
  await data.put('n', Buffer.alloc(4 * OBJECT_CHUNK, 1));
  await jsm.streams.deleteMessage(names.objectsStream, 2);
  assert.is(await data.get('n'), undefined);
  await data.remove('n');
  assert.is((await jsm.streams.info(names.objectsStream)).state.messages, 0);
});

test('X4 a piece that a busy server takes later is not stored behind those that come after it', async ({ defer }) => {
  const system = await openNatsSystem();
  defer(() => system.close());
  const { data, wire } = await system.ports('a');
  const { nc } = wire;
  const publish = nc.publish.bind(nc);
  let refusals = 0;
  // What the server answers while more waits for it than it takes.
  const busy = JSON.stringify({ error: { code: 429, err_code: 10_167, description: 'too many requests' } });
  nc.publish = (subject, payload, options) => {
    const isPiece = subject.startsWith(system.names.allChunks.slice(0, -1));
    if (!isPiece || refusals > 0) return publish(subject, payload, options);
    refusals++;
    publish(options?.reply ?? '', busy);
  };
  const bytes = Buffer.concat([1, 2, 3, 4, 5, 6].map((piece) => Buffer.alloc(OBJECT_CHUNK, piece)));
  await data.put('large', bytes);
  assert.is(refusals, 1);
  assert.ok(Buffer.from((await data.get('large')) ?? []).equals(bytes));
  const { state } = await system.jsm.streams.info(system.names.objectsStream);
  assert.is(state.messages, 7, 'and nothing is left of the first try');
});

test('the layout is that of every NATS object store', async ({ defer }) => {
  const system = await openNatsSystem();
  defer(() => system.close());
  await (await system.ports('a')).data.put('a/b c', Buffer.from('hello'));
  const { names, jsm } = system;
  const last = await jsm.streams.getMessage(names.objectsStream, { last_by_subj: names.objectSubject('a/b c') });
  const info = last?.json<Record<string, unknown>>() ?? {};
  assert.is(last?.subject, `$O.${names.objectsBucket}.M.YS9iIGM=`);
  assert.equal(
    { ...info, nuid: 'x' },
    {
      name: 'a/b c',
      bucket: names.objectsBucket,
      nuid: 'x',
      size: 5,
      chunks: 1,
      digest: 'SHA-256=LPJNul-wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ=',
    },
  );
});

test.run();
