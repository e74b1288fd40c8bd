/**
 * Errors that leave the product. Each has a stable `code`; the message says what happened and what to do, and may
 * change. A refusal of the decider becomes one of these only at the edge, where a caller expects an exception.
 */
export class BatonError extends Error {
  override readonly name: string = 'BatonError';
  readonly code: string;
  constructor(code: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** No connection to NATS: nothing was sent, nothing happened. */
export class NotConnectedError extends BatonError {
  override readonly name = 'NotConnectedError';
  constructor(message: string, options?: ErrorOptions) {
    super('NOT_CONNECTED', message, options);
  }
}

/** It may or may not have happened, and may still. Repeating with the same ids is safe. */
export class OutcomeUnknownError extends BatonError {
  override readonly name = 'OutcomeUnknownError';
  constructor(message: string, options?: ErrorOptions) {
    super('OUTCOME_UNKNOWN', message, options);
  }
}

/** The store refused before anything was written: full, misconfigured, gone. */
export class StoreRefusedError extends BatonError {
  override readonly name = 'StoreRefusedError';
  constructor(
    code: 'STORE_FULL' | 'STORE_MISSING' | 'STORE_REFUSED' | 'STORE_CONTENDED',
    message: string,
    options?: ErrorOptions,
  ) {
    super(code, message, options);
  }
}

/** The record is not one this program can read: written by a newer version, or damaged. It is left alone. */
export class UnreadableRecordError extends BatonError {
  override readonly name = 'UnreadableRecordError';
  constructor(code: 'RECORD_NEWER' | 'RECORD_CORRUPT', message: string, options?: ErrorOptions) {
    super(code, message, options);
  }
}

/** What a fixed floor, a setting or a permission of the server forbids. Found at connect. */
export class ServerUnfitError extends BatonError {
  override readonly name: string = 'ServerUnfitError';
}

export class ServerTooOldError extends ServerUnfitError {
  override readonly name = 'ServerTooOldError';
  constructor(message: string, options?: ErrorOptions) {
    super('SERVER_TOO_OLD', message, options);
  }
}

export class InvalidArgumentError extends BatonError {
  override readonly name = 'InvalidArgumentError';
  constructor(message: string, options?: ErrorOptions) {
    super('INVALID_ARGUMENT', message, options);
  }
}

/** This user may not do that; an admin may. */
export class PermissionDeniedError extends BatonError {
  override readonly name = 'PermissionDeniedError';
  constructor(code: 'PERMISSION_DENIED' | 'FORCE_REQUIRED', message: string) {
    super(code, message);
  }
}

/** No worker has ever served tasks of that type, and the submit, or this door, takes none of such. */
export class UnknownTypeError extends BatonError {
  override readonly name = 'UnknownTypeError';
  constructor(message: string) {
    super('UNKNOWN_TYPE', message);
  }
}

export class PayloadTooLargeError extends BatonError {
  override readonly name = 'PayloadTooLargeError';
  constructor(message: string, options?: ErrorOptions) {
    super('PAYLOAD_TOO_LARGE', message, options);
  }
}

/** No signal came within the timeout of a wait. It stays so in every run of the task, so a task that does not catch it fails. */
export class SignalTimeoutError extends BatonError {
  override readonly name = 'SignalTimeoutError';
  constructor(signal: string) {
    super('SIGNAL_TIMEOUT', `no signal ${signal} came in time`);
  }
}

/** The task cannot wait here, or not any more. Another attempt could not either. */
export class WaitRefusedError extends BatonError {
  override readonly name = 'WaitRefusedError';
  constructor(code: 'WAIT_UNSUPPORTED' | 'SIGNALS_FULL' | 'RECORD_FULL', message: string) {
    super(code, message);
  }
}

export type StepRefusalCode =
  /** Two steps of one run have the same name. */
  | 'STEP_REPEATED'
  /** The handler has ended. */
  | 'STEP_TOO_LATE'
  | 'STEPS_FULL'
  /** Neither the record nor the object store takes the result. */
  | 'STEP_NOT_KEPT'
  /** What it came to in an earlier run lay in the object store, and cannot be had any more. */
  | 'STEP_LOST';

/** A step cannot be run, or what it came to cannot be kept or found. */
export class StepRefusedError extends BatonError {
  override readonly name = 'StepRefusedError';
  constructor(code: StepRefusalCode, message: string) {
    super(code, message);
  }
}

export type CancelHandleRefusalCode =
  /** The definition of the type has no `canceller`, to which the handle could be given. */
  | 'CANCELLER_MISSING'
  /** The handler has ended. */
  | 'CANCEL_HANDLE_TOO_LATE'
  /** The record has no room for it. */
  | 'CANCEL_HANDLE_NOT_KEPT';

/** A cancel handle cannot be kept: what it stands for would not be cancelled if this worker died. */
export class CancelHandleRefusedError extends BatonError {
  override readonly name = 'CancelHandleRefusedError';
  constructor(code: CancelHandleRefusalCode, message: string) {
    super(code, message);
  }
}

/** Not all of the children a handler waited for ended within the timeout of the wait. It stays so in every run of the task. */
export class ChildrenTimeoutError extends BatonError {
  override readonly name = 'ChildrenTimeoutError';
  constructor() {
    super('CHILDREN_TIMEOUT', 'not all of the children that were waited for ended in time');
  }
}

/** A child that a handler waited for did not succeed. It stays so in every run of the task. */
export class ChildFailedError extends BatonError {
  override readonly name = 'ChildFailedError';
  /** Of the child. */
  readonly uuid: string;
  readonly status: string;
  constructor({ id, name, status }: { readonly id: string; readonly name: string; readonly status: string }) {
    const lost = status === 'gone' ? ': nothing is known of it any more' : '';
    super('CHILD_FAILED', `child ${name} (${id}) did not succeed (status=${status})${lost}`);
    this.uuid = id;
    this.status = status;
  }
}

/** The handler cannot spawn this here, or not any more. Another attempt could not either. */
export class SpawnRefusedError extends BatonError {
  override readonly name = 'SpawnRefusedError';
  constructor(code: 'SPAWN_UNSUPPORTED' | 'CHILDREN_FULL' | 'RECORD_FULL' | 'TASK_ACTIVE', message: string) {
    super(code, message);
  }
}

/** Settings that cannot be used. The message lists every fault; it shows no secret. */
export class ConfigError extends BatonError {
  override readonly name = 'ConfigError';
  readonly faults: readonly string[];
  constructor(faults: readonly string[]) {
    super('CONFIG_INVALID', `the settings cannot be used:\n${faults.map((fault) => `  ${fault}`).join('\n')}`);
    this.faults = faults;
  }
}
