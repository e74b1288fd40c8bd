import { pathToFileURL } from 'node:url';
import { resolve } from 'node:path';
import { ConfigError, type ServiceContext, type ServiceStart } from '@baton/runtime';
import { connect, type Task } from '@baton/sdk';

type AnyTask = Pick<Task<never[], unknown>, 'definition'>;

/** Time running bodies get after SIGTERM before they are told to stop. */
const GRACE = '30s';

/** A worker that serves the tasks exported by the modules of `BATON_TASKS`. */
export const startWorker: ServiceStart = async (service) => {
  const { settings, log } = service;
  const tasks = await loadTasks(settings.taskModules);
  const baton = await service.patiently('NATS', () => connect({ ...connectOptions(service), name: 'baton-worker' }));
  service.onStop('connection', () => baton.close());
  service.watch(baton.link);
  const { queues, concurrency } = settings;
  const worker = await baton.startWorker({ tasks, queues, concurrency, handleStrayErrors: false });
  service.onStop('worker', (why) => worker.drain({ grace: GRACE, ...why }));
  log.info(
    { worker: worker.id, types: tasks.map((task) => task.definition.type), queues, concurrency },
    'worker ready',
  );
};

const connectOptions = ({ settings, log }: ServiceContext) => ({
  servers: settings.nats.servers,
  ...(settings.nats.credsFile === undefined ? {} : { credsFile: settings.nats.credsFile }),
  ...(settings.nats.user === undefined ? {} : { natsUser: settings.nats.user }),
  ...(settings.nats.password === undefined ? {} : { natsPassword: settings.nats.password }),
  ...(settings.nats.inboxPrefix === undefined ? {} : { inboxPrefix: settings.nats.inboxPrefix }),
  namespace: settings.namespace,
  ...settings.streams,
  enabled: settings.enabled,
  unknownTypes: settings.unknownTypes,
  maxBlock: settings.maxBlockMs / 1_000,
  dataLimitBytes: settings.dataLimitBytes,
  log,
});

const loadTasks = async (modules: readonly string[]): Promise<readonly AnyTask[]> => {
  if (modules.length === 0) {
    throw new ConfigError([
      'BATON_TASKS names no module: a worker needs tasks to serve (baton worker --tasks ./tasks.mjs)',
    ]);
  }
  const tasks = new Set<AnyTask>();
  for (const module of modules) {
    const found = tasksIn(await load(module));
    if (found.length === 0) throw new ConfigError([`BATON_TASKS: ${module} exports no task`]);
    for (const task of found) tasks.add(task);
  }
  return [...tasks];
};

const load = async (module: string): Promise<object> => {
  try {
    return (await import(pathToFileURL(resolve(module)).href)) as object;
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new ConfigError([`BATON_TASKS: ${module} cannot be loaded: ${reason}`]);
  }
};

const tasksIn = (module: object): readonly AnyTask[] =>
  Object.values(module).filter(
    (value: unknown): value is AnyTask => typeof value === 'function' && 'definition' in value && 'schedule' in value,
  );
