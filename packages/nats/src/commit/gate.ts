/** What may be under way at once. A caller beyond it waits its turn. */
export type GateLimits = { readonly count: number; readonly bytes: number };

type Waiting = { readonly size: number; readonly deadline: number; readonly enter: (entered: boolean) => void };

/** Back-pressure: bounds what is kept for acknowledgements that have not come yet, first come first served. */
export class Gate {
  private readonly limits: GateLimits;
  private readonly queue: Waiting[] = [];
  private count = 0;
  private bytes = 0;

  constructor(limits: GateLimits) {
    this.limits = limits;
  }

  tryEnter(size: number): boolean {
    if (this.queue.length > 0 || !this.fits(size)) return false;
    this.take(size);
    return true;
  }

  /** False: the time was over first. */
  enter(size: number, deadline: number): Promise<boolean> {
    return new Promise((resolve) => {
      this.queue.push({ size, deadline, enter: resolve });
    });
  }

  leave(size: number): void {
    this.count--;
    this.bytes -= size;
    this.admit();
  }

  /** Lets those in whose turn it is and turns those away whose time is over. */
  admit(now: number = performance.now()): void {
    let head = this.queue[0];
    while (head !== undefined && (head.deadline <= now || this.fits(head.size))) {
      this.queue.shift();
      if (head.deadline <= now) head.enter(false);
      else {
        this.take(head.size);
        head.enter(true);
      }
      head = this.queue[0];
    }
  }

  /** Turns everybody away who waits: the connection is gone. */
  clear(): void {
    for (const waiting of this.queue.splice(0)) waiting.enter(false);
  }

  /** One larger than all is let in alone. */
  private fits(size: number): boolean {
    return this.count === 0 || (this.count < this.limits.count && this.bytes + size <= this.limits.bytes);
  }

  private take(size: number): void {
    this.count++;
    this.bytes += size;
  }
}
