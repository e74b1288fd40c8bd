import * as fc from 'fast-check';
import * as assert from 'uvu/assert';
import { suite } from '../../../test/support/suite.ts';
import { HISTORY_HEAD } from './defaults.ts';
import {
  ALL_REFUSAL_REASONS,
  answerOfChildren,
  compareFences,
  decide,
  fold,
  HISTORY_LIMIT,
  isBlocked,
  isOwnedUnder,
  isTerminal,
  maxAttemptsOf,
  maxRescuesOf,
  outcomesGone,
  successorsOf,
} from './index.ts';
import type { Command, Decision, Fence, Status, TaskRecord } from './index.ts';
import { withTransition } from './history.ts';
import { EVENT_KINDS } from './testing/given.ts';
import { commandOf, surroundingsOf, type Intent } from './testing/intents.ts';
import { ALICE, BOB, ROOT, SERVICE } from './testing/make.ts';

const test = suite('properties of the decider');

/** Thousands of runs, on a machine that may have other things to do. */
const SLOW = { limitMs: 120_000 };

/** Written by hand from behaviour L1 and G2, apart from the code. */
const NEXT: Readonly<Record<Status, readonly Status[]>> = {
  pending: ['in_progress', 'aborted', 'failure'],
  in_progress: ['success', 'failure', 'aborting', 'pending'],
  aborting: ['aborted', 'timed_out', 'failure'],
  success: [],
  failure: [],
  aborted: [],
  timed_out: [],
};

const KINDS: readonly Command['kind'][] = [
  ...([
    'submit',
    'cancel',
    'change-priority',
    'signal',
    'retry',
    'claim',
    'suspend',
    'keep-step',
    'set-cancel-handle',
    'end-cancelling',
    'make-abortable',
    'progress',
    'mark-finishing',
    'observe-abort',
    'finish',
  ] as const),
  ...([
    'give-back',
    'time-out',
    'mark-not-stopping',
    'rescue',
    'promote',
    'expire',
    'displace',
    'release-successors',
    'note-ends',
    'note-ends',
    'await-end',
    'spawn',
    'adopt',
    'await-children',
    'note-children',
    'parent-ended',
    'archive',
  ] as const),
];

const OFTEN: readonly Command['kind'][] = ['submit', 'claim', 'make-abortable', 'cancel', 'time-out'];

/** Ordinary steps often, nonsense often enough. */
const intentsWith = (often: readonly Command['kind'][]): fc.Arbitrary<readonly Intent[]> =>
  fc.array(
    fc.record<Intent>({
      kind: fc.oneof({ weight: 2, arbitrary: fc.constantFrom(...often) }, fc.constantFrom(...KINDS)),
      actor: fc.oneof({ weight: 2, arbitrary: fc.constant(ALICE) }, fc.constantFrom(BOB, ROOT, SERVICE)),
      worker: fc.constantFrom('w1', 'w1', 'w2'),
      id: fc.oneof(
        { weight: 5, arbitrary: fc.constant('present' as const) },
        fc.constantFrom('next', 'next', 'waiting', 'other'),
      ),
      fence: fc.oneof({ weight: 4, arbitrary: fc.constant('present' as const) }, fc.constantFrom('past', 'wrong')),
      pick: fc.nat(1_000),
      scope: fc.constantFrom('private', 'shared', 'shared', 'shared', 'system'),
      policy: fc.constantFrom(
        {},
        { timeoutMs: 5, maxAttempts: 3 },
        { maxRescues: 0 },
        { onOrphan: 'fail' as const, timeoutMs: 1 },
        { isolation: 'thread' as const, timeoutMs: 1 },
      ),
      flag: fc.boolean(),
      number: fc.oneof(fc.nat(10_000), fc.constantFrom(Number.NaN, Infinity, -1)),
      whenAborting: fc.constantFrom('queue', 'queue', 'queue', 'join', 'reject'),
    }),
    { minLength: 1, maxLength: 50, size: 'max' },
  );

