import type { Actor, Why } from '@baton/core';
import { traceContextIn, type Address } from '@baton/protocols';
import { whyJson } from '@baton/runtime';
import type { FastifyReply } from 'fastify';
import * as z from 'zod';
import { actorIn } from '../auth/guard.ts';
import type { Server } from '../http/route.ts';
import { taskNotFound } from '../http/problem.ts';
import { sendList } from '../http/send-list.ts';
import type { LiveFeed } from '../live/live-feed.ts';
import type { Submitted, TaskActions } from './actions.ts';
import { chosenColumns } from './columns.ts';
import type { Cursors } from './cursor.ts';
import { listQueryOf } from './list-query.ts';
import type { LargeReads } from './large-reads.ts';
import {
  cancelBody,
  idParameter,
  listParameters,
  priorityBody,
  retryBody,
  signalBody,
  submitBody,
} from './requests.ts';
import { sendData } from './result.ts';
import { historyJson, rowJson, taskJson, taskWithGraphJson, type Looking } from './task-json.ts';
import { bulkRoutes } from '../bulk/bulk-routes.ts';
import { valueRoutes } from './value-routes.ts';
import { whyEnded } from './why-ended.ts';
import type { FoundTask, TaskReader } from './task-reader.ts';
import { answers, ROW_COLUMNS } from './task-schemas.ts';

export type TaskRoutesParts = {
  readonly reader: TaskReader;
  readonly actions: TaskActions;
  readonly feed: LiveFeed;
  readonly cursors: Cursors;
  readonly reads: LargeReads;
  readonly looking: (actor: Actor) => Looking;
  /** Why it waits, as far as this user may see it; undefined: it is not in the store any more. */
  readonly why: (address: Address, id: string, actor: Actor) => Promise<Why | undefined>;
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
  bulkRoutes(server, parts);
  valueRoutes(server, parts);
};

const listRoutes = (server: Server, { reader, cursors, looking }: TaskRoutesParts): void => {
  server.get(
    '/',
    {
      config: forUsers,
      schema: { summary: 'Tasks you may see', querystring: listParameters, response: { 200: answers.list } },
    },
    async (request, reply) => {
      const actor = actorIn(request);
      const { filter, order, size, skip, cursor, columns } = listQueryOf(request.query);
      const bound = { user: actor.user ?? '', admin: actor.admin, filter, order };
      const after = cursor === undefined ? undefined : cursors.read(cursor, bound);
      const asked = { filter, order, size, skip, ...(after === undefined ? {} : { after }) };
      const page = await reader.list(asked, actor);
      const { shown, next } = page;
      const { count, isExact } = await reader.count(asked, page, actor);
      const look = looking(actor);
      const rows = shown.map((one) => rowJson(one, look));
      return sendList(request, reply, chosenColumns(rows, columns, ROW_COLUMNS), {
        ids: shown.map(({ row }) => row._id),
        count,
        count_exact: isExact,
        next_cursor: next === undefined ? null : cursors.write(next, bound),
      });
    },
  );
};

const oneTaskRoutes = (server: Server, { reader, reads, looking, why }: TaskRoutesParts): void => {
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
    const graph = await reader.graph(document, actor);
    return { id, result: taskWithGraphJson(taskJson(document, looking(actor), record), graph) };
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

  server.get('/:uuid/why', { config: forUsers, schema: schema('Why it waits', answers.why) }, async (request) => {
    const actor = actorIn(request);
    const id = idOf(request.params);
    const { document, address } = await reader.get(id, actor);
    const found = document.terminal ? undefined : await why(address, id, actor);
    return whyJson(found ?? whyEnded((await reader.get(id, actor)).document, looking(actor).now));
  });

  server.get(
    '/:uuid/result',
    { config: forUsers, schema: schema('What it returned', answers.result) },
    async (request, reply) => {
      const actor = actorIn(request);
      const { document } = await reader.get(idOf(request.params), actor);
      // Whatever a task returned must not be taken for a page.
      void reply.header('Content-Disposition', 'attachment; filename="result.json"');
      const { status, result: text } = document;
      return sendData(reply, reads, { text, before: { status }, name: 'result', user: actor.user ?? '' });
    },
  );

  server.get(
    '/:uuid/args',
    { config: forUsers, schema: schema('What it was given', answers.args) },
    async (request, reply) => {
      const actor = actorIn(request);
      const { document } = await reader.get(idOf(request.params), actor);
      void reply.header('Content-Disposition', 'attachment; filename="args.json"');
      const { status, args: text } = document;
      return sendData(reply, reads, { text, before: { status }, name: 'args', user: actor.user ?? '' });
    },
  );
};

const changeRoutes = (server: Server, { actions, looking }: TaskRoutesParts): void => {
  const submitted = (reply: FastifyReply, { found, outcome, differs, known }: Submitted, actor: Actor) => {
    void reply.code(outcome === 'created' ? 201 : 200);
    return { task: detail(found, looking(actor)), outcome, differs, known };
  };
  const responses = { 200: answers.submit, 201: answers.submit };

  server.post(
    '/',
    { config: forUsers, schema: { summary: 'Schedule a task', body: submitBody, response: responses } },
    async (request, reply) => {
      const actor = actorIn(request);
      return submitted(reply, await actions.submit(request.body, actor, traceContextIn(request.headers)), actor);
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

  server.post(
    '/:uuid/priority',
    {
      config: forUsers,
      schema: {
        summary: 'Give a task that waits another place in line',
        params: idParameter,
        body: priorityBody,
        response: { 200: answers.priority },
      },
    },
    async (request) => {
      const actor = actorIn(request);
      const found = await actions.changePriority(idOf(request.params), request.body.priority, actor);
      return { task: detail(found, looking(actor)) };
    },
  );

  server.post(
    '/:uuid/signal',
    {
      config: forUsers,
      schema: {
        summary: 'Send a task a signal it waits for, or will',
        params: idParameter,
        body: signalBody,
        response: { 200: answers.signal },
      },
    },
    async (request) => {
      const actor = actorIn(request);
      const { outcome, message, found } = await actions.signal(idOf(request.params), request.body, actor);
      return { message, outcome, task: detail(found, looking(actor)) };
    },
  );

  server.post(
    '/:uuid/retry',
    {
      config: forUsers,
      schema: {
        summary: 'Run an ended task again, as a new one',
        params: idParameter,
        body: retryBody,
        response: responses,
      },
    },
    async (request, reply) => {
      const actor = actorIn(request);
      const { operation_id: operationId } = request.body ?? {};
      const trace = traceContextIn(request.headers);
      return submitted(reply, await actions.retry(idOf(request.params), operationId, actor, trace), actor);
    },
  );
};

const detail = ({ document, record }: FoundTask, looking: Looking) => taskJson(document, looking, record);
