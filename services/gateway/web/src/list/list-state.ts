import type { ApiError } from '../api/http.ts';
import type { Task } from '../task/task.ts';
import { EVERYTHING, type ListQuery } from './query.ts';

export const PAGE_SIZE = 25;
/** More are not counted: nobody reads the difference, and memory stays flat. */
export const FRESH_LIMIT = 1_000;

/** A task in the list. `left`: it does not fit the filter any more, and stays where it is until the list is read anew. */
export type Row = { readonly task: Task; readonly left: boolean };

/**
 * `live`: every change appears as it happens. `behind`: the stream stands, and what is shown may be older than it.
 * `offline`: it is tried again. `denied`: nobody, or somebody else, is signed in.
 */
export type LiveState = 'connecting' | 'live' | 'behind' | 'offline' | 'denied';

export type ListState = {
  readonly query: ListQuery;
  readonly phase: 'loading' | 'ready' | 'failed';
  /** Why the last reading failed; rows that were there before stay. */
  readonly fault: ApiError | undefined;
  readonly rows: readonly Row[];
  /** From 1. */
  readonly page: number;
  readonly next: string | undefined;
  readonly count: number;
  readonly countExact: boolean;
  /** Tasks that would be in the list if it was read now. */
  readonly fresh: number;
  readonly live: LiveState;
};

export const EMPTY_LIST: ListState = {
  query: EVERYTHING,
  phase: 'loading',
  fault: undefined,
  rows: [],
  page: 1,
  next: undefined,
  count: 0,
  countExact: true,
  fresh: 0,
  live: 'connecting',
};

/** Puts changed tasks in the place of their older versions. The same list when nothing in it has changed. */
export const withChanges = (
  rows: readonly Row[],
  changed: ReadonlyMap<string, Task>,
  left: ReadonlySet<string>,
  hidden: ReadonlySet<string>,
): readonly Row[] => {
  let touched = false;
  const next: Row[] = [];
  for (const row of rows) {
    if (hidden.has(row.task.uuid)) {
      touched = true;
      continue;
    }
    const task = changed.get(row.task.uuid);
    const isNewer = task !== undefined && task.revision > row.task.revision;
    const isLeft = left.has(row.task.uuid) || (row.left && !isNewer);
    if (!isNewer && isLeft === row.left) next.push(row);
    else {
      touched = true;
      next.push({ task: isNewer ? task : row.task, left: isLeft });
    }
  }
  return touched ? next : rows;
};
