import { randomUUID } from 'node:crypto';
import type { TaskRecord } from '@baton/core';
import { connectMongo, createTaskViews, indexesFor } from '@baton/mongo';
import { documentOf, encodeData, type Address, type TaskDocument } from '@baton/protocols';
import { systemChance, type BatonError } from '@baton/runtime';
import * as assert from 'uvu/assert';
import { suite } from '../support/suite.ts';

const test = suite('mongo views');

const url = new URL(process.env['MONGODB_URL'] ?? 'mongodb://127.0.0.1:27017/');
url.pathname = `/views-${randomUUID()}`;
const mongo = await connectMongo({ url: url.href });
const views = createTaskViews(mongo);
const chance = systemChance();
const EPOCH = 1_700_000_000_000;

const recordOf = (fields: Partial<TaskRecord> = {}): TaskRecord => ({
  v: 1,
  id: chance.uuid(),
  type: 'job',
  key: 'k',
  name: 'n',
  scope: 'private',
  creator: 'alice',
  queue: 'default',
  priority: 'normal',
  mode: 'async',
  policy: {},
  status: 'pending',
  subscribers: [{ user: 'alice', at: EPOCH }],
  createdAt: EPOCH,
  changedAt: EPOCH,
  attempt: 0,
  history: [{ status: 'pending', at: EPOCH, by: 'user:alice', attempt: 0 }],
  ...fields,
});

const documentFor = (fields: Partial<TaskRecord> = {}, revision = 1, epoch = EPOCH): TaskDocument =>
  documentOf(recordOf(fields), { address: `0a.job.${'0'.repeat(32)}` as Address, epoch, revision });

const idsOf = (documents: readonly { readonly _id: string }[]): readonly string[] => documents.map(({ _id }) => _id);
const idsOfNew = (...documents: readonly TaskDocument[]): ReadonlySet<string> => new Set(idsOf(documents));

test('a document is stored and read back whole', async () => {
  const document = documentFor({
    args: encodeData({ $inc: { 'a.b': 1 }, text: 'nul \u0000 and \ud83d\ude00', __proto: 1 }),
    progress: { current: 1, total: 3 },
    abort: { cause: 'cancel', by: 'user:alice', at: EPOCH, forced: true },
    error: { message: '$where', type: 'Error', stack: 'at x' },
    owner: { worker: 'w', at: EPOCH, fence: { epoch: EPOCH, revision: 2 ** 52 } },
  });
  await views.project([document]);
  assert.equal(await views.get(document._id), document);
  assert.is(await views.get('not there'), undefined);
});

test('P2: only newer ones are written, in whatever order and however often they come', async () => {
  const { id } = recordOf();
  const at = (revision: number, epoch = EPOCH) => documentFor({ id, name: `${epoch}/${revision}` }, revision, epoch);
  assert.equal(await views.project([at(5)]), { written: 1, stale: 0, refused: [], failed: [] });
  assert.equal(await views.project([at(4)]), { written: 0, stale: 1, refused: [], failed: [] });
  assert.equal(await views.project([at(5)]), { written: 0, stale: 1, refused: [], failed: [] });
  assert.equal(await views.project([at(6)]), { written: 1, stale: 0, refused: [], failed: [] });
  assert.is((await views.get(id))?.rev, 6);
});

test('P2: a bucket that was made again counts anew: its first revision is newer than the last of the old one', async () => {
  const { id } = recordOf();
  await views.project([documentFor({ id }, 900)]);
  assert.is((await views.project([documentFor({ id }, 3, EPOCH + 1)])).written, 1);
  assert.is((await views.project([documentFor({ id }, 901, EPOCH)])).stale, 1);
  const now = await views.get(id);
  assert.equal([now?.epoch, now?.rev], [EPOCH + 1, 3]);
});

test('a wrong guess that a task is new is put right, both ways', async () => {
  const [a, b] = [recordOf(), recordOf()];
  await views.project([documentFor({ id: a.id }, 5), documentFor({ id: b.id }, 5)]);
  const newer = documentFor({ id: a.id }, 6);
  const older = documentFor({ id: b.id }, 4);
  const fresh = documentFor({}, 1);
  const result = await views.project([newer, older, fresh], idsOfNew(newer, older, fresh));
  assert.equal(result, { written: 2, stale: 1, refused: [], failed: [] });
  assert.is((await views.get(a.id))?.rev, 6);
  assert.is((await views.get(b.id))?.rev, 5);
  assert.ok(await views.get(fresh._id));
});

