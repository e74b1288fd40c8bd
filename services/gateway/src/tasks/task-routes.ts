import { canSee, type Actor } from '@baton/core';
import type { FastifyReply } from 'fastify';
import { z } from 'zod';
import { actorIn } from '../auth/guard.ts';
import type { Server } from '../http/route.ts';
import { problem, taskNotFound } from '../http/problem.ts';
import { readEventId, writeEventId } from '../live/event-id.ts';
import type { LiveFeed } from '../live/live-feed.ts';
import type { Submitted, TaskActions } from './actions.ts';
import type { Cursors } from './cursor.ts';
import { listQueryOf } from './list-query.ts';
import { ORDER_COLUMNS } from './order.ts';
import {
  cancelBody,
  idParameter,
  listParameters,
  statusChangesParameters,
  submitBody,
  valuesParameters,
  DEFAULT_PAGE_SIZE,
} from './requests.ts';
import { historyJson, rowJson, taskJson, type Looking } from './task-json.ts';
import { COUNT_LIMIT, type FoundTask, type TaskReader } from './task-reader.ts';
import { answers } from './task-schemas.ts';

export type TaskRoutesParts = {
  readonly reader: TaskReader;
  readonly actions: TaskActions;
  readonly feed: LiveFeed;
  readonly cursors: Cursors;
  readonly looking: (actor: Actor) => Looking;
};

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** Malformed is answered as absent is (behaviour A10). */
export const idOf = ({ uuid }: { readonly uuid: string }): string => {
  if (!UUID.test(uuid)) throw taskNotFound();
  return uuid.toLowerCase();
};

const forUsers = { access: 'user' } as const;

/** Everything under `/api/v1/task` that is no stream of events. */
export const taskRoutes = (server: Server, parts: TaskRoutesParts): void => {
  listRoutes(server, parts);
  oneTaskRoutes(server, parts);
  changeRoutes(server, parts);
  valueRoutes(server, parts);
};

const listRoutes = (server: Server, { reader, cursors, looking }: TaskRoutesParts): void => {
  server.get(
    '/',
    {
      config: forUsers,
      schema: { summary: 'Tasks you may see', querystring: listParameters, response: { 200: answers.list } },
    },
    async (request) => {
      const actor = actorIn(request);
      const { filter, order, size, skip, cursor } = listQueryOf(request.query);
      const bound = { user: actor.user ?? '', admin: actor.admin, filter, order };
      const after = cursor === undefined ? undefined : cursors.read(cursor, bound);
      const [{ shown, next }, count] = await Promise.all([
        reader.list({ filter, order, size, skip, ...(after === undefined ? {} : { after }) }, actor),
        reader.count(filter, actor),
      ]);
      const look = looking(actor);
      return {
        result: shown.map((one) => rowJson(one, look)),
        ids: shown.map(({ row }) => row._id),
        count,
        count_exact: count < COUNT_LIMIT,
        next_cursor: next === undefined ? null : cursors.write(next, bound),
      };
    },
  );
};

const oneTaskRoutes = (server: Server, { reader, looking }: TaskRoutesParts): void => {
  const schema = (summary: string, answer: z.ZodType) => ({
    summary,
    params: idParameter,
    querystring: z.strictObject({}),
    response: { 200: answer },
  });

  server.get('/:uuid', { config: forUsers, schema: schema('One task', answers.get) }, async (request) => {
    const actor = actorIn(request);
    const id = idOf(request.params);
    const { document, record } = await reader.get(id, actor);
    return { id, result: taskJson(document, looking(actor), record) };
  });

  server.get('/:uuid/status', { config: forUsers, schema: schema('Its state', answers.status) }, async (request) => {
    const { document } = await reader.get(idOf(request.params), actorIn(request));
    return { status: document.status };
  });

  server.get(
    '/:uuid/history',
    { config: forUsers, schema: schema('Every transition', answers.history) },
    async (request) => {
      const actor = actorIn(request);
      const { document } = await reader.get(idOf(request.params), actor);
      return { history: historyJson(document, actor), history_dropped: document.history_dropped };
    },
  );

  server.get(
    '/:uuid/result',
    { config: forUsers, schema: schema('What it returned', answers.result) },
    async (request, reply) => {
      const actor = actorIn(request);
      const { document, record } = await reader.get(idOf(request.params), actor);
      // Whatever a task returned must not be taken for a page.
      void reply.header('Content-Disposition', 'attachment; filename="result.json"');
      return { status: document.status, result: taskJson(document, looking(actor), record).result };
    },
  );
};

const changeRoutes = (server: Server, { actions, looking }: TaskRoutesParts): void => {
  const submitted = (reply: FastifyReply, { found, outcome, differs }: Submitted, actor: Actor) => {
    void reply.code(outcome === 'created' ? 201 : 200);
    return { task: detail(found, looking(actor)), outcome, differs };
  };
  const responses = { 200: answers.submit, 201: answers.submit };

  server.post(
    '/',
    { config: forUsers, schema: { summary: 'Schedule a task', body: submitBody, response: responses } },
    async (request, reply) => {
      const actor = actorIn(request);
      return submitted(reply, await actions.submit(request.body, actor), actor);
    },
  );

  server.post(
    '/:uuid/cancel',
    {
      config: forUsers,
      schema: {
        summary: 'Cancel a task, or leave a shared one',
        params: idParameter,
        body: cancelBody,
        response: { 200: answers.cancel },
      },
    },
    async (request) => {
      const actor = actorIn(request);
      const { action, message, found } = await actions.cancel(
        idOf(request.params),
        request.body?.force ?? false,
        actor,
      );
      return { message, action, task: found === undefined ? null : detail(found, looking(actor)) };
    },
  );
};

const detail = ({ document, record }: FoundTask, looking: Looking) => taskJson(document, looking, record);

const valueRoutes = (server: Server, { reader, feed }: TaskRoutesParts): void => {
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
        const { q = '', page_size = DEFAULT_PAGE_SIZE } = request.query;
        const part = q.toLowerCase();
        const values = (await reader.values(field, actorIn(request))).filter((one) => one.toLowerCase().includes(part));
        return { count: values.length, result: values.slice(0, page_size).map((value) => ({ value, text: value })) };
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

  server.get('/_info', { config: forUsers, schema: { summary: 'Columns and filters' } }, async () => INFO);
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
    seen.map(({ id: uuid, status, progress = null }) => [uuid, { status, progress }] as const),
  );
  // Another gateway may be ahead of this one: its cursor stays.
  return { statuses, cursor: id.revision > feed.revision ? cursor : now };
};

const COLUMNS = [
  'uuid',
  'task_type',
  'task_key',
  'task_name',
  'scope',
  'status',
  'created_on',
  'changed_on',
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
  list_columns: COLUMNS,
  order_columns: Object.keys(ORDER_COLUMNS),
  filters: {
    status: operators('eq', 'in'),
    task_type: operators('eq', 'in', 'ct'),
    scope: operators('eq', 'in'),
    created_by: operators('rel_o_m'),
    subscribers: operators('rel_m_m'),
    task_name: operators('ct'),
    task_key: operators('ct'),
    all_text: operators('ct'),
  },
  permissions: ['can_read', 'can_write'],
} as const;
