import type { RefusalReason, TaskRecord } from '@baton/core';

/** Also the message of the SDK's error. */
export const RECORD_FULL_TEXT =
  'no more can come to this task: what is left of its record is kept for its way to its end; submit again when it has ended';

export const activeText = (record: TaskRecord | undefined): string =>
  `a task of this key is ${record?.status ?? 'active'}; submit again when it has ended, or with another mode`;

export const throttledText = (record: TaskRecord | undefined): string => {
  const until = record?.throttledUntil;
  const when = until === undefined ? 'when its window is over' : `from ${new Date(until).toISOString()} on`;
  return `a task of this key was made a moment ago; the next one can be made ${when}`;
};

/** A refusal for whoever does not meet it as an exception: the code is that of the SDK's error for it. */
export type RefusalText = { readonly code: string; readonly message: string; readonly status?: string };

export const refusalText = (reason: RefusalReason, record: TaskRecord | undefined): RefusalText => {
  switch (reason) {
    case 'not_abortable':
      return {
        code: 'TASK_NOT_ABORTABLE',
        message: 'the task is running and has no abort handler: it cannot be stopped',
      };
    case 'too_late': {
      const status = record?.finishing ? 'finishing' : (record?.status ?? 'gone');
      return { code: 'TASK_ABORT_FAILED', message: `too late: the task is ${status}`, status };
    }
    case 'aborting':
      return { code: 'TASK_ABORTING', message: 'a task of this key is being aborted; submit again when it has ended' };
    case 'active':
      return { code: 'TASK_ACTIVE', message: activeText(record), ...(record && { status: record.status }) };
    case 'throttled':
      return { code: 'TASK_THROTTLED', message: throttledText(record) };
    case 'record_full':
      return { code: 'RECORD_FULL', message: RECORD_FULL_TEXT };
    case 'force_forbidden':
      return { code: 'PERMISSION_DENIED', message: 'only an admin may force a cancel' };
    case 'force_required':
      return { code: 'FORCE_REQUIRED', message: 'others wait for this task: an admin has to force its cancel' };
    case 'admin_required':
      return { code: 'PERMISSION_DENIED', message: 'only an admin may submit a system task' };
    case 'not_ended':
      return {
        code: 'TASK_NOT_TERMINAL',
        message: `the task is ${record?.status ?? 'active'}: there is nothing to retry`,
      };
    case 'not_found':
    case 'fenced':
    case 'not_running':
    case 'not_pending':
    case 'not_due':
      return {
        code: 'TASK_NOT_FOUND',
        message: 'no such task here: it is unknown, has ended, or is not for this user to see',
      };
  }
};
