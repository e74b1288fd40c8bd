import {
  BatonError,
  InvalidArgumentError,
  OutcomeUnknownError,
  PayloadTooLargeError,
  PermissionDeniedError,
  SpawnRefusedError,
  UnknownTypeError,
} from '@baton/runtime';
import {
  DependencyFailedError,
  GlobalTaskFrameworkDisabledError,
  RecordFullError,
  SignalsFullError,
  TaskAbortFailedError,
  TaskActiveError,
  TaskAbortingError,
  TaskBehindError,
  TaskEndedError,
  TaskNotAbortableError,
  TaskNotPendingError,
  TaskNotFoundError,
  TaskThrottledError,
  WaitsForItselfError,
} from './errors.ts';

type Failure = { readonly code: string; readonly message: string; readonly status?: string };

/** The error a client with the rights of a runtime would have met, for what a supervisor has answered. */
export const answerError = ({ code, message, status }: Failure): BatonError => {
  switch (code) {
    case 'DISABLED':
      return new GlobalTaskFrameworkDisabledError();
    case 'TASK_NOT_FOUND':
      return new TaskNotFoundError();
    case 'TASK_NOT_ABORTABLE':
      return new TaskNotAbortableError();
    case 'TASK_ABORT_FAILED':
      return new TaskAbortFailedError(status ?? 'gone');
    case 'TASK_ABORTING':
      return new TaskAbortingError();
    case 'TASK_ACTIVE':
      return new TaskActiveError(message, status ?? 'active');
    case 'TASK_THROTTLED':
      return new TaskThrottledError(message);
    case 'WAITS_FOR_ITSELF':
      return new WaitsForItselfError();
    case 'DEPENDENCY_FAILED':
      return new DependencyFailedError(message);
    case 'TASK_NOT_PENDING':
      return new TaskNotPendingError(message, status ?? 'gone');
    case 'TASK_ENDED':
      return new TaskEndedError(message, status ?? 'gone');
    case 'TASK_BEHIND':
      return new TaskBehindError();
    case 'SIGNALS_FULL':
      return new SignalsFullError();
    case 'CHILDREN_FULL':
      return new SpawnRefusedError(code, message);
    case 'RECORD_FULL':
      return new RecordFullError();
    case 'PERMISSION_DENIED':
    case 'FORCE_REQUIRED':
      return new PermissionDeniedError(code, message);
    case 'INVALID_ARGUMENT':
      return new InvalidArgumentError(message);
    case 'UNKNOWN_TYPE':
      return new UnknownTypeError(message);
    case 'PAYLOAD_TOO_LARGE':
      return new PayloadTooLargeError(message);
    case 'OUTCOME_UNKNOWN':
      return new OutcomeUnknownError(message);
    default:
      return new BatonError(code, message);
  }
};
