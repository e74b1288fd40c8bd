import cookie from '@fastify/cookie';
import rateLimit from '@fastify/rate-limit';
import type { Actor } from '@baton/core';
import type { MetricsPage, ReadyCheck } from '@baton/metrics';
import Fastify, { type FastifyRequest } from 'fastify';
import { validatorCompiler, type ZodTypeProvider } from 'fastify-type-provider-zod';
import { installGuard, tooMany } from './auth/guard.ts';
import type { Authenticate } from './auth/identity.ts';
import { installCors } from './http/cors.ts';
import { installErrorAnswers } from './http/error-answers.ts';
import { installHeaders } from './http/headers.ts';
import { installMetrics } from './http/metrics.ts';
import { installOpenApi } from './http/openapi.ts';
import { operationRoutes } from './http/operation-routes.ts';
import { readExactJson } from './http/json-body.ts';
import { installPage, type NoPage } from './http/page.ts';
import { refusePackedBodies } from './http/packed-bodies.ts';
import { problem } from './http/problem.ts';
import { answerRawRequests, answerUnreadableAddress } from './http/raw-answers.ts';
import type { Server } from './http/route.ts';
import { sessionRoutes } from './http/session-routes.ts';
import type { LiveFeed } from './live/live-feed.ts';
import type { Nodes } from './live/nodes.ts';
import type { Overlay } from './live/overlay.ts';
import type { Watchers } from './live/watchers.ts';
import { createOverview } from './overview/overview.ts';
import { overviewRoutes } from './overview/overview-routes.ts';
import { TaskActions } from './tasks/actions.ts';
import { createCursors } from './tasks/cursor.ts';
import { LargeReads } from './tasks/large-reads.ts';
import { eventRoutes } from './tasks/event-routes.ts';
import { taskRoutes, type TaskRoutesParts } from './tasks/task-routes.ts';
import { resultRoutes } from './work/result-routes.ts';
import { scheduleRoutes } from './schedules/schedule-routes.ts';
import { definitionRoutes } from './definitions/definition-routes.ts';
import { queueRoutes } from './queues/queue-routes.ts';
import type { Looking } from './tasks/task-json.ts';
import type { TaskReader } from './tasks/task-reader.ts';
import type { MongoTaskViews } from '@baton/mongo';
import type { Clock, DataStore, Kernel, Log, Projections, ScheduleClient, UnknownTypes } from '@baton/runtime';
import type { Baton } from '@baton/sdk';

export type ServerSettings = {
  readonly mode: 'dev' | 'jwt';
  readonly enabled: boolean;
  /** Whether tasks of types no worker has ever served are taken. */
  readonly unknownTypes: UnknownTypes;
  readonly showStacktrace: boolean;
  /** Host names that are answered, without ports. */
  readonly hosts: ReadonlySet<string>;
  readonly corsOrigins: readonly string[];
  /** Requests a user may make in a minute. */
  readonly rateLimit: number;
  readonly cursorSecret: string;
  /** Folder of the built page. */
  readonly pageRoot?: string;
};

export type ServerParts = {
  readonly settings: ServerSettings;
  readonly authenticate: Authenticate;
  readonly schedules: ScheduleClient;
  readonly baton: Baton;
  readonly views: MongoTaskViews;
  readonly reader: TaskReader;
  readonly feed: LiveFeed;
  readonly overlay: Overlay;
  readonly watchers: Watchers;
  readonly nodes: Nodes;
  readonly checks: readonly ReadyCheck[];
  /** What `/metrics` shows. */
  readonly metrics: MetricsPage;
  readonly why: TaskRoutesParts['why'];
  readonly data: DataStore;
  readonly kernel: Kernel;
  readonly projections: Pick<Projections, 'progress'>;
  readonly clock: Clock;
  readonly log: Log;
};

const BODY_LIMIT = 1024 * 1024;
/** Longer than what node reads of address and headers together. */
const ADDRESS_LIMIT = 32 * 1024;
/** A whole request must have arrived after this long: one byte a second is no way to talk. */
const REQUEST_MS = 30_000;
const HEADERS_MS = 10_000;
/** How late that may be noticed. */
const CHECK_MS = 1_000;
const FAILURES_PER_MINUTE = 100;

