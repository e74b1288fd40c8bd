import { canSee } from '@baton/core';
import { connectionSource, MetricsPage, taskSource, type ReadyCheck } from '@baton/metrics';
import { createTaskViews, type Mongo } from '@baton/mongo';
import {
  BULK_QUEUE,
  bulkDefinition,
  Catalogue,
  createKernel,
  ScheduleClient,
  TaskMeter,
  whyWaits,
  type Log,
  type Ports,
} from '@baton/runtime';
import { createBaton } from '@baton/sdk';
import type { Authenticate } from './auth/identity.ts';
import { createBulkViews } from './bulk/bulk-views.ts';
import { LiveFeed } from './live/live-feed.ts';
import { Nodes } from './live/nodes.ts';
import { Overlay, type OverlayLimits } from './live/overlay.ts';
import { startSettler } from './live/settler.ts';
import { Watchers } from './live/watchers.ts';
import { createServer, type GatewayServer, type ServerSettings } from './server.ts';
import { TaskReader } from './tasks/task-reader.ts';

export type GatewayOptions = {
  readonly ports: Ports;
  readonly mongo: Mongo;
  readonly log: Log;
  readonly authenticate: Authenticate;
  readonly settings: ServerSettings;
  /** Where a service tells its metrics already; one of its own when not given. */
  readonly observed?: { readonly page: MetricsPage; readonly meter: TaskMeter };
};

export type Gateway = {
  /** Not listening yet. */
  readonly server: GatewayServer;
  /** What it needs in order to be ready. */
  readonly checks: readonly ReadyCheck[];
  /** Ends all streams and answers; the connections stay with whoever made them. */
  readonly close: () => Promise<void>;
};

/** Bulk operations one gateway runs at the same time. */
const BULK_AT_ONCE = 8;

const OVERLAY: OverlayLimits = { count: 20_000, bytes: 64 * 1024 * 1024 };

/** A gateway on given connections. Resolves when it has read all there is in the bucket. */
export const openGateway = async (options: GatewayOptions): Promise<Gateway> => {
  const { ports, mongo, log, authenticate, settings } = options;
  const { page, meter } = options.observed ?? observedBy(ports);
  const { clock, link } = ports;
  const { epoch } = ports.store;
  const views = createTaskViews(mongo);
  const { enabled, unknownTypes } = settings;
  const baton = createBaton({ ports, log, enabled, unknownTypes, meter, nodeName: 'baton-gateway' });
  const overlay = new Overlay(OVERLAY);
  const feed = new LiveFeed({ feed: ports.feed, epoch, clock, log, overlay });
  const nodes = new Nodes(ports.presence, { clock, log });
  meter.trust({
    type: (type) => nodes.workers().some(({ types }) => types?.includes(type)),
    queue: (queue) => nodes.workers().some(({ queues }) => queues?.includes(queue)),
  });
  await Promise.all([feed.start(), nodes.start()]);
  const settler = startSettler(overlay, views, { clock, log });
  const watchers = new Watchers(clock);
  feed.listen(watchers);
  const kernel = createKernel(ports, (before, after) => meter.stored(before, after));
  const reader = new TaskReader({ views, overlay, kernel, epoch, clock, log });
  const { dispatch, projections, definitions } = ports;
  const catalogue = new Catalogue({ definitions, clock, log });
  const bulk = bulkDefinition({
    ...{ ports, kernel, log, catalogue, unknownTypes, projections },
    views: createBulkViews(views),
  });
  const bulkWorker = await baton.startWorker({
    tasks: [{ definition: bulk }],
    queues: [BULK_QUEUE],
    concurrency: BULK_AT_ONCE,
    handleStrayErrors: false,
  });
  const natsFault = (): string | undefined => {
    if (!link.connected) return 'no connection';
    return feed.isLive ? undefined : 'still reading';
  };
  const checks: readonly ReadyCheck[] = [
    { name: 'nats', check: natsFault },
    {
      name: 'mongodb',
      check: async () => {
        await mongo.ping();
        return undefined;
      },
    },
  ];
  const server = await createServer({
    settings,
    authenticate,
    baton,
    schedules: new ScheduleClient({ ports, catalogue, log }),
    views,
    reader,
    feed,
    overlay,
    watchers,
    nodes,
    why: (address, id, actor) =>
      whyWaits({ kernel, store: ports.store, dispatch, clock }, address, id, (record) => canSee(record, actor)),
    data: ports.data,
    kernel,
    projections: ports.projections,
    clock,
    log,
    checks,
    metrics: page,
  });
  return {
    server,
    checks,
    close: async () => {
      watchers.stop();
      // What it has not come to goes on in another gateway, or in this one's successor.
      await bulkWorker.drain({ grace: 0 });
      catalogue.close();
      await server.close();
      nodes.stop();
      feed.stop();
      await settler.stop();
      await baton.close();
    },
  };
};

const observedBy = (ports: Ports): { readonly page: MetricsPage; readonly meter: TaskMeter } => {
  const page = new MetricsPage();
  const meter = new TaskMeter();
  page.add(connectionSource(ports));
  page.add(taskSource(meter));
  return { page, meter };
};
