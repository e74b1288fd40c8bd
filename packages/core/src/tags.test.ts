import * as assert from 'uvu/assert';
import { suite } from '../../../test/support/suite.ts';
import { definitionDifferences, DEFAULT_RUN_OPTIONS } from './definition.ts';
import { takesRoom } from './room.ts';
import { fitsTagFilter, hasTags, isTags, tagChangesIn, tagFilterOf, tagTermsOf, withTags } from './tags.ts';
import { given } from './testing/given.ts';
import { ALICE, BOB, bytes, claim, finish, giveBack, progress, spec, submit, T0, threw } from './testing/make.ts';

const test = suite('tags');

const TAGS = { tenant: 'acme', order: 17, isUrgent: true };

test('B2 up to 32 names with text, a number or a boolean each', () => {
  const many = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, i) => [`t${i}`, i]));
  for (const good of [{}, TAGS, many(32), { a: 'x'.repeat(256), [`b${'-'.repeat(63)}`]: -1.5, c: '\u{1f600}' }])
    assert.ok(isTags(good), JSON.stringify(good));
  const values = ['', 'x'.repeat(257), 'a\0b', '\ud800', NaN, Infinity, null, undefined, {}, [], 1n, new Date(0)];
  const names = ['', '1', '_a', 'a.b', 'a:b', 'a=b', 'a b', '$a', 'ä', `b${'-'.repeat(64)}`];
  const bad = [
    ...values.map((value) => ({ a: value })),
    ...names.map((name) => ({ [name]: 1 })),
    many(33),
    [],
    'a',
    null,
  ];
  for (const one of [...bad, JSON.parse('{"__proto__":1}')]) assert.not.ok(isTags(one), typeof one);
  for (const one of [many(33), [], 'a', null]) assert.is(tagChangesIn(one), undefined);
  assert.equal(tagChangesIn({ a: null, b: 1 }), { changes: { a: null, b: 1 }, unfit: [] });
  assert.equal(tagChangesIn({ '1bad': 1, ok: 2, none: undefined }), { changes: { ok: 2 }, unfit: ['1bad', 'none'] });
});

test('B2 changes are made beside what there is; null takes one away', () => {
  assert.equal(withTags(TAGS, { order: null, rows: 3, tenant: 'other' }), { tenant: 'other', isUrgent: true, rows: 3 });
  assert.is(withTags({ a: 1 }, { a: null }), undefined);
  assert.is(withTags(undefined, {}), undefined);
  assert.ok(Object.is(withTags(undefined, { a: -0 })?.['a'], 0));
  assert.equal(TAGS, { tenant: 'acme', order: 17, isUrgent: true });
});

test('B2 a filter asks for one value of each of its names', () => {
  assert.equal(tagTermsOf(TAGS), ['tenant:acme', 'order:17', 'isUrgent:true']);
  const fits = (...pairs: readonly (readonly [string, string | number | boolean])[]) =>
    fitsTagFilter(TAGS, tagFilterOf(pairs));
  assert.ok(fits());
  assert.ok(fits(['tenant', 'acme'], ['order', 17], ['isUrgent', true]));
  assert.ok(fits(['order', '17'], ['isUrgent', 'true']));
  assert.ok(fits(['tenant', 'other'], ['tenant', 'acme']));
  assert.not.ok(fits(['tenant', 'acme'], ['order', 18]));
  assert.not.ok(fits(['acme', 'tenant']));
  assert.not.ok(fitsTagFilter(undefined, tagFilterOf([['tenant', 'acme']])));
  assert.ok(fitsTagFilter(undefined, []));
  assert.ok(hasTags(TAGS, { order: 17 }) && !hasTags(TAGS, { order: '17' }) && !hasTags(undefined, { order: 17 }));
});

test('B2 a task has those of its submit, through claim, retry and give-back; none, and no field, where there are none', () => {
  const running = given(submit({ tags: TAGS, policy: { maxAttempts: 2 } }), claim());
  assert.equal(running.now.record?.tags, TAGS);
  assert.equal(running.when(finish(threw())).after?.tags, TAGS);
  assert.equal(running.when(giveBack).after?.tags, TAGS);
  assert.not('tags' in (given(submit(), claim(), finish()).now.record ?? {}));
});

