import type { Actor } from '@baton/core';
import type { Log } from '@baton/runtime';
import type { Baton } from '@baton/sdk';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { actorIn, identityIn, tooMany } from '../auth/guard.ts';
import { actorOf, type Identity } from '../auth/identity.ts';
import type { Server } from '../http/route.ts';
import { EventStream } from '../live/event-stream.ts';
import { ListEvents } from '../live/list-events.ts';
import type { LiveFeed } from '../live/live-feed.ts';
import type { ProgressEventsParts } from '../live/progress-events.ts';
import { TaskEvents } from '../live/task-events.ts';
import type { Watchers } from '../live/watchers.ts';
import type { Cursors } from './cursor.ts';
import { filterOf } from './list-query.ts';
import { DEFAULT_PAGE_SIZE, eventParameters, idParameter, taskEventParameters } from './requests.ts';
import type { Looking } from './task-json.ts';
import type { TaskReader } from './task-reader.ts';
import { idOf } from './task-routes.ts';

export type EventRoutesParts = {
  readonly reader: TaskReader;
  readonly baton: Baton;
  readonly feed: LiveFeed;
  readonly watchers: Watchers;
  readonly cursors: Cursors;
  readonly looking: (actor: Actor) => Looking;
  readonly log: Log;
};

/** Streams one user may have open at a time. */
export const STREAMS_PER_USER = 50;
/** Asked again that soon, one of them may be free. */
const STREAM_RETRY_SECONDS = 5;

const NEWEST_FIRST = { field: '_id', direction: 'desc' } as const;

/** Server-sent events (behaviour E2). */
export const eventRoutes = (server: Server, parts: EventRoutesParts): void => {
  server.get(
    '/events',
    {
      config: { access: 'user' },
      exposeHeadRoute: false,
      schema: { summary: 'Follow the list (text/event-stream)', querystring: eventParameters },
    },
    async (request, reply) => {
      const { page_size: size = DEFAULT_PAGE_SIZE, last_event_id, progress = [], ...asked } = request.query;
      const identity = admit(parts.watchers, identityIn(request));
      const actor = actorOf(identity);
      const filter = filterOf(asked);
      const bound = { user: identity.user, admin: identity.admin, filter, order: NEWEST_FIRST };
      const events = new ListEvents({
        identity,
        filter,
        feed: parts.feed,
        looking: () => parts.looking(actor),
        firstPage: async () => {
          const { shown, next } = await parts.reader.list({ filter, order: NEWEST_FIRST, size }, actor);
          return { shown, cursor: next === undefined ? null : parts.cursors.write(next, bound) };
        },
        progressOf: progress,
        progress: {
          load: (taskId) => parts.reader.get(taskId, actor),
          followProgress: progressFollower(parts, identity),
        },
      });
      const stream = open(reply, identity, parts.feed, () => {
        parts.watchers.remove(events);
        events.close();
      });
      parts.watchers.add(events);
      // The headers are out: what fails from here on ends the stream, and the client comes again.
      await orEnd(parts.log, stream, events.begin(stream, lastEventId(request, last_event_id)));
    },
  );

  server.get(
    '/:uuid/events',
    {
      config: { access: 'user' },
      exposeHeadRoute: false,
      schema: {
        summary: 'Follow one task (text/event-stream)',
        params: idParameter,
        querystring: taskEventParameters,
      },
    },
    async (request, reply) => {
      const identity = admit(parts.watchers, identityIn(request));
      const actor = actorIn(request);
      const taskId = idOf(request.params);
      const events = new TaskEvents({
        identity,
        taskId,
        feed: parts.feed,
        looking: () => parts.looking(actor),
        load: () => parts.reader.get(taskId, actor),
        followProgress: progressFollower(parts, identity),
      });
      await followTask(request, reply, events, parts);
    },
  );
};

const progressFollower =
  ({ baton }: Pick<EventRoutesParts, 'baton'>, { user, admin }: Identity): ProgressEventsParts['followProgress'] =>
  async ({ document, address }, listener) =>
    (await baton.as({ id: user, admin }).open({ uuid: document._id, address })).onProgress(listener);

const followTask = async (
  request: FastifyRequest<{ Querystring: { readonly last_event_id?: string | undefined } }>,
  reply: FastifyReply,
  events: TaskEvents,
  { watchers, feed, log }: Pick<EventRoutesParts, 'watchers' | 'feed' | 'log'>,
): Promise<void> => {
  watchers.add(events);
  try {
    const found = await events.load();
    const stream = open(reply, events.identity, feed, () => {
      watchers.remove(events);
      events.close();
    });
    await orEnd(log, stream, events.begin(stream, found, lastEventId(request, request.query.last_event_id)));
  } catch (error) {
    watchers.remove(events);
    throw error;
  }
};

const admit = (watchers: Watchers, identity: Identity): Identity => {
  if (watchers.countOf(identity) >= STREAMS_PER_USER) throw tooMany(STREAM_RETRY_SECONDS);
  return identity;
};

/** Whose events they are: several pages may share one stream, and a browser may have become somebody else meanwhile. */
export const STREAM_USER_HEADER = 'X-Baton-User';
export const STREAM_ADMIN_HEADER = 'X-Baton-Admin';
/** Whether changes are told as they happen, as the stream begins; afterwards the event `feed` says so. */
export const STREAM_LIVE_HEADER = 'X-Baton-Live';

/** From here on the answer is written by hand. */
const open = (
  reply: FastifyReply,
  { user, admin }: Identity,
  { isLive }: Pick<LiveFeed, 'isLive'>,
  onClosed: () => void,
): EventStream => {
  const headers: Record<string, string> = {
    [STREAM_USER_HEADER]: encodeURIComponent(user.toWellFormed()),
    [STREAM_ADMIN_HEADER]: String(admin),
    [STREAM_LIVE_HEADER]: String(isLive),
  };
  for (const [name, value] of Object.entries(reply.getHeaders())) {
    if (value !== undefined) headers[name] = String(value);
  }
  reply.hijack();
  return new EventStream(reply.raw, headers, onClosed);
};

const orEnd = async (log: Log, stream: EventStream, begun: Promise<void>): Promise<void> => {
  try {
    await begun;
  } catch (error) {
    log.warn({ err: error }, 'a stream of events could not be begun');
    stream.reset('restart');
  }
};

const lastEventId = ({ headers }: FastifyRequest, parameter: string | undefined): string | undefined => {
  const header = headers['last-event-id'];
  const id = typeof header === 'string' && header !== '' ? header : parameter;
  return id?.slice(0, 100);
};
