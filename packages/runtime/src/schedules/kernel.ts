import {
  decideSchedule,
  evolveSchedule,
  type ScheduleAnswer,
  type ScheduleCommand,
  type ScheduleEvent,
  type ScheduleRecord,
  type ScheduleRefusal,
} from '@baton/core';
import { encodeSchedule, readSchedule, SCHEDULE_LIMIT } from '@baton/protocols';
import { UnreadableRecordError } from '../errors.ts';
import { createActorKernel, type KernelOf } from '../kernel/actor-kernel.ts';
import type { ActorKind } from '../kernel/actor-kind.ts';
import type { AskedOf } from '../kernel/ask.ts';
import type { Entry } from '../ports/store.ts';
import type { Ports } from '../ports.ts';

/** The schedule as a kind of actor, at the place of its name in a bucket of its own. */
export type ScheduleActor = {
  readonly state: ScheduleRecord;
  readonly command: ScheduleCommand;
  readonly event: ScheduleEvent;
  readonly answer: ScheduleAnswer;
  readonly reason: ScheduleRefusal;
};

export type ScheduleKernel = KernelOf<ScheduleActor>;
export type ScheduleAsked = AskedOf<ScheduleActor>;

/** `counted` is told every change this process has stored, once. Must not throw. */
export const createScheduleKernel = (
  { schedules, clock, chance }: Pick<Ports, 'schedules' | 'clock' | 'chance'>,
  counted: (before: ScheduleRecord | undefined, after: ScheduleRecord) => void = () => undefined,
) => createActorKernel({ ...scheduleActor, counted }, { store: schedules.store, clock, chance });

/** Arguments and fires that wait fit below; beyond it nothing more is taken but their ends. */
const ROOM = SCHEDULE_LIMIT - 64 * 1_024;

const scheduleActor: ActorKind<ScheduleActor> = {
  decide: decideSchedule,
  evolve: evolveSchedule,
  encode: encodeSchedule,
  decode: (entry) => scheduleOf(entry),
  sizeLimit: SCHEDULE_LIMIT,
  roomLimit: ROOM,
  noRoom: 'record_full',
  takesRoom: (before, after) => before === undefined || after.waiting.length > before.waiting.length,
  isStep: (before, after) => before.id !== after.id,
  obstacle: () => undefined,
  keep: () => undefined,
  stored: () => undefined,
};

/** Throws UnreadableRecordError for one of a newer version and for a damaged one. */
export const scheduleOf = ({ address, bytes }: Pick<Entry, 'address' | 'bytes'>): ScheduleRecord => {
  const reading = readSchedule(bytes);
  switch (reading.kind) {
    case 'schedule':
      return reading.record;
    case 'newer':
      throw new UnreadableRecordError(
        'RECORD_NEWER',
        `schedule ${address} is of a newer version; upgrade this program`,
      );
    case 'corrupt':
      throw new UnreadableRecordError('RECORD_CORRUPT', `schedule ${address} cannot be read: ${reading.reason}`);
  }
};
