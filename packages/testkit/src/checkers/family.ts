import type { TaskRecord } from '@baton/core';
import { isEnd } from './life-rules.ts';
import { byTask, canonical, placeOf, type Recorded } from './recorded.ts';
import { Findings, type Report } from './report.ts';

/**
 * What a task knows of its children stands, and a child stays its parent's (behaviour G3): two records of one task, one
 * directly behind the other.
 */
export const checkFamilyStep = (
  found: Findings,
  from: TaskRecord,
  to: TaskRecord,
  say: (text: string) => () => string,
): void => {
  const before = from.children ?? [];
  const after = to.children ?? [];
  const stand = before.every(
    ({ id, end }, i) => after[i]?.id === id && (end === undefined || after[i].end?.status === end.status),
  );
  found.expect(stand, 'children-stand', say('forgot a child, or how one has ended'));
  if (isEnd(from.status))
    found.expect(canonical(before) === canonical(after), 'children-stand', say('learned of a child after its end'));
  found.expect(
    from.parent?.id === to.parent?.id && from.parent?.leave === to.parent?.leave,
    'parent-stands',
    say('has another parent'),
  );
  const waits = from.waitsOver ?? [];
  found.expect(
    canonical((to.waitsOver ?? []).slice(0, waits.length)) === canonical(waits),
    'waits-stand',
    say('a wait for children that was over is not any more'),
  );
};

/**
 * All that was ever stored, once everything has come to rest (behaviour G3): one task for a child, however often it was
 * spawned; none outlives a parent that did not succeed, unless it was to be left; and what a parent was told of a child is
 * what became of it.
 */
export const checkFamilies = (records: readonly Recorded[]): Report => {
  const found = new Findings();
  const last = new Map<string, Recorded>();
  for (const [id, all] of byTask(records)) {
    const newest = all.at(-1);
    if (newest !== undefined) last.set(id, newest);
  }
  const places = new Map<string, string>();
  for (const [id, one] of last) {
    const { record } = one;
    checkTold(found, one, last);
    const { parent } = record;
    if (parent === undefined) continue;
    found.count('children');
    const place = `${parent.id} ${one.address}`;
    const known = places.get(place);
    found.expect(known === undefined, 'child-once', () => `${placeOf(one)}: ${id} and ${known} are one child`);
    places.set(place, id);
    const above = last.get(parent.id)?.record;
    if (above === undefined || !isEnd(above.status)) continue;
    if (above.status === 'success' || parent.leave) found.count('left');
    else {
      found.count('cancelled');
      found.expect(
        isEnd(record.status),
        'child-ends-with-parent',
        () => `${placeOf(one)}: is ${record.status}, its parent ${parent.id} ${above.status}`,
      );
    }
  }
  return found.report();
};

const checkTold = (found: Findings, one: Recorded, last: ReadonlyMap<string, Recorded>): void => {
  for (const { id, end } of one.record.children ?? []) {
    if (end === undefined || end.status === 'gone') continue;
    const status = last.get(id)?.record.status;
    found.expect(
      status === end.status,
      'child-told',
      () => `${placeOf(one)}: was told that ${id} is ${end.status}, which is ${status ?? 'nowhere'}`,
    );
  }
};
