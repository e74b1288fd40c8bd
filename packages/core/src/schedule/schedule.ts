import type { SubmitOptions } from '../definition.ts';
import type { Tags } from '../tags.ts';
import type { Cause, Data, Millis, Policy, Priority, Scope, TaskId, UserId } from '../task.ts';

/** A schedule: the record of an actor that makes tasks at times of its own (behaviour H). */

/** What becomes of a fire while the task of an earlier one is not over (behaviour H3). */
export type Overlap = 'skip' | 'buffer_one' | 'buffer_all' | 'cancel_other' | 'allow';

/** Which of the times are made up for that passed while nobody could fire (behaviour H4). */
export type CatchUp = 'none' | 'last' | 'all';

/** The task a fire makes. What is not said here is said by the definition of its type. */
export type ScheduledTask = {
  readonly type: string;
  readonly args?: Data;
  readonly name?: string;
  readonly scope?: Scope;
  readonly queue?: string;
  readonly priority?: Priority;
  readonly group?: string;
  readonly limitKey?: string;
  readonly units?: number;
  readonly tags?: Tags;
  readonly policy?: Policy;
  readonly expiresMs?: SubmitOptions['expiresMs'];
};

export type ScheduleSpec = {
  /** 5 or 6 fields each. */
  readonly crons: readonly string[];
  readonly everyMs?: Millis;
  /** IANA name; crons and skipped dates are read in it. */
  readonly timezone: string;
  /** `2030-12-24`: at no time of these days. */
  readonly skipDates: readonly string[];
  readonly overlap: Overlap;
  readonly catchUp: CatchUp;
  /** How far back it is made up for. */
  readonly catchUpMs: Millis;
  /** Each fire comes up to this much later, by its id: always the same for the same one. */
  readonly jitterMs: Millis;
  readonly task: ScheduledTask;
};

export type FireKind = 'time' | 'trigger' | 'backfill';

/** One fire that was decided and has no task yet. Its id names it for good: no two tasks are made for it. */
export type Fire = {
  readonly id: string;
  readonly kind: FireKind;
  /** The time it stands for. */
  readonly at: Millis;
  readonly decidedAt: Millis;
  readonly by: Cause;
  readonly overlap: Overlap;
};

/** What happened, for people: the latest SCHEDULE_HISTORY of them. */
export type ScheduleEntry =
  | {
      readonly kind: 'started';
      readonly at: Millis;
      readonly fire: string;
      readonly due: Millis;
      readonly by: Cause;
      readonly task: TaskId;
      readonly address: string;
    }
  | {
      readonly kind: 'skipped';
      readonly at: Millis;
      readonly due: Millis;
      readonly by: Cause;
      readonly why: string;
      /** So many times in a row, the last of them at `due`. */
      readonly count: number;
    }
  | {
      readonly kind: 'set' | 'paused' | 'resumed' | 'backfilled';
      readonly at: Millis;
      readonly by: Cause;
      readonly why?: string;
    };

export type ScheduleRecord = {
  /** Version of this shape. */
  readonly v: number;
  readonly name: string;
  /** Of this one among all that have had the name. */
  readonly id: string;
  readonly spec: ScheduleSpec;
  /** On whose behalf its tasks are made; who may change it. */
  readonly owner: { readonly user?: UserId; readonly admin: boolean };
  readonly createdAt: Millis;
  readonly changedAt: Millis;
  /** Intervals are counted from here; they stay when the rest of it is changed. */
  readonly anchor: Millis;
  /** Times up to here are dealt with. */
  readonly cursor: Millis;
  readonly paused?: { readonly at: Millis; readonly by: Cause; readonly why?: string };
  readonly waiting: readonly Fire[];
  readonly started: number;
  readonly skipped: number;
  readonly history: readonly ScheduleEntry[];
  /** It is over; the record goes a moment later. */
  readonly removed?: true;
  readonly nonce?: string;
};

export const SCHEDULE_VERSION = 1;
export const SCHEDULE_HISTORY = 50;

/** Why the decider lets times pass, as the history says it. */
export const SKIP_WHY = {
  paused: 'paused',
  calendar: 'calendar',
  missed: 'missed: nobody could fire in time',
  full: 'too many wait already',
} as const;

/** Fires that wait for their task to be made. Beyond that they are skipped, and it is said. */
export const WAITING_FIRES = 1_000;

/** A time that is so late was missed: whether it is made up for is the schedule's to say. Takeovers are faster. */
export const MISSED_AFTER_MS: Millis = 30_000;
