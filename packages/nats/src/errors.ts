import { BatonError, ServerUnfitError } from '@baton/runtime';

/** The server knows us but does not let us in. Not repeated: it will not get better by itself. */
export class AuthorizationFailedError extends BatonError {
  override readonly name = 'AuthorizationFailedError';
  constructor(message: string, options?: ErrorOptions) {
    super('AUTHORIZATION_FAILED', message, options);
  }
}

/** A certificate is not what it has to be, or cannot be read; or TLS is asked for and not there. Not repeated. */
export class TlsFailedError extends BatonError {
  override readonly name = 'TlsFailedError';
  constructor(message: string, options?: ErrorOptions) {
    super('TLS_FAILED', message, options);
  }
}

/** A stream exists and is not what this program needs. */
export class StreamMismatchError extends ServerUnfitError {
  override readonly name = 'StreamMismatchError';
  constructor(code: 'STREAM_MISMATCH' | 'PARTITIONS_MISMATCH', message: string, options?: ErrorOptions) {
    super(code, message, options);
  }
}

/** The bucket was deleted and made again: revisions start anew, so nothing decided before may be written any more. */
export class EpochChangedError extends BatonError {
  override readonly name = 'EpochChangedError';
  constructor(message: string, options?: ErrorOptions) {
    super('EPOCH_CHANGED', message, options);
  }
}

/** A read had no answer in time. Reads change nothing, so it may be asked again. */
export class StoreTimeoutError extends BatonError {
  override readonly name = 'StoreTimeoutError';
  constructor(message: string, options?: ErrorOptions) {
    super('STORE_TIMEOUT', message, options);
  }
}

/** More is waiting to be written than the server takes; this was never sent. */
export class StoreBusyError extends BatonError {
  override readonly name = 'StoreBusyError';
  constructor(message: string, options?: ErrorOptions) {
    super('STORE_BUSY', message, options);
  }
}

/** An error the JetStream API answered with. `apiCode` is the server's `err_code`, `status` its HTTP-like code. */
export class ApiError extends BatonError {
  override readonly name = 'ApiError';
  readonly apiCode: number;
  readonly status: number;
  constructor(apiCode: number, status: number, message: string) {
    super('STORE_REFUSED', message);
    this.apiCode = apiCode;
    this.status = status;
  }
}

/** For places that must say why something ended and were given whatever was thrown. */
export const asBatonError = (fault: unknown): BatonError => {
  if (fault instanceof BatonError) return fault;
  const text = fault instanceof Error ? fault.message : String(fault);
  return new BatonError('STORE_REFUSED', text, { cause: fault });
};
