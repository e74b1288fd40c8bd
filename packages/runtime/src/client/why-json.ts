import type { WaitReason, Why } from '@baton/core';
import * as z from 'zod';

const count = z.int().min(0);
const time = z.iso.datetime();
const name = z.string().nullable().describe('of the type, the group or the key; null of the whole queue');
const set = {
  of: z.enum(['queue', 'type', 'group', 'key']),
  name,
  by: z.string(),
  at: time,
  why: z.string().nullable(),
};

const reasonShape = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('starts_at'), at: time, because: z.enum(['delay', 'retry', 'debounce']) }),
  z.strictObject({ kind: z.literal('depends_on'), uuids: z.array(z.uuid()).describe('what it waits for') }),
  z.strictObject({ kind: z.literal('signal'), signal: z.string(), until: time }),
  z.strictObject({
    kind: z.literal('children'),
    uuids: z.array(z.uuid()).describe('children it waits for that have not ended'),
    of: count.describe('children it waits for'),
    until: time,
  }),
  z.strictObject({ kind: z.literal('behind'), uuid: z.uuid().describe('the task of its key that has not ended') }),
  z.strictObject({ kind: z.literal('inline') }),
  z.strictObject({ kind: z.literal('paused'), ...set }),
  z
    .strictObject({
      kind: z.literal('limit'),
      ...set,
      type: z.string().nullable().describe('of a group or a key: of its tasks of this type alone'),
      from: z.enum(['definition', 'run_time']).describe('what the definition of its type says, or what was set'),
      concurrency: z.strictObject({ most: count, running: count }).nullable(),
      when_full: z.enum(['wait', 'cancel_newest', 'cancel_running']),
      rate: z
        .strictObject({
          units: count,
          window_seconds: z.number(),
          used: count,
          opens_at: time.nullable().describe('null: those on their way have not started yet'),
        })
        .nullable(),
      holders: z
        .array(z.strictObject({ uuid: z.uuid(), task_type: z.string(), task_key: z.string(), task_name: z.string() }))
        .describe('some of those that hold it, as far as you may see them'),
      hidden: count.describe('that hold it besides'),
    })
    .describe('Of the two that is not null which is full'),
  z.strictObject({
    kind: z.literal('no_worker'),
    queue: z.string(),
    task_type: z.string(),
    queue_workers: count.describe('workers that serve the queue, and do not take the type'),
    served_in: z.array(z.string()).describe('queues in which workers take the type'),
  }),
  z.strictObject({ kind: z.literal('refused'), workers: count }),
  z.strictObject({ kind: z.literal('workers_busy'), workers: count }),
  z.strictObject({
    kind: z.enum(['starting', 'unsettled', 'taken_over', 'settings_unknown', 'settings_unreadable', 'unheard']),
  }),
  z
    .strictObject({ kind: z.enum(['uncancelled', 'cancelling']) })
    .describe('of one that has begun: its worker is gone, and what it had begun elsewhere is cancelled first'),
  z.strictObject({ kind: z.literal('unknown'), because: z.enum(['nobody', 'silent']) }),
]);

export const whyShape = z
  .strictObject({
    uuid: z.uuid(),
    status: z.enum(['pending', 'in_progress', 'aborting', 'success', 'failure', 'aborted', 'timed_out']),
    waits: z.boolean(),
    task_type: z.string(),
    queue: z.string(),
    priority: z.enum(['high', 'normal', 'low']),
    group: z.string().nullable(),
    as_of: time,
    since: time.nullable().describe('since when it could have begun'),
    position: count.nullable().describe('1: next; null where nobody can tell'),
    ahead: count.nullable().describe('tasks that start before it, as things stand'),
    queue_waits: count.nullable().describe('tasks that wait in the queue altogether'),
    reasons: z.array(reasonShape),
    expected_start: time
      .nullable()
      .describe('if the queue goes on as fast as it was seen to; null where that says nothing'),
    measured: z.strictObject({ starts: count, seconds: z.number() }).nullable(),
    text: z.array(z.string()).describe('the same in words'),
  })
  .describe('Why a task waits');

/** As every answer has it. */
export const whyJson = (why: Why): z.infer<typeof whyShape> => ({
  uuid: why.id,
  status: why.status,
  waits: why.waits,
  task_type: why.type,
  queue: why.queue,
  priority: why.priority,
  group: why.group ?? null,
  as_of: iso(why.asOf),
  since: isoOrNull(why.since),
  position: why.position ?? null,
  ahead: why.ahead ?? null,
  queue_waits: why.queueWaits ?? null,
  reasons: why.reasons.map((reason) => reasonJson(reason, why.asOf)),
  expected_start: isoOrNull(why.expectedStart),
  measured: why.measured === undefined ? null : { starts: why.measured.starts, seconds: why.measured.ms / 1_000 },
  text: [...why.text],
});

const reasonJson = (reason: WaitReason, asOf: number): z.infer<typeof reasonShape> => {
  switch (reason.kind) {
    case 'starts_at':
      return { kind: reason.kind, at: iso(reason.at), because: reason.because };
    case 'depends_on':
      return { kind: reason.kind, uuids: [...reason.tasks] };
    case 'signal':
      return { kind: reason.kind, signal: reason.signal, until: iso(reason.until) };
    case 'children':
      return { kind: reason.kind, uuids: [...reason.tasks], of: reason.of, until: iso(reason.until) };
    case 'behind':
      return { kind: reason.kind, uuid: reason.task };
    case 'paused':
      return { kind: reason.kind, ...setJson(reason) };
    case 'limit': {
      const { kind, concurrency, rate, holders, hidden, type = null, from = 'run_time', whenFull = 'wait' } = reason;
      return {
        kind,
        ...setJson(reason),
        type,
        from,
        concurrency: concurrency ?? null,
        when_full: whenFull,
        rate:
          rate === undefined
            ? null
            : {
                units: rate.units,
                window_seconds: rate.windowMs / 1_000,
                used: rate.used,
                opens_at: isoOrNull(rate.opensInMs === undefined ? undefined : asOf + rate.opensInMs),
              },
        holders: holders.map(({ id, type, key, name: shown }) => ({
          ...{ uuid: id, task_type: type, task_key: key, task_name: shown },
        })),
        hidden,
      };
    }
    case 'no_worker': {
      const { kind, queue, type, queueWorkers, servedIn } = reason;
      return { kind, queue, task_type: type, queue_workers: queueWorkers, served_in: [...servedIn] };
    }
    default:
      return reason;
  }
};

const setJson = ({ of, name: named, by, at, why }: Extract<WaitReason, { kind: 'paused' | 'limit' }>) => ({
  ...{ of, name: named ?? null, by, at: iso(at), why: why ?? null },
});

const iso = (at: number): string => new Date(at).toISOString();

const isoOrNull = (at: number | undefined): string | null => (at === undefined ? null : iso(at));
