import { DEFAULT_BACKOFF, type Policy, type ScheduledTask, type ScheduleSpec } from '@baton/core';
import { DATA_LIMIT, INLINE_DATA_LIMIT, SCHEDULE_CRONS, SCHEDULE_DATES } from '@baton/protocols';
import * as z from 'zod';
import { encodeArguments } from '../client/arguments.ts';
import { rules } from '../client/rules.ts';
import { faultsOf } from '../commands/read-command.ts';
import { overridesIn } from '../commands/request-of.ts';
import { runFields } from '../commands/shapes.ts';
import { InvalidArgumentError, PayloadTooLargeError } from '../errors.ts';
import { FireTimes } from './fire-times.ts';
import { Zone } from './local-time.ts';

/** A schedule as every door takes it, by the names of REST. Strict: what is not known is refused. */

const { mode: _mode, window: _window, max_wait: _maxWait, isolation: _isolation, ...taskFields } = runFields;

const expression = z.string().min(1).max(200);
const date = z.iso.date();

export const scheduleFields = {
  cron: z.union([expression, z.array(expression).min(1).max(SCHEDULE_CRONS)]).optional(),
  every: rules.duration.shape.optional(),
  timezone: z.string().min(1).max(100).optional(),
  skip_dates: z.array(date).max(SCHEDULE_DATES).optional(),
  overlap: rules.overlap.shape.optional(),
  catch_up: rules.catchUp.shape.optional(),
  catch_up_window: rules.duration.shape.optional(),
  jitter: rules.duration.shape.optional(),
  type: rules.type.shape,
  args: rules.args.shape.optional(),
  task_name: rules.taskName.shape.optional(),
  ...taskFields,
};

export const scheduleShape = z.strictObject(scheduleFields);

export type ScheduleBody = z.output<typeof scheduleShape>;

/** What a schedule does where it says nothing else. */
export const SCHEDULE_DEFAULTS = {
  timezone: 'UTC',
  overlap: 'skip',
  catchUp: 'last',
  catchUpMs: 86_400_000,
} as const;

/** No interval is shorter. */
const LEAST_EVERY_MS = 1_000;

/** Throws InvalidArgumentError, with every fault, for what is no schedule. */
export const readScheduleBody = (value: unknown): ScheduleBody => {
  const parsed = scheduleShape.safeParse(value);
  if (parsed.success) return parsed.data;
  throw new InvalidArgumentError(faultsOf(parsed.error));
};

/** Throws InvalidArgumentError, and PayloadTooLargeError for arguments that do not fit into its record. */
export const scheduleSpecOf = (body: ScheduleBody, now: number): ScheduleSpec => {
  const { cron, every, timezone = SCHEDULE_DEFAULTS.timezone, skip_dates: skipDates = [], jitter = 0 } = body;
  const crons = cron === undefined ? [] : typeof cron === 'string' ? [cron] : cron;
  if (crons.length === 0 && every === undefined)
    throw new InvalidArgumentError('cron: it says when, or every does, or both');
  if (every !== undefined && every < LEAST_EVERY_MS) throw new InvalidArgumentError('every: is one second or more');
  const spec: ScheduleSpec = {
    crons,
    ...(every === undefined ? {} : { everyMs: every }),
    timezone,
    skipDates: [...new Set(skipDates)].toSorted((a, b) => (a < b ? -1 : 1)),
    overlap: body.overlap ?? SCHEDULE_DEFAULTS.overlap,
    catchUp: body.catch_up ?? SCHEDULE_DEFAULTS.catchUp,
    catchUpMs: body.catch_up_window ?? SCHEDULE_DEFAULTS.catchUpMs,
    jitterMs: jitter,
    task: taskOf(body),
  };
  checkTimes(spec, now);
  return spec;
};

const checkTimes = (spec: ScheduleSpec, now: number): void => {
  checked(`timezone: '${spec.timezone}'`, () => new Zone(spec.timezone));
  const each = spec.crons.map((cron) => ({ ...spec, crons: [cron], skipDates: [] }));
  for (const one of [...each, spec]) {
    const field = `cron: '${one.crons.join("', '")}'`;
    const next = checked(field, () => new FireTimes(one, now).after(now));
    if (next === undefined) throw new InvalidArgumentError(`${field} never comes`);
  }
};

const checked = <T>(field: string, make: () => T): T => {
  try {
    return make();
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new InvalidArgumentError(`${field}: ${why}`, { cause: error });
  }
};

const taskOf = (body: ScheduleBody): ScheduledTask => {
  const { type, args = [], task_name: name } = body;
  const { scope, queue, priority, group, limitKey, units, tags, expiresMs, backoff, ...run } = overridesIn(body);
  const given = encodeArguments(args, DATA_LIMIT);
  if (given !== undefined && given.bytes.length > INLINE_DATA_LIMIT) {
    throw new PayloadTooLargeError(`args: of a schedule are at most ${INLINE_DATA_LIMIT} bytes, encoded`);
  }
  const policy: Policy = { ...run, ...(backoff === undefined ? {} : { backoff: { ...DEFAULT_BACKOFF, ...backoff } }) };
  return {
    type,
    ...(given === undefined ? {} : { args: given.bytes }),
    ...(name === undefined ? {} : { name }),
    ...(scope === undefined ? {} : { scope }),
    ...(queue === undefined ? {} : { queue }),
    ...(priority === undefined ? {} : { priority }),
    ...(group === undefined ? {} : { group }),
    ...(limitKey === undefined ? {} : { limitKey }),
    ...(units === undefined ? {} : { units }),
    ...(tags === undefined ? {} : { tags }),
    ...(Object.keys(policy).length === 0 ? {} : { policy }),
    ...(expiresMs === undefined ? {} : { expiresMs }),
  };
};
