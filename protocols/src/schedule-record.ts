import { SCHEDULE_VERSION, type ScheduleRecord } from '@baton/core';
import type { Address } from './address.ts';
import { decode, DecodeError, encode } from './codec.ts';
import { schemaOf, type SchemaPart } from './kind-forms.ts';
import { above0, bytes, faultIn, flag, listOf, mapOf, oneOf, text, time, whole, word, yes } from './kinds.ts';
import type { Fields } from './kind.ts';
import { NAME_PATTERN, SCHEDULE_LIMIT } from './limits.ts';
import { token } from './names.ts';
import { policy } from './record-shape.ts';
import { tags } from './tag-kinds.ts';

/** Where the schedule of that name stands. Throws a RangeError for what is no name. */
export const scheduleAddressOf = (name: string): Address => {
  if (!NAME_PATTERN.test(name)) throw new RangeError(`the name of a schedule is ${NAME_PATTERN.source}`);
  return token(name) as Address;
};

const overlap = oneOf('skip', 'buffer_one', 'buffer_all', 'cancel_other', 'allow');

const task = mapOf(
  { type: word },
  {
    args: bytes,
    name: text,
    scope: oneOf('private', 'shared', 'system'),
    queue: word,
    priority: oneOf('high', 'normal', 'low'),
    group: word,
    limitKey: word,
    units: above0,
    tags,
    policy,
    expiresMs: time,
  },
);

const spec = mapOf(
  {
    crons: listOf(text),
    timezone: word,
    skipDates: listOf(text),
    overlap,
    catchUp: oneOf('none', 'last', 'all'),
    catchUpMs: time,
    jitterMs: time,
    task,
  },
  { everyMs: time },
);

const fire = mapOf({
  ...{ id: text, kind: oneOf('time', 'trigger', 'backfill'), at: time, decidedAt: time, by: word, overlap },
});

const entry = mapOf(
  { kind: oneOf('started', 'skipped', 'set', 'paused', 'resumed', 'backfilled'), at: time, by: word },
  { fire: text, due: time, task: text, address: text, why: text, count: whole },
);

const REQUIRED: Fields = {
  v: whole,
  name: word,
  id: text,
  spec,
  owner: mapOf({ admin: flag }, { user: word }),
  createdAt: time,
  changedAt: time,
  anchor: time,
  cursor: time,
  waiting: listOf(fire),
  started: whole,
  skipped: whole,
  history: listOf(entry),
};

const OPTIONAL: Fields = { paused: mapOf({ at: time, by: word }, { why: text }), removed: yes, nonce: text };

/** Made of the table it is read by, as `recordSchema` is. */
export const scheduleSchema = (): SchemaPart => schemaOf(mapOf(REQUIRED, OPTIONAL), new Map());

export type ScheduleReading =
  | { readonly kind: 'schedule'; readonly record: ScheduleRecord }
  /** Of a version this program does not know: left alone (behaviour X10). */
  | { readonly kind: 'newer'; readonly version: number }
  | { readonly kind: 'corrupt'; readonly reason: string };

export const encodeSchedule = (record: ScheduleRecord): Uint8Array => encode(record);

/** Never throws. */
export const readSchedule = (stored: Uint8Array): ScheduleReading => {
  let value: unknown;
  try {
    value = decode(stored, SCHEDULE_LIMIT);
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
    return { kind: 'corrupt', reason: error.message };
  }
  const { v: version } = (typeof value === 'object' && value !== null ? value : {}) as { readonly v?: unknown };
  if (typeof version === 'number' && version > SCHEDULE_VERSION) return { kind: 'newer', version };
  const fault = faultIn(value, REQUIRED, OPTIONAL);
  return fault === undefined
    ? { kind: 'schedule', record: value as ScheduleRecord }
    : { kind: 'corrupt', reason: fault };
};
