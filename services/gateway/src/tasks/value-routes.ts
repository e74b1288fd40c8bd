import { canSee, fractionOf, type Actor } from '@baton/core';
import { actorIn } from '../auth/guard.ts';
import { problem } from '../http/problem.ts';
import type { Server } from '../http/route.ts';
import { readEventId, writeEventId } from '../live/event-id.ts';
import type { LiveFeed } from '../live/live-feed.ts';
import { valuesQueryOf } from './list-query.ts';
import { ORDER_COLUMNS } from './order.ts';
import { statusChangesParameters, valuesParameters } from './requests.ts';
import type { TaskReader } from './task-reader.ts';
import { answers } from './task-schemas.ts';

export type ValueRoutesParts = { readonly reader: TaskReader; readonly feed: LiveFeed };

const forUsers = { access: 'user' } as const;

/** Values to choose filters from, and what has changed. */
export const valueRoutes = (server: Server, { reader, feed }: ValueRoutesParts): void => {
  const FIELDS = {
    'related/created_by': 'created_by',
    'related/subscribers': 'subscriber_ids',
    'distinct/task_type': 'task_type',
  } as const;
  for (const [path, field] of Object.entries(FIELDS)) {
    server.get(
      `/${path}`,
      {
        config: forUsers,
        schema: {
          summary: `Values of ${path.split('/')[1]} in tasks you may see`,
          querystring: valuesParameters,
          response: { 200: answers.values },
        },
      },
      async (request) => {
        const { text, size, skip, include } = valuesQueryOf(request.query);
        const part = text.toLowerCase();
        const all = await reader.values(field, actorIn(request));
        const found = all.filter((one) => one.toLowerCase().includes(part));
        const page = found.slice(skip, skip + size);
        const more = all.filter((one) => include.includes(one) && !page.includes(one));
        return { count: found.length, result: [...page, ...more].map((value) => ({ value, text: value })) };
      },
    );
  }

  server.get(
    '/status_changes',
    {
      config: forUsers,
      schema: {
        summary: 'What has changed since a cursor',
        querystring: statusChangesParameters,
        response: { 200: answers.statusChanges },
      },
    },
    async (request) => statusChanges(feed, actorIn(request), request.query),
  );

  server.get(
    '/_info',
    { config: forUsers, schema: { summary: 'Columns and filters', response: { 200: answers.info } } },
    async () => INFO,
  );
};

type StatusChangesAsked = { readonly cursor?: string | undefined; readonly task_type?: readonly string[] | undefined };

const statusChanges = (feed: LiveFeed, actor: Actor, { cursor, task_type }: StatusChangesAsked) => {
  const now = writeEventId(feed);
  if (cursor === undefined) return { statuses: {}, cursor: now };
  const id = readEventId(cursor);
  if (id === undefined) throw problem('INVALID_CURSOR', 'the cursor is not one of ours');
  // Of another life of the bucket, or too long ago.
  const changes = id.epoch === feed.epoch ? feed.since(id.revision) : undefined;
  if (changes === undefined) return { statuses: {}, cursor: now, reset: true };
  const later = changes.filter(({ revision }) => revision > id.revision);
  const newest = new Map(later.map(({ task }) => [task.id, task.record]));
  const seen = [...newest.values()].filter(
    (record) => canSee(record, actor) && (task_type === undefined || task_type.includes(record.type)),
  );
  const statuses = Object.fromEntries(
    seen.map(({ id: uuid, status, progress }) => {
      const share = progress === undefined ? null : (fractionOf(progress) ?? null);
      return [uuid, { status, progress: share }] as const;
    }),
  );
  // Another gateway may be ahead of this one: its cursor stays.
  return { statuses, cursor: id.revision > feed.revision ? cursor : now };
};

const COLUMNS = [
  'id',
  'uuid',
  'task_type',
  'task_key',
  'task_name',
  'scope',
  'status',
  'created_on',
  'created_on_delta_humanized',
  'changed_on',
  'changed_by',
  'started_at',
  'ended_at',
  'created_by',
  'user_id',
  'payload',
  'properties',
  'duration_seconds',
  'subscriber_count',
  'subscribers',
] as const;

const operators = (...names: readonly string[]) => names.map((operator) => ({ operator, name: operator }));

/** As the lists of the GTF interface ask for it. */
const INFO = {
  list_columns: [...COLUMNS],
  order_columns: Object.keys(ORDER_COLUMNS),
  filters: {
    status: operators('eq', 'in'),
    task_type: operators('eq', 'in', 'ct'),
    scope: operators('eq', 'in'),
    created_by: operators('rel_o_m'),
    subscribers: operators('rel_m_m'),
    tags: operators('eq', 'in'),
    task_name: operators('ct'),
    task_key: operators('ct'),
    all_text: operators('ct'),
  },
  permissions: ['can_read', 'can_write'],
};
