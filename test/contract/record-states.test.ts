// What a reader may rely on in each state, held against the records of random stories.
import { decide, evolve, type Command, type Fence, type Status, type TaskRecord } from '@baton/core';
import fc from 'fast-check';
import * as assert from 'uvu/assert';
import { commandOf, surroundingsOf, type Intent } from '../../packages/core/src/testing/intents.ts';
import { openFits, picture } from '../support/contract/schemas.ts';
import { suite } from '../support/suite.ts';

const test = suite('record states');

const OFTEN: readonly Command['kind'][] = [
  'submit',
  'claim',
  'claim',
  'make-abortable',
  'finish',
  'cancel',
  'time-out',
];
const KINDS: readonly Command['kind'][] = [
  ...([
    'submit',
    'cancel',
    'signal',
    'suspend',
    'keep-step',
    'set-cancel-handle',
    'end-cancelling',
    'retry',
    'claim',
    'make-abortable',
    'progress',
    'mark-finishing',
    'observe-abort',
  ] as const),
  ...(['finish', 'give-back', 'time-out', 'mark-not-stopping', 'rescue', 'promote', 'release-successors'] as const),
  'archive',
];

const actor = fc.constantFrom(
  { user: 'alice', admin: false },
  { user: 'bob', admin: false },
  { user: 'root', admin: true },
);

const steps: fc.Arbitrary<readonly Intent[]> = fc.array(
  fc.record<Intent>({
    kind: fc.oneof({ weight: 3, arbitrary: fc.constantFrom(...OFTEN) }, fc.constantFrom(...KINDS)),
    actor,
    worker: fc.constantFrom('w1', 'w2'),
    id: fc.oneof(
      { weight: 4, arbitrary: fc.constant('present' as const) },
      fc.constantFrom('next', 'waiting', 'other'),
    ),
    fence: fc.oneof({ weight: 6, arbitrary: fc.constant('present' as const) }, fc.constantFrom('past', 'wrong')),
    pick: fc.nat(20),
    scope: fc.constantFrom('private', 'shared'),
    policy: fc.constantFrom({}, { maxAttempts: 2, timeoutMs: 5 }, { onOrphan: 'fail' as const, maxRescues: 0 }),
    flag: fc.boolean(),
    number: fc.nat(1_000),
    whenAborting: fc.constantFrom('queue', 'join', 'reject'),
  }),
  { maxLength: 30 },
);

const straight = (kind: Command['kind']): Intent => ({
  ...({
    kind,
    actor: { user: 'alice', admin: false },
    worker: 'w1',
    id: 'present',
    fence: 'present',
    // Of one that waits for nobody, is not called inline, and joins.
    pick: 11,
  } as const),
  ...({ scope: 'private', policy: { timeoutMs: 5 }, flag: false, number: 0, whenAborting: 'queue' } as const),
});

/** Ways to states that chance alone rarely comes to. */
const BEGINNINGS: readonly (readonly Command['kind'][])[] = [
  [],
  ['submit', 'claim', 'make-abortable', 'cancel'],
  ['submit', 'claim', 'make-abortable', 'time-out'],
  ['submit', 'claim', 'make-abortable', 'time-out', 'observe-abort', 'finish'],
  ['submit', 'claim', 'mark-finishing'],
  ['submit', 'claim', 'set-cancel-handle', 'rescue', 'end-cancelling', 'claim', 'set-cancel-handle'],
  ['submit', 'claim', 'suspend', 'signal', 'claim', 'suspend'],
];

const stories = fc
  .tuple(fc.constantFrom(...BEGINNINGS), steps)
  .map(([beginning, more]): readonly Intent[] => [...beginning.map(straight), ...more]);

/** Every record a story comes by. */
const recordsOf = (story: readonly Intent[]): readonly TaskRecord[] => {
  const seen: TaskRecord[] = [];
  const past: Fence[] = [];
  let record: TaskRecord | undefined;
  let made = 0;
  for (const [at, intent] of story.entries()) {
    const surroundings = surroundingsOf(record, { made, revision: seen.length, past, at });
    const command = commandOf(intent, surroundings);
    const decision = decide(record, command);
    if (!decision.ok) continue;
    record = decision.events.reduce<TaskRecord | undefined>(evolve, record);
    if (record === undefined) continue;
    seen.push(record);
    if (record.owner !== undefined) past.push(record.owner.fence);
    if (command.kind === 'submit' && command.spec.id === surroundings.ids.next) made++;
  }
  return seen;
};

test(
  'every record that is stored has what its state says',
  () => {
    const fits = openFits();
    const seen = new Map<Status, number>();
    fc.assert(
      fc.property(stories, (story) => {
        for (const record of recordsOf(story)) {
          const { fault } = fits('record-by-state', picture(record));
          assert.is(fault, undefined, `${record.status}: ${fault}\n${JSON.stringify(record)}`);
          seen.set(record.status, (seen.get(record.status) ?? 0) + 1);
        }
      }),
      { numRuns: 2_000 },
    );
    assert.is(seen.size, 7, [...seen].join(' '));
    for (const [status, times] of seen) assert.ok(times > 20, `${status}: ${times}`);
  },
  { limitMs: 60_000 },
);

test.run();