const intents = intentsWith(OFTEN);
/** Where tasks are suspended again and again. */
const suspending = intentsWith(['submit', 'claim', 'claim', 'suspend', 'suspend', 'signal', 'cancel']);
/** Where tasks spawn others, wait for them, and are children themselves. */
const families = intentsWith([
  ...(['spawn', 'claim', 'claim', 'make-abortable', 'adopt', 'adopt', 'await-children', 'await-children'] as const),
  ...(['note-children', 'note-children', 'parent-ended', 'cancel'] as const),
]);

/** Where steps are kept, over attempts and rescues. */
const stepping = intentsWith(['submit', 'claim', 'claim', 'keep-step', 'keep-step', 'rescue', 'give-back']);

/** Where workers die of runs that have a cancel handle. */
const cancelling = intentsWith([
  ...(['submit', 'claim', 'claim', 'set-cancel-handle', 'set-cancel-handle', 'make-abortable', 'cancel'] as const),
  ...(['rescue', 'rescue', 'rescue', 'end-cancelling'] as const),
]);

type Turn = {
  readonly before: TaskRecord | undefined;
  readonly command: Command;
  readonly decision: Decision;
  readonly after: TaskRecord | undefined;
};

const deepFreeze = <T>(value: T): T => {
  // Bytes cannot be frozen; they are compared instead.
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array || Object.isFrozen(value))
    return value;
  Object.freeze(value);
  for (const member of Object.values(value)) deepFreeze(member);
  return value;
};

/** Plays a story against the little there is of a store: a record and a revision that grows with every write. */
const play = (story: readonly Intent[]): readonly Turn[] => {
  const turns: Turn[] = [];
  const past: Fence[] = [];
  let record: TaskRecord | undefined;
  let revision = 0;
  let made = 0;
  for (const [at, intent] of story.entries()) {
    const surroundings = surroundingsOf(record, { made, revision, past, at });
    const command = deepFreeze(commandOf(intent, surroundings));
    const decision = decide(record, command);
    assert.equal(decide(record, command), decision, 'decided twice, decided otherwise');
    const after = decision.ok ? deepFreeze(fold(record, decision)) : record;
    turns.push({ before: record, command, decision, after });
    if (after !== record) revision++;
    if (after?.owner !== undefined && after.owner !== record?.owner) past.push(after.owner.fence);
    const isMade = command.kind === 'submit' || command.kind === 'spawn';
    if (isMade && command.spec.id === surroundings.ids.next) made++;
    record = after;
  }
  return turns;
};

const RUNS = 1_000;
const eachTurn = (check: (turn: Turn) => void, parameters: fc.Parameters<unknown> = {}, stories = intents): void =>
  fc.assert(
    fc.property(stories, (story) => play(story).forEach(check)),
    { numRuns: RUNS, ...parameters },
  );

const LAPS = 20;
/**
 * As `eachTurn`, for checks that mean something only where what they count happened more than `above` times: how
 * often it does in one lap is chance, so laps are played until it has.
 */
const eachTurnUntil = (
  { count, above }: { count: Readonly<Record<string, number>>; above: number },
  check: (turn: Turn) => void,
  stories = intents,
): void => {
  const isSeen = () => Object.values(count).every((n) => n > above);
  for (let lap = 0; lap < LAPS && !isSeen(); lap++) eachTurn(check, {}, stories);
  assert.ok(isSeen(), `of ${LAPS} times ${RUNS} stories: ${JSON.stringify(count)}`);
};

test(
  'L1 only legal transitions, and the history tells each of them',
  () => {
    eachTurn(({ before, after }) => {
      if (after === undefined || after === before) return;
      const isNew = before === undefined || before.id !== after.id;
      const known = isNew ? 0 : before.history.length + (before.historyDropped ?? 0);
      const all = after.history.length + (after.historyDropped ?? 0);
      const added = after.history.slice(after.history.length - (all - known)).map((h) => h.status);
      if (isNew) assert.is(added[0], 'pending');
      const path = isNew ? added : [before.status, ...added];
      for (const [i, status] of path.slice(1).entries()) assert.ok(NEXT[path[i]!].includes(status), path.join(' -> '));
      assert.is(path.at(-1), after.status);
    });
  },
  SLOW,
);

