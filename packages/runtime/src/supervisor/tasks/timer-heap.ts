/** Something that is due at a time of the monotonic clock and knows its place in the heap (-1: in none). */
export type Due = { dueAt: number; heapAt: number };

/** A binary heap of what is due, earliest first. Items know their place, so that any of them is moved or taken out in O(log n). */
export class TimerHeap<T extends Due> {
  private readonly items: T[] = [];

  get size(): number {
    return this.items.length;
  }

  get earliest(): T | undefined {
    return this.items[0];
  }

  /** Puts the item in, or moves it to its new time. */
  set(item: T, dueAt: number): void {
    item.dueAt = dueAt;
    if (item.heapAt < 0) {
      item.heapAt = this.items.length;
      this.items.push(item);
    }
    this.sift(item);
  }

  remove(item: T): void {
    const place = item.heapAt;
    if (place < 0) return;
    item.heapAt = -1;
    const last = this.items.pop();
    if (last === undefined || last === item) return;
    this.put(last, place);
    this.sift(last);
  }

  /** Takes out the earliest item when it is due. */
  takeDue(now: number): T | undefined {
    const first = this.items[0];
    if (first === undefined || first.dueAt > now) return undefined;
    this.remove(first);
    return first;
  }

  private sift(item: T): void {
    this.rise(item);
    this.sink(item);
  }

  private rise(item: T): void {
    for (let place = item.heapAt; place > 0; place = item.heapAt) {
      const parent = this.items[(place - 1) >> 1];
      if (parent === undefined || parent.dueAt <= item.dueAt) return;
      this.swap(parent, item);
    }
  }

  private sink(item: T): void {
    for (;;) {
      const child = this.earlierChild(item.heapAt);
      if (child === undefined || child.dueAt >= item.dueAt) return;
      this.swap(item, child);
    }
  }

  private earlierChild(place: number): T | undefined {
    const left = this.items[2 * place + 1];
    const right = this.items[2 * place + 2];
    return left !== undefined && right !== undefined && right.dueAt < left.dueAt ? right : left;
  }

  private swap(a: T, b: T): void {
    const place = a.heapAt;
    this.put(a, b.heapAt);
    this.put(b, place);
  }

  private put(item: T, place: number): void {
    this.items[place] = item;
    item.heapAt = place;
  }
}
