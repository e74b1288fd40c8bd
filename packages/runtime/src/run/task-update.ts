import { parseProgress, type Progress } from '@baton/core';
import { encodeData, PAYLOAD_LIMIT } from '@baton/protocols';
import type { Log } from '../log.ts';
import type { TaskUpdate } from './context.ts';

/** A checked update that is not stored yet. */
export type Pending = { readonly progress?: Progress; readonly payload?: Uint8Array };

/**
 * Reads what a handler passes to `updateTask`; undefined where nothing of it can be used. Wrong input is a warning in the
 * log: a typing mistake in a progress call does not end hours of work (behaviour C2).
 */
export const readUpdate = (update: TaskUpdate, log: () => Log): Pending | undefined => {
  const change: { progress?: Progress; payload?: Uint8Array } = {};
  if (update.progress !== undefined) {
    const parsed = parseProgress(update.progress);
    if (parsed.ok) change.progress = parsed.progress;
    else log().warn({ reason: parsed.reason }, 'progress was not understood and is left out');
  }
  if (update.payload !== undefined) {
    const payload = encoded(update.payload, log);
    if (payload !== undefined) change.payload = payload;
  }
  return change.progress === undefined && change.payload === undefined ? undefined : change;
};

const encoded = (payload: unknown, log: () => Log): Uint8Array | undefined => {
  let reason: string;
  try {
    const bytes = encodeData(payload);
    if (bytes.length <= PAYLOAD_LIMIT) return bytes;
    reason = `${bytes.length} bytes, at most ${PAYLOAD_LIMIT} are allowed`;
  } catch (error) {
    reason = error instanceof Error ? error.message : String(error);
  }
  log().warn({ reason }, 'a payload could not be stored and is left out');
  return undefined;
};
