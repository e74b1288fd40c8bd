import * as fc from 'fast-check';
import * as assert from 'uvu/assert';
import { suite } from '../../../test/support/suite.ts';
import type { Command } from './command.ts';
import { queuedMs } from './durations.ts';
import { failedDependency, isBlocked, openDependencies, outcomesGone, taskOf } from './index.ts';
import type { Dependency, NotedEnd } from './task.ts';
import { given, type Step } from './testing/given.ts';
import {
  ALICE,
  archive,
  BOB,
  bytes,
  cancel,
  claim,
  finish,
  makeAbortable,
  promote,
  submit,
  T0,
  threw,
} from './testing/make.ts';

const test = suite('what a task waits for');

type Policy = Dependency['onFailure'];

const edge = (id: string, onFailure?: Policy): Dependency => ({
  ...{ id, address: `00.report.${id}`, name: id },
  ...(onFailure === undefined ? {} : { onFailure }),
});

const end = (status: NotedEnd['status'] = 'success', more: Partial<NotedEnd> = {}): NotedEnd => ({
  status,
  at: T0 + 40,
  ...more,
});

const note = (ends: Readonly<Record<string, NotedEnd>>, id = 'task-1', at = T0 + 50): Command => ({
  ...{ kind: 'note-ends', at, by: 'supervisor:s1', id },
  ends: Object.entries(ends).map(([one, noted]) => ({ id: one, end: noted })),
});

const awaitEnd = (id = 'task-1', actor = ALICE): Command => ({ kind: 'await-end', at: T0 + 60, id, actor });

const behind = (...dependsOn: readonly Dependency[]): Step => submit({ dependsOn });

test('G1 it waits until the last of them has ended, and is then like any other', () => {
  const blocked = given(behind(edge('a'), edge('b')));
  assert.is(blocked.when(claim()).refusal, 'not_pending');
  const half = blocked.when(note({ a: end() }));
  assert.is(half.after?.status, 'pending');
  assert.equal(
    openDependencies(half.after!).map(({ id }) => id),
    ['b'],
  );
  assert.is(half.and.when(claim()).refusal, 'not_pending');
  const free = half.and.when(note({ b: end('success', { left: bytes(7) }) }, 'task-1', T0 + 70));
  assert.is(isBlocked(free.after!), false);
  assert.equal(free.after?.dependsOn?.[1]?.end?.left, bytes(7));
  // Only from then on it waits for a worker.
  assert.is(queuedMs(free.after!, T0 + 100), 30);
  assert.is(free.and.when(claim()).after?.status, 'in_progress');
});

test('G1 a start time holds as well: whichever comes later', () => {
  const { after } = given(submit({ dependsOn: [edge('a')], runAt: T0 + 1_000 })).when(note({ a: end() }));
  assert.equal([after?.runAt, queuedMs(after!, T0 + 1_500)], [T0 + 1_000, 500]);
});

test('G2 what does not succeed ends the one that cannot do without it, at once, and says which and how', () => {
  for (const status of ['failure', 'aborted', 'timed_out', 'gone'] as const) {
    const { after } = given(behind(edge('a'), edge('b'))).when(note({ b: end(status) }));
    assert.is(after?.status, 'failure');
    assert.is(after?.error?.type, 'DependencyFailedError');
    assert.ok(after?.error?.message.startsWith(`Prerequisite task b did not succeed (status=${status})`));
    assert.is(after?.history.at(-1)?.why, 'dependency_failed');
    assert.is(after?.attempt, 0);
  }
});

test('G1 an edge that continues or ignores lets it begin whatever came of it, and not before the others', () => {
  for (const onFailure of ['continue', 'ignore'] as const) {
    const one = given(behind(edge('a', onFailure), edge('b'))).when(note({ a: end('failure') }));
    assert.is(one.after?.status, 'pending');
    assert.is(isBlocked(one.after!), true);
    const both = one.and.when(note({ b: end() }));
    assert.equal([both.after?.status, isBlocked(both.after!)], ['pending', false]);
  }
});

