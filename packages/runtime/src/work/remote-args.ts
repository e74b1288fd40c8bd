import type { Data, TaskError, TaskRecord } from '@baton/core';
import { DecodeError, WORK_DATA_LIMIT } from '@baton/protocols';
import { DataLostError, loadValue } from '../data/large-data.ts';
import {
  handedOver,
  outcomeOf,
  TooMuchLeftError,
  type DependencyOutcome,
  type HandedOver,
} from '../dependencies/handed-over.ts';
import { BatonError } from '../errors.ts';
import type { DataStore } from '../ports/data.ts';
import { taskErrorOf } from '../run/task-error.ts';

export type RemoteArguments =
  | { readonly kind: 'here'; readonly value: unknown; readonly dependencies?: readonly DependencyOutcome[] }
  /** They will not come back: the attempt fails with this. */
  | { readonly kind: 'lost'; readonly error: TaskError }
  | { readonly kind: 'later' };

/**
 * The arguments of a task, decoded, wherever they lie, and what the tasks have left it that it waited for. Never rejects.
 */
export const argumentsOf = async (data: DataStore, record: TaskRecord): Promise<RemoteArguments> => {
  const { args, dependsOn } = record;
  try {
    const value = await loadValue(data, args);
    if (dependsOn === undefined) return { kind: 'here', value };
    const left = await handedOver(data, record.dependsOn ?? []);
    const fault = tooMuch(left, sizeOf(args));
    return fault === undefined
      ? { kind: 'here', value, dependencies: left.map(outcomeOf) }
      : { kind: 'lost', error: fault };
  } catch (error) {
    if (error instanceof DataLostError || error instanceof DecodeError || error instanceof TooMuchLeftError)
      return { kind: 'lost', error: taskErrorOf(error) };
    if (error instanceof BatonError) return { kind: 'later' };
    throw error;
  }
};

/** What no message can carry beside the arguments. */
const tooMuch = (left: readonly HandedOver[], taken: number): TaskError | undefined => {
  const bytes = left.reduce((sum, { payload, result }) => sum + (payload?.length ?? 0) + (result?.length ?? 0), taken);
  if (bytes <= WORK_DATA_LIMIT) return undefined;
  const message = `arguments and what the tasks it waited for have left are ${bytes} bytes, at most ${WORK_DATA_LIMIT} reach this worker`;
  return { message, type: 'TooMuchLeftError' };
};

const sizeOf = (args: Data | undefined): number => {
  if (args === undefined) return 0;
  return args instanceof Uint8Array ? args.length : args.size;
};
