import { BatonError, BEHIND_TEXT, RECORD_FULL_TEXT, SIGNALS_FULL_TEXT, WAITS_FOR_ITSELF_TEXT } from '@baton/runtime';

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

/** The submit came to the very task it was to wait for (behaviour G2). */
export class WaitsForItselfError extends BatonError {
  override readonly name = 'WaitsForItselfError';
  constructor() {
    super('WAITS_FOR_ITSELF', WAITS_FOR_ITSELF_TEXT);
  }
}

/** What is to be retried failed for a task it had waited for, which stays failed (behaviour G2). */
export class DependencyFailedError extends BatonError {
  override readonly name = 'DependencyFailedError';
  constructor(message: string) {
    super('DEPENDENCY_FAILED', message);
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

/** The task has begun or ended: it has no place in line that its priority could change (behaviour B1). */
export class TaskNotPendingError extends BatonError {
  override readonly name = 'TaskNotPendingError';
  /** The state the task is in. */
  readonly status: string;
  constructor(message: string, status: string) {
    super('TASK_NOT_PENDING', message);
    this.status = status;
  }
}

/** The task is over, or on its way there: it takes no signal any more (behaviour G5). */
export class TaskEndedError extends BatonError {
  override readonly name = 'TaskEndedError';
  /** The state the task is in. */
  readonly status: string;
  constructor(message: string, status: string) {
    super('TASK_ENDED', message);
    this.status = status;
  }
}

/** The task waits behind another one of its key that is being aborted, and can take no signal yet (behaviour G5). */
export class TaskBehindError extends BatonError {
  override readonly name = 'TaskBehindError';
  constructor() {
    super('TASK_BEHIND', BEHIND_TEXT);
  }
}

/** The task has as many signals as a task may have, and does not wait for this one (behaviour G5). Nothing happened. */
export class SignalsFullError extends BatonError {
  override readonly name = 'SignalsFullError';
  constructor() {
    super('SIGNALS_FULL', SIGNALS_FULL_TEXT);
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
    super('WAIT_TIMEOUT', `the task has not ended within ${ms} ms; nothing was done to it: it waits or runs on`);
  }
}
