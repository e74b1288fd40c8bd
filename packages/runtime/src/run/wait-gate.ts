import { WaitRefusedError } from '../errors.ts';
import type { StopReason } from './context.ts';

/**
 * The waits of one body, one after the other. A wait whose answer is not there yet is never over here: the run ends with it,
 * and what stands behind it in the code runs in a later one. Only where the body is told to stop first does it throw.
 */
export class WaitGate {
  private reject: ((reason: Error) => void) | undefined;
  private stopped: StopReason | undefined;
  private isOpen = false;
  private isLeft = false;

  /** Rejects with WaitRefusedError; and why the body is to stop, where it is. */
  async through<Answer>(ask: () => Promise<Answer | undefined>): Promise<Answer> {
    if (this.isOpen) {
      const text = 'a task waits for one thing at a time: await one signal, or one list of children, then the next';
      throw new WaitRefusedError('WAIT_UNSUPPORTED', text);
    }
    if (this.stopped !== undefined) throw this.stopped;
    this.isOpen = true;
    try {
      return await new Promise<Answer>((resolve, reject) => {
        this.reject = reject;
        ask().then((answer) => {
          if (answer !== undefined && !this.isLeft) resolve(answer);
        }, reject);
      });
    } finally {
      this.isOpen = false;
      this.reject = undefined;
    }
  }

  /** The body is to stop: what it waits for will not come. */
  stop(reason: StopReason): void {
    this.stopped ??= reason;
    if (!this.isLeft) this.reject?.(reason);
  }

  /** The run ends here: nothing behind the wait runs in it any more. */
  leave(): void {
    this.isLeft = true;
  }
}
