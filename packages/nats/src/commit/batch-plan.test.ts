import fc from 'fast-check';
import * as assert from 'uvu/assert';
import { suite } from '../../../../test/support/suite.ts';
import { takeGroup, verdictOf, type GroupLimits } from './batch-plan.ts';

const test = suite('batch plan');

type Member = { readonly id: number; readonly subject: string; readonly bytes: Uint8Array };

const members = (subjects: readonly string[], size = 1): Member[] =>
  subjects.map((subject, id) => ({ id, subject, bytes: new Uint8Array(size) }));

const limits: GroupLimits = { minBatch: 2, maxBatch: 4, maxBatchBytes: 100 };

const subjectsOf = (list: readonly Member[]): string => list.map(({ subject }) => subject).join('');

test('the oldest first, as many as fit', () => {
  const queue = members(['a', 'b', 'c', 'd', 'e', 'f']);
  assert.is(subjectsOf(takeGroup(queue, limits)), 'abcd');
  assert.is(subjectsOf(queue), 'ef');
});

test('no subject twice; what is left keeps its order', () => {
  const queue = members(['a', 'a', 'b', 'a', 'b', 'c']);
  assert.is(subjectsOf(takeGroup(queue, limits)), 'abc');
  assert.equal(
    queue.map(({ id }) => id),
    [1, 3, 4],
  );
});

test('not more bytes than allowed, but always one', () => {
  const queue = members(['a', 'b', 'c'], 60);
  assert.is(subjectsOf(takeGroup(queue, limits)), 'a');
  assert.is(subjectsOf(takeGroup(members(['a', 'b'], 500), limits)), 'a');
});

test('whatever comes: all are taken once, in order per subject, within the limits', () => {
  const queues = fc.array(
    fc.record({ subject: fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f'), size: fc.integer({ min: 0, max: 60 }) }),
    { maxLength: 60 },
  );
  fc.assert(
    fc.property(queues, (given) => {
      const all = given.map(({ subject, size }, id) => ({ id, subject, bytes: new Uint8Array(size) }));
      const queue = [...all];
      const taken: Member[] = [];
      while (queue.length > 0) {
        const group = takeGroup(queue, limits);
        assert.ok(group.length > 0 && group.length <= limits.maxBatch);
        assert.is(new Set(group.map(({ subject }) => subject)).size, group.length);
        assert.ok(
          group.length === 1 || group.reduce((sum, { bytes }) => sum + bytes.length, 0) <= limits.maxBatchBytes,
        );
        taken.push(...group);
      }
      assert.is(taken.length, all.length);
      for (const subject of 'abcdef') {
        const ids = taken.filter((member) => member.subject === subject).map(({ id }) => id);
        assert.equal(
          ids,
          all.filter((member) => member.subject === subject).map(({ id }) => id),
        );
      }
    }),
  );
});

test('what the commit says: the first revision, again, each by itself, or nothing certain', () => {
  assert.equal(verdictOf({ kind: 'stored', sequence: 512, count: 100 }, 100), { kind: 'stored', first: 413 });
  assert.is(verdictOf({ kind: 'stored', sequence: 512, count: 99 }, 100).kind, 'unknown');
  assert.is(verdictOf({ kind: 'unreadable', text: '' }, 100).kind, 'unknown');
  const error = (apiCode: number, status: number) => verdictOf({ kind: 'error', apiCode, status, text: '' }, 100).kind;
  assert.is(error(10_210, 429), 'again');
  assert.is(error(10_176, 400), 'again');
  assert.is(error(10_071, 400), 'split');
  assert.is(error(10_164, 400), 'split');
  assert.is(error(10_174, 400), 'split');
  assert.is(error(10_047, 500), 'split');
  const storing = (text: string) => verdictOf({ kind: 'error', apiCode: 10_077, status: 503, text }, 100).kind;
  assert.is(storing('maximum bytes exceeded'), 'split');
  assert.is(storing('no space left on device'), 'unknown');
});

test.run();