test('G2 what was noted stands, and says nothing new a second time', () => {
  const once = given(behind(edge('a', 'continue'), edge('b'))).when(note({ a: end('failure') }));
  const twice = once.and.when(note({ a: end('success'), zz: end('failure') }));
  assert.equal([twice.answer?.kind, twice.events.length], ['done', 0]);
  assert.is(twice.after, once.after);
  assert.is(given(behind(edge('a'))).when(note({ a: end() }, 'another')).refusal, 'not_found');
  assert.is(given(submit()).when(note({ a: end() })).refusal, 'not_pending');
});

test('G1 ends that are known when it is submitted count then: it is free, or has failed', () => {
  const free = given().when(submit({ dependsOn: [{ ...edge('a'), end: end() }] }));
  assert.equal([free.after?.status, isBlocked(free.after!)], ['pending', false]);
  const failed = given().when(submit({ dependsOn: [{ ...edge('a'), end: end('aborted') }, edge('b')] }));
  assert.equal([failed.answer?.kind, failed.after?.status], ['created', 'failure']);
});

test('G2 it can be cancelled and can expire while it waits', () => {
  assert.is(given(behind(edge('a'))).when(cancel()).after?.status, 'aborted');
  const late = given(submit({ dependsOn: [edge('a')], expiresAt: T0 + 10 }));
  const expire: Command = { kind: 'expire', at: T0 + 10, by: 'supervisor:s1', id: 'task-1' };
  assert.is(late.when(expire).after?.abort?.cause, 'expired');
});

test('G2 a submit that would wait for itself is refused, in every mode that comes to a task', () => {
  const self = { id: 'task-2', dependsOn: [edge('x'), edge('task-1')] };
  assert.is(given(submit()).when(submit(self)).refusal, 'waits_for_itself');
  for (const mode of [{ kind: 'coalesce' }, { kind: 'throttle', windowMs: 9 }, { kind: 'replace' }] as const)
    assert.is(given(submit()).when(submit(self, { mode })).refusal, 'waits_for_itself');
  // Behind it, it waits for it anyhow.
  const queued = given(submit(), claim()).when(submit(self, { mode: { kind: 'coalesce' } }));
  assert.is(queued.after?.successor?.spec.id, 'task-2');
});

test('G2 no later submit changes what a task waits for; who joins is told where he waits for something else', () => {
  const told = (dependsOn: readonly Dependency[]) => {
    const { answer, after } = given(behind(edge('a'), edge('b'))).when(submit({ id: 'task-2', dependsOn }));
    assert.equal(
      after?.dependsOn?.map(({ id }) => id),
      ['a', 'b'],
    );
    return answer?.kind === 'joined' ? answer.differs : undefined;
  };
  assert.is(told([edge('b'), edge('a')]), false);
  assert.is(told([edge('a')]), true);
  assert.is(told([edge('a', 'ignore'), edge('b')]), true);
  const replaced = given(behind(edge('a'))).when(submit({ id: 'task-2' }, { mode: { kind: 'replace' } }));
  assert.equal(
    replaced.after?.dependsOn?.map(({ id }) => id),
    ['a'],
  );
});

test('G2 one that waits behind another of its key notes ends too, and they count in its turn', () => {
  const queued = given(submit(), claim(), makeAbortable, cancel(), submit({ id: 'task-2', dependsOn: [edge('a')] }));
  const noted = queued.when(note({ a: end('failure') }, 'task-2'));
  assert.is(noted.after?.successor?.spec.dependsOn?.[0]?.end?.status, 'failure');
  assert.is(noted.after?.status, 'aborting');
  const { after } = noted.and.when(finish()).and.when(promote());
  assert.equal([after?.id, after?.status, after?.error?.type], ['task-2', 'failure', 'DependencyFailedError']);
  const fine = queued
    .when(note({ a: end() }, 'task-2'))
    .and.when(finish())
    .and.when(promote());
  assert.equal([fine.after?.status, isBlocked(fine.after!)], ['pending', false]);
});

