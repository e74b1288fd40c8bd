import { decide, fold, type Command, type TaskRecord, type TaskSpec } from '@baton/core';
import * as fc from 'fast-check';
import * as assert from 'uvu/assert';
import { suite } from '../../test/support/suite.ts';
import { decodeRecord, encodeData, encodeRecord } from './index.ts';

const test = suite('records that decisions lead to');

/** Hundreds of runs, on a machine that may have other things to do. */
const SLOW = { limitMs: 120_000 };

const AT = 1_700_000_000_000;
const fence = { epoch: AT - 5, revision: 7 };

const small: TaskSpec = {
  id: '018bcfe5-6800-7000-8000-000000000001',
  type: 'report',
  key: 'k',
  name: 'Report',
  scope: 'shared',
  creator: 'alice',
  args: encodeData([1, { deep: ['x'] }]),
  queue: 'default',
  priority: 'high',
  mode: 'async',
  policy: {},
};

test('a record stays small', () => {
  const decision = decide(undefined, {
    kind: 'submit',
    at: AT,
    actor: { user: 'alice', admin: false },
    spec: small,
    whenAborting: 'queue',
  });
  const record = decision.ok ? fold(undefined, decision) : undefined;
  assert.ok(record);
  const { length } = encodeRecord(record);
  assert.ok(length < 400, String(length));
});

test(
  'every record that decisions lead to comes back as it was',
  () => {
    const statuses = new Set<string>();
    const step = fc.record({ kind: fc.nat(11), flag: fc.boolean(), n: fc.nat(9) });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 30, size: 'max' }), (steps) => {
        let record: TaskRecord | undefined;
        for (const [i, { kind, flag, n }] of steps.entries()) {
          const decision = decide(record, commandOf(record, kind, flag, n, i));
          if (!decision.ok) continue;
          record = fold(record, decision);
          if (record !== undefined) statuses.add(record.status);
          if (record !== undefined) assert.equal(decodeRecord(encodeRecord(record)), record);
        }
      }),
      { numRuns: 500, seed: 20_261_124 },
    );
    assert.is(statuses.size, 7);
  },
  SLOW,
);

/** Steps that make sense more often than not. */
const commandOf = (record: TaskRecord | undefined, kind: number, flag: boolean, n: number, i: number): Command => {
  const at = AT + i;
  const id = record?.id ?? 'a';
  const shown = record?.owner?.fence ?? fence;
  const by = 'supervisor:s1';
  const body = flag
    ? ({ kind: 'returned', result: encodeData({ n }) } as const)
    : ({ kind: 'threw', error: { message: 'x', type: 'Error' } } as const);
  const policy = { maxAttempts: 3, timeoutMs: 5 };
  const commands: readonly Command[] = [
    {
      kind: 'submit',
      at,
      actor: { user: `u${n}`, admin: false },
      spec: { ...small, policy, id: `t${i}`, creator: `u${n}`, ...(flag ? { runAt: at } : {}) },
      whenAborting: 'queue',
    },
    { kind: 'claim', at, id, worker: 'w', epoch: AT, revision: i, offered: i },
    { kind: 'claim', at, id, worker: 'w', epoch: AT, revision: i, offered: i },
    { kind: 'make-abortable', at, fence: shown },
    { kind: 'progress', at, fence: shown, progress: { current: n, total: 9 }, payload: encodeData([n]) },
    {
      kind: 'cancel',
      at,
      actor: { user: 'root', admin: true },
      id: flag ? id : (record?.successor?.spec.id ?? id),
      force: true,
    },
    { kind: 'observe-abort', at, fence: shown, deliveredAt: at, observedAt: at },
    { kind: 'finish', at, fence: shown, body, handlerErrors: [], abortHandled: true, random: 0.3 },
    { kind: 'time-out', at, by, fence: shown },
    { kind: 'rescue', at, by, id, worker: 'w' },
    { kind: 'promote', at, by, id },
    { kind: 'archive', at, id },
  ];
  return commands[kind] ?? { kind: 'archive', at, id };
};

test.run();
