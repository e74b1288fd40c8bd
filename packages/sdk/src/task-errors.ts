import { BatonError } from '@baton/runtime';
import { durationMs, type Duration } from './duration.ts';

/**
 * Asks for another attempt, as long as any are left, after a delay of the handler's own choice (behaviour R2). Thrown by
 * handlers. Without `retryAfter` the back-off of the task says when.
 */
export class RetryableError extends Error {
  override readonly name = 'RetryableError';
  readonly code = 'RETRYABLE';
  readonly retryAfterMs: number | undefined;
  constructor(message: string, options: ErrorOptions & { readonly retryAfter?: Duration } = {}) {
    super(message, options);
    const { retryAfter } = options;
    this.retryAfterMs = retryAfter === undefined ? undefined : durationMs(retryAfter, 'retryAfter');
  }
}

/**
 * The worker died and the task is not run again: it may not be (`onOrphan: 'fail'`), or was often enough (behaviour R3).
 * Its name is the `error.type` of such a task; for code that makes an exception of a failed task.
 */
export class OrphanedTaskError extends BatonError {
  override readonly name = 'OrphanedTaskError';
  constructor(message: string, options?: ErrorOptions) {
    super('ORPHANED_TASK', message, options);
  }
}
