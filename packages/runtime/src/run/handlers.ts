import type { TaskError } from '@baton/core';
import { taskErrorOf } from './task-error.ts';

type Handler = () => unknown;

/**
 * One kind of handlers of one run. Last registered first; all are tried, one after the other, even if one throws
 * (behaviour C6). A handler runs once, however often it is asked for.
 */
export class Handlers {
  private readonly waiting: Handler[] = [];
  private readonly errors: TaskError[] = [];
  private running: Promise<void> | undefined;
  private started = false;

  get count(): number {
    return this.waiting.length;
  }

  /** True once they have been asked to run. */
  get called(): boolean {
    return this.started;
  }

  /** One that is registered after the others have run is run as well: it was asked for, and is never left out. */
  add(handler: Handler): void {
    this.waiting.push(handler);
    if (this.started && this.running === undefined) void this.run();
  }

  /** Resolves when all have run, with what failed, in the order run. Never rejects. */
  async run(): Promise<readonly TaskError[]> {
    this.started = true;
    this.running ??= this.drain();
    await this.running;
    return this.errors;
  }

  private async drain(): Promise<void> {
    for (let handler = this.waiting.pop(); handler !== undefined; handler = this.waiting.pop()) {
      try {
        await handler();
      } catch (error) {
        this.errors.push(taskErrorOf(error));
      }
    }
    this.running = undefined;
  }
}
