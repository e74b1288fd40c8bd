import {
  areFew,
  hasTags,
  parseProgress,
  tagChangesIn,
  TAGS_LIMIT,
  withTags,
  type Fence,
  type Progress,
  type Tags,
} from '@baton/core';
import { encodeData, messageOf, PAYLOAD_LIMIT } from '@baton/protocols';
import { rules } from '../client/rules.ts';
import type { Log, LogFields } from '../log.ts';
import type { Clock } from '../ports/environment.ts';
import type { TaskUpdate } from './context.ts';
import { lacksRoom, type OwnedTask, type RunTrace } from './owned-task.ts';

/** A checked update that is not stored yet. */
export type Pending = {
  readonly progress?: Progress;
  readonly payload?: Uint8Array;
  /** All tags the task is to have. */
  readonly tags?: Tags;
};

/** Of a task that has none. */
export const NO_TAGS: Tags = {};

/** Where wrong input is said. */
export type Warns = { readonly warn: (fields: LogFields, text: string) => void };

/**
 * Reads what a handler passes to `updateTask`; undefined where nothing of it can be used. Wrong input is a warning in the
 * log: a typing mistake in a progress call does not end hours of work (behaviour C2).
 */
export const readUpdate = (update: TaskUpdate, log: () => Warns, tags: Tags): Pending | undefined => {
  const change: { -readonly [K in keyof Pending]: Pending[K] } = {};
  const progress = parsed(update, log);
  if (progress !== undefined) change.progress = progress;
  const payload = encoded(update, log);
  if (payload !== undefined) change.payload = payload;
  const changed = tagged(update, log, tags);
  if (changed !== undefined) change.tags = changed;
  return change.progress === undefined && change.payload === undefined && changed === undefined ? undefined : change;
};

type UpdateParts = {
  readonly task: OwnedTask;
  readonly clock: Clock;
  readonly fence: Fence;
  readonly log: () => Log;
};

/** Stores an update. A payload and tags for which the record has no room are left out and said; the progress is stored (behaviour R9). */
export const storeUpdate = async (
  { task, clock, fence, log }: UpdateParts,
  update: Pending & RunTrace,
): Promise<void> => {
  const told = await task.tell({ kind: 'progress', at: clock.now(), fence, ...update });
  if (!lacksRoom(told)) return;
  const bytes = update.payload?.length;
  const what = update.tags === undefined ? 'a payload' : 'a payload, or tags,';
  log().warn({ bytes }, `${what} could not be stored and is left out: too many wait for this task or behind it`);
  const { payload: _payload, tags: _tags, ...rest } = update;
  if (Object.keys(rest).length > 0) await task.tell({ kind: 'progress', at: clock.now(), fence, ...rest });
};

/** What is read here is the handler's, and may throw what it likes when it is read. */
const parsed = (update: TaskUpdate, log: () => Warns): Progress | undefined => {
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

/** What the task has from now on; undefined: what it had. */
const tagged = (update: TaskUpdate, log: () => Warns, before: Tags): Tags | undefined => {
  let reason: string;
  try {
    const { tags } = update;
    if (tags === undefined) return undefined;
    const read = tagChangesIn(tags);
    if (read === undefined || read.unfit.length > 0) {
      const named = read === undefined ? {} : { tags: read.unfit.slice(0, TAGS_LIMIT) };
      log().warn({ ...named, reason: `tags: ${rules.tags.says}` }, NOT_UNDERSTOOD);
      if (read === undefined) return undefined;
    }
    const after = withTags(before, read.changes) ?? NO_TAGS;
    if (areFew(after)) return isSame(before, after) ? undefined : after;
    reason = `there are more than ${TAGS_LIMIT}`;
  } catch (error) {
    reason = messageOf(error);
  }
  log().warn({ reason }, NOT_UNDERSTOOD);
  return undefined;
};

const NOT_UNDERSTOOD = 'tags were not understood and are left out';

const isSame = (a: Tags, b: Tags): boolean => hasTags(a, b) && hasTags(b, a);

const encoded = (update: TaskUpdate, log: () => Warns): Uint8Array | undefined => {
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
