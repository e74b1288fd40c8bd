import type { Actor, AppliedLimit } from '@baton/core';
import { rules } from '@baton/runtime';
import type { Baton, QueueInfo, QueueLimitInfo } from '@baton/sdk';
import * as z from 'zod';
import { actorIn } from '../auth/guard.ts';
import { problem } from '../http/problem.ts';
import type { Server } from '../http/route.ts';

const who = { by: z.string(), at: z.iso.datetime() };
const why = z.string().nullable();
const name = z.string().nullable();

const most = {
  concurrency: z.int().nullable(),
  when_full: rules.whenFull.shape.describe('what becomes of those that find all slots taken'),
  rate: z.strictObject({ units: z.int(), window_seconds: z.number() }).nullable(),
};

const settingsShape = z
  .strictObject({
    queue: z.string(),
    pauses: z.array(z.strictObject({ type: name, group: name, why, ...who })),
    limits: z.array(
      z.strictObject({
        of: rules.counted.shape,
        name: name.describe('null: of each that has none of its own'),
        type: name.describe('of groups and keys: only their tasks of this type; null: of all of the queue'),
        ...most,
        from: z.enum(['definition', 'run_time']).describe('what the definition of the type says, or what was set'),
        instead_of: z
          .strictObject(most)
          .nullable()
          .describe('what the definition says, and does not hold because this was set'),
        why,
        ...who,
      }),
    ),
    weights: z.array(z.strictObject({ group: z.string(), weight: z.int(), ...who })),
    changes: z.array(z.strictObject({ what: z.string(), why, ...who })).describe('the latest, newest last'),
  })
  .describe('What is set for a queue');

const part = { type: rules.typeName.shape.optional(), group: rules.group.shape.optional() };
const reason = { why: rules.why.shape.optional() };
const pauseBody = z.strictObject({ ...part, ...reason }).nullable();
const limitBody = z
  .strictObject({
    of: rules.counted.shape,
    name: z.string().optional(),
    type: rules.typeName.shape.optional(),
    concurrency: rules.queueCount.shape.optional(),
    when_full: rules.whenFull.shape.optional().describe('of groups and keys; wait when not set'),
    rate: z.strictObject({ units: rules.queueCount.shape, window: rules.duration.shape }).optional(),
    ...reason,
  })
  .describe('With neither concurrency nor rate it is taken back');
const weightBody = z.strictObject({ group: rules.group.shape, weight: rules.weight.shape });

/** Each is a read of the store. */
const MOST_QUEUES = 200;

const params = z.strictObject({ queue: rules.queue.shape });
const response = { 200: settingsShape };

type Parts = {
  readonly baton: Pick<Baton, 'as'>;
  /** Queues that have a task or a worker. */
  readonly names: (actor: Actor) => Promise<readonly string[]>;
};

const listShape = z.strictObject({ count: z.int().min(0), result: z.array(settingsShape) });

/** Pauses, limits and weights of queues (behaviour Q5 to Q8), for admins. */
export const queueRoutes = (server: Server, { baton, names }: Parts): void => {
  const queuesOf = (request: Parameters<typeof actorIn>[0], does: 'changes' | 'sees' = 'changes') => {
    const { user, admin } = actorIn(request);
    const what = does === 'sees' ? 'sees what is set for a queue' : 'changes what a queue does';
    if (user === undefined || !admin) throw problem('PERMISSION_DENIED', `only an admin ${what}`);
    return baton.as({ id: user, admin }).queues;
  };
  const config = { access: 'user' } as const;
  server.get(
    '/queues',
    {
      config,
      schema: {
        summary: 'What is set for the queues that have a task or a worker',
        querystring: z.strictObject({}),
        response: { 200: listShape },
      },
    },
    async (request) => {
      const queues = queuesOf(request, 'sees');
      const found = (await names(actorIn(request))).slice(0, MOST_QUEUES);
      const result = await Promise.all(found.map(async (each) => settingsJson(await queues.get(each))));
      return { count: result.length, result };
    },
  );
  server.get(
    '/queue/:queue',
    { config, schema: { summary: 'What is set for a queue', params, response } },
    async (request) => settingsJson(await queuesOf(request, 'sees').get(request.params.queue)),
  );
  for (const verb of ['pause', 'resume'] as const) {
    const summary = verb === 'pause' ? 'Start nothing more of a queue, a type or a group' : 'End a pause';
    server.post(
      `/queue/:queue/${verb}`,
      { config, schema: { summary, params, body: pauseBody, response } },
      async (request) => settingsJson(await queuesOf(request)[verb](request.params.queue, plain(request.body ?? {}))),
    );
  }
  server.post(
    '/queue/:queue/limit',
    { config, schema: { summary: 'Set a limit, or take it back', params, body: limitBody, response } },
    async (request) => {
      const { rate, when_full: whenFull, ...limit } = request.body;
      const windowed = rate === undefined ? {} : { rate: { units: rate.units, window: rate.window / 1_000 } };
      return settingsJson(
        await queuesOf(request).limit(request.params.queue, { ...plain({ ...limit, whenFull }), ...windowed }),
      );
    },
  );
  server.post(
    '/queue/:queue/weight',
    { config, schema: { summary: 'Turns of a group for each turn of another', params, body: weightBody, response } },
    async (request) => {
      const { group, weight } = request.body;
      return settingsJson(await queuesOf(request).weigh(request.params.queue, group, weight));
    },
  );
};

/** Without what is not there. */
const plain = <T extends object>(value: T): { [K in keyof T]: Exclude<T[K], undefined> } =>
  Object.fromEntries(Object.entries(value).filter(([, member]) => member !== undefined)) as never;

const iso = (at: number): string => new Date(at).toISOString();

const settingsJson = (settings: QueueInfo) => ({
  queue: settings.queue,
  pauses: settings.pauses.map(({ type = null, group = null, why: reasonGiven = null, by, at }) => ({
    ...{ type, group, why: reasonGiven, by, at: iso(at) },
  })),
  limits: settings.limits.map(limitJson),
  weights: settings.weights.map(({ group, weight, by, at }) => ({ group, weight, by, at: iso(at) })),
  changes: settings.changes.map(({ what, why: reasonGiven = null, by, at }) => ({
    what,
    why: reasonGiven,
    by,
    at: iso(at),
  })),
});

const limitJson = (limit: QueueLimitInfo) => {
  const { of, name: named = null, type = null, why: reasonGiven = null, by, at, insteadOf } = limit;
  const from: 'definition' | 'run_time' = limit.from ?? 'run_time';
  return {
    ...{ of, name: named, type, ...mostJson(limit), why: reasonGiven, by, at: iso(at) },
    from,
    instead_of: insteadOf === undefined ? null : mostJson(insteadOf),
  };
};

const mostJson = ({ concurrency, whenFull, rate }: Pick<AppliedLimit, 'concurrency' | 'rate' | 'whenFull'>) => ({
  concurrency: concurrency ?? null,
  when_full: whenFull ?? ('wait' as const),
  rate: rate === undefined ? null : { units: rate.units, window_seconds: rate.windowMs / 1_000 },
});
