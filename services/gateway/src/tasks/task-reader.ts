import { canSee, isTerminal, type Actor, type TaskRecord } from '@baton/core';
import type { MongoTaskViews, Order, Position, TaskRow } from '@baton/mongo';
import { parseAddress, type Address, type TaskDocument } from '@baton/protocols';
import { BatonError, type Clock, type Kernel, type Log } from '@baton/runtime';
import { taskNotFound } from '../http/problem.ts';
import { liveTaskIn, type LiveTask } from '../live/live-task.ts';
import { isNewer, type Overlay } from '../live/overlay.ts';
import { graphOf, type Graph } from './dependencies.ts';
import { matches, mayReadRow, visibleTo, type UserFilter } from './matching.ts';
import { comparePositions, positionOf, positionOfRecord } from './order.ts';
import type { Shown } from './task-json.ts';

export type FoundTask = { readonly document: TaskDocument; readonly record?: TaskRecord; readonly address: Address };

export type ListAsked = {
  readonly filter: UserFilter;
  readonly order: Order;
  readonly size: number;
  readonly after?: Position;
  /** Tasks to leave out at the beginning. */
  readonly skip?: number;
};

export type ListFound = { readonly shown: readonly Shown[]; readonly next?: Position };

/** Ids carry the time they were made; clocks of others may be off by some of this. */
const RECENT_MS = 10_000;
/** From a write to the feed's word of it takes a few milliseconds. */
const ON_ITS_WAY_MS = 250;

/** Matching tasks are counted up to here. */
export const COUNT_LIMIT = 1_000;

export type Counted = { readonly count: number; readonly isExact: boolean };

type Parts = {
  readonly views: Pick<MongoTaskViews, 'get' | 'rows' | 'count' | 'values' | 'briefs' | 'waiters'>;
  readonly overlay: Overlay;
  readonly kernel: Pick<Kernel, 'load'>;
  readonly epoch: number;
  readonly clock: Clock;
  readonly log: Log;
};

/**
 * Tasks as they are now: what the projection has, with newer versions from memory laid over it, so that a task is there
 * the moment after it was scheduled. Everything is asked on behalf of somebody.
 */
export class TaskReader {
  private readonly parts: Parts;

  constructor(parts: Parts) {
    this.parts = parts;
  }

  /** Throws the 404 Problem for a task that is not there and for one that this user may not see. */
  async get(id: string, actor: Actor): Promise<FoundTask> {
    const found = await this.find(id.toLowerCase());
    if (found === undefined || !mayReadRow(found.document, actor)) throw taskNotFound();
    return found;
  }

  /** What it waits for, and what waits for it. */
  graph(document: TaskDocument, actor: Actor): Promise<Graph> {
    return graphOf(this.parts, document, actor);
  }

  /** Whatever is known of the task; of one that has not ended the leader is asked, since only he knows. */
  private async find(id: string): Promise<FoundTask | undefined> {
    const known = this.parts.overlay.get(id);
    if (known !== undefined && isTerminal(known.record.status)) return foundIn(known);
    const stored = known === undefined ? await this.parts.views.get(id) : undefined;
    const live = known ?? (stored === undefined ? await this.onItsWay(id) : undefined);
    const address = live?.address ?? (stored === undefined ? undefined : parseAddress(stored.address));
    if (address === undefined) return undefined;
    if (stored?.terminal) return { document: stored, address };
    const fresh = await this.fresh(address, id);
    if (fresh !== undefined) {
      this.parts.overlay.put(fresh);
      return foundIn(fresh);
    }
    // It has ended and its key went to another task in the meantime, or the store is away.
    const again = (await this.parts.views.get(id)) ?? stored;
    const newest = this.parts.overlay.get(id) ?? live;
    if (newest !== undefined && (again === undefined || isNewer(newest, versionOf(again)))) return foundIn(newest);
    return again === undefined ? undefined : { document: again, address };
  }

  /** A task that was made just now by somebody else: the feed tells of it in a moment. */
  private async onItsWay(id: string): Promise<LiveTask | undefined> {
    const { overlay, clock } = this.parts;
    return Math.abs(clock.now() - timeIn(id)) < RECENT_MS ? overlay.appears(id, clock, ON_ITS_WAY_MS) : undefined;
  }

  private async fresh(address: Address, id: string): Promise<LiveTask | undefined> {
    const { kernel, epoch, clock, log } = this.parts;
    try {
      const held = await kernel.load(address);
      if (held === undefined) return undefined;
      const { revision } = held;
      return liveTaskIn(held.record, id, { address, epoch, revision, size: 1_024, seenAt: clock.monotonic() });
    } catch (error) {
      if (!(error instanceof BatonError)) throw error;
      log.warn({ code: error.code, task: id }, 'the store could not be asked for a task; the projection answers');
      return undefined;
    }
  }

