import { parseProgress, type Fence, type Progress } from '@baton/core';
import { encodeData, messageOf, PAYLOAD_LIMIT } from '@baton/protocols';
import type { Log } from '../log.ts';
import type { Clock } from '../ports.ts';
import type { TaskUpdate } from './context.ts';
import type { OwnedTask } from './owned-task.ts';

/** A checked update that is not stored yet. */
export type Pending = { readonly progress?: Progress; readonly payload?: Uint8Array };

/**
 * Reads what a handler passes to `updateTask`; undefined where nothing of it can be used. Wrong input is a warning in the
 * log: a typing mistake in a progress call does not end hours of work (behaviour C2).
 */
export const readUpdate = (update: TaskUpdate, log: () => Log): Pending | undefined => {
  const change: { progress?: Progress; payload?: Uint8Array } = {};
  const progress = parsed(update, log);
  if (progress !== undefined) change.progress = progress;
  const payload = encoded(update, log);
  if (payload !== undefined) change.payload = payload;
  return change.progress === undefined && change.payload === undefined ? undefined : change;
};

type UpdateParts = {
  readonly task: OwnedTask;
  readonly clock: Clock;
  readonly fence: Fence;
  readonly log: () => Log;
};

/** Stores an update. A payload for which the record has no room is left out and said; the progress is stored (behaviour R9). */
export const storeUpdate = async ({ task, clock, fence, log }: UpdateParts, update: Pending): Promise<void> => {
  const told = await task.tell({ kind: 'progress', at: clock.now(), fence, ...update });
  if (told.kind !== 'refused' || told.reason !== 'record_full') return;
  const bytes = update.payload?.length;
  log().warn({ bytes }, 'a payload could not be stored and is left out: too many wait for this task or behind it');
  const { progress } = update;
  if (progress !== undefined) await task.tell({ kind: 'progress', at: clock.now(), fence, progress });
};

/** What is read here is the handler's, and may throw what it likes when it is read. */
const parsed = (update: TaskUpdate, log: () => Log): Progress | undefined => {
  let reason: string;
  try {
    const { progress } = update;
    if (progress === undefined) return undefined;
    const read = parseProgress(progress);
    if (read.ok) return read.progress;
    ({ reason } = read);
  } catch (error) {
    reason = messageOf(error);
  }
  log().warn({ reason }, 'progress was not understood and is left out');
  return undefined;
};

const encoded = (update: TaskUpdate, log: () => Log): Uint8Array | undefined => {
  let reason: string;
  try {
    const { payload } = update;
    if (payload === undefined) return undefined;
    const bytes = encodeData(payload);
    if (bytes.length <= PAYLOAD_LIMIT) return bytes;
    reason = `${bytes.length} bytes, at most ${PAYLOAD_LIMIT} are allowed`;
  } catch (error) {
    reason = messageOf(error);
  }
  log().warn({ reason }, 'a payload could not be stored and is left out');
  return undefined;
};
