import { BatonError } from '@baton/runtime';

/** What the program ends with. Services use 0 to 3 in the same sense. */
export const exitCodes = {
  ok: 0,
  /** A bug, or something this table has no word for. */
  failed: 1,
  /** The call or a setting is wrong: the same again will not help. */
  usage: 2,
  /** A server cannot be reached, or is not fit. */
  unreachable: 3,
  /** No such task, or none this user may see. */
  notFound: 4,
  /** It was understood and refused: not allowed, too late, cannot be stopped. */
  refused: 5,
  /** The task has ended, and not with success. */
  notSuccessful: 6,
  /** It is not known whether it took effect. Repeating with the same --operation-id is safe. */
  unknown: 7,
  /** The wait was over before the task was; it runs on. */
  waitOver: 8,
  /** `doctor` found something that has to be mended. */
  unhealthy: 9,
} as const;

/** For `--help`, in the words of the table above. */
export const EXIT_CODE_HELP = `
Exit codes:
  0  done                                   5  refused: not allowed, too late, cannot be stopped
  1  a bug, or an error without a word here 6  the task has ended, and not with success
  2  the call or a setting is wrong         7  not known whether it took effect
  3  a server cannot be reached or is unfit 8  the wait is over, the task is not
  4  no such task, or not for this user     9  doctor found something that has to be mended
`;

const BY_CODE: Readonly<Record<string, number>> = {
  INVALID_ARGUMENT: exitCodes.usage,
  PAYLOAD_TOO_LARGE: exitCodes.usage,
  CONFIG_INVALID: exitCodes.usage,
  NOT_CONNECTED: exitCodes.unreachable,
  STORE_TIMEOUT: exitCodes.unreachable,
  STORE_FULL: exitCodes.unreachable,
  STORE_MISSING: exitCodes.unreachable,
  STORE_REFUSED: exitCodes.unreachable,
  STORE_BUSY: exitCodes.unreachable,
  AUTHORIZATION_FAILED: exitCodes.unreachable,
  TLS_FAILED: exitCodes.unreachable,
  SERVER_TOO_OLD: exitCodes.unreachable,
  JETSTREAM_DISABLED: exitCodes.unreachable,
  STREAM_MISMATCH: exitCodes.unreachable,
  PARTITIONS_MISMATCH: exitCodes.unreachable,
  MONGO_UNAVAILABLE: exitCodes.unreachable,
  MONGO_UNAUTHORIZED: exitCodes.unreachable,
  STORE_CONTENDED: exitCodes.unreachable,
  PROJECTIONS_BEHIND: exitCodes.unreachable,
  RECORD_NEWER: exitCodes.unreachable,
  RECORD_CORRUPT: exitCodes.unreachable,
  TASK_NOT_FOUND: exitCodes.notFound,
  SCHEDULE_NOT_FOUND: exitCodes.notFound,
  DEPENDENCY_NOT_FOUND: exitCodes.notFound,
  DATA_MISSING: exitCodes.notFound,
  TASK_NOT_ABORTABLE: exitCodes.refused,
  TASK_ABORT_FAILED: exitCodes.refused,
  TASK_ABORTING: exitCodes.refused,
  TASK_ENDED: exitCodes.refused,
  TASK_BEHIND: exitCodes.refused,
  TASK_NOT_PENDING: exitCodes.refused,
  TASK_CHANGED: exitCodes.refused,
  DEPENDENCY_FAILED: exitCodes.refused,
  WAITS_FOR_ITSELF: exitCodes.refused,
  SETTINGS_FULL: exitCodes.refused,
  SIGNALS_FULL: exitCodes.refused,
  TASK_ACTIVE: exitCodes.refused,
  TASK_THROTTLED: exitCodes.refused,
  SCHEDULE_FULL: exitCodes.refused,
  TASK_NOT_TERMINAL: exitCodes.refused,
  UNKNOWN_TYPE: exitCodes.refused,
  RECORD_FULL: exitCodes.refused,
  PERMISSION_DENIED: exitCodes.refused,
  FORCE_REQUIRED: exitCodes.refused,
  DISABLED: exitCodes.refused,
  OUTCOME_UNKNOWN: exitCodes.unknown,
  WAIT_TIMEOUT: exitCodes.waitOver,
};

export const exitCodeOf = (error: unknown): number =>
  error instanceof BatonError ? (BY_CODE[error.code] ?? exitCodes.failed) : exitCodes.failed;