test('P2: several who project versions of the same tasks at once leave the newest, whoever comes first', async () => {
  for (let round = 0; round < 5; round++) {
    const ids = Array.from({ length: 100 }, () => chance.uuid());
    const versions = [1, 2, 3, 4, 5, 6].map((revision) => ids.map((id) => documentFor({ id }, revision)));
    const results = await Promise.all(
      versions.map((documents, i) =>
        views.project(documents, i % 2 === round % 2 ? idsOfNew(...documents) : undefined),
      ),
    );
    for (const id of ids) assert.is((await views.get(id))?.rev, 6);
    for (const { written, stale } of results) assert.is(written + stale, 100);
  }
});

test('one document the server cannot take is named; all others are written', async () => {
  const documents = Array.from({ length: 20 }, () => documentFor());
  const tooLarge = { ...documentFor(), args: 'x'.repeat(17 * 1024 * 1024) };
  const result = await views.project(
    [...documents.slice(0, 13), tooLarge, ...documents.slice(13)],
    idsOfNew(...documents),
  );
  assert.is(result.written, 20);
  assert.equal(idsOf(result.refused.map((fault) => fault.document)), [tooLarge._id]);
  assert.match(result.refused[0]?.reason ?? '', /larg|size/i);
  assert.equal(result.failed, []);
});

test('what is put aside is there once, is read by pages and is taken out again', async () => {
  const entry = (id: string, kind: 'newer' | 'corrupt') =>
    ({
      id,
      kind,
      reason: 'r',
      subject: 's',
      epoch: 1,
      revision: 2,
      bytes: new Uint8Array([0, 255]),
      at: EPOCH,
    }) as const;
  await views.quarantine([entry('a', 'newer'), entry('b', 'newer'), entry('c', 'corrupt')]);
  await views.quarantine([entry('a', 'newer')]);
  const first = await views.quarantined('newer', 1);
  assert.equal(
    first.map(({ id, kind, epoch, revision, at }) => ({ id, kind, epoch, revision, at })),
    [{ id: 'a', kind: 'newer', epoch: 1, revision: 2, at: EPOCH }],
  );
  assert.equal([...(first[0]?.bytes ?? [])], [0, 255]);
  assert.equal(
    (await views.quarantined('newer', 10, 'a')).map(({ id }) => id),
    ['b'],
  );
  await views.release(['a', 'b']);
  assert.equal(await views.quarantined('newer', 10), []);
  assert.is((await views.quarantined('corrupt', 10)).length, 1);
});

test('indexes are made once and can be asked for again', async () => {
  await views.ensureIndexes();
  await views.ensureIndexes();
  const names = (await mongo.db.collection('tasks').indexes()).map((index) => String(index['name']));
  assert.equal(names.toSorted(), ['_id_', ...indexesFor(mongo.kind).map((index) => String(index.name))].toSorted());
});

test('S4: a list holds what the user may see, newest first, page by page', async () => {
  const mine = `m-${randomUUID()}`;
  const seen = [
    documentFor({ creator: mine, subscribers: [{ user: mine, at: 1 }] }),
    documentFor({
      scope: 'shared',
      creator: 'bob',
      subscribers: [
        { user: 'bob', at: 1 },
        { user: mine, at: 2 },
      ],
    }),
    documentFor({ creator: mine, subscribers: [{ user: mine, at: 1 }], status: 'failure' }),
  ];
  const unseen = [
    documentFor({ creator: 'bob', subscribers: [{ user: mine, at: 1 }] }),
    documentFor({ scope: 'system', creator: mine, subscribers: [{ user: mine, at: 1 }] }),
    documentFor({ scope: 'shared', creator: mine, subscribers: [] }),
  ];
  await views.project([...seen, ...unseen]);
  const newestFirst = idsOf(seen).toReversed();
  const first = await views.list({ visibleTo: mine }, { size: 2 });
  assert.equal(idsOf(first.documents), newestFirst.slice(0, 2));
  const second = await views.list(
    { visibleTo: mine },
    { size: 2, ...(first.next === undefined ? {} : { after: first.next }) },
  );
  assert.equal(idsOf(second.documents), newestFirst.slice(2));
  assert.is(second.next, undefined);
  assert.equal(await views.counts({ visibleTo: mine }), { pending: 2, failure: 1 });
});

