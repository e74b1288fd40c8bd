import type { WorkerCommand } from './command.ts';
import { done, refuse, type Decision } from './decision.ts';
import { STEPS_LIMIT } from './defaults.ts';
import { ownedRun, type StepEntry, type TaskRecord } from './task.ts';

type KeepStep = Extract<WorkerCommand, { kind: 'keep-step' }>;

/**
 * Steps of a body (behaviour G6). They stand in the task's own record and are never taken out, so that a later run of the
 * task, by whatever it came about, finds what the ones before it have done.
 */
export const stepOf = ({ steps = [] }: Pick<TaskRecord, 'steps'>, name: string): StepEntry | undefined =>
  steps.find((entry) => entry.name === name);

/** The first result of a name stands. Also of a body that is told to stop: what it has done is done. */
export const decideKeepStep = (record: TaskRecord | undefined, command: KeepStep): Decision => {
  const { at, fence, name, result } = command;
  const run = ownedRun(record, fence);
  if (run === undefined) return refuse('fenced');
  if (stepOf(run, name) !== undefined) return done();
  if (run.finishing) return refuse('too_late');
  if ((run.steps?.length ?? 0) >= STEPS_LIMIT) return refuse('steps_full');
  return done({ kind: 'step-kept', at, entry: { name, at, ...(result === undefined ? {} : { result }) } });
};