test('G2 a task that is awaited says so, and keeps its outcome when its key is used again', () => {
  const asked = given(submit()).when(awaitEnd());
  assert.is(asked.after?.awaited, true);
  assert.is(asked.after?.changedAt, T0);
  assert.is(asked.and.when(awaitEnd()).events.length, 0);
  const archived = asked.and.when(claim()).and.when(finish()).and.when(archive());
  const next = archived.and.when(submit({ id: 'task-2' }, { at: T0 + 9_000 }));
  assert.equal(
    outcomesGone(archived.after!, next.after!).map(({ id }) => id),
    ['task-1'],
  );
  assert.is(next.after?.awaited, undefined);
});

test('G2 a task nobody of this user may see is not awaited; one that has ended needs no mark; one that waits has it too', () => {
  assert.is(given(submit()).when(awaitEnd('task-1', BOB)).refusal, 'not_found');
  assert.is(given().when(awaitEnd()).refusal, 'not_found');
  assert.is(given(submit()).when(awaitEnd('task-9')).refusal, 'not_found');
  const ended = given(submit(), claim(), finish()).when(awaitEnd());
  assert.equal([ended.answer?.kind, ended.events.length], ['done', 0]);
  const queued = given(submit(), claim(), makeAbortable, cancel(), submit({ id: 'task-2' })).when(awaitEnd('task-2'));
  assert.is(queued.after?.awaited, undefined);
  assert.is(taskOf(queued.after!, 'task-2')?.awaited, true);
  assert.is(queued.and.when(awaitEnd('task-2', BOB)).refusal, 'not_found');
});

test('R7 a retry has what the former one had at hand; what failed for another task has nothing to repeat', () => {
  const retry: Command = {
    ...{ kind: 'retry', at: T0 + 5_000, actor: ALICE, id: 'task-2', whenAborting: 'queue' },
    former: { ...submit().spec, status: 'failure', subscribers: [] },
  };
  const run = given(behind(edge('a')), note({ a: end('success', { left: bytes(3) }) }), claim(), finish(threw()));
  const { after } = run.when(retry);
  assert.equal([after?.id, after?.dependsOn?.[0]?.end?.left], ['task-2', bytes(3)]);
  assert.is(given(behind(edge('a')), note({ a: end('aborted') })).when(retry).refusal, 'dependency_failed');
});

test('G1 in whatever order and however often ends are told, it begins or fails by its edges alone', () => {
  const statuses = ['success', 'failure', 'aborted', 'timed_out', 'gone'] as const;
  const one = fc.record({
    onFailure: fc.constantFrom<Policy>(undefined, undefined, 'continue', 'ignore'),
    status: fc.oneof({ weight: 3, arbitrary: fc.constant('success' as const) }, fc.constantFrom(...statuses)),
  });
  const stories = fc.array(one, { minLength: 1, maxLength: 8 }).chain((edges) =>
    fc.record({
      edges: fc.constant(edges),
      order: fc.array(fc.nat(edges.length - 1), { maxLength: 20 }),
    }),
  );
  fc.assert(
    fc.property(stories, ({ edges, order }) => {
      let now = given(behind(...edges.map(({ onFailure }, i) => edge(`d${i}`, onFailure))));
      const told = new Set<number>();
      let failed = false;
      for (const i of [...order, ...edges.keys()]) {
        const { status, onFailure } = edges[i]!;
        const outcome = now.when(note({ [`d${i}`]: end(status) }));
        assert.is(outcome.refusal, failed ? 'not_pending' : undefined);
        if (!failed) told.add(i);
        failed ||= status !== 'success' && onFailure === undefined;
        now = outcome.and;
        const record = now.now.record!;
        assert.is(record.status, failed ? 'failure' : 'pending');
        assert.is(isBlocked(record), told.size < edges.length);
        assert.is(failedDependency(record) !== undefined, failed);
        assert.is(now.when(claim()).refusal === undefined, !failed && told.size === edges.length);
      }
    }),
    { numRuns: 500 },
  );
});

test.run();