  /** A page, newest versions. Stable under new tasks as long as it is ordered by creation. */
  async list({ filter, order, size, after, skip = 0 }: ListAsked, actor: Actor): Promise<ListFound> {
    const wanted = skip + size;
    const compare = (a: Placed, b: Placed): number => comparePositions(order, a.position, b.position);
    // What is settled while the database is read must neither be missing nor be there twice.
    const newest = this.parts.overlay.snapshot();
    const live = visibleAmong(newest.values(), filter, actor)
      .map((task): Placed => ({ position: positionOfRecord(task.record, order), live: task }))
      .filter(({ position }) => after === undefined || comparePositions(order, after, position) < 0);
    const found: Placed[] = [];
    let from = after;
    let isWhole = false;
    while (!isWhole && found.length <= wanted) {
      const rows = await this.parts.views.rows(visibleTo(filter, actor), {
        order,
        size: wanted + 1,
        ...(from === undefined ? {} : { after: from }),
      });
      for (const row of rows) if (!hasNewer(newest, row)) found.push({ position: positionOf(row, order), row });
      isWhole = rows.length <= wanted;
      const last = rows.at(-1);
      if (last !== undefined) from = positionOf(last, order);
    }
    // Beyond the last row that was read there may be others before a live one.
    const near = isWhole || from === undefined ? live : within(live, order, from);
    const all = [...found, ...near].toSorted(compare);
    const page = all.slice(skip, wanted);
    const last = page.at(-1);
    const shown = page.map(shownOf);
    return all.length > wanted && last !== undefined ? { shown, next: last.position } : { shown };
  }

  /**
   * How many match: what the projection counts, put right by what is newer in memory. Not exact beyond `COUNT_LIMIT`, and
   * where counting would take too long; there are at least as many then. `page`: a page of the list, which may tell all.
   */
  async count({ filter, after, skip = 0 }: ListAsked, page: ListFound, actor: Actor): Promise<Counted> {
    const seen = skip + page.shown.length;
    if (after === undefined && page.next === undefined && (page.shown.length > 0 || skip === 0))
      return { count: seen, isExact: true };
    const asked = visibleTo(filter, actor);
    const newest = this.parts.overlay.snapshot();
    const ids = [...newest.keys()];
    const live = visibleAmong(newest.values(), filter, actor).length;
    const [stored, doubled = 0] = await Promise.all([
      this.parts.views.count(asked, COUNT_LIMIT),
      ids.length === 0 ? 0 : this.parts.views.count(asked, ids.length, ids),
    ]);
    if (stored === undefined) return { count: seen + (page.next === undefined ? 0 : 1), isExact: false };
    const count = Math.max(0, stored - doubled) + live;
    return stored >= COUNT_LIMIT || count > COUNT_LIMIT
      ? { count: COUNT_LIMIT, isExact: false }
      : { count, isExact: true };
  }

  /** Values that stand in tasks this user may see. */
  async values(field: 'created_by' | 'subscriber_ids' | 'task_type', actor: Actor): Promise<readonly string[]> {
    const stored = await this.parts.views.values(field, visibleTo({}, actor));
    const values = new Set(stored);
    for (const { record } of visibleAmong(this.parts.overlay.values(), {}, actor)) {
      for (const value of valuesIn(record, field)) values.add(value);
    }
    return [...values].toSorted();
  }
}

type Placed = { readonly position: Position; readonly row?: TaskRow; readonly live?: LiveTask };

const visibleAmong = (tasks: Iterable<LiveTask>, filter: UserFilter, actor: Actor): readonly LiveTask[] => {
  const found: LiveTask[] = [];
  for (const task of tasks) if (canSee(task.record, actor) && matches(task.record, filter)) found.push(task);
  return found;
};

const hasNewer = (newest: ReadonlyMap<string, LiveTask>, row: TaskRow): boolean => {
  const live = newest.get(row._id);
  return live !== undefined && !isNewer(versionOf(row), live);
};

const within = (live: readonly Placed[], order: Order, last: Position): readonly Placed[] =>
  live.filter(({ position }) => comparePositions(order, position, last) <= 0);

const shownOf = ({ row, live }: Placed): Shown => {
  if (live !== undefined) return { row: live.document, record: live.record };
  if (row === undefined) throw new Error('a place in a list without a task');
  return { row };
};

const versionOf = ({ epoch, rev }: Pick<TaskRow, 'epoch' | 'rev'>) => ({ epoch, revision: rev });

/** Milliseconds since 1970 in a UUIDv7. */
const timeIn = (id: string): number => Number.parseInt(id.slice(0, 8) + id.slice(9, 13), 16);

const foundIn = ({ document, record, address }: LiveTask): FoundTask => ({ document, record, address });

const valuesIn = (record: TaskRecord, field: 'created_by' | 'subscriber_ids' | 'task_type'): readonly string[] => {
  switch (field) {
    case 'created_by':
      return record.creator === undefined ? [] : [record.creator];
    case 'subscriber_ids':
      return record.subscribers.map(({ user }) => user);
    case 'task_type':
      return [record.type];
  }
};
