import * as fc from 'fast-check';
import * as assert from 'uvu/assert';
import { suite } from '../../../test/support/suite.ts';
import type { SubmitMode } from './command.ts';
import { decide, fold } from './decide.ts';
import { EXPIRED } from './expiry.ts';
import { isTerminal, liveSuccessorOf, successorsOf, takesRoom } from './index.ts';
import type { TaskRecord } from './task.ts';
import { given, type Step } from './testing/given.ts';
import {
  BOB,
  bytes,
  cancel,
  claim,
  finish,
  giveBack,
  makeAbortable,
  promote,
  returned,
  spec,
  submit,
  T0,
  threw,
} from './testing/make.ts';

const test = suite('modes of a submit');

const debounce = (windowMs: number, maxWaitMs: number): SubmitMode => ({ kind: 'debounce', windowMs, maxWaitMs });
const throttle = (windowMs: number): SubmitMode => ({ kind: 'throttle', windowMs });

const again = (mode: SubmitMode | undefined, more: { readonly at?: number; readonly args?: Uint8Array } = {}): Step => {
  const { at = T0 + 50, args = bytes(9) } = more;
  return submit({ id: 'task-2', args }, { at, ...(mode === undefined ? {} : { mode }) });
};

const first = submit({ args: bytes(1) });
const running = [first, claim()] as const;
const aborting = [first, claim(), makeAbortable, cancel()] as const;
const retrying = [submit({ policy: { maxAttempts: 3 } }), claim(), finish(threw())] as const;

test('Q10 join and throttle come to what is active', () => {
  for (const mode of [undefined, { kind: 'join' }, throttle(10)] as const) {
    for (const story of [[first], running, retrying] as const) {
      const { answer, after } = given(...story).when(again(mode));
      assert.equal([answer?.kind, after?.id, after?.dedupeCount], ['joined', 'task-1', 1]);
    }
  }
});

test('Q10 reject: anything active refuses, what has ended does not', () => {
  for (const story of [[first], running, aborting, [...running, again({ kind: 'coalesce' })]] as const) {
    const third = submit({ id: 'task-3' }, { mode: { kind: 'reject' } });
    assert.is(given(...story).when(third).refusal, 'active');
  }
  const ended = given(...running, finish()).when(again({ kind: 'reject' }));
  assert.equal(ended.answer, { kind: 'created', id: 'task-2' });
  assert.equal(given(first).when(submit({ args: bytes(1) }, { mode: { kind: 'reject' } })).answer, {
    kind: 'created',
    id: 'task-1',
  });
});

test('Q10 replace: the waiting task keeps who it is and has the newer arguments and options', () => {
  const newer = submit(
    { id: 'task-2', args: bytes(7), queue: 'other', priority: 'high', policy: { maxAttempts: 4 }, name: 'n', units: 3 },
    { mode: { kind: 'replace' }, at: T0 + 9, actor: BOB },
  );
  const { answer, after } = given(submit({ args: bytes(1), scope: 'shared', runAt: T0 + 900, group: 'g' })).when(newer);
  assert.equal(answer, { kind: 'replaced', id: 'task-1' });
  const { id, args, queue, priority, policy, name, creator, runAt, dedupeCount, readyAt, scope, group, units } = after!;
  assert.equal([group, units], [undefined, 3]);
  assert.equal([id, args, queue, priority, policy], ['task-1', bytes(7), 'other', 'high', { maxAttempts: 4 }]);
  assert.equal([name, creator, runAt, dedupeCount, readyAt, scope], ['n', 'alice', undefined, 1, T0 + 9, 'shared']);
  assert.equal(
    after!.subscribers.map(({ user }) => user),
    ['alice', 'bob'],
  );
});

