import type { Actor, ScheduleEntry, ScheduleRecord } from '@baton/core';
import { decodeData, INLINE_DATA_LIMIT } from '@baton/protocols';
import { rules, type ScheduleClient } from '@baton/runtime';
import * as z from 'zod';

const time = z.iso.datetime();
const seconds = z.number().min(0);
const count = z.int().min(0);

const historyEntry = z.strictObject({
  kind: z.enum(['started', 'skipped', 'set', 'paused', 'resumed', 'backfilled']),
  at: time,
  by: z.string(),
  due: time.nullable().describe('the time it stands for'),
  task: z.string().nullable().describe('id of the task it has made'),
  why: z.string().nullable(),
  count: count.describe('so many times in a row'),
});

export const scheduleAnswer = z
  .strictObject({
    name: z.string(),
    owner: z.string().nullable(),
    cron: z.array(z.string()),
    every_seconds: seconds.nullable(),
    timezone: z.string(),
    skip_dates: z.array(z.string()),
    overlap: rules.overlap.shape,
    catch_up: rules.catchUp.shape,
    catch_up_window_seconds: seconds,
    jitter_seconds: seconds,
    type: z.string(),
    args: z.unknown(),
    task_name: z.string().nullable(),
    created_at: time,
    changed_at: time,
    paused: z.strictObject({ at: time, by: z.string(), why: z.string().nullable() }).nullable(),
    next: z.array(time).describe('the next ten times; none while it is paused'),
    waiting: count.describe('fires whose task is not made yet'),
    started: count,
    skipped: count,
    history: z.array(historyEntry).describe('the latest 50'),
  })
  .describe('A schedule');

const NEXT = 10;

export const scheduleJson = (client: ScheduleClient, record: ScheduleRecord, actor: Actor) => {
  const { name, owner, spec, paused, waiting, started, skipped, history } = record;
  const { args } = spec.task;
  return {
    name,
    owner: owner.user ?? null,
    cron: [...spec.crons],
    every_seconds: spec.everyMs === undefined ? null : spec.everyMs / 1_000,
    timezone: spec.timezone,
    skip_dates: [...spec.skipDates],
    overlap: spec.overlap,
    catch_up: spec.catchUp,
    catch_up_window_seconds: spec.catchUpMs / 1_000,
    jitter_seconds: spec.jitterMs / 1_000,
    type: spec.task.type,
    args: args instanceof Uint8Array ? decodeData(args, INLINE_DATA_LIMIT) : [],
    task_name: spec.task.name ?? null,
    created_at: iso(record.createdAt),
    changed_at: iso(record.changedAt),
    paused: paused === undefined ? null : { at: iso(paused.at), by: paused.by, why: paused.why ?? null },
    next: paused === undefined && !record.removed ? client.upcoming(record, NEXT).map(iso) : [],
    waiting: waiting.length,
    started,
    skipped,
    history: history.map((entry) => entryJson(entry, actor)),
  };
};

const entryJson = (entry: ScheduleEntry, { admin }: Actor) => ({
  kind: entry.kind,
  at: iso(entry.at),
  by: admin ? entry.by : entry.by.replace(/^(supervisor):.*$/, '$1'),
  due: 'due' in entry ? iso(entry.due) : null,
  task: 'task' in entry ? entry.task : null,
  why: 'why' in entry ? (entry.why ?? null) : null,
  count: 'count' in entry ? entry.count : 1,
});

const iso = (ms: number): string => new Date(ms).toISOString();
