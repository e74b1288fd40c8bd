import { failedDependency, type RefusalReason, CHILDREN_LIMIT, SIGNALS_LIMIT, type TaskRecord } from '@baton/core';

/** Also the message of the SDK's error. */
export const RECORD_FULL_TEXT =
  'no more can come to this task: what is left of its record is kept for its way to its end; submit again when it has ended';

export const endedText = (record: TaskRecord | undefined): string =>
  `too late: the task is ${record?.status ?? 'gone'} and takes no signal any more`;

export const begunText = (record: TaskRecord | undefined): string =>
  `the task is ${record?.status ?? 'gone'}: only one that waits has a place in line`;

export const changedText = (record: TaskRecord | undefined): string =>
  `the task is ${record?.status ?? 'gone'} now, and not what it was to be cancelled as`;

export const NOT_ALONE_TEXT = 'others wait for this task, too: only an admin may change its priority';

export const BEHIND_TEXT =
  'the task waits behind another one of its key, which is being aborted; send the signal when that has ended';

export const CHILDREN_FULL_TEXT = `a task has ${CHILDREN_LIMIT} children at most: let some of them have children of their own`;

export const SIGNALS_FULL_TEXT = `the task has ${SIGNALS_LIMIT} signals, and takes no more but one it waits for`;

export const activeText = (record: TaskRecord | undefined): string =>
  `a task of this key is ${record?.status ?? 'active'}; submit again when it has ended, or with another mode`;

export const throttledText = (record: TaskRecord | undefined): string => {
  const until = record?.throttledUntil;
  const when = until === undefined ? 'when its window is over' : `from ${new Date(until).toISOString()} on`;
  return `a task of this key was made a moment ago; the next one can be made ${when}`;
};

export const WAITS_FOR_ITSELF_TEXT =
  'the submit came to the very task it is to wait for: give it another task key, or wait for the end of that one';

export const dependencyFailedText = (record: TaskRecord | undefined): string => {
  const failed = record === undefined ? undefined : failedDependency(record);
  const which = failed === undefined ? 'a task it waited for' : `the task ${failed.id}, which it waited for,`;
  return `${which} did not succeed: run that one again and submit this one anew, behind the new one`;
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
    case 'waits_for_itself':
      return { code: 'WAITS_FOR_ITSELF', message: WAITS_FOR_ITSELF_TEXT };
    case 'dependency_failed':
      return { code: 'DEPENDENCY_FAILED', message: dependencyFailedText(record) };
    case 'not_alone':
      return { code: 'PERMISSION_DENIED', message: NOT_ALONE_TEXT };
    case 'begun':
      return { code: 'TASK_NOT_PENDING', message: begunText(record), ...(record && { status: record.status }) };
    case 'other_status':
      return {
        code: 'TASK_CHANGED',
        message: changedText(record),
        ...(record && { status: record.status }),
      };
    case 'ended':
      return { code: 'TASK_ENDED', message: endedText(record), ...(record && { status: record.status }) };
    case 'behind':
      return { code: 'TASK_BEHIND', message: BEHIND_TEXT };
    case 'signals_full':
      return { code: 'SIGNALS_FULL', message: SIGNALS_FULL_TEXT };
    case 'children_full':
      return { code: 'CHILDREN_FULL', message: CHILDREN_FULL_TEXT };
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
    // Told to workers and supervisors alone.
    case 'steps_full':
    case 'no_canceller':
      return {
        code: 'TASK_NOT_FOUND',
        message: 'no such task here: it is unknown, has ended, or is not for this user to see',
      };
  }
};
