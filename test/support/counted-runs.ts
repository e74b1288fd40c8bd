import type { TaskRecord } from '@baton/core';
import { CLAIMED_TOO_LATE, recordOf } from '@baton/runtime';
import type { Heard } from './system-fixture.ts';

/** From the version of a record that runs, or is told to stop, to the first that does neither. */
type CountedRun = { readonly name: string; readonly from: number; readonly begun: TaskRecord; ended?: TaskRecord };

/** What happened at one revision: a run began, or ended. */
type Change = { readonly run: CountedRun; readonly at: number; readonly by: 1 | -1 };

/** In the order of revisions, by what `of` names of each task (undefined: not counted), going through every version of every record. */
const changesIn = (heard: readonly Heard[], of: (record: TaskRecord) => string | undefined): readonly Change[] => {
  const running = new Map<string, CountedRun>();
  const changes: Change[] = [];
  for (const entry of heard
    .filter(({ outcomeOf }) => outcomeOf === undefined)
    .toSorted((a, b) => a.revision - b.revision)) {
    if (entry.bytes.length === 0) continue;
    const record = recordOf(entry);
    const former = running.get(entry.address);
    const runs = (record.status === 'in_progress' || record.status === 'aborting') && record.host === undefined;
    const name = runs ? of(record) : undefined;
    if (former?.name === name) continue;
    if (former !== undefined) {
      former.ended = record;
      running.delete(entry.address);
      changes.push({ run: former, at: entry.revision, by: -1 });
    }
    if (name === undefined) continue;
    const run = { name, from: entry.revision, begun: record };
    running.set(entry.address, run);
    changes.push({ run, at: entry.revision, by: 1 });
  }
  return changes.filter(({ run }) => !isLate(run.ended));
};

/** The body never began: its claim was stored after its offer had run out. */
const isLate = (ended: TaskRecord | undefined): boolean => ended?.history.at(-1)?.why === CLAIMED_TOO_LATE;

/** The most tasks that ran at the same time, by name. */
export const mostAtOnce = (
  heard: readonly Heard[],
  of: (record: TaskRecord) => string | undefined,
): ReadonlyMap<string, number> => {
  const now = new Map<string, number>();
  const most = new Map<string, number>();
  for (const { run, by } of changesIn(heard, of)) {
    const next = (now.get(run.name) ?? 0) + by;
    now.set(run.name, next);
    most.set(run.name, Math.max(most.get(run.name) ?? 0, next));
  }
  return most;
};

/** For a failure: what ran when for the first time more than `limit` of the name did, who ran it, and what became of it. */
export const firstAbove = (
  heard: readonly Heard[],
  of: (record: TaskRecord) => string | undefined,
  name: string,
  limit: number,
): string => {
  const now = new Set<CountedRun>();
  for (const { run, at, by } of changesIn(heard, of)) {
    if (run.name !== name) continue;
    if (by < 0) now.delete(run);
    else now.add(run);
    if (now.size > limit) return [`${now.size} at revision ${at}:`, ...[...now].map(textOf)].join('\n');
  }
  return `never more than ${limit}`;
};

const textOf = ({ from, begun, ended }: CountedRun): string =>
  `${from} ${begun.id} attempt ${begun.attempt} ${JSON.stringify(begun.owner)}, then ${JSON.stringify(ended?.history.at(-1))}`;

/** Starts that were recorded and whose body began, oldest first: when they were stored, and of which task. */
export const startsOf = (heard: readonly Heard[]): readonly { readonly at: number; readonly record: TaskRecord }[] => {
  const starts = new Map<string, { readonly at: number; readonly record: TaskRecord }>();
  for (const entry of heard.toSorted((a, b) => a.revision - b.revision)) {
    if (entry.outcomeOf !== undefined || entry.bytes.length === 0) continue;
    const record = recordOf(entry);
    if (record.startedAt === undefined) continue;
    const run = `${record.id} ${record.attempt}`;
    if (!starts.has(run)) starts.set(run, { at: entry.storedAt, record });
    else if (record.status === 'pending' && isLate(record)) starts.delete(run);
  }
  return [...starts.values()].toSorted((a, b) => a.at - b.at);
};
