import type { TaskRecord } from '@baton/core';
import { recordOf } from '@baton/runtime';
import type { Heard } from './system-fixture.ts';

/**
 * The most tasks that ran at the same time, by what `of` names of each (undefined: not counted), going through every version
 * of every record in the order in which they were stored.
 */
export const mostAtOnce = (
  heard: readonly Heard[],
  of: (record: TaskRecord) => string | undefined,
): ReadonlyMap<string, number> => {
  const running = new Map<string, string>();
  const now = new Map<string, number>();
  const most = new Map<string, number>();
  const add = (name: string, count: number): void => {
    const next = (now.get(name) ?? 0) + count;
    now.set(name, next);
    most.set(name, Math.max(most.get(name) ?? 0, next));
  };
  for (const entry of heard
    .filter(({ outcomeOf }) => outcomeOf === undefined)
    .toSorted((a, b) => a.revision - b.revision)) {
    if (entry.bytes.length === 0) continue;
    const record = recordOf(entry);
    const former = running.get(entry.address);
    const runs = (record.status === 'in_progress' || record.status === 'aborting') && record.host === undefined;
    const name = runs ? of(record) : undefined;
    if (former === name) continue;
    if (former !== undefined) add(former, -1);
    if (name === undefined) running.delete(entry.address);
    else {
      running.set(entry.address, name);
      add(name, 1);
    }
  }
  return most;
};

/** Starts that were recorded, oldest first: when, by the server's clock, and of which task. */
export const startsOf = (heard: readonly Heard[]): readonly { readonly at: number; readonly record: TaskRecord }[] => {
  const seen = new Set<string>();
  const starts: { readonly at: number; readonly record: TaskRecord }[] = [];
  for (const entry of heard) {
    if (entry.outcomeOf !== undefined || entry.bytes.length === 0) continue;
    const record = recordOf(entry);
    if (record.startedAt === undefined || seen.has(`${record.id} ${record.attempt}`)) continue;
    seen.add(`${record.id} ${record.attempt}`);
    starts.push({ at: record.startedAt, record });
  }
  return starts.toSorted((a, b) => a.at - b.at);
};
