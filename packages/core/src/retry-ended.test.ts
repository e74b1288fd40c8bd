import * as assert from 'uvu/assert';
import { suite } from '../../../test/support/suite.ts';
import type { Actor } from './actor.ts';
import type { Command } from './command.ts';
import type { Former } from './former.ts';
import type { TaskRecord } from './task.ts';
import { given } from './testing/given.ts';
import {
  ALICE,
  archive,
  BOB,
  bytes,
  cancel,
  claim,
  finish,
  makeAbortable,
  ROOT,
  SERVICE,
  submit,
  T0,
  threw,
} from './testing/make.ts';

const test = suite('retry of an ended task');

const ENDED = [submit({ args: bytes(7), policy: { maxAttempts: 1, timeoutMs: 5 } }), claim(), finish(threw())] as const;

const formerOf = (record: TaskRecord | undefined): Former => {
  if (record === undefined) throw new Error('there is no task');
  return record;
};

const retry = (
  former: Former,
  actor: Actor = ALICE,
  more: Partial<Extract<Command, { kind: 'retry' }>> = {},
): Command => ({
  kind: 'retry',
  at: T0 + 9_000,
  actor,
  former,
  id: 'task-2',
  whenAborting: 'queue',
  ...more,
});

test('R7 it makes a new task of the same key, arguments and options, which says where it comes from', () => {
  const before = given(...ENDED);
  const former = formerOf(before.now.record);
  const { answer, after } = before.when(retry(former, ALICE, { args: bytes(7) }));
  assert.equal(answer, { kind: 'created', id: 'task-2' });
  assert.equal(after, {
    ...submit({ id: 'task-2', args: bytes(7), policy: former.policy }).spec,
    retriedFrom: 'task-1',
    v: 1,
    status: 'pending',
    subscribers: [{ user: 'alice', at: T0 + 9_000 }],
    createdAt: T0 + 9_000,
    changedAt: T0 + 9_000,
    attempt: 0,
    history: [{ status: 'pending', at: T0 + 9_000, by: 'user:alice', attempt: 0, why: 'retry of task-1' }],
  });
});

test('R7 it belongs to the trace of who retries, not to that of the former submit', () => {
  const story = given(submit({ traceparent: '00-1-2-01', tracestate: 'a=1' }), claim(), finish());
  const trace = { traceparent: '00-5-6-01' };
  const after = story.when(retry(formerOf(story.now.record), ALICE, { trace })).after;
  assert.equal([after?.traceparent, after?.tracestate, after?.runTrace], ['00-5-6-01', undefined, undefined]);
});

test('R7 whatever way it ended, and also when its record has gone', () => {
  const endings = [
    [submit(), cancel()],
    [submit(), claim(), finish()],
    [submit(), claim(), finish(threw())],
  ] as const;
  for (const steps of endings) {
    const former = formerOf(given(...steps).now.record);
    for (const before of [given(...steps), given(...steps, archive()), given()]) {
      const { answer } = before.when(retry(former));
      assert.equal(answer, { kind: 'created', id: 'task-2' });
    }
  }
});

test('R7 an active key is joined, by whoever waits for it', () => {
  const shared = { scope: 'shared', creator: 'alice' } as const;
  const ended = given(submit(shared), claim(), finish());
  const former = formerOf(ended.now.record);
  const first = ended.when(retry(former, ALICE));
  const again = first.and.when(retry(former, ALICE, { id: 'task-3' }));
  assert.equal(again.answer, { kind: 'joined', id: 'task-2', differs: false });
  const other = given(submit({ ...shared, id: 'task-9', name: 'other' }, { actor: BOB }));
  const joined = other.when(retry(former, ALICE));
  assert.equal(joined.answer, { kind: 'joined', id: 'task-9', differs: true });
  assert.equal(
    joined.after?.subscribers.map(({ user }) => user),
    ['bob', 'alice'],
  );
});

test('R7 what has not ended is not retried; what the actor may not see is not there', () => {
  const active = given(submit(), claim());
  assert.is(active.when(retry(formerOf(active.now.record))).refusal, 'not_ended');
  const stale = given(...ENDED);
  const former = formerOf(stale.now.record);
  assert.is(
    stale.when(retry({ ...former, status: 'in_progress' })).refusal,
    undefined,
    'the record counts, not the document',
  );
  assert.is(given(submit(), claim()).when(retry(former)).refusal, 'not_ended');
  for (const scope of ['private', 'shared', 'system'] as const) {
    assert.is(given().when(retry({ ...former, scope }, BOB)).refusal, 'not_found', scope);
  }
});

test('R7 an admin or a service retries for those who waited, and does not become one of them', () => {
  const shared = formerOf(
    given(submit({ scope: 'shared' }), submit({ scope: 'shared', id: 'task-b' }, { actor: BOB }), claim(), finish()).now
      .record,
  );
  for (const actor of [ROOT, SERVICE]) {
    const { after } = given().when(retry(shared, actor));
    assert.is(after?.creator, 'alice');
    assert.equal(
      after?.subscribers.map(({ user }) => user),
      ['alice', 'bob'],
    );
    assert.is(after?.history[0]?.by, actor.user === undefined ? 'service' : 'user:root');
    const active = given(submit({ scope: 'shared', id: 'task-9' }));
    const joined = active.when(retry(shared, actor));
    assert.equal(
      joined.after?.subscribers.map(({ user }) => user),
      ['alice'],
    );
  }
  const owned = formerOf(given(...ENDED).now.record);
  const { after } = given().when(retry(owned, ROOT));
  assert.equal([after?.creator, after?.subscribers.map(({ user }) => user)], ['alice', ['alice']]);
  const alone = given().when(retry(shared, BOB)).after;
  assert.equal([alone?.creator, alone?.subscribers.map(({ user }) => user)], ['bob', ['bob']]);
});

test('R7 while the key is aborting it waits behind, with those who are to see it', () => {
  const former = formerOf(given(submit({ scope: 'shared' }), claim(), finish()).now.record);
  const aborting = given(
    submit({ scope: 'shared', id: 'task-9' }),
    claim(),
    makeAbortable,
    cancel(ALICE, { id: 'task-9' }),
  );
  const { after, answer } = aborting.when(retry(former, ROOT));
  assert.equal(answer, { kind: 'created', id: 'task-2' });
  assert.equal(
    after?.successor?.subscribers.map(({ user }) => user),
    ['alice'],
  );
  assert.is(after?.successor?.spec.retriedFrom, 'task-1');
  assert.is(aborting.when(retry(former, ALICE, { whenAborting: 'reject' })).refusal, 'aborting');
});

test('R7 the same retry again is done already', () => {
  const before = given(...ENDED);
  const command = retry(formerOf(before.now.record));
  const { and, after } = before.when(command);
  const again = and.when(command);
  assert.equal([again.answer, again.after], [{ kind: 'created', id: 'task-2' }, after]);
});

test('B1 asked for again under the same id it is the same task, which knows its operation', () => {
  const before = given(...ENDED);
  const former = formerOf(before.now.record);
  const first = before.when(retry(former, ALICE, { operation: 'hash' }));
  assert.is(first.after?.operation, 'hash');
  const { answer, events } = first.and.when(retry(former, ALICE, { operation: 'hash' }));
  assert.equal([answer, events], [{ kind: 'created', id: 'task-2' }, []]);
});

test.run();
