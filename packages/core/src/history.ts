import { HISTORY_HEAD, HISTORY_LIMIT } from './defaults.ts';
import type { TaskRecord, Transition } from './task.ts';

type Kept = Pick<TaskRecord, 'history' | 'historyDropped'>;

/** Appends a transition; a history over its limit loses entries behind its head, and says how many. */
export const withTransition = (record: Kept, entry: Transition): Kept => {
  const history = [...record.history, entry];
  const excess = history.length - HISTORY_LIMIT;
  if (excess <= 0) {
    return record.historyDropped === undefined ? { history } : { history, historyDropped: record.historyDropped };
  }
  history.splice(HISTORY_HEAD, excess);
  return { history, historyDropped: (record.historyDropped ?? 0) + excess };
};
