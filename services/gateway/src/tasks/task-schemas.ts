import { SUBMIT_OUTCOMES } from '@baton/core';
import { whyShape } from '@baton/runtime';
import * as z from 'zod';

/** Shapes of answers, for the OpenAPI document; a test holds what is sent to them. */

const time = z.iso.datetime();
const maybeTime = time.nullable();
const count = z.int().min(0);
const seconds = z.number().min(0);
const status = z.enum(['pending', 'in_progress', 'aborting', 'success', 'failure', 'aborted', 'timed_out']);
const data = z.unknown().describe('any JSON value; bytes are {"$base64"}');
const sizeBeside = count
  .nullable()
  .describe('encoded bytes of what is too large for the record and asked for by itself');

const progress = z.union([
  z.strictObject({ current: count, total: count }),
  z.strictObject({ fraction: z.number().min(0).max(1) }),
  z.strictObject({ count }),
]);

export const historyEntry = z.strictObject({
  status,
  at: time,
  by: z.string().describe('user:<id>, worker, supervisor or service'),
  attempt: count,
  why: z.string().nullable(),
});

const signalEntry = z.strictObject({
  name: z.string(),
  at: time,
  sent_by: z.string().nullable().describe('user:<id> or service; null: the wait for it was in vain'),
  data,
  awaited: z.boolean().describe('the task waited for it when it came'),
  timed_out: z.boolean(),
});

const person = z.strictObject({ id: z.string(), first_name: z.string(), last_name: z.string() });

const dependency = z.strictObject({
  uuid: z.uuid(),
  task_name: z.string().nullable().describe('null for who neither made the waiting task nor is an admin'),
  on_failure: z.enum(['fail', 'continue', 'ignore']),
  status: z.string().nullable().describe('how it ended, or gone; of one that has not: its state, or null in a list'),
  ended_at: maybeTime,
});

const child = z.strictObject({
  uuid: z.uuid(),
  task_name: z.string(),
  leave: z.boolean().describe('it goes on, whatever becomes of this task'),
  share: z.number().min(0).max(1).nullable().describe('how much of it was done when that was asked last'),
  status: z.string().nullable().describe('how it ended, or gone; of one that has not: its state'),
  ended_at: maybeTime,
});

const rowFields = {
  id: z.uuid(),
  uuid: z.uuid(),
  revision: count.describe('of two versions of a task the higher one is newer'),
  task_type: z.string(),
  task_key: z.string(),
  task_name: z.string(),
  scope: z.enum(['private', 'shared', 'system']),
  status,
  terminal: z.boolean(),
  created_by: z.string().nullable(),
  user_id: z.string().nullable(),
  dedup_key: z.string().describe('the same for the same work while it is active; then the id'),
  changed_by: person.nullable(),
  created_on_delta_humanized: z.string(),
  subscribers: z.array(
    z.strictObject({
      user_id: z.string(),
      first_name: z.string(),
      last_name: z.string(),
      is_guest: z.boolean(),
      label: z.string().nullable(),
      subscribed_at: time,
    }),
  ),
  subscriber_count: count,
  queue: z.string(),
  priority: z.string(),
  group: z.string().nullable(),
  limit_key: z.string().nullable(),
  units: count,
  tags: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])),
  execution_mode: z.enum(['async', 'sync']),
  created_at: time,
  created_on: time,
  changed_at: time,
  changed_on: time,
  run_at: maybeTime,
  expires_at: maybeTime,
  ready_at: time,
  started_at: maybeTime,
  ended_at: maybeTime,
  duration_seconds: seconds.nullable(),
  queued_seconds: seconds,
  eta_seconds: seconds.nullable(),
  attempt: count,
  max_attempts: count,
  failures: count,
  rescues: count,
  timeout_seconds: seconds.nullable(),
  abort_grace_seconds: seconds,
  is_abortable: z.boolean(),
  finishing: z.boolean(),
  not_stopping: z.boolean(),
  cancelling: z.boolean().describe('its worker has died, and another one runs the canceller of its type'),
  timeout_unenforced: z.boolean(),
  abort: z
    .strictObject({
      cause: z.string(),
      requested_by: z.string(),
      requested_at: time,
      delivered_at: maybeTime,
      observed_at: maybeTime,
      stopped_at: maybeTime,
      forced: z.boolean(),
    })
    .nullable(),
  progress: progress.nullable(),
  progress_text: z.string().nullable(),
  payload: data,
  payload_omitted: z.boolean(),
  error_message: z.string().nullable(),
  exception_type: z.string().nullable(),
  stack_trace: z.string().nullable(),
  dedupe_count: count,
  retried_from: z.string().nullable(),
  trace_id: z.string().nullable().describe('of the distributed trace it belongs to'),
  depends_on: z.array(dependency).describe('what it waits or waited for'),
  waiting_for: z
    .strictObject({
      signal: z.string().nullable(),
      children: z.array(z.uuid()).nullable().describe('where it is no signal: which children'),
      since: time,
      until: maybeTime,
    })
    .nullable()
    .describe("what a pending task that has begun waits for, in nobody's slot"),
  parent: z
    .strictObject({ uuid: z.uuid(), leave: z.boolean().describe('it goes on, whatever becomes of its parent') })
    .nullable()
    .describe('the task whose handler has spawned it'),
  children_count: z
    .strictObject({ total: count, done: count, failed: count })
    .nullable()
    .describe('of tasks its handler has spawned, as far as it has been told of them'),
  properties: z.strictObject({
    execution_mode: z.enum(['async', 'sync']),
    timeout: seconds.nullable(),
    is_abortable: z.boolean(),
    progress_percent: z.number().nullable(),
    progress_current: count.nullable(),
    progress_total: count.nullable(),
    error_message: z.string().nullable(),
    exception_type: z.string().nullable(),
    stack_trace: z.string().nullable(),
    dedupe_count: count,
  }),
  unserved: z.boolean(),
  may_cancel: z.boolean(),
  cancel_action: z.enum(['abort', 'unsubscribe']).nullable(),
  cancel_reason: z.enum(['terminal', 'finishing', 'aborting', 'not_abortable', 'force_required']).nullable(),
  may_force: z.boolean(),
  may_retry: z.boolean(),
  may_signal: z.boolean(),
  worker: z.string().nullable(),
  fence: z.strictObject({ epoch: count, revision: count }).nullable(),
  address: z.string().nullable(),
};