test('filters narrow, together, and hold no operators', async () => {
  const user = `f-${randomUUID()}`;
  const subscribers = [{ user, at: 1 }];
  const made = [
    documentFor({ creator: user, subscribers, type: 'alpha', name: 'Report (1.*)', status: 'success' }),
    documentFor({ creator: user, subscribers, type: 'beta', name: 'report 12', status: 'failure', scope: 'shared' }),
  ];
  await views.project(made);
  const [alpha, beta] = idsOf(made);
  const ids = async (filter: Parameters<typeof views.list>[0]) =>
    idsOf((await views.list({ createdBy: [user], ...filter }, { size: 10 })).documents);
  assert.equal(await ids({}), [beta, alpha]);
  assert.equal(await ids({ type: ['alpha'] }), [alpha]);
  assert.equal(await ids({ type: ['alpha', 'beta'] }), [beta, alpha]);
  assert.equal(await ids({ status: ['failure'] }), [beta]);
  assert.equal(await ids({ scope: ['private'] }), [alpha]);
  assert.equal(await ids({ text: 'REPORT' }), [beta, alpha]);
  assert.equal(await ids({ text: '(1.*)' }), [alpha]);
  assert.equal(await ids({ subscriber: user, status: ['success'], text: 'rep' }), [alpha]);
  assert.equal(await ids({ subscriber: { $ne: '' } as unknown as string }), []);
});

test('B2 by tags: one value of each name; by an index in which tasks without tags do not stand', async () => {
  const type = `tags.${randomUUID()}`;
  const made = [
    documentFor({ type, tags: { tenant: 'acme', order: 17 } }),
    documentFor({ type, tags: { tenant: 'acme', order: '18' } }),
    documentFor({ type, tags: { tenant: 'other', isUrgent: true } }),
    documentFor({ type }),
  ];
  await views.project(made);
  const [first, second, third] = idsOf(made);
  const ids = async (...tags: readonly (readonly string[])[]) => {
    const filter = { type: [type], tags };
    const listed = idsOf((await views.list(filter, { size: 10 })).documents);
    const rows = await views.rows(filter, { order: { field: '_id', direction: 'desc' }, size: 10 });
    assert.equal(idsOf(rows), listed);
    assert.is(await views.count(filter, 10), listed.length);
    return listed;
  };
  assert.equal(await ids(['tenant:acme']), [second, first]);
  assert.equal(await ids(['tenant:acme'], ['order:17']), [first]);
  assert.equal(await ids(['order:18']), [second]);
  assert.equal(await ids(['tenant:acme', 'tenant:other'], ['isUrgent:true']), [third]);
  assert.equal(await ids(['tenant:none']), []);
  assert.equal(await ids([{ $ne: '' } as unknown as string]), []);
  const [row] = await views.rows(
    { type: [type], tags: [['order:17']] },
    { order: { field: '_id', direction: 'desc' }, size: 1 },
  );
  assert.equal([row?.tags, row !== undefined && 'tag_terms' in row], [{ tenant: 'acme', order: 17 }, false]);
  const found = await mongo.db
    .collection('tasks')
    .find({ 'tags.order': { $gt: 16 } })
    .toArray();
  assert.equal(
    found.map(({ _id }) => String(_id)),
    [first],
  );
  const index = indexesFor(mongo.kind).find(({ name }) => name === 'tag_terms');
  assert.ok(index?.sparse === true || index?.partialFilterExpression !== undefined);
});

test('counts, with a filter and without: exactly up to the limit, and never beyond it', async () => {
  const type = `count.${randomUUID()}`;
  await views.project(Array.from({ length: 7 }, () => documentFor({ type })));
  const all = await mongo.db.collection('tasks').countDocuments();
  for (const [filter, count] of [
    [{}, all],
    [{ type: [type] }, 7],
  ] as const) {
    for (const limit of [1, count - 1, count, count + 1, count + 1_000]) {
      assert.is(await views.count(filter, limit), Math.min(count, limit), `${JSON.stringify(filter)} up to ${limit}`);
    }
  }
});

test('no server: a clear error within seconds, which says what to do and shows no password', async () => {
  try {
    await connectMongo({ url: 'mongodb://user:SECRET-XYZZY@127.0.0.1:9/x', selectMs: 200 });
  } catch (error) {
    const { code, message } = error as BatonError;
    assert.is(code, 'MONGO_UNAVAILABLE');
    assert.match(message, /MONGODB_URL/);
    assert.not.match(message, /XYZZY/);
    return;
  }
  assert.unreachable();
});

test('an address that is none: the fault of the settings', async () => {
  const faults = await connectMongo({ url: 'mongodb://user:SECRET-XYZZY@host:port:x/' }).catch(
    (error: unknown) => error,
  );
  assert.is((faults as BatonError).code, 'CONFIG_INVALID');
  assert.not.match((faults as BatonError).message, /XYZZY/);
});

test('the end', async () => {
  await mongo.db.dropDatabase();
  await mongo.close();
});

test.run();