test('Q10 replace and coalesce wait behind what has begun, once', () => {
  for (const kind of ['replace', 'coalesce'] as const) {
    for (const story of [running, retrying, [...running, giveBack], [submit({ host: 'p' })]] as const) {
      const one = given(...story).when(again({ kind }, { args: bytes(2) }));
      assert.equal([one.answer, one.after?.id], [{ kind: 'created', id: 'task-2' }, 'task-1'], kind);
      const third = submit({ id: 'task-3', args: bytes(3) }, { at: T0 + 60, mode: { kind } });
      const two = one.and.when(third);
      const isReplace = kind === 'replace';
      assert.equal([two.answer?.kind, successorsOf(two.after).length], [isReplace ? 'replaced' : 'joined', 1]);
      assert.equal(liveSuccessorOf(two.after)?.spec.args, bytes(isReplace ? 3 : 2));
      // Who only joins still comes to the one that runs.
      const joiner = two.and.when(submit({ id: 'task-4' }));
      assert.equal([joiner.answer?.kind, joiner.after?.dedupeCount], ['joined', 1]);
    }
  }
});

test('Q10 what waits behind a run starts when that has ended, and needs nobody inline', () => {
  const waiting = given(...running).when(
    submit({ id: 'task-2', host: 'p', mode: 'sync' }, { mode: { kind: 'coalesce' } }),
  );
  const { after } = waiting.and.when(finish(returned)).and.when(promote());
  assert.equal([after?.id, after?.status, after?.host], ['task-2', 'pending', undefined]);
});

test('Q10 debounce: every submit restarts the window, up to the longest wait', () => {
  const mode = debounce(100, 250);
  const made = given().when(submit({ args: bytes(1) }, { mode }));
  assert.equal([made.answer?.kind, made.after?.runAt], ['created', T0 + 100]);
  const second = made.and.when(again(mode, { at: T0 + 80 }));
  assert.equal([second.answer, second.after?.runAt], [{ kind: 'debounced', id: 'task-1' }, T0 + 180]);
  const third = second.and.when(again(mode, { at: T0 + 170 }));
  assert.is(third.after?.runAt, T0 + 250);
  const patient = third.and.when(again(debounce(500, 9_000), { at: T0 + 200 }));
  assert.equal(
    [patient.after?.runAt, patient.after?.args],
    [T0 + 250, bytes(9)],
    'the first one waits no longer for it',
  );
  const begun = patient.and.when(claim()).and;
  assert.is(begun.now.record?.latestRunAt, undefined);
  const next = begun.when(submit({ id: 'task-5' }, { mode, at: T0 + 400 }));
  assert.equal([next.answer?.kind, liveSuccessorOf(next.after)?.spec.runAt], ['created', T0 + 500]);
  const later = next.and.when(submit({ id: 'task-6' }, { mode, at: T0 + 450 }));
  assert.equal(
    [later.answer, liveSuccessorOf(later.after)?.spec.runAt],
    [{ kind: 'debounced', id: 'task-5' }, T0 + 550],
  );
});

test('Q10 throttle: one in a window, however it ended and whoever comes with another mode', () => {
  const mode = throttle(1_000);
  const ended = given(submit({}, { mode }), claim(), finish()).now.record!;
  const at = (ms: number, more: { readonly mode?: SubmitMode; readonly actor?: typeof BOB } = { mode }) =>
    decide(ended, submit({ id: 'task-2' }, { at: T0 + ms, ...more }));
  assert.equal(answerOf(at(999)), { kind: 'throttled', id: 'task-1' });
  assert.equal(answerOf(at(1_000)), { kind: 'created', id: 'task-2' });
  const other = at(500, {});
  const made = other.ok ? fold(ended, other) : undefined;
  assert.equal([made?.id, made?.throttledUntil], ['task-2', T0 + 1_000], 'a submit of another mode leaves the window');
  const shared = given(submit({ scope: 'shared' }, { mode }), claim(), finish());
  const stranger = shared.when(submit({ id: 'task-2', scope: 'shared' }, { at: T0 + 5, mode, actor: BOB }));
  assert.is(stranger.refusal, 'throttled', 'of a task he may not see he learns nothing');
  const aborted = given(submit({}, { mode }), claim(), makeAbortable, cancel()).when(again(mode, { at: T0 + 600 }));
  assert.equal(aborted.answer, { kind: 'throttled', id: 'task-1' });
});

const answerOf = (decision: ReturnType<typeof decide>) => (decision.ok ? decision.answer : decision.refusal);

