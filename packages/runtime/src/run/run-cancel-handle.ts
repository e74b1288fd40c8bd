import { CANCEL_HANDLE_LIMIT, encodeData } from '@baton/protocols';
import { PayloadTooLargeError } from '../errors.ts';
import type { BodyAnswer } from './body.ts';
import type { TaskDefinition } from './definition.ts';
import { lacksRoom } from './owned-task.ts';
import type { Ending } from './run-finish.ts';

export const HANDLE_TOO_LATE_TEXT = 'only the handler of a task sets a cancel handle, as long as it runs';

/** Throws EncodeError for what is no plain data, PayloadTooLargeError. */
export const encodedHandle = (handle: unknown): Uint8Array => {
  const data = encodeData(handle);
  if (data.length <= CANCEL_HANDLE_LIMIT) return data;
  throw new PayloadTooLargeError(
    `the cancel handle is ${data.length} bytes, at most ${CANCEL_HANDLE_LIMIT} are allowed: an id is enough`,
  );
};

/** Stores what the canceller is to be given when this worker dies (behaviour G7). Never rejects. */
export const setCancelHandle = async (
  { task, clock, fence }: Pick<Ending, 'task' | 'clock' | 'fence'>,
  { type, canceller }: Pick<TaskDefinition, 'type' | 'canceller'>,
  data: Uint8Array | undefined,
): Promise<BodyAnswer> => {
  if (canceller === undefined) {
    const message = `${type} has no canceller that a cancel handle could be given to: task({ name: '${type}', canceller })`;
    return { kind: 'handle-refused', code: 'CANCELLER_MISSING', message };
  }
  const told = await task.tell({
    ...{ kind: 'set-cancel-handle', at: clock.now(), fence },
    ...(data === undefined ? {} : { data }),
  });
  if (told.kind === 'done') return { kind: 'kept' };
  if (told.kind === 'lost' || told.reason === 'fenced') return { kind: 'lost' };
  if (told.reason === 'too_late')
    return { kind: 'handle-refused', code: 'CANCEL_HANDLE_TOO_LATE', message: HANDLE_TOO_LATE_TEXT };
  const why = lacksRoom(told) ? 'the record has no room for it' : told.reason;
  return {
    kind: 'handle-refused',
    code: 'CANCEL_HANDLE_NOT_KEPT',
    message: `a cancel handle could not be kept: ${why}`,
  };
};
