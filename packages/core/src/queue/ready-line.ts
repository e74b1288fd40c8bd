/** A task in a line. `order` is its place: who became ready first comes first. `aside`: its line is one of those aside. */
export type InLine = { readonly order: number; inLine: boolean; readonly aside?: boolean };

/** Dead places a line may carry before it is made anew, as a number and as a share of its length. */
const DEAD_LEAST = 64;
const DEAD_SHARE = 0.5;

/**
 * Tasks of one priority and type that wait, first in first out by `order`. Tasks come nearly in order and from several
 * supervisors, so it is a heap: one that comes in order costs one comparison, whatever the length. Who leaves from the
 * middle is only marked, and passed over when its turn comes.
 */
export class ReadyLine<T extends InLine> {
  private heap: T[] = [];
  private live = 0;
  private readonly isAside: boolean;

  constructor(isAside = false) {
    this.isAside = isAside;
  }

  /** Tasks that wait. */
  get size(): number {
    return this.live;
  }

  push(task: T): void {
    task.inLine = true;
    this.live++;
    this.heap.push(task);
    this.rise(this.heap.length - 1);
  }

  /** The task was pushed and not taken. */
  remove(task: T): void {
    if (!task.inLine) return;
    task.inLine = false;
    this.live--;
    const dead = this.heap.length - this.live;
    if (dead > DEAD_LEAST && dead > this.heap.length * DEAD_SHARE) this.rebuild();
  }

  /** Takes the first; undefined: none waits. */
  shift(): T | undefined {
    for (let first = this.pop(); first !== undefined; first = this.pop()) {
      if (!this.isLive(first)) continue;
      first.inLine = false;
      this.live--;
      return first;
    }
    return undefined;
  }

  /** The one that `shift` would take. */
  peek(): T | undefined {
    for (let [first] = this.heap; first !== undefined && !this.isLive(first); [first] = this.heap) this.pop();
    return this.heap[0];
  }

  /** Those that wait, in no order. */
  *[Symbol.iterator](): Iterator<T> {
    for (const task of this.heap) if (this.isLive(task)) yield task;
  }

  /** Who left from the middle may wait in another line by now. */
  private isLive({ inLine, aside = false }: T): boolean {
    return inLine && aside === this.isAside;
  }

  private rebuild(): void {
    this.heap = this.heap.filter((task) => this.isLive(task)).toSorted((a, b) => a.order - b.order);
  }

  private pop(): T | undefined {
    const [first] = this.heap;
    const last = this.heap.pop();
    if (first === undefined || last === undefined || first === last) return first;
    this.heap[0] = last;
    this.sink(0);
    return first;
  }

  private rise(from: number): void {
    const { heap } = this;
    const task = heap[from] as T;
    let at = from;
    while (at > 0) {
      const above = (at - 1) >> 1;
      const parent = heap[above] as T;
      if (parent.order <= task.order) break;
      heap[at] = parent;
      at = above;
    }
    heap[at] = task;
  }

  private sink(from: number): void {
    const { heap } = this;
    const task = heap[from] as T;
    let at = from;
    for (let child = 2 * at + 1; child < heap.length; child = 2 * at + 1) {
      const right = heap[child + 1];
      if (right !== undefined && right.order < (heap[child] as T).order) child++;
      const smaller = heap[child] as T;
      if (smaller.order >= task.order) break;
      heap[at] = smaller;
      at = child;
    }
    heap[at] = task;
  }
}
