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

/** Settings that cannot be used. The message lists every fault; it shows no secret. */
export class ConfigError extends BatonError {
  override readonly name = 'ConfigError';
  readonly faults: readonly string[];
  constructor(faults: readonly string[]) {
    super('CONFIG_INVALID', `the settings cannot be used:\n${faults.map((fault) => `  ${fault}`).join('\n')}`);
    this.faults = faults;
  }
}