/** The HTTP server, not listening yet. */
export const createServer = async (parts: ServerParts) => {
  const { settings, authenticate, watchers, overlay, feed } = parts;
  const server = Fastify({
    logger: false,
    bodyLimit: BODY_LIMIT,
    requestTimeout: REQUEST_MS,
    // Without a Host header the guard answers, in the shape of every other error.
    http: { headersTimeout: HEADERS_MS, connectionsCheckingInterval: CHECK_MS, requireHostHeader: false },
    forceCloseConnections: true,
    // An id of any length is answered like an absent one.
    routerOptions: { ignoreTrailingSlash: true, querystringParser: parseQuery, maxParamLength: ADDRESS_LIMIT },
    frameworkErrors: (_error, _request, reply) => answerUnreadableAddress(reply),
    clientErrorHandler: () => undefined,
  }).withTypeProvider<ZodTypeProvider>();
  answerRawRequests(server.server);
  server.removeContentTypeParser(['text/plain', 'application/json']);
  readExactJson(server);
  server.setValidatorCompiler(validatorCompiler);
  // Tests hold every answer to its schema; checking each again would only cost time.
  server.setSerializerCompiler(() => (data) => JSON.stringify(data));
  let noPage: NoPage = () => undefined;
  installErrorAnswers(server, parts.log, () => noPage);
  await server.register(cookie);
  await installHeaders(server);
  refusePackedBodies(server);
  await server.register(rateLimit, {
    global: true,
    hook: 'preHandler',
    max: settings.rateLimit,
    timeWindow: 60_000,
    cache: 10_000,
    keyGenerator: userOf,
    allowList: (request: FastifyRequest) => request.routeOptions.config.access === 'open',
    errorResponseBuilder: (_request, { ttl }) => tooMany(Math.ceil(ttl / 1_000)),
  });
  await installOpenApi(server);
  // Before the guard: also what it refuses is an answer that a page of such an origin is to understand.
  installCors(server, settings.corsOrigins);
  installGuard(server, { authenticate, hosts: settings.hosts, failuresPerMinute: FAILURES_PER_MINUTE });
  const { metrics } = parts;
  installMetrics(server, metrics, {
    streams: () => watchers.count,
    overlay: () => overlay.size,
    evicted: () => overlay.evicted,
    revision: () => feed.revision,
    isLive: () => feed.isLive,
    projections: parts.projections,
    clock: parts.clock,
  });
  operationRoutes(server, { checks: parts.checks, metrics, isDev: settings.mode === 'dev' });
  await server.register(async (api) => apiRoutes(api.withTypeProvider<ZodTypeProvider>(), parts), {
    prefix: '/api/v1',
  });
  noPage = installPage(server, settings.pageRoot);
  return server;
};

export type GatewayServer = Awaited<ReturnType<typeof createServer>>;

const apiRoutes = async (api: Server, parts: ServerParts): Promise<void> => {
  const { settings, reader, feed, watchers, baton, nodes, views, clock, data, log } = parts;
  const looking = (actor: Actor): Looking => ({
    actor,
    now: clock.now(),
    showStack: settings.showStacktrace,
    isServed: (type, queue) => nodes.serves(type, queue),
  });
  const cursors = createCursors(settings.cursorSecret);
  const reads = new LargeReads(data, clock);
  const actions = new TaskActions({ baton, reader, feed });
  sessionRoutes(api, settings);
  definitionRoutes(api, { baton, nodes });
  await api.register(
    async (scoped) => {
      const schedules = scoped.withTypeProvider<ZodTypeProvider>();
      refuseWhenOff(schedules, settings);
      scheduleRoutes(schedules, parts.schedules);
    },
    { prefix: '' },
  );
  const overview = createOverview({ views, nodes, clock });
  const names = async (actor: Actor) => (await overview(actor, '1h')).queues.map(({ queue }) => queue);
  queueRoutes(api, { baton, names });
  overviewRoutes(api, { overview, nodes, reader });
  await api.register(
    async (scoped) => {
      const tasks = scoped.withTypeProvider<ZodTypeProvider>();
      refuseWhenOff(tasks, settings);
      taskRoutes(tasks, { reader, actions, feed, cursors, reads, looking, why: parts.why });
      eventRoutes(tasks, { reader, baton, feed, watchers, cursors, looking, log });
    },
    { prefix: '/task' },
  );
  await api.register(
    async (scoped) => {
      const work = scoped.withTypeProvider<ZodTypeProvider>();
      refuseWhenOff(work, settings);
      resultRoutes(work, { kernel: parts.kernel, data });
    },
    { prefix: '/work' },
  );
  api.get('/openapi.json', { config: { access: 'open' }, schema: { hide: true } }, async () => api.swagger());
};

/** Behaviour X6. */
const refuseWhenOff = (server: Server, { enabled }: ServerSettings): void => {
  server.addHook('preValidation', async () => {
    if (!enabled) throw problem('DISABLED', 'the task framework is switched off');
  });
};

/** No nesting and no guessing: what is given more than once is a list, which only `tag` takes. */
const parseQuery = (text: string): Record<string, string | readonly string[]> => {
  const query: Record<string, string | readonly string[]> = Object.create(null) as Record<string, string>;
  const parameters = new URLSearchParams(text);
  for (const name of new Set(parameters.keys())) {
    const [first = '', ...more] = parameters.getAll(name);
    query[name] = more.length === 0 ? first : [first, ...more];
  }
  return query;
};

const userOf = ({ identity, ip }: FastifyRequest): string => (identity === null ? `ip ${ip}` : `user ${identity.user}`);
