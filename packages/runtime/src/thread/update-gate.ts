import type { Pending } from '../run/task-update.ts';

/**
 * Passes updates on at most every so often, the latest of them: a loop that tells its progress a million times a second
 * must not fill the other thread with messages. By the time that passes, since such a loop lets no timer run.
 */
export class UpdateGate {
  private readonly everyMs: number;
  private readonly pass: (pending: Pending, immediate: boolean) => void;
  private waiting: Pending | undefined;
  private nextAt = 0;
  private timer: NodeJS.Timeout | undefined;

  constructor(everyMs: number, pass: (pending: Pending, immediate: boolean) => void) {
    this.everyMs = everyMs;
    this.pass = pass;
  }

  add(pending: Pending, immediate: boolean): void {
    this.waiting = { ...this.waiting, ...pending };
    const waitMs = this.nextAt - performance.now();
    if (immediate || waitMs <= 0) this.flush(immediate);
    else this.timer ??= setTimeout(() => this.flush(false), waitMs).unref();
  }

  /** Passes on what waits. */
  flush(immediate = false): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    if (this.waiting === undefined) return;
    const pending = this.waiting;
    this.waiting = undefined;
    this.nextAt = performance.now() + this.everyMs;
    this.pass(pending, immediate);
  }
}
