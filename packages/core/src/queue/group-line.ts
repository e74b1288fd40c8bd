import type { Pool } from './pool.ts';
import { ReadyLine, type InLine } from './ready-line.ts';
import { isAhead, type Stand, type Turn } from './turn.ts';

export type InGroup = InLine & { readonly turn: Turn };

type Part<T extends InGroup> = {
  readonly turn: Turn;
  readonly tasks: ReadyLine<T>;
  stand: Stand;
  /** What it stands at in the heap; its group may have moved on since. */
  pass: number;
  stamp: number;
  /** Where it is in the heap; -1: nowhere. */
  place: number;
  parked: boolean;
  /** See `First`. */
  lastServed: number;
};

/** Of a line: the group whose turn it is. */
export type First = {
  readonly turn: Turn;
  readonly stand: Stand;
  /** Number of the start that this line had last for the group: of several lines that have it, the oldest is next. */
  readonly lastServed: number;
};

/**
 * Tasks of one priority and type that wait: groups in turn, inside a group first in first out. With one group, as in a queue
 * without groups, it is as good as a `ReadyLine`.
 */
export class GroupLine<T extends InGroup> {
  private readonly parts = new Map<Turn, Part<T>>();
  /** Parts with tasks that are not parked, by pass. */
  private heap: Part<T>[] = [];
  private readonly type: string;
  private itsPool: Pool;
  /** Of tasks that lie aside: what they wait for. */
  readonly limitKey: string;
  private count = 0;
  private parkedCount = 0;

  constructor(type: string, pool: Pool, limitKey = '') {
    this.type = type;
    this.itsPool = pool;
    this.limitKey = limitKey;
  }

  get pool(): Pool {
    return this.itsPool;
  }

  /** Tasks that wait. */
  get size(): number {
    return this.count;
  }

  /** Those of them whose group is not known to be blocked. */
  get openSize(): number {
    return this.count - this.parkedCount;
  }

  /** `served`: what its group is taken to have had as its last start here, where nothing else of it waits. */
  push(task: T, served: number): void {
    const part = this.partOf(task.turn);
    const wasEmpty = part.tasks.size === 0;
    part.tasks.push(task);
    this.count++;
    if (part.parked) this.parkedCount++;
    if (!wasEmpty) return;
    part.lastServed = served;
    if (!part.parked) this.enter(part);
  }

  /** It had that start for the group. */
  served(turn: Turn, start: number): void {
    const part = this.parts.get(turn);
    if (part !== undefined) part.lastServed = start;
  }

  /** The last one it had. */
  servedOf(turn: Turn): number {
    return this.parts.get(turn)?.lastServed ?? 0;
  }

  /** The task was pushed and not taken. */
  remove(task: T): void {
    if (!task.inLine) return;
    const part = this.parts.get(task.turn);
    part?.tasks.remove(task);
    this.count--;
    if (part?.parked !== true) return;
    this.parkedCount--;
    if (part.tasks.size === 0) this.parts.delete(task.turn);
  }

  /** Whether its group is passed over. */
  isParked(turn: Turn): boolean {
    return this.parts.get(turn)?.parked ?? false;
  }

  /** Tasks of that group. */
  sizeOf(turn: Turn): number {
    return this.parts.get(turn)?.tasks.size ?? 0;
  }

  /** Of each group that has any. */
  *sizes(): Iterable<readonly [Turn, number]> {
    for (const { turn, tasks } of this.parts.values()) if (tasks.size > 0) yield [turn, tasks.size];
  }

  /** Those of its own group that came before it. Looks at all of them. */
  before(task: T): number {
    let count = 0;
    for (const { order } of this.parts.get(task.turn)?.tasks ?? []) if (order < task.order) count++;
    return count;
  }

  /** Whose turn it is; undefined: nobody's that waits and is not blocked. */
  first(): First | undefined {
    return this.top();
  }

  /** The first of that group. */
  peek(turn: Turn): T | undefined {
    return this.parts.get(turn)?.tasks.peek();
  }

