import { BatonError } from '@baton/runtime';
import { BSON, MongoBulkWriteError, MongoError, MongoInvalidArgumentError, MongoServerError } from 'mongodb';

/** The database cannot be reached or does not work now. What was sent may or may not have been done. */
export class MongoUnavailableError extends BatonError {
  override readonly name = 'MongoUnavailableError';
  constructor(message: string, options?: ErrorOptions) {
    super('MONGO_UNAVAILABLE', message, options);
  }
}

/** The database does not accept the login, or the login may not do what is needed. */
export class MongoUnauthorizedError extends BatonError {
  override readonly name = 'MongoUnauthorizedError';
  constructor(message: string, options?: ErrorOptions) {
    super('MONGO_UNAUTHORIZED', message, options);
  }
}

const UNAUTHORIZED = 13;
const AUTHENTICATION_FAILED = 18;
export const DUPLICATE_KEY = 11_000;
export const MAX_TIME_EXPIRED = 50;

/**
 * Codes that blame the document and not the server. A short list of sure ones: taking a passing fault for one of these
 * would put good documents aside. Code 1 is not among them: it is all FerretDB says while its PostgreSQL restarts.
 */
const DOCUMENT_FAULTS: ReadonlySet<unknown> = new Set([
  2, // BadValue
  9, // FailedToParse
  14, // TypeMismatch
  22, // InvalidBSON
  52, // DollarPrefixedFieldName
  57, // DottedFieldName
  121, // DocumentValidationFailure
  171, // CannotIndexParallelArrays
  10_334, // BSONObjectTooLarge
  17_280, // KeyTooLong
  17_419, // the document would be too large
  17_420,
]);

/** What a server says when it does not know better: its own fault, or that of one document in the message. */
const UNCERTAIN: ReadonlySet<unknown> = new Set([
  1, // InternalError
  8, // UnknownError
]);

export const mayBlameDocument = (code: unknown): boolean => UNCERTAIN.has(code);

export const blamesDocument = (code: unknown): boolean => DOCUMENT_FAULTS.has(code);

/** True for what the driver says before anything is sent: this cannot be put into a message. */
export const isEncodingFault = (error: unknown): boolean =>
  error instanceof BSON.BSONError || error instanceof MongoInvalidArgumentError || error instanceof RangeError;

/** A whole call that failed; `undefined` for the bulk error that only tells of single documents. */
export const wholeFault = (error: unknown): unknown =>
  error instanceof MongoBulkWriteError && listed(error.writeErrors).length > 0 && error.err === undefined
    ? undefined
    : error;

/** The driver gives one error as itself and several as a list. */
export const listed = <T>(value: T | readonly T[]): readonly T[] => (Array.isArray(value) ? value : [value as T]);

export const codeOf = (error: unknown): unknown => (error instanceof MongoServerError ? error.code : undefined);

export const reasonOf = (error: unknown): string => {
  const reason = error instanceof Error ? error.message : String(error);
  return error instanceof RangeError ? `too large to be written as BSON (${reason})` : reason;
};

/** The driver's errors as ours. Anything else is a bug and stays what it is. */
export const asBatonError = (error: unknown): unknown => {
  if (!(error instanceof MongoError)) return error;
  const code = codeOf(error);
  if (code === UNAUTHORIZED || code === AUTHENTICATION_FAILED) {
    return new MongoUnauthorizedError(
      `MongoDB refuses the login of MONGODB_URL (${error.message}): check user, password, authSource and its role readWrite`,
      { cause: error },
    );
  }
  return new MongoUnavailableError(
    `MongoDB does not answer as it should (${error.message}): check that the server of MONGODB_URL runs and can be reached`,
    { cause: error },
  );
};

/** Runs a call of the driver and lets only errors of ours out. */
export const guarded = async <T>(call: () => Promise<T>): Promise<T> => {
  try {
    return await call();
  } catch (error) {
    throw asBatonError(error);
  }
};
