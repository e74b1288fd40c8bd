import type { Child, TaskRecord } from '@baton/core';
import { addressOf } from '@baton/protocols';
import * as assert from 'uvu/assert';
import { suite } from '../../../../test/support/suite.ts';
import { checkFamilies } from './family.ts';
import { checkLife } from './life.ts';
import type { Recorded } from './recorded.ts';

const test = suite('testkit: family checker');

let revision = 0;

const stored = (id: string, key: string, more: Partial<TaskRecord> = {}): Recorded => {
  const status = more.status ?? 'pending';
  const isOver = status !== 'pending' && status !== 'in_progress';
  const record: TaskRecord = {
    ...({
      v: 1,
      id,
      type: 'job',
      key,
      name: key,
      scope: 'system',
      queue: 'q',
      priority: 'low',
      mode: 'async',
    } as const),
    ...{ policy: {}, subscribers: [], createdAt: 1, changedAt: 1, attempt: 0 },
    status,
    ...(isOver ? { endedAt: 2 } : {}),
    history: [{ status, at: 1, by: 'x', attempt: 0 }],
    ...more,
  };
  return { address: addressOf({ scope: 'system', type: 'job', key }), epoch: 1, revision: ++revision, record };
};

const parent = { id: 'p', address: addressOf({ scope: 'system', type: 'job', key: 'p' }) };
const child = (id: string, more: Partial<Child> = {}): Child => ({ id, address: `a.${id}`, name: id, ...more });
const aborted = { status: 'aborted', abort: { cause: 'cancel', by: 'x', at: 1 } } as const;
const rulesOf = ({ problems }: ReturnType<typeof checkLife>) => [...new Set(problems.map(({ rule }) => rule))];

test('G3 a family that hangs together is one; what is wrong in each way is found', () => {
  const good = [
    stored('p', 'p', { ...aborted, children: [child('c', { end: { status: 'aborted', at: 1 } }), child('d')] }),
    stored('c', 'p/c', { ...aborted, parent }),
    stored('d', 'p/d', { parent: { ...parent, leave: true } }),
  ];
  const { ok, counters } = checkFamilies(good);
  assert.equal([ok, counters], [true, { children: 2, cancelled: 1, left: 1 }]);
  const [whole, first] = good as [Recorded, Recorded, Recorded];
  assert.equal(rulesOf(checkFamilies([...good, stored('e', 'p/e', { parent })])), ['child-ends-with-parent']);
  assert.equal(rulesOf(checkFamilies([...good, stored('c2', 'p/c', { ...aborted, parent })])), ['child-once']);
  assert.equal(rulesOf(checkFamilies([whole, { ...first, record: { ...first.record, status: 'success' } }])), [
    'child-told',
  ]);
});

test('G3 what a task knows of its children does not go again, and its parent is no other', () => {
  const life = (...steps: readonly Partial<TaskRecord>[]) => checkLife(steps.map((more) => stored('p', 'p', more)));
  const known = { children: [child('c', { end: { status: 'failure', at: 1 } })], waitsOver: [1], parent };
  assert.is(life(known, { ...known, children: [...known.children, child('d')], waitsOver: [1, 2] }).ok, true);
  for (const [rule, next] of [
    ['children-stand', { ...known, children: [] }],
    ['children-stand', { ...known, children: [child('c', { end: { status: 'success', at: 1 } })] }],
    ['children-stand', { ...known, children: [child('x'), child('c')] }],
    ['waits-stand', { ...known, waitsOver: [2] }],
    ['parent-stands', { ...known, parent: { ...parent, id: 'q' } }],
    ['parent-stands', { ...known, parent: { ...parent, leave: true } }],
  ] as const)
    assert.equal(rulesOf(life(known, next)), [rule]);
  const late = life({ ...aborted, ...known }, { ...aborted, ...known, children: [...known.children, child('d')] });
  assert.ok(rulesOf(late).includes('children-stand'));
});

test.run();
