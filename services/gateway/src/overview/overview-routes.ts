import type { Actor } from '@baton/core';
import { roleOf } from '@baton/runtime';
import * as z from 'zod';
import { actorIn } from '../auth/guard.ts';
import type { Server } from '../http/route.ts';
import type { Nodes } from '../live/nodes.ts';
import type { TaskReader } from '../tasks/task-reader.ts';
import type { Overview, WindowName } from './overview.ts';

export type OverviewParts = {
  readonly overview: (actor: Actor, window: WindowName) => Promise<Overview>;
  readonly nodes: Nodes;
  readonly reader: TaskReader;
};

const count = z.int().min(0);
const time = z.iso.datetime();

const overviewShape = z.strictObject({
  from: time,
  to: time,
  step_seconds: count,
  buckets: z.array(
    z.strictObject({ at: time, created: count, success: count, failure: count, aborted: count, timed_out: count }),
  ),
  by_status: z.record(z.string(), count),
  queues: z.array(
    z.strictObject({
      queue: z.string(),
      waiting: count,
      delayed: count,
      running: count,
      oldest_waiting_seconds: z.number().nullable(),
      workers: count,
      slots: count,
      busy: count,
    }),
  ),
});

const typesShape = z.strictObject({
  result: z.array(z.strictObject({ type: z.string(), queues: z.array(z.string()), workers: count })),
});

const workersShape = z.strictObject({
  result: z.array(
    z.strictObject({
      id: z.string(),
      role: z.string(),
      host: z.string(),
      pid: count,
      started_at: time,
      state: z.enum(['ready', 'draining', 'blocked', 'lost']),
      queues: z.array(z.string()),
      types: z.array(z.string()),
      slots: count,
      running: count,
      seen_seconds_ago: z.number(),
    }),
  ),
});

const overviewParameters = z.strictObject({ window: z.enum(['15m', '1h', '6h', '24h']).optional() });
const nothing = z.strictObject({});

/** Figures, types and processes. */
export const overviewRoutes = (server: Server, { overview, nodes, reader }: OverviewParts): void => {
  server.get(
    '/overview',
    {
      config: { access: 'user' },
      schema: {
        summary: 'Figures over the tasks you may see',
        querystring: overviewParameters,
        response: { 200: overviewShape },
      },
    },
    async (request) => overview(actorIn(request), request.query.window ?? '1h'),
  );

  server.get(
    '/types',
    {
      config: { access: 'user' },
      schema: { summary: 'Types of tasks and who serves them', querystring: nothing, response: { 200: typesShape } },
    },
    async (request) => ({ result: typesOf(nodes, await reader.values('task_type', actorIn(request))) }),
  );

  server.get(
    '/workers',
    {
      config: { access: 'admin' },
      schema: { summary: 'Processes of this installation', querystring: nothing, response: { 200: workersShape } },
    },
    async () => ({ result: workersOf(nodes) }),
  );
};

const typesOf = (nodes: Nodes, known: readonly string[]) => {
  const workers = nodes.workers();
  const types = new Set([...known, ...workers.flatMap((worker) => worker.types ?? [])]);
  return [...types].toSorted().map((type) => {
    const serving = workers.filter((worker) => worker.types?.includes(type));
    const queues = [...new Set(serving.flatMap((worker) => worker.queues ?? []))].toSorted();
    return { type, queues, workers: serving.length };
  });
};

const workersOf = (nodes: Nodes) =>
  nodes.all().map(({ info, seenAt, isLost }) => ({
    id: info.id,
    role: roleOf(info),
    host: info.host,
    pid: info.pid,
    started_at: new Date(info.startedAt).toISOString(),
    state: isLost ? ('lost' as const) : info.state,
    queues: [...(info.queues ?? [])],
    types: [...(info.types ?? [])],
    slots: info.concurrency ?? 0,
    running: info.running ?? 0,
    seen_seconds_ago: nodes.secondsSince(seenAt),
  }));
