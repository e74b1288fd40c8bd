import type { Actor } from '@baton/core';
import type { DependencyOption } from '@baton/sdk';
import { Problem, problem } from '../http/problem.ts';
import type { SubmitBody } from './requests.ts';
import type { TaskReader } from './task-reader.ts';

/** What a submit waits for: also what ended long ago, which only the documents know. Throws a 404 Problem for the others. */
export const dependenciesIn = async (
  reader: TaskReader,
  { depends_on: wanted }: Pick<SubmitBody, 'depends_on'>,
  actor: Actor,
): Promise<readonly DependencyOption[] | undefined> => {
  if (wanted === undefined || wanted.length === 0) return undefined;
  const options: DependencyOption[] = [];
  for (const { task, on_failure: onFailure = 'fail' } of wanted) {
    const { document } = await foundFor(reader, task, actor);
    options.push({ task: document, onFailure });
  }
  return options;
};

const foundFor = async (reader: TaskReader, id: string, actor: Actor) => {
  try {
    return await reader.get(id, actor);
  } catch (error) {
    if (error instanceof Problem && error.body.code === 'TASK_NOT_FOUND') throw unknown(id);
    throw error;
  }
};

const unknown = (id: string): Problem =>
  problem(
    'DEPENDENCY_NOT_FOUND',
    `depends_on: the task ${id.slice(0, 100)} cannot be waited for: there is none, or not for you`,
  );
