import { BatonError, RECORD_FULL_TEXT } from '@baton/runtime';

/** The framework is switched off (`BATON_ENABLED=false`): nothing new is accepted (behaviour X6). */
export class GlobalTaskFrameworkDisabledError extends BatonError {
  override readonly name = 'GlobalTaskFrameworkDisabledError';
  constructor() {
    super('DISABLED', 'the task framework is switched off by BATON_ENABLED or GLOBAL_TASK_FRAMEWORK');
  }
}

/** The task runs and has registered no abort handler, so nothing could stop it (behaviour A3). */
export class TaskNotAbortableError extends BatonError {
  override readonly name = 'TaskNotAbortableError';
  constructor() {
    super('TASK_NOT_ABORTABLE', 'the task is running and has no abort handler: it cannot be stopped');
  }
}

/** The cancel came too late, or the task is in a state that does not take what was asked. */
export class TaskAbortFailedError extends BatonError {
  override readonly name = 'TaskAbortFailedError';
  /** The state the task is in. */
  readonly status: string;
  constructor(status: string) {
    super('TASK_ABORT_FAILED', `too late: the task is ${status}`);
    this.status = status;
  }
}

/** A task that runs or waits still cannot be retried (behaviour R7). */
export class TaskNotTerminalError extends BatonError {
  override readonly name = 'TaskNotTerminalError';
  /** The state the task is in. */
  readonly status: string;
  constructor(status: string) {
    super('TASK_NOT_TERMINAL', `the task is ${status}: there is nothing to retry before it has ended`);
    this.status = status;
  }
}

/** The last task of this key is being aborted, and the submitter chose not to wait behind it (behaviour D5). */
export class TaskAbortingError extends BatonError {
  override readonly name = 'TaskAbortingError';
  constructor() {
    super('TASK_ABORTING', 'a task of this key is being aborted; submit again when it has ended, or wait behind it');
  }
}

/** A task of this key is active, and the submitter chose to be refused then: `mode: 'reject'` (behaviour Q10). */
export class TaskActiveError extends BatonError {
  override readonly name = 'TaskActiveError';
  /** The state the task is in. */
  readonly status: string;
  constructor(message: string, status: string) {
    super('TASK_ACTIVE', message);
    this.status = status;
  }
}

/** A task of this key, which this user may not see, was made in the same window: `mode: 'throttle'` (behaviour Q10). */
export class TaskThrottledError extends BatonError {
  override readonly name = 'TaskThrottledError';
  constructor(message: string) {
    super('TASK_THROTTLED', message);
  }
}

/**
 * So many wait for a task, or behind it, that no more can come: what is left of its record is kept for its way to its end
 * (behaviour R9). Nothing happened.
 */
export class RecordFullError extends BatonError {
  override readonly name = 'RecordFullError';
  constructor() {
    super('RECORD_FULL', RECORD_FULL_TEXT);
  }
}

const NOT_FOUND =
  'no such task here: it is unknown, or not for this user to see, or it ended a while ago and is only in the projection ' +
  'by now (MongoDB, or GET /api/v1/task/<id> of the gateway)';

/** No such task, or none this user may see: the two are one answer, so that nothing is learned by asking. */
export class TaskNotFoundError extends BatonError {
  override readonly name = 'TaskNotFoundError';
  constructor() {
    super('TASK_NOT_FOUND', NOT_FOUND);
  }
}

/** This client was connected for something else: a publisher runs nothing. */
export class WrongRoleError extends BatonError {
  override readonly name = 'WrongRoleError';
  constructor(message: string) {
    super('WRONG_ROLE', message);
  }
}

/** The wait is over; the task runs on. */
export class WaitTimeoutError extends BatonError {
  override readonly name = 'WaitTimeoutError';
  constructor(ms: number) {
    super('WAIT_TIMEOUT', `the task has not ended within ${ms} ms; it runs on`);
  }
}
