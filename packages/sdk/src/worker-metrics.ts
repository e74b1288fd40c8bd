import { InvalidArgumentError, TaskMeter, type LeaseCounts } from '@baton/runtime';
import type { Core } from './core.ts';

/** Where a worker tells its health and metrics. */
export type WorkerMetrics = {
  /** 0: any free one, see `metricsUrl`. */
  readonly port: number;
  /** Address to listen on; `127.0.0.1` when not set. Whoever reaches it may read it. */
  readonly host?: string;
};

/** A worker at this moment. */
export type WorkerStats = {
  /** Tasks it runs at once. */
  readonly slots: number;
  /** Slots in use: tasks that run, and offers that are being claimed. */
  readonly busy: number;
  /** Bodies that run in this process, also those of inline calls and of other workers. */
  readonly bodies: number;
  readonly draining: boolean;
  /** Of the lease of this process; undefined while it has none. */
  readonly lease: LeaseCounts | undefined;
};

export type OpenMetrics = { readonly url: string; readonly close: () => Promise<void> };

/** Throws InvalidArgumentError. */
export const checkMetrics = (metrics: WorkerMetrics | undefined): void => {
  if (metrics === undefined) return;
  const { port, host } = metrics;
  if (!Number.isInteger(port) || port < 0 || port > 65_535)
    throw new InvalidArgumentError('metrics.port: is a whole number, 0 to 65535');
  if (host !== undefined && (typeof host !== 'string' || host === ''))
    throw new InvalidArgumentError('metrics.host: is an address to listen on');
};

/** Loads what it takes only here: who asks for no metrics pays nothing for them. Rejects with BatonError PORT_TAKEN. */
export const openMetrics = async (
  core: Core,
  worker: { readonly id: string; readonly stats: () => WorkerStats },
  metrics: WorkerMetrics,
  serves: { readonly types: readonly string[]; readonly queues: readonly string[] },
): Promise<OpenMetrics> => {
  const { connectionSource, infoSource, leaseSource, MetricsPage, startOperationsServer, taskSource, workerSource } =
    await import('@baton/metrics');
  const { ports, metering, log } = core;
  const meter = (metering.meter ??= new TaskMeter());
  // In its own code: nobody who submits can make them up.
  meter.trust({ type: (type) => serves.types.includes(type), queue: (queue) => serves.queues.includes(queue) });
  const page = new MetricsPage();
  const stats = () => worker.stats();
  page.add(infoSource('worker', worker.id));
  page.add(connectionSource(ports));
  page.add(leaseSource(() => stats().lease));
  page.add(taskSource(meter));
  page.add(workerSource(stats));
  const checks = [
    { name: 'worker', check: () => (stats().draining ? 'draining' : undefined) },
    { name: 'nats', check: () => (ports.link.connected ? undefined : 'no connection') },
    { name: 'lease', check: () => (stats().lease?.held ? undefined : 'not held') },
  ];
  const { port, host = '127.0.0.1' } = metrics;
  return startOperationsServer({ port, host, page, checks, log, setting: 'metrics.port' });
};