test('B2 its handler sets them, with progress or alone; only the run that owns it', () => {
  const running = given(submit({ tags: TAGS }), claim());
  const { after } = running.when(progress({ tags: { rows: 1 } }));
  assert.equal([after?.tags, after?.changedAt, after?.progress], [{ rows: 1 }, T0 + 200, undefined]);
  assert.not('tags' in (running.when(progress({ tags: {} })).after ?? {}));
  assert.is(running.when(progress({ tags: { rows: 1 }, fence: { epoch: 1, revision: 1 } })).refusal, 'fenced');
  assert.equal(running.when(progress({ payload: bytes(1) })).after?.tags, TAGS);
});

test('B2 D2 who joins is told where one of his tags is not there as he gave it; those of the handler are no matter', () => {
  const shared = { scope: 'shared', creator: 'alice' } as const;
  const story = given(submit({ ...shared, tags: TAGS }), claim(), progress({ tags: { ...TAGS, rows: 1 } }));
  const differs = (tags: Record<string, string | number | boolean> | undefined) => {
    const { answer } = story.when(
      submit({ ...shared, id: 'task-2', ...(tags === undefined ? {} : { tags }) }, { actor: BOB }),
    );
    return answer?.kind === 'joined' && answer.differs;
  };
  assert.equal([differs(undefined), differs(TAGS), differs({ order: 17 })], [false, false, false]);
  assert.equal([differs({ order: 18 }), differs({ other: 1 })], [true, true]);
});

test('B2 a submit that replaces brings its own, one behind another keeps its own, and a retry has the last ones', () => {
  const replace = submit({ id: 'task-2', tags: { b: 2 } }, { mode: { kind: 'replace' } });
  assert.equal(given(submit({ tags: TAGS })).when(replace).after?.tags, { b: 2 });
  const bare = submit({ id: 'task-2' }, { mode: { kind: 'replace' } });
  assert.not('tags' in (given(submit({ tags: TAGS })).when(bare).after ?? {}));
  const behind = given(submit({ tags: TAGS }), claim())
    .when(replace)
    .and.when(finish());
  assert.equal([behind.after?.id, behind.after?.tags], ['task-1', TAGS]);
  const ended = given(submit({ tags: TAGS }), claim(), progress({ tags: { rows: 5 } }), finish());
  const former = ended.now.record;
  assert.ok(former !== undefined);
  const retry = { kind: 'retry', at: T0 + 900, actor: ALICE, former, id: 'task-3', whenAborting: 'queue' } as const;
  const { after } = ended.when(retry);
  assert.equal([after?.id, after?.tags], ['task-3', { rows: 5 }]);
});

test('B2 R9 more of them take room, which is refused before the record is full', () => {
  const running = given(submit({ tags: { a: 1 } }), claim());
  const before = running.now.record;
  const grown = running.when(progress({ tags: { a: 'x'.repeat(200) } })).after;
  const shrunk = running.when(progress({ tags: {} })).after;
  assert.ok(before !== undefined && grown !== undefined && shrunk !== undefined);
  assert.equal([takesRoom(before, grown), takesRoom(before, shrunk)], [true, false]);
  const large = spec({ id: 'task-3', tags: { a: 'x'.repeat(200) } });
  const queued = running.when(submit({ id: 'task-2' }, { mode: { kind: 'replace' } }));
  const replaced = queued.and.when({
    kind: 'submit',
    at: T0,
    actor: ALICE,
    spec: large,
    whenAborting: 'queue',
    mode: { kind: 'replace' },
  });
  assert.ok(queued.after !== undefined && replaced.after !== undefined);
  assert.ok(takesRoom(queued.after, replaced.after));
});

test('D10 definitions that tag otherwise are different ones', () => {
  assert.equal(definitionDifferences({ ...DEFAULT_RUN_OPTIONS, tags: { a: 1 } }, DEFAULT_RUN_OPTIONS), ['tags']);
});

test.run();