test('D5, Q10 while a task is aborting its submitter chooses, unless something waits already', () => {
  for (const kind of ['replace', 'coalesce'] as const) {
    const queued = given(...aborting).when(again({ kind }));
    assert.equal(queued.answer, { kind: 'created', id: 'task-2' });
    const rejected = submit({ id: 'task-3' }, { mode: { kind }, whenAborting: 'reject' });
    assert.is(given(...aborting).when(rejected).refusal, 'aborting');
    assert.is(queued.and.when(rejected).answer?.kind, kind === 'replace' ? 'replaced' : 'joined');
  }
});

test('R9 larger arguments in the place of smaller ones take room, also behind a run', () => {
  const room = (story: readonly Step[], step: Step): boolean => {
    const { before, after } = given(...story).when(step);
    return takesRoom(before, after!);
  };
  const large = again({ kind: 'replace' }, { args: new Uint8Array(100) });
  assert.is(room([submit({ creator: 'alice', args: bytes(1) })], large), true);
  const behind = submit({ id: 'task-3', args: new Uint8Array(200) }, { mode: { kind: 'replace' } });
  assert.is(room([...running, large], behind), true);
});

const modes: fc.Arbitrary<SubmitMode> = fc.oneof(
  fc.constantFrom<SubmitMode>({ kind: 'join' }, { kind: 'reject' }, { kind: 'replace' }, { kind: 'coalesce' }),
  fc
    .record({ windowMs: fc.integer({ min: 1, max: 40 }), more: fc.nat(80) })
    .map(({ windowMs, more }) => debounce(windowMs, windowMs + more)),
  fc.integer({ min: 1, max: 60 }).map(throttle),
);

type Move =
  | { readonly kind: 'submit'; readonly mode: SubmitMode }
  | { readonly kind: 'claim' | 'end' | 'fail' | 'promote' };

const submits: fc.Arbitrary<Move> = modes.map((mode) => ({ kind: 'submit', mode }));
const others: fc.Arbitrary<Move> = fc
  .constantFrom<'claim' | 'end' | 'fail' | 'promote'>('claim', 'end', 'fail', 'promote')
  .map((kind) => ({ kind }));

const moves = fc.array(
  fc.tuple(fc.nat(20), fc.oneof({ weight: 4, arbitrary: submits }, { weight: 3, arbitrary: others })),
  { minLength: 1, maxLength: 40, size: 'max' },
);

const stepFor = (move: Move, at: number, id: string): Step => {
  switch (move.kind) {
    case 'submit':
      return submit({ id, args: bytes(at % 256), policy: { maxAttempts: 2 } }, { at, mode: move.mode });
    case 'claim':
      return claim('w1', { at });
    case 'end':
    case 'fail':
      return finish(move.kind === 'end' ? returned : threw(), { at });
    case 'promote':
      return (now) => ({ kind: 'promote', at, by: 'supervisor:s', id: now.record?.id ?? '' });
  }
};

test('Q10 whatever comes: at most one task waits, a wish is kept or told of, and no debounce waits for ever', () => {
  fc.assert(
    fc.property(moves, (story) => {
      let at = T0;
      let state = given();
      let latest: number | undefined;
      for (const [i, [pause, move]] of story.entries()) {
        at += pause;
        const { before, after, answer, refusal } = state.when(stepFor(move, at, `id-${i}`));
        state = state.when(stepFor(move, at, `id-${i}`)).and;
        assert.ok(successorsOf(after).length <= 1, 'more than one waits');
        if (move.kind !== 'submit') continue;
        const { kind } = move.mode;
        if (kind === 'reject') assert.is(refusal === 'active', isActive(before), 'refused exactly where one is active');
        else assert.is(refusal, undefined, `${kind} was refused`);
        // Its arguments are run, and in a run that begins after it.
        if (kind === 'replace' || kind === 'debounce') assert.equal(waitingArgs(after), bytes(at % 256));
        if (kind === 'coalesce') assert.ok(waitingArgs(after) !== undefined, 'nothing begins after it');
        if (answer?.kind === 'debounced') {
          const { createdAt, spec: waiting } = waitingOf(after)!;
          latest = waiting.latestRunAt;
          assert.ok(
            waiting.runAt! <= latest! && latest! - createdAt <= 120,
            'put off for longer than its longest wait',
          );
        }
      }
    }),
    { numRuns: 1_500 },
  );
});

