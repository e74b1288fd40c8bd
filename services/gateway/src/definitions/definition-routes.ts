import {
  abortGraceMsOf,
  backoffOf,
  maxAttemptsOf,
  maxRescuesOf,
  type DefinitionConflict,
  type KeptDefinition,
} from '@baton/core';
import { isOwnType } from '@baton/protocols';
import type { Baton } from '@baton/sdk';
import * as z from 'zod';
import { actorIn } from '../auth/guard.ts';
import type { Server } from '../http/route.ts';
import type { Nodes } from '../live/nodes.ts';

const seconds = z.number().min(0);
const count = z.int().min(0);

const definitionShape = z
  .strictObject({
    type: z.string(),
    title: z.string().nullable(),
    description: z.string().nullable(),
    scope: z.enum(['private', 'shared', 'system']),
    queue: z.string(),
    priority: z.enum(['high', 'normal', 'low']),
    timeout_seconds: seconds.nullable(),
    max_attempts: count,
    backoff: z.strictObject({ initial: seconds, factor: z.number(), max: seconds, jitter: z.number() }),
    max_rescues: count,
    on_orphan: z.enum(['retry', 'fail']),
    abort_grace_seconds: seconds,
    isolation: z.enum(['thread']).nullable(),
    mode: z.enum(['join', 'reject', 'replace', 'coalesce', 'debounce', 'throttle']),
    window_seconds: seconds.nullable(),
    max_wait_seconds: seconds.nullable(),
    expires_seconds: seconds.nullable(),
    limits: z
      .array(
        z.strictObject({
          of: z.enum(['type', 'group', 'key']).describe('of all of its tasks, or of those of each group or limit key'),
          concurrency: count.nullable(),
          when_full: z.enum(['wait', 'cancel_newest', 'cancel_running']),
          rate: z.strictObject({ units: count, window_seconds: z.number() }).nullable(),
        }),
      )
      .describe('how many of its tasks run at once, or start in a time, in its queue'),
    args_schema: z.record(z.string(), z.unknown()).nullable().describe('JSON Schema of the list of arguments'),
    since: z.iso.datetime().describe('when the worker it was taken from began to serve it'),
    served: z.boolean().describe('a live worker takes tasks of the type'),
    conflict: z.boolean().describe('live workers serve the type by different definitions'),
    conflicts: z
      .array(z.strictObject({ worker: z.string(), fields: z.array(z.string()) }))
      .describe('which workers, and in what; for admins'),
  })
  .describe('How tasks of a type are run where their submit says nothing else');

const answer = z.strictObject({ count, result: z.array(definitionShape) });

/** The types there are, for forms and for whoever wonders why a task runs as it does (behaviour D10). */
export const definitionRoutes = (
  server: Server,
  { baton, nodes }: { readonly baton: Pick<Baton, 'types'>; readonly nodes: Nodes },
): void => {
  server.get(
    '/definitions',
    {
      config: { access: 'user' },
      schema: {
        summary: 'Definitions of the types you may submit',
        querystring: z.strictObject({}),
        response: { 200: answer },
      },
    },
    async (request) => {
      const { admin } = actorIn(request);
      const all = await baton.types();
      const result = all
        // Baton's own are made by what they are for.
        .filter(({ definition: { type, scope } }) => !isOwnType(type) && (admin || scope !== 'system'))
        .map((kept) => definitionJson(kept, { admin, served: isServed(nodes, kept.definition.type) }));
      return { count: result.length, result };
    },
  );
};

const isServed = (nodes: Nodes, type: string): boolean => nodes.workers().some(({ types }) => types?.includes(type));

const definitionJson = (
  { definition, since, conflicts }: KeptDefinition,
  { admin, served }: { readonly admin: boolean; readonly served: boolean },
) => {
  const {
    type,
    title = null,
    description = null,
    scope,
    queue,
    priority,
    policy,
    submit = {},
    limits = [],
    argsSchema,
  } = definition;
  const { initialMs, factor, maxMs, jitter } = backoffOf(policy);
  return {
    ...{ type, title, description, scope, queue, priority },
    timeout_seconds: secondsOrNull(policy.timeoutMs),
    max_attempts: maxAttemptsOf(policy),
    backoff: { initial: initialMs / 1_000, factor, max: maxMs / 1_000, jitter },
    max_rescues: maxRescuesOf(policy),
    on_orphan: policy.onOrphan ?? 'retry',
    abort_grace_seconds: abortGraceMsOf(policy) / 1_000,
    isolation: policy.isolation ?? null,
    mode: submit.mode ?? 'join',
    window_seconds: secondsOrNull(submit.windowMs),
    max_wait_seconds: secondsOrNull(submit.maxWaitMs),
    expires_seconds: secondsOrNull(submit.expiresMs),
    limits: limits.map(({ of, concurrency = null, whenFull = 'wait' as const, rate }) => ({
      ...{ of, concurrency },
      when_full: whenFull,
      rate: rate === undefined ? null : { units: rate.units, window_seconds: rate.windowMs / 1_000 },
    })),
    args_schema: (argsSchema as Record<string, unknown> | undefined) ?? null,
    since: new Date(since).toISOString(),
    served,
    conflict: conflicts.length > 0,
    conflicts: admin ? conflicts.map(conflictJson) : [],
  } as const;
};

const secondsOrNull = (ms: number | undefined): number | null => (ms === undefined ? null : ms / 1_000);

const conflictJson = ({ worker, fields }: DefinitionConflict) => ({ worker, fields: fields.map(nameOf) });

/** `maxAttempts` is `max_attempts` here, `timeoutMs` is `timeout`. */
const nameOf = (field: string): string =>
  field.replace(/Ms$/, '').replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
