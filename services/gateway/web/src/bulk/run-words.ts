import type { TaskDetail } from '../task/task.ts';
import { isTerminal } from '../task/task.ts';
import type { Operation } from './order.ts';
import { reportOf } from './report.ts';
import { foundBy, hasEnded, type RunState } from './run.ts';
import { doingText, doneText, foundText } from './words.ts';

/** How far it is, in a sentence. */
export const runText = (state: RunState, operation: Operation, isDry: boolean): string => {
  if (state.kind === 'refused') return isDry ? 'It cannot be counted.' : 'It was refused.';
  if (state.kind === 'unanswered') return state.fault === undefined ? 'No answer came.' : 'The server cannot say.';
  if (isDry) {
    const found = foundBy(state);
    if (found !== undefined) return foundText(found);
    return hasEnded(state) ? 'It was not counted to its end.' : 'Counting what matches…';
  }
  if (state.kind === 'asking') return 'Asking the server…';
  const { task } = state;
  return task === undefined || task.status === 'pending'
    ? 'Waiting to begin…'
    : workText(task, operation, hasEnded(state));
};

/** Of an operation that has begun; `hasSaid`: nothing more comes. */
export const workText = (task: TaskDetail, operation: Operation, hasSaid: boolean): string => {
  const report = reportOf(task);
  const sofar = report === undefined ? 'Nothing was done.' : doneText({ ...report, complete: true });
  switch (task.status) {
    case 'aborting':
      return 'Stopping…';
    case 'aborted':
      return `Stopped. ${sofar}`;
    case 'failure':
    case 'timed_out':
      return `It failed before its end. ${sofar}`;
    case 'success':
      return hasSaid && report !== undefined ? doneText(report) : doingText(operation);
    default:
      return doingText(operation);
  }
};

const ALL_THE_SAME = 'It may have begun all the same. Asked again it is the same operation: nothing is done twice.';

/** What is wrong, and what that means. */
export const runFault = (state: RunState, isDry: boolean): string | undefined => {
  switch (state.kind) {
    case 'asking':
      return undefined;
    case 'refused':
      return state.fault;
    case 'unanswered':
      return isDry ? state.fault : [...(state.fault === undefined ? [] : [state.fault]), ALL_THE_SAME].join(' ');
    case 'made': {
      const { task, fault } = state;
      if (task === undefined) return fault === undefined ? undefined : `How far it is cannot be told: ${fault}`;
      return isTerminal(task.status) && task.status !== 'success' ? task.errorMessage : fault;
    }
  }
};
