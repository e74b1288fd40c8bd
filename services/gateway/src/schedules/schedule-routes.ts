import { rules, scheduleShape, type ScheduleClient } from '@baton/runtime';
import * as z from 'zod';
import { actorIn } from '../auth/guard.ts';
import type { Server } from '../http/route.ts';
import { scheduleAnswer, scheduleJson } from './schedule-json.ts';

const forUsers = { access: 'user' } as const;
const params = z.strictObject({ name: z.string().min(1).max(200) });
const querystring = z.strictObject({});
const one = { 200: z.strictObject({ schedule: scheduleAnswer }) };
const setAnswer = z.strictObject({ schedule: scheduleAnswer, outcome: z.enum(['created', 'changed', 'unchanged']) });

const operationId = rules.operationId.shape.optional();

const bodies = {
  pause: z.strictObject({ why: rules.why.shape.optional() }).nullish(),
  resume: z.strictObject({}).nullish(),
  trigger: z.strictObject({ id: operationId }).nullish().describe('id: the same again fires once'),
  backfill: z.strictObject({
    from: rules.instant.shape,
    to: rules.instant.shape,
    overlap: rules.overlap.shape.optional(),
    id: operationId,
  }),
};

/** Schedules: whose they are sees and changes them, and admins (behaviour H). */
export const scheduleRoutes = (server: Server, client: ScheduleClient): void => {
  readRoutes(server, client);
  changeRoutes(server, client);
  actionRoutes(server, client);
};

const readRoutes = (server: Server, client: ScheduleClient): void => {
  const list = z.strictObject({ count: z.int().min(0), result: z.array(scheduleAnswer) });
  server.get(
    '/schedules',
    { config: forUsers, schema: { summary: 'Schedules you may see', querystring, response: { 200: list } } },
    async (request) => {
      const actor = actorIn(request);
      const result = (await client.list(actor)).map((record) => scheduleJson(client, record, actor));
      return { count: result.length, result };
    },
  );
  server.get(
    '/schedules/:name',
    {
      config: forUsers,
      schema: {
        summary: 'One schedule, its next ten times and what happened last',
        params,
        querystring,
        response: one,
      },
    },
    async (request) => {
      const actor = actorIn(request);
      return { schedule: scheduleJson(client, await client.get(actor, request.params.name), actor) };
    },
  );
};

const changeRoutes = (server: Server, client: ScheduleClient): void => {
  const summary = 'Make a schedule, or change it; the same one again keeps its cadence';
  server.put(
    '/schedules/:name',
    {
      config: forUsers,
      schema: { summary, params, body: scheduleShape, response: { 200: setAnswer, 201: setAnswer } },
    },
    async (request, reply) => {
      const actor = actorIn(request);
      const { outcome, record } = await client.set(actor, request.params.name, request.body);
      void reply.code(outcome === 'created' ? 201 : 200);
      return { schedule: scheduleJson(client, record, actor), outcome: outcome === 'done' ? 'unchanged' : outcome };
    },
  );
  server.delete(
    '/schedules/:name',
    {
      config: forUsers,
      schema: { summary: 'Remove a schedule; what it has started goes on', params, querystring, response: one },
    },
    async (request) => {
      const actor = actorIn(request);
      return { schedule: scheduleJson(client, await client.remove(actor, request.params.name), actor) };
    },
  );
};

const actionRoutes = (server: Server, client: ScheduleClient): void => {
  const schema = <Body extends z.ZodType>(summary: string, body: Body) => ({ summary, params, body, response: one });
  server.post(
    '/schedules/:name/pause',
    { config: forUsers, schema: schema('Fire no more until it is resumed', bodies.pause) },
    async (request) => {
      const actor = actorIn(request);
      return {
        schedule: scheduleJson(client, await client.pause(actor, request.params.name, request.body?.why), actor),
      };
    },
  );
  server.post(
    '/schedules/:name/resume',
    { config: forUsers, schema: schema('Fire again from now on', bodies.resume) },
    async (request) => {
      const actor = actorIn(request);
      return { schedule: scheduleJson(client, await client.resume(actor, request.params.name), actor) };
    },
  );
  server.post(
    '/schedules/:name/trigger',
    { config: forUsers, schema: schema('Fire now', bodies.trigger) },
    async (request) => {
      const actor = actorIn(request);
      return {
        schedule: scheduleJson(client, await client.trigger(actor, request.params.name, request.body?.id), actor),
      };
    },
  );
  server.post(
    '/schedules/:name/backfill',
    { config: forUsers, schema: schema('Fire for every time of a range', bodies.backfill) },
    async (request) => {
      const actor = actorIn(request);
      const { from, to, overlap, id } = request.body;
      const range = {
        from: Date.parse(from),
        to: Date.parse(to),
        ...(overlap === undefined ? {} : { overlap }),
        ...(id === undefined ? {} : { id }),
      };
      return { schedule: scheduleJson(client, await client.backfill(actor, request.params.name, range), actor) };
    },
  );
};