test(
  'L2 a terminal state is absorbing; only another task under another id takes its place, and its key only then',
  () => {
    eachTurn(({ before, after, command }) => {
      if (before === undefined || after === undefined) return;
      if (after.id !== before.id) {
        assert.ok(isTerminal(before.status));
        assert.ok(['submit', 'spawn', 'retry', 'promote'].includes(command.kind));
        return;
      }
      if (!isTerminal(before.status)) return;
      for (const field of ['status', 'result', 'error', 'endedAt', 'attempt', 'owner', 'history'] as const) {
        assert.is(after[field], before[field], `${field} changed by ${command.kind}`);
      }
    });
  },
  SLOW,
);

test(
  'fences of claims strictly grow, also from task to task of one key',
  () => {
    fc.assert(
      fc.property(intents, (story) => {
        let last: Fence = { epoch: 0, revision: 0 };
        for (const { before, after, command } of play(story)) {
          if (after === before || command.kind !== 'claim' || after?.owner === undefined) continue;
          assert.ok(compareFences(after.owner.fence, last) > 0);
          last = after.owner.fence;
        }
      }),
      { numRuns: RUNS },
    );
  },
  SLOW,
);

test(
  'R4 a command with a fence that is not the present one changes nothing',
  () => {
    const count = { seen: 0 };
    eachTurnUntil({ count, above: 1_000 }, ({ before, after, command }) => {
      if (!('fence' in command) || command.fence === undefined || before === undefined) return;
      if (isOwnedUnder(before, command.fence) || (command.kind === 'rescue' && before.status === 'pending')) return;
      count.seen++;
      assert.is(after, before);
    });
  },
  SLOW,
);

test(
  'a refusal and a repeat change nothing; whatever changes has an event',
  () => {
    eachTurn(({ before, after, decision }) => {
      assert.is(after !== before, decision.ok && decision.events.length > 0);
    });
  },
  SLOW,
);

test(
  'R2 R3 attempts, failures and rescues are bounded',
  () => {
    eachTurn(({ after }) => {
      if (after === undefined) return;
      const { failures = 0, rescues = 0, attempt, policy } = after;
      assert.ok(failures <= maxAttemptsOf(policy));
      assert.ok(rescues <= maxRescuesOf(policy));
      assert.ok(attempt <= maxAttemptsOf(policy) + maxRescuesOf(policy));
    });
  },
  SLOW,
);

test(
  'a record always hangs together: owner, end, abort, times, subscribers, successors',
  () => {
    eachTurn(({ after }) => {
      if (after === undefined) return;
      const { status, owner, endedAt, abort, history, subscribers, runAt } = after;
      assert.is(history.at(-1)?.status, status);
      if (status === 'in_progress' || status === 'aborting') assert.ok(owner);
      if (status === 'pending') assert.is(owner, undefined);
      assert.is(endedAt !== undefined, isTerminal(status));
      if (status === 'aborting') assert.ok(abort !== undefined && abort.stoppedAt === undefined);
      if (isTerminal(status)) assert.ok(!after.finishing && !after.notStopping && runAt === undefined);
      assert.is(after.result !== undefined && status !== 'success', false);
      assert.is(after.error !== undefined && isTerminal(status) && status !== 'failure', false);
      assert.is(new Set(subscribers.map((s) => s.user)).size, subscribers.length);
      if (runAt !== undefined && after.failures !== undefined) assert.ok(Number.isFinite(runAt));
      const waiting = successorsOf(after);
      assert.is(new Set([after.id, ...waiting.map((s) => s.spec.id)]).size, waiting.length + 1);
      assert.ok(waiting.slice(0, -1).every((s) => s.cancelled !== undefined));
    });
  },
  SLOW,
);