  /** Takes the first of the group whose turn it is. */
  shift(): T | undefined {
    const part = this.top();
    const task = part?.tasks.shift();
    if (task !== undefined) this.count--;
    return task;
  }

  /** The turn has come nearer. */
  advance(turn: Turn): void {
    const part = this.parts.get(turn);
    // One that stands too far to the front is put right when it comes to the top.
    if (part === undefined || part.place < 0 || !isAhead(part.stand, part)) return;
    this.read(part);
    this.rise(part, part.place);
  }

  /** The group may be open again. */
  reopen(turn: Turn): void {
    const part = this.parts.get(turn);
    if (part === undefined || !part.parked) return;
    part.parked = false;
    this.parkedCount -= part.tasks.size;
    this.enter(part);
  }

  /** Its type belongs to another pool now. */
  move(pool: Pool): void {
    this.itsPool = pool;
    const { heap } = this;
    this.heap = [];
    for (const part of this.parts.values()) part.stand = pool.standOf(part.turn);
    for (const part of heap) {
      part.place = -1;
      this.enter(part);
    }
  }

  /** Those that wait, in no order. */
  *[Symbol.iterator](): Iterator<T> {
    for (const { tasks } of this.parts.values()) yield* tasks;
  }

  private partOf(turn: Turn): Part<T> {
    const known = this.parts.get(turn);
    if (known !== undefined) return known;
    const part: Part<T> = {
      turn,
      tasks: new ReadyLine<T>(this.limitKey !== ''),
      stand: this.itsPool.standOf(turn),
      pass: 0,
      stamp: 0,
      place: -1,
      parked: false,
      lastServed: 0,
    };
    this.parts.set(turn, part);
    return part;
  }

  /** Sees to what has changed since the heap was made: emptied, blocked, and served parts. */
  private top(): Part<T> | undefined {
    for (let part = this.heap[0]; part !== undefined; part = this.heap[0]) {
      const { turn, stand } = part;
      if (part.tasks.size === 0) {
        this.dropTop();
        this.parts.delete(turn);
        continue;
      }
      if (turn.blocked || turn.blockedTypes?.has(this.type) === true) {
        this.dropTop();
        this.park(part);
        continue;
      }
      this.pool.catchUp(stand);
      if (part.pass >= stand.pass) return part;
      this.read(part);
      this.sink(part, 0);
    }
    return undefined;
  }

  private park(part: Part<T>): void {
    part.parked = true;
    this.parkedCount += part.tasks.size;
    (part.turn.parkedIn ??= new Set()).add(this);
  }

  private enter(part: Part<T>): void {
    // An emptied one is still there until it comes to the top.
    if (part.place >= 0) return;
    this.read(part);
    this.heap.push(part);
    this.rise(part, this.heap.length - 1);
  }

  private read(part: Part<T>): void {
    part.pass = part.stand.pass;
    part.stamp = part.stand.stamp;
  }

  private dropTop(): void {
    const [first] = this.heap;
    if (first !== undefined) first.place = -1;
    const last = this.heap.pop();
    if (last !== undefined && last !== first) this.sink(last, 0);
  }

  private put(part: Part<T>, at: number): void {
    this.heap[at] = part;
    part.place = at;
  }

  private rise(part: Part<T>, from: number): void {
    const { heap } = this;
    let at = from;
    while (at > 0) {
      const above = (at - 1) >> 1;
      const parent = heap[above] as Part<T>;
      if (!isAhead(part, parent)) break;
      this.put(parent, at);
      at = above;
    }
    this.put(part, at);
  }

  private sink(part: Part<T>, from: number): void {
    const { heap } = this;
    let at = from;
    for (let child = 2 * at + 1; child < heap.length; child = 2 * at + 1) {
      const right = heap[child + 1];
      if (right !== undefined && isAhead(right, heap[child] as Part<T>)) child++;
      const smaller = heap[child] as Part<T>;
      if (!isAhead(smaller, part)) break;
      this.put(smaller, at);
      at = child;
    }
    this.put(part, at);
  }
}
