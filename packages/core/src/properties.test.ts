import * as fc from 'fast-check';
import * as assert from 'uvu/assert';
import { suite } from '../../../test/support/suite.ts';
import { HISTORY_HEAD } from './defaults.ts';
import {
  ALL_REFUSAL_REASONS,
  compareFences,
  decide,
  fold,
  HISTORY_LIMIT,
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
import { commandOf, NO_FENCE, type Intent } from './testing/intents.ts';
import { ALICE, BOB, ROOT, SERVICE } from './testing/make.ts';

const test = suite('properties of the decider');

/** Thousands of runs, on a machine that may have other things to do. */
const SLOW = { limitMs: 120_000 };

/** Written by hand from behaviour L1, apart from the code. */
const NEXT: Readonly<Record<Status, readonly Status[]>> = {
  pending: ['in_progress', 'aborted'],
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
    'retry',
    'claim',
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
    'release-successors',
    'archive',
  ] as const),
];

const OFTEN: readonly Command['kind'][] = ['submit', 'claim', 'make-abortable', 'cancel', 'time-out'];

/** Ordinary steps often, nonsense often enough. */
const intents: fc.Arbitrary<readonly Intent[]> = fc.array(
  fc.record<Intent>({
    kind: fc.oneof({ weight: 2, arbitrary: fc.constantFrom(...OFTEN) }, fc.constantFrom(...KINDS)),
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
    const ids = {
      present: record?.id ?? 'task-0',
      next: `task-${made + 1}`,
      waiting: record?.successor?.spec.id ?? 'none',
    };
    const fence = record?.owner?.fence ?? NO_FENCE;
    const command = deepFreeze(commandOf(intent, { ids, revision, fence, past, at }));
    const decision = decide(record, command);
    assert.equal(decide(record, command), decision, 'decided twice, decided otherwise');
    const after = decision.ok ? deepFreeze(fold(record, decision)) : record;
    turns.push({ before: record, command, decision, after });
    if (after !== record) revision++;
    if (after?.owner !== undefined && after.owner !== record?.owner) past.push(after.owner.fence);
    if (command.kind === 'submit' && command.spec.id === ids.next) made++;
    record = after;
  }
  return turns;
};

const RUNS = 1_000;
const eachTurn = (check: (turn: Turn) => void, parameters: fc.Parameters<unknown> = {}): void =>
  fc.assert(
    fc.property(intents, (story) => play(story).forEach(check)),
    { numRuns: RUNS, ...parameters },
  );

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
        assert.ok(['submit', 'retry', 'promote'].includes(command.kind));
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
    let seen = 0;
    eachTurn(({ before, after, command }) => {
      if (!('fence' in command) || command.fence === undefined || before === undefined) return;
      if (isOwnedUnder(before, command.fence) || (command.kind === 'rescue' && before.status === 'pending')) return;
      seen++;
      assert.is(after, before);
    });
    assert.ok(seen > 1_000);
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
    eachTurn(look, { seed: 20_261_125, numRuns: 3_000 });
    assert.equal([...statuses].toSorted(), Object.keys(NEXT).toSorted());
    // How large a record is, its store knows.
    const decided = ALL_REFUSAL_REASONS.filter((reason) => reason !== 'record_full');
    assert.equal([...refusals].toSorted(), decided.toSorted());
    assert.equal([...events].toSorted(), Object.keys(EVENT_KINDS).toSorted());
  },
  SLOW,
);

test.run();