const isActive = (record: TaskRecord | undefined): boolean =>
  record !== undefined && (!isTerminal(record.status) || liveSuccessorOf(record) !== undefined);

const waitingOf = (record: TaskRecord | undefined) => {
  if (record === undefined) return undefined;
  const isFresh = record.status === 'pending' && record.attempt === 0;
  return isFresh ? { spec: record, createdAt: record.createdAt } : liveSuccessorOf(record);
};

const waitingArgs = (record: TaskRecord | undefined) => waitingOf(record)?.spec.args;

test('Q11 a task that was not started in time is not started any more', () => {
  const expiring = submit({ expiresAt: T0 + 500 });
  const expire = (at: number) => ({ kind: 'expire', at, by: 'supervisor:s1', id: 'task-1' }) as const;
  assert.is(given(expiring).when(expire(T0 + 499)).refusal, 'not_due');
  const { after } = given(expiring).when(expire(T0 + 500));
  assert.equal([after?.status, after?.abort?.cause, after?.abort?.by], ['aborted', 'expired', 'supervisor:s1']);
  assert.match(after?.history.at(-1)?.why ?? '', /^expired/);
  assert.is(given(expiring).when(claim('w1', { at: T0 + 500 })).refusal, 'not_pending');
  assert.is(given(expiring, claim('w1', { at: T0 + 499 })).when(expire(T0 + 600)).refusal, 'not_pending');
  assert.is(given(expiring, claim(), giveBack).when(expire(T0 + 600)).refusal, 'not_pending', 'it was started once');
  assert.is(given(expiring, claim(), giveBack).when(claim('w1', { at: T0 + 900 })).answer?.kind, 'done');
});

test('Q11 one that waited behind another for too long ends in its turn', () => {
  const story = [...running, submit({ id: 'task-2', expiresAt: T0 + 1_500 }, { mode: { kind: 'coalesce' } }), finish()];
  const { after } = given(...story).when(promote());
  assert.equal([after?.id, after?.status, after?.abort?.cause], ['task-2', 'aborted', 'expired']);
  assert.ok(spec().expiresAt === undefined);
});

test('Q10, Q11 nobody comes to what waits behind a run and has expired: it ends in its turn, and the next one runs', () => {
  const coalesce = { mode: { kind: 'coalesce' } } as const;
  const expiring = [...running, submit({ id: 'task-2', expiresAt: T0 + 500 }, { ...coalesce, at: T0 + 100 })];
  const third = (at: number) => submit({ id: 'task-3' }, { ...coalesce, at });
  assert.equal(given(...expiring).when(third(T0 + 499)).answer, { kind: 'joined', id: 'task-2', differs: false });
  const story = [...expiring, third(T0 + 500)];
  const waiting = successorsOf(given(...story).now.record);
  assert.equal(
    waiting.map(({ spec: { id }, cancelled }) => [id, cancelled?.why]),
    [
      ['task-2', EXPIRED],
      ['task-3', undefined],
    ],
  );
  assert.equal(given(...story).when(submit({ id: 'task-4' }, { ...coalesce, at: T0 + 600 })).answer?.kind, 'joined');
  const second = given(...story, finish(), promote()).now.record;
  assert.equal([second?.id, second?.status, second?.abort?.cause], ['task-2', 'aborted', 'expired']);
  const last = given(...story, finish(), promote(), promote('task-2')).now.record;
  assert.equal([last?.id, last?.status], ['task-3', 'pending']);
});

test('Q10 throttle: the window goes on also where the next task waited behind a run', () => {
  const mode = throttle(1_000);
  const coalesced = submit({ id: 'task-2' }, { mode: { kind: 'coalesce' } });
  const next = given(submit({}, { mode }), claim(), coalesced, finish(), promote());
  assert.equal([next.now.record?.id, next.now.record?.throttledUntil], ['task-2', T0 + 1_000]);
});

test.run();