test(
  'G5 a signal that was taken stands in the record from then on, once, with who sent it; whatever comes after it',
  () => {
    eachTurn(
      ({ before, after, command, decision }) => {
        if (before === undefined || after === undefined || after.id !== before.id) return;
        const was = before.signals ?? [];
        const is = after.signals ?? [];
        assert.equal(is.slice(0, was.length), was, `${command.kind} changed what stood there`);
        assert.ok(is.length - was.length <= 1);
        if (command.kind !== 'signal' || !decision.ok) return;
        const its = is.filter((entry) => 'id' in entry && entry.id === command.signal);
        assert.is(its.length, 1);
        assert.is(decision.answer.kind, 'awaited' in its[0]! ? 'delivered' : 'kept');
      },
      {},
      suspending,
    );
  },
  SLOW,
);

test(
  'G4 what is suspended waits in no slot, ends by a signal, a cancel or its time, and counts no attempt',
  () => {
    const ways = { signal: 0, claim: 0, cancel: 0 };
    eachTurnUntil(
      { count: ways, above: 2 },
      ({ before, after, command }) => {
        if (after?.waiting !== undefined) {
          assert.is(after.status, 'pending');
          assert.is(after.owner, undefined);
          assert.is(after.host, undefined);
          assert.ok(after.runAt !== undefined, 'a wait without an end');
        }
        if (after?.id !== before?.id || after === before) return;
        if (command.kind === 'suspend' && after !== undefined) {
          assert.is(after.status, 'pending');
          assert.equal([after.failures, after.rescues], [before?.failures, before?.rescues]);
        }
        if (before?.waiting === undefined || after === undefined || after.waiting !== undefined) return;
        if (!('signal' in before.waiting)) return;
        // Of some tasks the parent ends.
        if (command.kind === 'parent-ended') return;
        assert.ok(command.kind in ways, `${command.kind} ended a wait`);
        ways[command.kind as keyof typeof ways]++;
        // Its time is over, and the run that goes on is told so.
        const last = after.signals?.at(-1);
        if (command.kind === 'claim') assert.ok(last !== undefined && 'timedOut' in last && after.runAt === undefined);
        if (command.kind === 'signal') assert.ok(last !== undefined && 'awaited' in last && after.runAt === undefined);
      },
      suspending,
    );
  },
  SLOW,
);

test(
  'G7 what a dead worker had begun is given to a canceller before anything else becomes of the task, or is said not to be',
  () => {
    const ways = { cancelled: 0, failed: 0, aborted: 0, 'run again': 0, 'not cancelled': 0 };
    eachTurnUntil(
      { count: ways, above: 3 },
      ({ before, after, command }) => {
        if (after?.cancelling) {
          assert.ok(after.owner !== undefined && after.cancelHandle !== undefined);
          assert.ok(after.status === 'in_progress' || after.status === 'aborting');
        }
        if (after !== undefined && (after.status === 'pending' || isTerminal(after.status)))
          assert.is(after.cancelHandle, undefined);
        if (before?.cancelHandle === undefined || after === undefined || after === before) return;
        if (command.kind === 'rescue' && before.status !== after.status) {
          assert.match(after.history.at(-1)?.why ?? after.error?.message ?? '', /was not cancelled|OrphanedTaskError/);
          ways['not cancelled']++;
        }
        if (command.kind !== 'end-cancelling') return;
        assert.ok(before.cancelling);
        ways[command.error === undefined ? 'cancelled' : 'failed']++;
        if (before.status === 'aborting') ways.aborted++;
        else if (after.status === 'pending') ways['run again']++;
      },
      cancelling,
    );
  },
  SLOW,
);

test(
  'G6 a step that was kept stands from then on, once, as it was kept first; only who runs the task keeps one',
  () => {
    const count = { kept: 0 };
    eachTurnUntil(
      { count, above: 200 },
      ({ before, after, command }) => {
        if (before === undefined || after === undefined || after.id !== before.id) return;
        const was = before.steps ?? [];
        const is = after.steps ?? [];
        assert.equal(is.slice(0, was.length), was, `${command.kind} changed what stood there`);
        assert.is(new Set(is.map(({ name }) => name)).size, is.length);
        if (is.length === was.length) return;
        count.kept++;
        assert.is(command.kind, 'keep-step');
        assert.ok(before.status === 'in_progress' || before.status === 'aborting');
      },
      stepping,
    );
  },
  SLOW,
);

