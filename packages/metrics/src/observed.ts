import { TaskMeter, type ServiceContext, type ServiceStart } from '@baton/runtime';
import type { ReadyCheck } from './readiness.ts';
import { MetricsPage, type MetricSource } from './registry.ts';
import { startOperationsServer } from './server.ts';
import { connectionSource, taskSource, type Connection } from './sources.ts';

/** What a service tells of itself. Without `BATON_METRICS_PORT` it tells nobody, and nothing is counted for it. */
export type Operations = {
  /** Counts what the service does to tasks, for a service that does something to them; undefined: nobody asks. */
  readonly meter: () => TaskMeter | undefined;
  readonly page: MetricsPage | undefined;
  /** The service is ready when every check says nothing. */
  readonly check: (name: string, check: ReadyCheck['check']) => void;
  /** Called only when somebody asks. */
  readonly add: (source: () => MetricSource) => void;
  /** Of its connection to NATS, and that it has to be there. */
  readonly connected: (ports: Connection) => void;
};

export type ObservedStart = (service: ServiceContext, operations: Operations) => Promise<void>;

/**
 * A service with health and metrics on `BATON_METRICS_PORT`. They are told from before it connects to anything until all of it
 * has stopped: it is alive then, and not ready.
 */
export const observed =
  (start: ObservedStart): ServiceStart =>
  async (service) => {
    const { port, host } = service.settings.metrics;
    if (port === undefined) return start(service, UNOBSERVED);
    const page = new MetricsPage();
    let meter: TaskMeter | undefined;
    const metered = (): TaskMeter => {
      if (meter === undefined) page.add(taskSource((meter = new TaskMeter())));
      return meter;
    };
    const { stopping, name, log } = service;
    let isStarted = false;
    const phase = (): string | undefined => {
      if (stopping.aborted) return 'stopping';
      return isStarted ? undefined : 'starting';
    };
    const checks: ReadyCheck[] = [{ name, check: phase }];
    const server = await startOperationsServer({ port, host, page, checks, log, setting: 'BATON_METRICS_PORT' });
    service.onStop('health and metrics', () => server.close());
    log.info({ url: server.url }, 'health and metrics');
    await start(service, {
      meter: metered,
      page,
      check: (what, check) => void checks.push({ name: what, check }),
      add: (source) => page.add(source()),
      connected: (ports) => {
        page.add(connectionSource(ports));
        checks.push({ name: 'nats', check: () => (ports.link.connected ? undefined : 'no connection') });
      },
    });
    isStarted = true;
  };

const UNOBSERVED: Operations = {
  meter: () => undefined,
  page: undefined,
  check: () => undefined,
  add: () => undefined,
  connected: () => undefined,
};
