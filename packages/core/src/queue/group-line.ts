import { ReadyLine, type InLine } from './ready-line.ts';

/**
 * The turns of one group in a queue. `pass` is how far it has come: each start moves it on by one over its weight, and the
 * group that has come least far is next. Tasks without a group are one group among others.
 */
export type Turn = {
  readonly group: string;
  weight: number;
  pass: number;
  /** Among those that have come equally far, the one that has been there longest is next: in all lines the same. */
  stamp: number;
  /** Nothing of it may start now: its group is paused, or full. */
  blocked: boolean;
  /** The same of its tasks of these types alone. */
  blockedTypes: Set<string> | undefined;
  /** Tasks of it that are in the queue. */
  tasks: number;
  /** A turn was given back to it for a task that was refused, and nothing of it has started since. */
  forgiven: boolean;
};

export type InGroup = InLine & { readonly turn: Turn };

/** Groups that wait for nothing are looked for once there are so many, and then whenever there are twice as many as were left. */
const IDLE_KEPT = 1_000;

/** The groups of one queue. */
export class Turns {
  private readonly groups = new Map<string, Turn>();
  private weights: ReadonlyMap<string, number> = new Map();
  /** How far the one has come that was served last: a group that is new begins here, and owes and is owed nothing. */
  private reached = 0;
  private lookAt = IDLE_KEPT;
  private stamps = 0;

  /** Of a group a task of which comes in. */
  enter(group: string): Turn {
    const known = this.groups.get(group);
    if (known !== undefined) {
      if (known.tasks++ > 0 || known.pass >= this.reached) return known;
      known.pass = this.reached;
      known.stamp = ++this.stamps;
      return known;
    }
    if (this.groups.size > this.lookAt) this.forgetIdle();
    const turn: Turn = {
      group,
      weight: this.weights.get(group) ?? 1,
      pass: this.reached,
      stamp: ++this.stamps,
      blocked: false,
      blockedTypes: undefined,
      tasks: 1,
      forgiven: false,
    };
    this.groups.set(group, turn);
    return turn;
  }

  leave(turn: Turn): void {
    turn.tasks--;
  }

  served(turn: Turn): void {
    this.reached = Math.max(this.reached, turn.pass);
    turn.pass += 1 / turn.weight;
    turn.stamp = ++this.stamps;
  }

  /**
   * One of its turns led to no start: it stands where it stood, with the `stamp` it had. No further back than others have
   * come meanwhile: they are not to wait for all that it missed.
   */
  unserved(turn: Turn, stamp: number): void {
    turn.pass = Math.min(turn.pass, Math.max(this.reached, turn.pass - 1 / turn.weight));
    turn.stamp = Math.min(turn.stamp, stamp);
  }

  get(group: string): Turn | undefined {
    return this.groups.get(group);
  }

  weigh(weights: ReadonlyMap<string, number>): void {
    this.weights = weights;
    for (const turn of this.groups.values()) turn.weight = weights.get(turn.group) ?? 1;
  }

  [Symbol.iterator](): Iterator<Turn> {
    return this.groups.values();
  }

  /** Who has come no further than everybody else is as good as new. */
  private forgetIdle(): void {
    for (const [group, { tasks, pass }] of this.groups)
      if (tasks === 0 && pass <= this.reached) this.groups.delete(group);
    this.lookAt = Math.max(IDLE_KEPT, 2 * this.groups.size);
  }
}

type Part<T extends InGroup> = {
  readonly turn: Turn;
  readonly tasks: ReadyLine<T>;
  /** What it stands at in the heap; its turn may have moved on since. */
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
  private readonly heap: Part<T>[] = [];
  private readonly parked = new Set<Part<T>>();
  private readonly type: string;
  private count = 0;

  constructor(type = '') {
    this.type = type;
  }

  /** Tasks that wait. */
  get size(): number {
    return this.count;
  }

  /** Those of them whose group is not known to be blocked. */
  get openSize(): number {
    if (this.parked.size === 0) return this.count;
    let open = this.count;
    for (const { tasks } of this.parked) open -= tasks.size;
    return open;
  }

  /** `served`: what its group is taken to have had as its last start here, where nothing else of it waits. */
  push(task: T, served: number): void {
    const part = this.partOf(task.turn);
    const wasEmpty = part.tasks.size === 0;
    part.tasks.push(task);
    this.count++;
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
    this.parts.get(task.turn)?.tasks.remove(task);
    this.count--;
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
    if (part === undefined || part.place < 0 || !isBefore(turn, part)) return;
    this.read(part);
    this.rise(part, part.place);
  }

  /** The group may be open again. */
  reopen(turn: Turn): void {
    const part = this.parts.get(turn);
    if (part === undefined || !part.parked) return;
    part.parked = false;
    this.parked.delete(part);
    if (part.tasks.size > 0) this.enter(part);
    else this.parts.delete(turn);
  }

  /** Those that wait, in no order. */
  *[Symbol.iterator](): Iterator<T> {
    for (const { tasks } of this.parts.values()) yield* tasks;
  }

  private partOf(turn: Turn): Part<T> {
    const known = this.parts.get(turn);
    if (known !== undefined) return known;
    const part: Part<T> = {
      ...{ turn, tasks: new ReadyLine<T>(), pass: 0, stamp: 0, place: -1, parked: false, lastServed: 0 },
    };
    this.parts.set(turn, part);
    return part;
  }

  /** Sees to what has changed since the heap was made: emptied, blocked, and served parts. */
  private top(): Part<T> | undefined {
    for (let part = this.heap[0]; part !== undefined; part = this.heap[0]) {
      if (part.tasks.size === 0) {
        this.dropTop();
        this.parts.delete(part.turn);
      } else if (part.turn.blocked || part.turn.blockedTypes?.has(this.type) === true) {
        this.dropTop();
        part.parked = true;
        this.parked.add(part);
      } else if (part.pass < part.turn.pass) {
        this.read(part);
        this.sink(part, 0);
      } else return part;
    }
    return undefined;
  }

  private enter(part: Part<T>): void {
    // An emptied one is still there until it comes to the top.
    if (part.place >= 0) return;
    this.read(part);
    this.heap.push(part);
    this.rise(part, this.heap.length - 1);
  }

  private read(part: Part<T>): void {
    part.pass = part.turn.pass;
    part.stamp = part.turn.stamp;
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
      if (!isBefore(part, parent)) break;
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
      if (right !== undefined && isBefore(right, heap[child] as Part<T>)) child++;
      const smaller = heap[child] as Part<T>;
      if (!isBefore(smaller, part)) break;
      this.put(smaller, at);
      at = child;
    }
    this.put(part, at);
  }
}

type Stand = Pick<Turn, 'pass' | 'stamp'>;

const isBefore = (a: Stand, b: Stand): boolean => a.pass < b.pass || (a.pass === b.pass && a.stamp < b.stamp);
