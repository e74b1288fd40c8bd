import type { MetricsPage } from '@baton/metrics';
import type { FastifyInstance } from 'fastify';
import { Counter, Gauge, Histogram } from 'prom-client';
import { projectionSource, type ProjectionSources } from './projection-metrics.ts';

export type MetricSources = ProjectionSources & {
  readonly streams: () => number;
  readonly overlay: () => number;
  readonly evicted: () => number;
  readonly revision: () => number;
  readonly isLive: () => boolean;
};

const SECONDS = [0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5];

/** What the gateway measures of itself. Labels are route patterns, methods and statuses: never a user or a key. */
export const installMetrics = (server: FastifyInstance, page: MetricsPage, sources: MetricSources): void => {
  const registers = [page.registry];
  const duration = new Histogram({
    name: 'baton_gateway_request_seconds',
    help: 'Time to answer a request',
    labelNames: ['method', 'route', 'status'],
    buckets: SECONDS,
    registers,
  });
  const gauge = (name: string, help: string, value: () => number): void => {
    new Gauge({
      name: `baton_gateway_${name}`,
      help,
      registers,
      collect() {
        this.set(value());
      },
    });
  };
  gauge('event_streams', 'Open streams of events', sources.streams);
  gauge('overlay_tasks', 'Tasks whose newest version the projection may not have', sources.overlay);
  gauge('feed_revision', 'Last revision read from the state bucket', sources.revision);
  gauge('feed_caught_up', '1 when all of the bucket has been read, and what is written is heard of', () =>
    sources.isLive() ? 1 : 0,
  );
  new Counter({
    name: 'baton_gateway_overlay_evicted_total',
    help: 'Versions forgotten before the projection was known to have them',
    registers,
    collect() {
      this.reset();
      this.inc(sources.evicted());
    },
  });
  page.add(projectionSource(sources));
  server.addHook('onResponse', async (request, reply) => {
    const route = request.routeOptions.url ?? 'unknown';
    duration.observe({ method: request.method, route, status: String(reply.statusCode) }, reply.elapsedTime / 1_000);
  });
};
