import { done, type Decision } from './decision.ts';
import { maxAbnormalEndsOf, maxRescuesOf } from './defaults.ts';
import type { Cause, Millis, TaskRecord } from './task.ts';

/** Said of a run that was ended while its cleanup handlers ran. */
export const UNCLEAN = 'its cleanup handlers may not have finished';

/** How a run lost its worker. `why`: "worker w1 died". */
export type Orphaning = {
  readonly at: Millis;
  readonly by: Cause;
  readonly why: string;
  /** The worker said so itself. */
  readonly abnormal: boolean;
};

/**
 * What becomes of a run whose worker is gone: run again, counted apart from failures, or ended, as its policy says
 * (behaviour R3, R10). Nobody can tell which of the tasks of a worker ended it, so all of them are counted, and the limit
 * is what protects the workers from the one and bounds what it costs the others.
 */
export const decideOrphan = (run: TaskRecord, { at, by, why, abnormal }: Orphaning): Decision => {
  const rescues = run.rescues ?? 0;
  const givenUp = rescues >= (abnormal ? maxAbnormalEndsOf : maxRescuesOf)(run.policy);
  if (!givenUp && run.policy.onOrphan !== 'fail') return done({ kind: 'rescued', at, by, why });
  const message = givenUp ? `${why}; given up after ${rescues} rescues` : `${why} while it ran the task`;
  return done({ kind: 'failed', at, by, error: { message, type: 'OrphanedTaskError' } });
};
