import { stepOf, STEPS_LIMIT, type Data } from '@baton/core';
import { BatonError } from '../errors.ts';
import { lacksRoom } from './owned-task.ts';
import type { Ending } from './run-finish.ts';
import type { BodyAnswer, BodyQuestion } from './body.ts';
import { STEP_TOO_LATE_TEXT } from './steps.ts';
import type { Told } from './owned-task.ts';

type StepQuestion = Extract<BodyQuestion, { kind: 'find-step' | 'keep-step' }>;

/** What steps depend on. */
type Stepping = Pick<Ending, 'task' | 'clock' | 'fence' | 'data'>;

/** Answers what a body asks about a step. Never rejects. */
export const answerStep = async (run: Stepping, question: StepQuestion): Promise<BodyAnswer> => {
  try {
    return question.kind === 'find-step' ? await findStep(run, question.name) : await keepStep(run, question);
  } catch (error) {
    if (run.task.lost) return { kind: 'lost' };
    // Nothing else than the object store rejects, and only with what stays so.
    const { message } = error instanceof BatonError ? error : new Error(String(error), { cause: error });
    const code = question.kind === 'find-step' ? 'STEP_LOST' : 'STEP_NOT_KEPT';
    const what = question.kind === 'find-step' ? 'read' : 'stored';
    return { kind: 'refused', code, message: `the result of step '${question.name}' cannot be ${what}: ${message}` };
  }
};

const findStep = async ({ task, data }: Stepping, name: string): Promise<BodyAnswer> => {
  const entry = stepOf(task.record, name);
  if (entry === undefined) return { kind: 'not-done' };
  return entry.result === undefined ? { kind: 'done' } : { kind: 'done', result: await data.stored(entry.result) };
};

/** A large result is put away first, and one for which the record has no room goes where large ones go (behaviour R9). */
const keepStep = async (run: Stepping, step: Extract<BodyQuestion, { kind: 'keep-step' }>): Promise<BodyAnswer> => {
  const { result } = step;
  if (result?.kind === 'large') return keepAway(run, step, result.bytes);
  const told = await tellStep(run, step, result?.bytes);
  return result !== undefined && lacksRoom(told) ? keepAway(run, step, result.bytes) : answerOf(told);
};

const keepAway = async (
  run: Stepping,
  step: Extract<BodyQuestion, { kind: 'keep-step' }>,
  bytes: Uint8Array,
): Promise<BodyAnswer> => {
  const reference = await run.data.putStepAway(bytes, run, step.number);
  if (reference === undefined) return { kind: 'lost' };
  const told = await tellStep(run, step, reference);
  if (told.kind === 'refused') run.data.dropData(reference);
  return answerOf(told);
};

const tellStep = ({ task, clock, fence }: Stepping, { name }: { readonly name: string }, result: Data | undefined) =>
  task.tell({ kind: 'keep-step', at: clock.now(), fence, name, ...(result === undefined ? {} : { result }) });

const answerOf = (told: Told): BodyAnswer => {
  if (told.kind === 'done') return { kind: 'kept' };
  if (told.kind === 'lost') return { kind: 'lost' };
  switch (told.reason) {
    case 'steps_full':
      return { kind: 'refused', code: 'STEPS_FULL', message: `a task has ${STEPS_LIMIT} steps at most` };
    case 'too_late':
      return { kind: 'refused', code: 'STEP_TOO_LATE', message: STEP_TOO_LATE_TEXT };
    default:
      return { kind: 'refused', code: 'STEP_NOT_KEPT', message: `a step could not be kept: ${told.reason}` };
  }
};
