import type { RefusalReason, TaskRecord } from '@baton/core';
import {
  activeText,
  BatonError,
  begunText,
  changedText,
  CHILDREN_FULL_TEXT,
  dependencyFailedText,
  endedText,
  NOT_ALONE_TEXT,
  PermissionDeniedError,
  SpawnRefusedError,
  throttledText,
} from '@baton/runtime';
import {
  DependencyFailedError,
  RecordFullError,
  SignalsFullError,
  TaskAbortFailedError,
  TaskActiveError,
  TaskAbortingError,
  TaskBehindError,
  TaskEndedError,
  TaskNotAbortableError,
  TaskNotPendingError,
  TaskNotTerminalError,
  TaskNotFoundError,
  TaskThrottledError,
  WaitsForItselfError,
} from './errors.ts';

/** One table from a refusal to what the caller meets. */
export const refusalError = (reason: RefusalReason, record: TaskRecord | undefined): Error => {
  switch (reason) {
    case 'not_abortable':
      return new TaskNotAbortableError();
    case 'too_late':
      return new TaskAbortFailedError(record?.finishing ? 'finishing' : (record?.status ?? 'gone'));
    case 'aborting':
      return new TaskAbortingError();
    case 'active':
      return new TaskActiveError(activeText(record), record?.status ?? 'active');
    case 'throttled':
      return new TaskThrottledError(throttledText(record));
    case 'waits_for_itself':
      return new WaitsForItselfError();
    case 'dependency_failed':
      return new DependencyFailedError(dependencyFailedText(record));
    case 'not_alone':
      return new PermissionDeniedError('PERMISSION_DENIED', NOT_ALONE_TEXT);
    case 'begun':
      return new TaskNotPendingError(begunText(record), record?.status ?? 'gone');
    case 'other_status':
      return new BatonError('TASK_CHANGED', changedText(record));
    case 'ended':
      return new TaskEndedError(endedText(record), record?.status ?? 'gone');
    case 'behind':
      return new TaskBehindError();
    case 'signals_full':
      return new SignalsFullError();
    case 'children_full':
      return new SpawnRefusedError('CHILDREN_FULL', CHILDREN_FULL_TEXT);
    case 'record_full':
      return new RecordFullError();
    case 'force_forbidden':
      return new PermissionDeniedError('PERMISSION_DENIED', 'only an admin may force a cancel');
    case 'force_required':
      return new PermissionDeniedError('FORCE_REQUIRED', 'others wait for this task: an admin has to force its cancel');
    case 'admin_required':
      return new PermissionDeniedError('PERMISSION_DENIED', 'only an admin may submit a system task');
    case 'not_ended':
      return new TaskNotTerminalError(record?.status ?? 'active');
    case 'not_found':
    case 'fenced':
    case 'not_running':
    case 'not_pending':
    case 'not_due':
    // Told to workers and supervisors alone.
    case 'steps_full':
    case 'no_canceller':
      return new TaskNotFoundError();
  }
};
