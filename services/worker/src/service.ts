import { setTimeout as sleep } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { resolve } from 'node:path';
import { infoSource, leaseSource, observed, workerSource } from '@baton/metrics';
import { ConfigError, type ServiceContext, type ServiceStart, type TaskMeter } from '@baton/runtime';
import { connect, type Task } from '@baton/sdk';

type AnyTask = Pick<Task<never[], unknown>, 'definition'>;

/** Time running bodies get after SIGTERM before they are told to stop. */
const GRACE = '30s';

/** A worker that serves the tasks exported by the modules of `BATON_TASKS`. */
export const startWorker: ServiceStart = observed(async (service, operations) => {
  const { settings, log } = service;
  const tasks = await loadTasks(service);
  const meter = operations.meter();
  const baton = await service.unlessDisconnected('NATS', () =>
    connect({ ...connectOptions(service, meter), name: 'baton-worker' }),
  );
  service.onStop('connection', () => baton.close());
  service.watch(baton.link, { saysItself: true });
  operations.connected(baton.connection);
  const { queues, concurrency } = settings;
  const types = tasks.map((task) => task.definition.type);
  meter?.trust({ type: (type) => types.includes(type), queue: (queue) => queues.includes(queue) });
  const loadLimit = settings.loadLimitMs / 1_000;
  const worker = await baton.startWorker({ tasks, queues, concurrency, loadLimit, handleStrayErrors: false });
  service.onStop('worker', (why) => worker.drain({ grace: GRACE, ...why }));
  operations.add(() => infoSource('worker', worker.id));
  operations.add(() => leaseSource(() => worker.stats().lease));
  operations.add(() => workerSource(() => worker.stats()));
  operations.check('lease', () => (worker.stats().lease?.held ? undefined : 'not held'));
  log.info({ worker: worker.id, types, queues, concurrency }, 'worker ready');
});

/**
 * A worker that has loaded its tasks and serves nothing yet: it starts when `release` resolves. Tasks that cannot be loaded end it
 * before, and it opens no port and no connection while another worker may have them.
 */
export const heldWorker =
  (release: (stopping: AbortSignal) => Promise<void>): ServiceStart =>
  async (service) => {
    await loadTasks(service);
    await release(service.stopping);
    await startWorker(service);
  };

const connectOptions = ({ settings, log }: ServiceContext, meter: TaskMeter | undefined) => ({
  ...(meter === undefined ? {} : { meter }),
  servers: settings.nats.servers,
  ...(settings.nats.credsFile === undefined ? {} : { credsFile: settings.nats.credsFile }),
  ...(settings.nats.user === undefined ? {} : { natsUser: settings.nats.user }),
  ...(settings.nats.password === undefined ? {} : { natsPassword: settings.nats.password }),
  ...(settings.nats.inboxPrefix === undefined ? {} : { inboxPrefix: settings.nats.inboxPrefix }),
  ...(settings.nats.tls === undefined ? {} : { tls: settings.nats.tls }),
  namespace: settings.namespace,
  ...settings.streams,
  enabled: settings.enabled,
  unknownTypes: settings.unknownTypes,
  maxBlock: settings.maxBlockMs / 1_000,
  endWhenBlocked: true,
  dataLimitBytes: settings.dataLimitBytes,
  log,
});

const loadTasks = async (service: ServiceContext): Promise<readonly AnyTask[]> => {
  const { taskModules: modules } = service.settings;
  if (modules.length === 0) {
    throw new ConfigError([
      'BATON_TASKS names no module: a worker needs tasks to serve (baton worker --tasks ./tasks.ts)',
    ]);
  }
  const tasks = new Set<AnyTask>();
  for (const module of modules) {
    const found = tasksIn(await load(module, service));
    if (found.length === 0) throw new ConfigError([`BATON_TASKS: ${module} exports no task`]);
    for (const task of found) tasks.add(task);
  }
  return [...tasks];
};

/** An import may wait for something that never comes: for a while, and no longer than the service is wanted. */
const load = async (module: string, { settings, stopping }: ServiceContext): Promise<object> => {
  const { loadLimitMs } = settings;
  const over = new AbortController();
  const late = sleep(loadLimitMs, undefined, { signal: AbortSignal.any([over.signal, stopping]) }).then(() => {
    throw new Error(`its import has not ended within ${loadLimitMs / 1_000} s (BATON_LOAD_LIMIT_MS)`);
  });
  try {
    return await Promise.race([import(pathToFileURL(resolve(module)).href) as Promise<object>, late]);
  } catch (error) {
    if (stopping.aborted) throw error;
    const reason = error instanceof Error ? error.message : String(error);
    throw new ConfigError([`BATON_TASKS: ${module} cannot be loaded: ${reason}${placeOf(error, module)}`]);
  } finally {
    late.catch(() => undefined);
    over.abort();
  }
};

const FRAME = /^ +at (?:.*\()?(?:file:\/\/)?(\/[^()]+:\d+:\d+)\)?$/gm;

/** Where a module throws: its own line, else that of what it imports. A message of a compiler, several lines, has it already. */
const placeOf = (error: unknown, module: string): string => {
  if (!(error instanceof Error) || error.message.includes('\n')) return '';
  const frames = [...(error.stack ?? '').matchAll(FRAME)].map(([, place = '']) => place);
  const own = frames.find((place) => place.startsWith(`${resolve(module)}:`));
  const place = own ?? frames.find((other) => !other.includes('/node_modules/'));
  return place === undefined ? '' : ` (${place})`;
};

const tasksIn = (module: object): readonly AnyTask[] =>
  Object.values(module).filter(
    (value: unknown): value is AnyTask => typeof value === 'function' && 'definition' in value && 'schedule' in value,
  );
