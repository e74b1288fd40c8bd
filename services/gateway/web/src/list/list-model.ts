import { followEvents } from '../api/event-stream.ts';
import { ApiError, type Server } from '../api/http.ts';
import { filterParameters, listTasks, type Page } from '../api/tasks.ts';
import { taskOf, type WireTask } from '../api/wire.ts';
import type { ServerEvent } from '../api/event-parser.ts';
import type { Task } from '../task/task.ts';
import { oncePerFrame } from '../ui/frames.ts';
import { createStore, type Store } from '../ui/store.ts';
import { EMPTY_LIST, FRESH_LIMIT, type ListState, PAGE_SIZE, type Row, withChanges } from './list-state.ts';
import { searchOf, type ListQuery } from './query.ts';
import { createRecentChanges } from './recent-changes.ts';

export type ListModel = {
  readonly state: Store<ListState>;
  /** Shows what fits the query, from its first page; what is shown already stays. */
  readonly show: (query: ListQuery) => void;
  /** Reads the list anew from its first page, with what is new. */
  readonly refresh: () => void;
  readonly nextPage: () => void;
  readonly previousPage: () => void;
  /** A newer version of a task, from an answer. */
  readonly put: (task: Task) => void;
  readonly remove: (uuid: string) => void;
  readonly close: () => void;
};

/** Longer than the database is behind the events, at any rate a browser can follow. */
const RECENT_LIMIT = 1_000;

type TaskEvent = { readonly change: 'created' | 'status' | 'update' | 'current'; readonly task: WireTask };
type LeaveEvent = { readonly uuid: string; readonly reason: 'filter' | 'hidden' };

/**
 * The list and what happens to it. One stream of events with the list's filters; changes are collected and put in once
 * a frame. Kept is what is shown, the last changes, and the ids of what is new up to a limit: memory does not grow with
 * the tasks there are.
 */