test(
  'D every task that was answered `created` has a record in its turn, or an outcome that can be kept',
  () => {
    eachTurn(({ before, after, decision, command }) => {
      if (decision.ok && decision.answer.kind === 'created' && after !== undefined) {
        const { id } = decision.answer;
        assert.ok(after.id === id || successorsOf(after).some((s) => s.spec.id === id));
      }
      const gone = successorsOf(before).filter(
        (s) => after?.id !== s.spec.id && !successorsOf(after).some((t) => t.spec.id === s.spec.id),
      );
      // Only what was cancelled leaves, and its outcome is told to whoever has to keep it.
      const told = before === undefined || after === undefined ? [] : outcomesGone(before, after);
      for (const { spec, cancelled } of gone) {
        assert.ok(cancelled !== undefined, `${command.kind} lost a waiting task`);
        assert.ok(told.some(({ id, status }) => id === spec.id && status === 'aborted'));
      }
    });
  },
  SLOW,
);

test(
  'G1 nothing begins before all it waits for has ended; what it waits for, and how that ended, stands',
  () => {
    let blocked = 0;
    const count = { released: 0 };
    eachTurnUntil({ count, above: 20 }, ({ before, after, command }) => {
      if (after === undefined) return;
      if (isBlocked(after)) {
        blocked++;
        assert.ok(after.attempt === 0 && after.owner === undefined, `${command.kind} began what waits`);
        assert.ok(after.status === 'pending' || after.status === 'aborted' || after.status === 'failure');
      }
      if (before === undefined || before.id !== after.id) return;
      assert.equal(edgesOf(after), edgesOf(before), `${command.kind} changed what it waits for`);
      for (const [i, { end }] of (before.dependsOn ?? []).entries())
        if (end !== undefined) assert.equal(after.dependsOn?.[i]?.end, end);
      if (isBlocked(before) && !isBlocked(after)) count.released++;
      // Without one that failed it, nothing that has not begun fails.
      if (before.status === 'pending' && after.status === 'failure')
        assert.ok(after.dependsOn?.some(({ end, onFailure }) => onFailure === undefined && end?.status !== 'success'));
    });
    assert.ok(blocked > count.released, `${blocked} blocked`);
  },
  SLOW,
);

const edgesOf = ({ dependsOn = [] }: TaskRecord) => dependsOn.map(({ id, onFailure }) => [id, onFailure]);

test(
  'G3 what a task knows of its children stands: none leaves, ends are final, and nothing is noted once it has ended',
  () => {
    const count = { ended: 0 };
    eachTurnUntil(
      { count, above: 10 },
      ({ before, after, command }) => {
        if (before === undefined || after === undefined || after.id !== before.id) return;
        const was = before.children ?? [];
        const is = after.children ?? [];
        for (const [i, { id, end }] of was.entries()) {
          assert.is(is[i]?.id, id, `${command.kind} changed the children`);
          if (end !== undefined) assert.equal(is[i]?.end, end);
          else if (is[i]?.end !== undefined) count.ended++;
        }
        assert.is(new Set(is.map(({ id }) => id)).size, is.length);
        if (isTerminal(before.status)) assert.is(after.children, before.children);
        const { over: _was, ...parentBefore } = before.parent ?? {};
        const { over: _is, ...parentAfter } = after.parent ?? {};
        assert.equal(parentAfter, parentBefore, `${command.kind} changed the parent`);
        assert.equal((after.waitsOver ?? []).slice(0, before.waitsOver?.length ?? 0), before.waitsOver ?? []);
      },
      families,
    );
  },
  SLOW,
);

