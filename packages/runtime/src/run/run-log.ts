import type { TaskRecord, Waiting } from '@baton/core';
import type { Held } from '../kernel.ts';
import { taskFields, type Log, type LogFields } from '../log.ts';

/** What a worker did with a task, for whoever reads its log. A success is no news, and is said at `debug`. */
export const sayBegun = (log: Log, record: TaskRecord): void => {
  const why = rescueBefore(record);
  if (why === undefined) log.debug(taskFields(record), 'task started');
  else log.info({ ...taskFields(record), rescues: record.rescues, why }, 'task is run again after a rescue');
};

/** How the run before this one lost its worker: "worker w1 died"; undefined where it did not. */
export const rescueBefore = ({ history, rescues = 0 }: Pick<TaskRecord, 'history' | 'rescues'>): string | undefined => {
  const why = rescues > 0 ? history.at(-2)?.why : undefined;
  return why !== undefined && /^(worker |its worker died)/.test(why) ? why : undefined;
};

/** `held`: the task as its run left it. What became of one that was lost is said where that was found. */
export const sayEnded = (log: Log, { record }: Held): void => {
  const fields = taskFields(record);
  const { error } = record;
  const failure = error === undefined ? {} : { error: error.type, reason: error.message };
  switch (record.status) {
    case 'success':
      return log.debug(fields, 'task succeeded');
    case 'failure':
      return log.info({ ...fields, ...failure }, 'task failed');
    case 'aborted':
    case 'timed_out': {
      const forced = record.abort?.forced ? { forced: true } : {};
      const text = record.status === 'aborted' ? 'task aborted' : 'task timed out';
      return log.info({ ...fields, by: record.abort?.by, ...forced }, text);
    }
    case 'pending':
      if (record.waiting !== undefined) return sayWaits(log, fields, record.waiting);
      if (record.runAt === undefined)
        return log.info({ ...fields, why: record.history.at(-1)?.why }, 'task given back');
      return log.info({ ...fields, ...failure, runAt: new Date(record.runAt) }, 'task failed and is tried again');
    case 'in_progress':
    case 'aborting':
      return;
  }
};

const sayWaits = (log: Log, fields: LogFields, waiting: Waiting): void =>
  'signal' in waiting
    ? log.debug({ ...fields, signal: waiting.signal }, 'task waits for a signal')
    : log.debug({ ...fields, children: waiting.children.length }, 'task waits for children');
