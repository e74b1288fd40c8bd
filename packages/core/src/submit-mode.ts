import type { SubmitMode } from './command.ts';
import type { Millis, TaskRecord, TaskSpec } from './task.ts';

/** What the modes of a submit mean for the task it makes or comes to (behaviour Q10). */

/** A run that has begun is as good as one that has not. */
export const takesTheRunning = ({ kind }: SubmitMode): boolean => kind === 'join' || kind === 'throttle';

/** Whether its next run may go on from what a run before it has seen; also that of an inline call, which begins at once. */
export const hasBegun = ({ status, attempt, host }: TaskRecord): boolean =>
  status !== 'pending' || attempt > 0 || host !== undefined;

type Submitted = { readonly spec: TaskSpec; readonly at: Millis; readonly mode?: SubmitMode };

/** What the task it makes is made of. */
export const specFor = ({ spec, at, mode }: Submitted): TaskSpec => {
  if (mode?.kind === 'debounce') return putOff(spec, at, mode.windowMs, at + mode.maxWaitMs);
  if (mode?.kind === 'throttle') return { ...spec, throttledUntil: at + mode.windowMs };
  return spec;
};

export const putOff = (spec: TaskSpec, at: Millis, windowMs: Millis, latestRunAt: Millis): TaskSpec => ({
  ...spec,
  runAt: Math.min(at + windowMs, latestRunAt),
  latestRunAt,
});

/** The shortest of the longest waits that were asked for. */
export const latestFor = ({ latestRunAt }: TaskSpec, wanted: Millis): Millis =>
  latestRunAt === undefined ? wanted : Math.min(latestRunAt, wanted);

/** When its turn comes nobody inline stands ready to run it: whoever serves its type does. */
export const withoutHost = (spec: TaskSpec): TaskSpec => {
  if (spec.host === undefined) return spec;
  const { host: _, ...rest } = spec;
  return rest;
};