export const createListModel = (server: Server): ListModel => {
  const state = createStore<ListState>(EMPTY_LIST);
  const recent = createRecentChanges(RECENT_LIMIT);
  const changed = new Map<string, Task>();
  const left = new Set<string>();
  const hidden = new Set<string>();
  const fresh = new Set<string>();
  /** Cursors of the pages before this one. */
  let cursors: (string | undefined)[] = [undefined];
  let opened: string | undefined;
  let stopStream: (() => void) | undefined;
  let reading: AbortController | undefined;

  const patch = (fields: Partial<ListState>): void => state.update((before) => ({ ...before, ...fields }));

  const drawChanges = oncePerFrame(() => {
    const { rows, fresh: before } = state.get();
    const next = withChanges(rows, changed, left, hidden);
    changed.clear();
    left.clear();
    hidden.clear();
    if (next !== rows || before !== fresh.size) patch({ rows: next, fresh: fresh.size });
  });

  const isShown = (uuid: string): boolean => state.get().rows.some(({ task }) => task.uuid === uuid);

  const put = (task: Task): void => {
    recent.note(task);
    if (!isShown(task.uuid)) return;
    changed.set(task.uuid, recent.newest(task));
    drawChanges();
  };

  /** New in this list: made since, or come into the filter by its change of status. */
  const isFresh = (change: TaskEvent['change'], task: Task): boolean =>
    !isShown(task.uuid) && (change === 'created' || (change === 'status' && state.get().query.status.length > 0));

  const onTask = ({ change, task: wire }: TaskEvent): void => {
    const task = taskOf(wire);
    put(task);
    if (fresh.size >= FRESH_LIMIT || !isFresh(change, task)) return;
    fresh.add(task.uuid);
    // In an empty list nothing can be shifted: what comes is shown at once.
    const { rows, phase } = state.get();
    if (rows.length === 0 && phase === 'ready' && cursors.length === 1) void read(undefined, 'quietly');
    else drawChanges();
  };

  const onLeave = ({ uuid, reason }: LeaveEvent): void => {
    fresh.delete(uuid);
    recent.forget(uuid); // or the next page would put it on top again
    if (isShown(uuid)) (reason === 'hidden' ? hidden : left).add(uuid);
    drawChanges();
  };

  const onEvent = ({ event, data }: ServerEvent): void => {
    if (event === 'task') onTask(JSON.parse(data) as TaskEvent);
    else if (event === 'leave') onLeave(JSON.parse(data) as LeaveEvent);
    // What was read before the stream stood may be older than the stream: once more, now that nothing is missed.
    else if (event === 'snapshot' || event === 'reset') void read(cursors.at(-1), 'quietly');
  };

  const openStream = (query: ListQuery): void => {
    stopStream?.();
    stopStream = followEvents({
      server,
      path: '/api/v1/task/events',
      query: { ...filterParameters(query), page_size: '1' },
      onEvent,
      onState: (live) => patch({ live }),
    });
  };

  const read = async (cursor: string | undefined, how: 'openly' | 'quietly'): Promise<void> => {
    reading?.abort();
    const own = new AbortController();
    reading = own;
    if (how === 'openly') patch({ phase: 'loading', fault: undefined });
    try {
      const page = await listTasks(server, state.get().query, { pageSize: PAGE_SIZE, cursor, signal: own.signal });
      if (!own.signal.aborted) take(page);
    } catch (error) {
      if (own.signal.aborted) return;
      if (!(error instanceof ApiError)) throw error;
      patch({ phase: 'failed', fault: error });
    }
  };

  const take = (page: Page): void => {
    const isFirst = cursors.length === 1;
    const rows = rowsOf(page, isFirst);
    const shown = new Set(rows.map(({ task }) => task.uuid));
    for (const uuid of shown) fresh.delete(uuid);
    if (isFirst) fresh.clear();
    patch({
      phase: 'ready',
      fault: undefined,
      rows,
      page: cursors.length,
      next: page.next,
      count: page.count,
      countExact: page.countExact,
      fresh: fresh.size,
    });
  };

  /** The newest first: tasks whose making was heard of, and that the database has not got yet, belong on top. */
  const rowsOf = ({ tasks, next }: Page, isFirst: boolean): readonly Row[] => {
    const { query } = state.get();
    const newest = tasks.map(recent.newest);
    const ahead =
      isFirst && query.sortBy === 'created_on' && query.descending
        ? recent.madeAfter(tasks[0]?.createdAt ?? 0, new Set(tasks.map(({ uuid }) => uuid)))
        : [];
    const all = [...ahead.toSorted((a, b) => b.createdAt - a.createdAt), ...newest];
    const shown = next === undefined && all.length <= PAGE_SIZE ? all : all.slice(0, PAGE_SIZE);
    return shown.map((task) => ({ task, left: false }));
  };

  const show = (query: ListQuery): void => {
    const wanted = searchOf(query);
    if (opened === wanted) return;
    opened = wanted;
    cursors = [undefined];
    for (const kept of [changed, left, hidden, fresh, recent]) kept.clear();
    patch({ ...EMPTY_LIST, query, rows: state.get().rows, live: state.get().live });
    openStream(query);
    void read(undefined, 'openly');
  };

  return {
    state,
    show,
    put,
    remove: (uuid) => {
      recent.forget(uuid);
      hidden.add(uuid);
      drawChanges();
    },
    refresh: () => {
      cursors = [undefined];
      void read(undefined, 'openly');
    },
    nextPage: () => {
      const { next } = state.get();
      if (next === undefined) return;
      cursors = [...cursors, next];
      void read(next, 'openly');
    },
    previousPage: () => {
      if (cursors.length === 1) return;
      cursors = cursors.slice(0, -1);
      void read(cursors.at(-1), 'openly');
    },
    close: () => {
      stopStream?.();
      reading?.abort();
    },
  };
};
