import type { Actor, Overlap, ScheduleAnswer, ScheduleEntry, ScheduleRecord } from '@baton/core';
import {
  checkNames,
  InvalidArgumentError,
  optionNames,
  readScheduleBody,
  scheduleSpecOf,
  type ScheduleClient,
} from '@baton/runtime';
import { WrongRoleError } from './errors.ts';
import type { ScheduleOptions, TaskSchedule } from './options.ts';
import { taskIn } from './request.ts';

/** A schedule as it is stored now. */
export type ScheduleInfo = {
  readonly name: string;
  readonly outcome?: ScheduleAnswer['kind'];
  readonly paused: { readonly at: Date; readonly by: string; readonly why?: string } | undefined;
  /** The next ten times; empty while it is paused. */
  readonly next: readonly Date[];
  /** What happened last: fires with their task, skips with their reason, who and when. */
  readonly history: readonly ScheduleEntry[];
  readonly started: number;
  readonly skipped: number;
  /** Fires whose task is not made yet. */
  readonly waiting: number;
  readonly record: ScheduleRecord;
};

export type BackfillOptions = {
  readonly from: Date;
  /** Not included. */
  readonly to: Date;
  /** `buffer_all` when not set: one after the other. */
  readonly overlap?: Overlap;
  /** Makes it safe to repeat. */
  readonly id?: string;
};

/** `id`: makes it safe to repeat. */
type TriggerOptions = { readonly id?: string };

const TRIGGER_NAMES = optionNames<TriggerOptions>({ id: true });
const BACKFILL_NAMES = optionNames<BackfillOptions>({ from: true, to: true, overlap: true, id: true });

const NEXT = 10;

/** The schedules one user may see and change. */
export class Schedules {
  private readonly given: ScheduleClient | undefined;
  private readonly actor: Actor;

  constructor(client: ScheduleClient | undefined, actor: Actor) {
    this.given = client;
    this.actor = actor;
  }

  /**
   * Makes a schedule, or changes it; the same one again changes nothing and keeps its cadence (behaviour H4). Its tasks are
   * this user's.
   */
  async set(name: string, options: ScheduleOptions): Promise<ScheduleInfo> {
    const { outcome, record } = await this.client.set(this.actor, name, readScheduleBody(bodyOf(options)));
    return { ...this.info(record), outcome };
  }

  async get(name: string): Promise<ScheduleInfo> {
    return this.info(await this.client.get(this.actor, name));
  }

  async list(): Promise<readonly ScheduleInfo[]> {
    return (await this.client.list(this.actor)).map((record) => this.info(record));
  }

  async pause(name: string, why?: string): Promise<ScheduleInfo> {
    return this.info(await this.client.pause(this.actor, name, why));
  }

  async resume(name: string): Promise<ScheduleInfo> {
    return this.info(await this.client.resume(this.actor, name));
  }

  /** Fires now, also while it is paused. */
  async trigger(name: string, options: TriggerOptions = {}): Promise<ScheduleInfo> {
    checkNames(options, TRIGGER_NAMES);
    return this.info(await this.client.trigger(this.actor, name, options.id));
  }

  async backfill(name: string, options: BackfillOptions): Promise<ScheduleInfo> {
    checkNames(options, BACKFILL_NAMES);
    const { from, to, ...rest } = options;
    const range = { from: millis('from', from), to: millis('to', to), ...rest };
    return this.info(await this.client.backfill(this.actor, name, range));
  }

  /** What it has started goes on. */
  async remove(name: string): Promise<void> {
    await this.client.remove(this.actor, name);
  }

  private get client(): ScheduleClient {
    if (this.given !== undefined) return this.given;
    throw new WrongRoleError('a publisher keeps no schedules: connect as a runtime, or ask the gateway');
  }

  private info(record: ScheduleRecord): ScheduleInfo {
    const { name, paused, history, started, skipped, waiting } = record;
    const isOff = paused !== undefined || record.removed === true;
    return {
      ...{ name, history, started, skipped, record },
      paused: paused === undefined ? undefined : { ...paused, at: new Date(paused.at) },
      next: isOff ? [] : this.client.upcoming(record, NEXT).map((time) => new Date(time)),
      waiting: waiting.length,
    };
  }
}

const millis = (field: string, date: Date): number => {
  if (date instanceof Date && !Number.isNaN(date.getTime())) return date.getTime();
  throw new InvalidArgumentError(`${field} is a valid Date`);
};

/** Throws InvalidArgumentError for what is no schedule of that type. */
export const checkSchedule = (type: string, schedule: TaskSchedule): void => {
  scheduleSpecOf(readScheduleBody(bodyOf({ ...schedule, task: type })), Date.now());
};

/** By the names of REST, which is how it is read at every door. */
const bodyOf = (options: ScheduleOptions): Readonly<Record<string, unknown>> => {
  const { task, retry, skipDates, catchUp, catchUpWindow, taskName, maxRescues, onOrphan, abortGrace, ...same } =
    options;
  const type = typeof task === 'string' ? task : taskIn<{ readonly type: string }>(task).type;
  const backoff = retry?.backoff;
  const fields = {
    ...same,
    type,
    skip_dates: skipDates,
    catch_up: catchUp,
    catch_up_window: catchUpWindow,
    task_name: taskName,
    max_attempts: retry?.maxAttempts,
    backoff,
    max_rescues: maxRescues,
    on_orphan: onOrphan,
    abort_grace: abortGrace,
  };
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
};
