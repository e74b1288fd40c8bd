export type Timer = {
  readonly at: number;
  readonly tie: number;
  readonly order: number;
  readonly run: () => void;
  cancelled: boolean;
};

const isBefore = (a: Timer, b: Timer): boolean =>
  a.at !== b.at ? a.at < b.at : a.tie !== b.tie ? a.tie < b.tie : a.order < b.order;

/** A binary heap, earliest first. A cancelled timer stays in it until it comes up. */
export class TimerHeap {
  private readonly list: Timer[] = [];
  private live = 0;

  get size(): number {
    return this.live;
  }

  push(timer: Timer): void {
    this.live++;
    const { list } = this;
    let i = list.push(timer) - 1;
    while (i > 0) {
      const parent = (i - 1) >> 1;
      const above = list[parent];
      if (above === undefined || !isBefore(timer, above)) break;
      list[i] = above;
      i = parent;
    }
    list[i] = timer;
  }

  cancel(timer: Timer): void {
    if (timer.cancelled) return;
    timer.cancelled = true;
    this.live--;
  }

  peek(): Timer | undefined {
    while (this.list[0]?.cancelled) this.remove();
    return this.list[0];
  }

  /** The earliest timer. It counts as run: cancelling it afterwards changes nothing. */
  pop(): Timer | undefined {
    const timer = this.peek();
    if (timer === undefined) return undefined;
    this.remove();
    this.live--;
    timer.cancelled = true;
    return timer;
  }

  private remove(): void {
    const { list } = this;
    const last = list.pop();
    if (last === undefined || list.length === 0) return;
    let i = 0;
    for (;;) {
      const child = this.earlierChild(i);
      const below = list[child];
      if (below === undefined || !isBefore(below, last)) break;
      list[i] = below;
      i = child;
    }
    list[i] = last;
  }

  private earlierChild(parent: number): number {
    const left = parent * 2 + 1;
    const a = this.list[left];
    const b = this.list[left + 1];
    return a !== undefined && b !== undefined && isBefore(b, a) ? left + 1 : left;
  }
}