test(
  'G3 a child whose parent did not succeed ends or is being aborted, unless it was left or cannot be stopped',
  () => {
    const seen = { aborted: 0, aborting: 0, running: 0 };
    eachTurnUntil(
      { count: seen, above: 2 },
      ({ before, after, command, decision }) => {
        if (command.kind !== 'parent-ended' || !decision.ok || before === undefined || after === undefined) return;
        const { parent, status, finishing, abortable, cancelling, policy } = before;
        if (command.how === 'success' || parent?.leave || parent?.over || isTerminal(status)) {
          assert.is(after.status, status);
        } else if (status === 'pending') {
          assert.is(after.status, 'aborted');
          seen.aborted++;
        } else if (
          status === 'aborting' ||
          (!finishing && (abortable || cancelling || policy.isolation === 'thread'))
        ) {
          assert.is(after.status, 'aborting');
          seen.aborting++;
        } else {
          assert.is(after, before);
          seen.running++;
        }
      },
      families,
    );
  },
  SLOW,
);

test(
  'G4 a wait for children ends by their ends, a cancel or its time, counts no attempt, and is answered alike in every run',
  () => {
    const ways = { 'note-children': 0, claim: 0, cancel: 0, 'parent-ended': 0 };
    eachTurnUntil(
      { count: ways, above: 5 },
      ({ before, after, command }) => {
        if (after === undefined || before === undefined || after.id !== before.id || after === before) return;
        if (command.kind === 'await-children')
          assert.equal([after.status, after.failures, after.rescues], ['pending', before.failures, before.rescues]);
        const { waiting } = before;
        if (waiting === undefined || !('children' in waiting)) return;
        const is = answerOfChildren(after, waiting);
        if (after.waiting !== undefined) return assert.is(is, undefined, `${command.kind} left it waiting`);
        assert.ok(command.kind in ways, `${command.kind} ended a wait`);
        ways[command.kind as keyof typeof ways]++;
        if (command.kind === 'claim') assert.is(is?.kind, 'timed-out');
        if (command.kind === 'note-children') assert.ok(is !== undefined && after.runAt === undefined);
      },
      families,
    );
  },
  SLOW,
);

test(
  'L10 a history is bounded, keeps its beginning and its end, and says how much it lost',
  () => {
    fc.assert(
      fc.property(fc.nat(300), (count) => {
        let kept: Parameters<typeof withTransition>[0] = { history: [] };
        for (let i = 0; i < count; i++) kept = withTransition(kept, { status: 'pending', at: i, by: 'x', attempt: i });
        assert.ok(kept.history.length <= HISTORY_LIMIT);
        assert.is(kept.history.length + (kept.historyDropped ?? 0), count);
        const ats = kept.history.map((h) => h.at);
        const tail = HISTORY_LIMIT - HISTORY_HEAD;
        assert.equal(
          ats,
          Array.from({ length: count }, (_, i) => i).filter(
            (i) => count <= HISTORY_LIMIT || i < HISTORY_HEAD || i >= count - tail,
          ),
        );
      }),
      { numRuns: 100 },
    );
  },
  SLOW,
);

test(
  'the stories reach every status and every kind of decision',
  () => {
    const statuses = new Set<string>();
    const events = new Set<string>();
    const refusals = new Set<string>();
    const look = ({ after, decision }: Turn): void => {
      if (after !== undefined) statuses.add(after.status);
      if (decision.ok) for (const event of decision.events) events.add(event.kind);
      else refusals.add(decision.refusal.reason);
    };
    eachTurn(look, { seed: 20_261_129, numRuns: 10_000 });
    assert.equal([...statuses].toSorted(), Object.keys(NEXT).toSorted());
    // How large a record is, its store knows; and no story is so long that it has all signals, steps or children it may.
    const beyond: readonly string[] = ['record_full', 'signals_full', 'steps_full', 'children_full'];
    const decided = ALL_REFUSAL_REASONS.filter((reason) => !beyond.includes(reason));
    assert.equal([...refusals].toSorted(), decided.toSorted());
    assert.equal([...events].toSorted(), Object.keys(EVENT_KINDS).toSorted());
  },
  SLOW,
);

test.run();
