import { durationText } from '../time/durations.ts';
import { isTerminal, type Task } from './task.ts';

export type Warning = {
  readonly title: string;
  readonly text: string;
  /** No worker takes the type from the task's queue; another queue may have some. */
  readonly isUnserved?: boolean;
};

/** What somebody should know about a task before it becomes a problem. */
export const warningsOf = (task: Task): readonly Warning[] => {
  if (isTerminal(task.status)) return [];
  const warnings: Warning[] = [];
  if (task.unserved) {
    warnings.push({
      title: `No worker serves ${task.type} in queue ${task.queue}`,
      text: 'It starts as soon as a worker that takes this type from this queue is there.',
      isUnserved: true,
    });
  }
  if (task.cancelling) {
    warnings.push({
      title: 'Its worker has died',
      text: 'Another worker cancels what the handler had begun elsewhere. Then the task runs again, or ends.',
    });
  } else if (task.notStopping) {
    warnings.push({
      title: 'The handler does not stop',
      text: 'It was told to stop and goes on. An admin can end the task by force; the handler itself may still run.',
    });
  }
  if (task.timeoutUnenforced) {
    const seconds = task.timeoutSeconds === undefined ? '' : ` (${durationText(task.timeoutSeconds)})`;
    warnings.push({
      title: 'Timeout without effect',
      text: `Timeout configured${seconds} but no abort handler defined. Task will continue running past the timeout.`,
    });
  }
  return warnings;
};
