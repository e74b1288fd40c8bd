import { ApiError, type Server } from '../api/http.ts';
import { listTasks, type Page } from '../api/tasks.ts';
import { taskOf, type WireTask } from '../api/wire.ts';
import type { ServerEvent } from '../api/event-parser.ts';
import type { LiveSource } from '../live/live-source.ts';
import type { StreamState } from '../live/messages.ts';
import type { Task } from '../task/task.ts';
import { oncePerFrame } from '../ui/frames.ts';
import { createStore, type Store } from '../ui/store.ts';
import {
  EMPTY_LIST,
  FRESH_LIMIT,
  type ListState,
  type LiveState,
  PAGE_SIZE,
  type Row,
  withChanges,
} from './list-state.ts';
import { fitsButStatus, fitsQuery } from './matching.ts';
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
/** A quiet reading that failed is made again after this long. */
const AGAIN_MS = 2_000;

type TaskEvent = { readonly change: 'created' | 'status' | 'update' | 'current'; readonly task: WireTask };
type LeaveEvent = { readonly uuid: string };

/**
 * The list and what happens to it. Changes come from the stream that all pages share, are collected and put in once a
 * frame. Kept is what is shown, the last changes, and the ids of what is new up to a limit: memory does not grow with
 * the tasks there are.
 */
export const createListModel = (server: Server, live: LiveSource): ListModel => {
  const state = createStore<ListState>(EMPTY_LIST);
  const recent = createRecentChanges(RECENT_LIMIT);
  const changed = new Map<string, Task>();
  const left = new Set<string>();
  const hidden = new Set<string>();
  const fresh = new Set<string>();
  /** Cursors of the pages before this one. */
  let cursors: (string | undefined)[] = [undefined];
  let opened: string | undefined;
  let stopListening: (() => void) | undefined;
  let reading: AbortController | undefined;
  let again: ReturnType<typeof setTimeout> | undefined;
  let stream: StreamState = 'connecting';
  /** How often the stream has begun, and after which beginning what is shown was read. */
  let begun = 0;
  let readAfter = 0;

  const patch = (fields: Partial<ListState>): void => state.update((before) => ({ ...before, ...fields }));

  const showLive = (): void => {
    const next = liveState(stream, readAfter === begun, readAfter > 0);
    if (next !== state.get().live) patch({ live: next });
  };

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
    const newest = recent.newest(task);
    changed.set(task.uuid, newest);
    if (!fitsQuery(newest, state.get().query)) left.add(task.uuid);
    drawChanges();
  };

  /** New in this list: made since, or come into the filter by its change of status. */
  const isFresh = (change: TaskEvent['change'], task: Task): boolean =>
    !isShown(task.uuid) && (change === 'created' || (change === 'status' && state.get().query.status.length > 0));

  const onTask = ({ change, task: wire }: TaskEvent): void => {
    const task = taskOf(wire);
    const { query } = state.get();
    put(task);
    if (!fitsQuery(task, query)) {
      if (fitsButStatus(task, query) && fresh.delete(task.uuid)) drawChanges();
      return;
    }
    if (fresh.size >= FRESH_LIMIT || !isFresh(change, task)) return;
    fresh.add(task.uuid);
    // In an empty list nothing can be shifted: what comes is shown at once.
    const { rows, phase } = state.get();
    if (rows.length === 0 && phase === 'ready' && cursors.length === 1) void read(undefined, 'quietly');
    else drawChanges();
  };

  /** The user may not see it any more. */
  const onLeave = ({ uuid }: LeaveEvent): void => {
    fresh.delete(uuid);
    recent.forget(uuid); // or the next page would put it on top again
    if (isShown(uuid)) hidden.add(uuid);
    drawChanges();
  };

  const onEvent = ({ event, data }: ServerEvent): void => {
    if (event === 'task') onTask(JSON.parse(data) as TaskEvent);
    else if (event === 'leave') onLeave(JSON.parse(data) as LeaveEvent);
  };

  const listen = (): (() => void) =>
    live.listen({
      state: (next) => {
        stream = next;
        showLive();
      },
      // What was read before the stream stood may be older than the stream: once more, now that nothing is missed.
      begin: () => {
        begun++;
        showLive();
        void read(cursors.at(-1), 'quietly');
      },
      event: onEvent,
    });

  const read = async (cursor: string | undefined, how: 'openly' | 'quietly'): Promise<void> => {
    reading?.abort();
    const own = new AbortController();
    reading = own;
    clearTimeout(again);
    const after = begun;
    if (how === 'openly') patch({ phase: 'loading', fault: undefined });
    try {
      const page = await listTasks(server, state.get().query, { pageSize: PAGE_SIZE, cursor, signal: own.signal });
      if (own.signal.aborted) return;
      readAfter = after;
      take(page);
      showLive();
    } catch (error) {
      if (own.signal.aborted) return;
      if (!(error instanceof ApiError)) throw error;
      patch({ phase: 'failed', fault: error });
      // With nothing shown somebody reads why, and is asked; what is shown must not stay old.
      if (state.get().rows.length > 0 && readAfter !== begun) {
        again = setTimeout(() => void read(cursors.at(-1), 'quietly'), AGAIN_MS);
      }
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
        ? recent
            .madeAfter(tasks[0]?.createdAt ?? 0, new Set(tasks.map(({ uuid }) => uuid)))
            .filter((task) => fitsQuery(task, query))
        : [];
    const all = [...ahead.toSorted((a, b) => b.createdAt - a.createdAt), ...newest];
    const shown = next === undefined && all.length <= PAGE_SIZE ? all : all.slice(0, PAGE_SIZE);
    return shown.map((task) => ({ task, left: !fitsQuery(task, query) }));
  };

  const show = (query: ListQuery): void => {
    const wanted = searchOf(query);
    if (opened === wanted) return;
    opened = wanted;
    cursors = [undefined];
    for (const kept of [changed, left, hidden, fresh]) kept.clear();
    patch({ ...EMPTY_LIST, query, rows: state.get().rows, live: state.get().live });
    void read(undefined, 'openly');
    stopListening ??= listen();
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
      stopListening?.();
      clearTimeout(again);
      reading?.abort();
    },
  };
};

/** Live is what is shown only when nothing is missed and it was read since. */
const liveState = (stream: StreamState, isCurrent: boolean, wasCurrent: boolean): LiveState => {
  if (stream === 'late') return 'behind';
  if (stream !== 'live' || isCurrent) return stream;
  return wasCurrent ? 'behind' : 'connecting';
};
