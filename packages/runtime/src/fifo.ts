/** First in, first out. It is read by an index, as shifting a long array costs its length; what was read is cut off now and then. */
export class Fifo<T> {
  private readonly items: T[] = [];
  private next = 0;

  get size(): number {
    return this.items.length - this.next;
  }

  push(item: T): void {
    this.items.push(item);
  }

  take(): T | undefined {
    if (this.size === 0) return undefined;
    const item = this.items[this.next++];
    if (2 * this.next > this.items.length) {
      this.items.splice(0, this.next);
      this.next = 0;
    }
    return item;
  }

  clear(): void {
    this.items.length = 0;
    this.next = 0;
  }
}
