import type { TaskError, TaskRecord } from '@baton/core';
import { DecodeError } from '@baton/protocols';
import { DataLostError, loadValue } from '../data/large-data.ts';
import { BatonError } from '../errors.ts';
import type { DataStore } from '../ports.ts';
import { taskErrorOf } from '../run/task-error.ts';

export type RemoteArguments =
  | { readonly kind: 'here'; readonly value: unknown }
  /** They will not come back: the attempt fails with this. */
  | { readonly kind: 'lost'; readonly error: TaskError }
  | { readonly kind: 'later' };

/** The arguments of a task, decoded, wherever they lie. Never rejects. */
export const argumentsOf = async (data: DataStore, { args }: TaskRecord): Promise<RemoteArguments> => {
  try {
    return { kind: 'here', value: await loadValue(data, args) };
  } catch (error) {
    if (error instanceof DataLostError || error instanceof DecodeError)
      return { kind: 'lost', error: taskErrorOf(error) };
    if (error instanceof BatonError) return { kind: 'later' };
    throw error;
  }
};
