import type { SupervisorCommand } from './command.ts';
import { done, refuse, type Decision } from './decision.ts';
import { ownedRun, type TaskRecord } from './task.ts';

type Displace = Extract<SupervisorCommand, { kind: 'displace' }>;

/**
 * A task makes room for another one of its group or key (behaviour Q7): one that waits ends, one that runs is told to stop.
 * What has been started once and waits again is let be: it is not new.
 */
export const decideDisplace = (record: TaskRecord | undefined, command: Displace): Decision => {
  const { at, by, id, fence, why } = command;
  if (record === undefined || record.id !== id) return refuse('not_found');
  if (fence === undefined) {
    if (record.status !== 'pending' || record.attempt > 0 || record.host !== undefined) return refuse('not_pending');
    return done({ kind: 'stopped', at, by, cause: 'displaced', why });
  }
  const run = ownedRun(record, fence);
  if (run === undefined) return refuse('not_running');
  if (run.status === 'aborting' || run.finishing) return done();
  if (!run.abortable && run.policy.isolation !== 'thread' && !run.cancelling) return refuse('not_abortable');
  return done({ kind: 'abort-requested', at, by, cause: 'displaced', why });
};
