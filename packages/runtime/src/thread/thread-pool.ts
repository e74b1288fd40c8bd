import { TaskThread, type ThreadKind } from './task-thread.ts';

/** An idle thread is ended after this long: its memory is worth more than the time a new one takes. */
const IDLE_MS = 30_000;

type Waiter = {
  readonly kind: ThreadKind;
  readonly take: (thread: TaskThread | undefined) => void;
  readonly fail: (error: unknown) => void;
};

/**
 * Task threads, lent to one run at a time. A thread is used again for tasks of the same module while it is in order: a new
 * one costs 50 ms of processor time and the loading of its module, a used one 0.1 ms. There are never more than `limit`,
 * idle ones included; who comes then waits, first come first served.
 */
export class ThreadPool {
  private readonly threads = new Set<TaskThread>();
  private readonly idle = new Map<TaskThread, NodeJS.Timeout>();
  private readonly waiting: Waiter[] = [];
  private limit: number;
  private serving = false;
  private closed = false;

  constructor(limit: number) {
    this.limit = limit;
  }

  /** Threads there are, idle ones included. */
  get size(): number {
    return this.threads.size;
  }

  setLimit(limit: number): void {
    this.limit = limit;
    this.serve();
  }

  /** Resolves with a thread that may still load its module, or with undefined once the pool is closed. */
  lend(kind: ThreadKind): Promise<TaskThread | undefined> {
    if (this.closed) return Promise.resolve(undefined);
    return new Promise((take, fail) => {
      this.waiting.push({ kind, take, fail });
      this.serve();
    });
  }

  /** A thread that ended meanwhile may be given back too. */
  giveBack(thread: TaskThread): void {
    if (!thread.isAlive || this.closed) return;
    thread.rest();
    this.idle.set(thread, setTimeout(() => void thread.terminate(), IDLE_MS).unref());
    this.serve();
  }

  /** Ends all threads, also those that are lent. */
  async close(): Promise<void> {
    this.closed = true;
    for (const waiter of this.waiting.splice(0)) waiter.take(undefined);
    await Promise.all([...this.threads].map((thread) => thread.terminate()));
  }

  private serve(): void {
    // Ending an idle thread to make room comes back here.
    if (this.serving || this.closed) return;
    this.serving = true;
    for (let waiter = this.waiting[0]; waiter !== undefined && this.hasRoom(); waiter = this.waiting[0]) {
      this.waiting.shift();
      try {
        waiter.take(this.idleOf(waiter.kind) ?? this.start(waiter.kind));
      } catch (error) {
        waiter.fail(error);
      }
    }
    this.serving = false;
  }

  private hasRoom(): boolean {
    return this.idle.size > 0 || this.threads.size < this.limit;
  }

  private idleOf(kind: ThreadKind): TaskThread | undefined {
    for (const thread of this.idle.keys()) {
      if (thread.kind.module !== kind.module || thread.kind.memoryMb !== kind.memoryMb) continue;
      this.wake(thread);
      return thread;
    }
    return undefined;
  }

  private start(kind: ThreadKind): TaskThread {
    const [other] = this.idle.keys();
    if (this.threads.size >= this.limit && other !== undefined) void other.terminate();
    const made = new TaskThread(kind, (thread) => this.left(thread));
    this.threads.add(made);
    return made;
  }

  private wake(thread: TaskThread): void {
    clearTimeout(this.idle.get(thread));
    this.idle.delete(thread);
  }

  private left(thread: TaskThread): void {
    this.wake(thread);
    this.threads.delete(thread);
    this.serve();
  }
}