export const taskRow = z.strictObject(rowFields).describe('A task as a row of a list');

export const ROW_COLUMNS: readonly string[] = Object.keys(rowFields);

/** Of a list that was asked for some columns. */
const someColumns = taskRow.extend({ changed_by: person.partial().nullable() }).partial();

export const taskDetail = z
  .strictObject({
    ...rowFields,
    args: data,
    args_size: sizeBeside,
    result: data,
    result_size: sizeBeside,
    signals: z.array(signalEntry),
    steps: z.array(z.strictObject({ name: z.string(), at: time })).describe('steps of its body that are done'),
    children: z.array(child).describe('tasks its handler has spawned'),
    history: z.array(historyEntry),
    history_dropped: count,
  })
  .describe('A task with everything');

export const answers = {
  list: z.strictObject({
    result: z.union([z.array(taskRow), z.array(someColumns)]),
    ids: z.array(z.uuid()),
    count,
    count_exact: z.boolean(),
    next_cursor: z.string().nullable(),
  }),
  get: z.strictObject({
    id: z.uuid(),
    result: taskDetail.extend({
      required_by: z
        .array(z.strictObject({ uuid: z.uuid(), task_name: z.string(), status }))
        .describe('what waits or waited for it, as far as you may see; 100 at most'),
      parent_task: z
        .strictObject({ task_name: z.string(), status })
        .nullable()
        .describe('its parent as it is now, where that is known and you may see it'),
    }),
  }),
  status: z.strictObject({ status }),
  history: z.strictObject({ history: z.array(historyEntry), history_dropped: count }),
  why: whyShape,
  args: z.strictObject({ status, args: data }),
  result: z.strictObject({ status, result: data }),
  priority: z.strictObject({ task: taskDetail }),
  submit: z.strictObject({
    task: taskDetail,
    outcome: z.enum(SUBMIT_OUTCOMES),
    differs: z.boolean(),
    known: z.boolean().describe('false: no worker has ever served tasks of its type'),
  }),
  cancel: z.strictObject({
    message: z.string(),
    action: z.enum(['aborted', 'unsubscribed']),
    task: taskDetail.nullable(),
  }),
  signal: z.strictObject({
    message: z.string(),
    outcome: z.enum(['delivered', 'kept']),
    task: taskDetail,
  }),
  statusChanges: z.strictObject({
    statuses: z.record(z.string(), z.strictObject({ status, progress: z.number().min(0).max(1).nullable() })),
    cursor: z.string(),
    reset: z.boolean().optional(),
  }),
  info: z.strictObject({
    list_columns: z.array(z.string()),
    order_columns: z.array(z.string()),
    filters: z.record(z.string(), z.array(z.strictObject({ operator: z.string(), name: z.string() }))),
    permissions: z.array(z.string()),
  }),
  values: z.strictObject({ count, result: z.array(z.strictObject({ value: z.string(), text: z.string() })) }),
} as const;
