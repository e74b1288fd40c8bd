import type { RefusalReason, TaskRecord } from '@baton/core';
import { activeText, PermissionDeniedError, throttledText } from '@baton/runtime';
import {
  RecordFullError,
  TaskAbortFailedError,
  TaskActiveError,
  TaskAbortingError,
  TaskNotAbortableError,
  TaskNotTerminalError,
  TaskNotFoundError,
  TaskThrottledError,
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
      return new TaskNotFoundError();
  }
};
