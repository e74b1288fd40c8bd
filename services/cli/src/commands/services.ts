import { runService, type ServiceStart } from '@baton/runtime';

/** The services this command can run, by name. Each is what its own `main.ts` runs, and loaded by who runs it. */
const SERVICES: Readonly<Record<ServiceName, () => Promise<ServiceStart>>> = {
  gateway: async () => (await import('@baton/gateway')).startGateway,
  projector: async () => (await import('@baton/projector')).projectorService,
  supervisor: async () => (await import('@baton/supervisor')).startSupervisor,
  worker: async () => (await import('@baton/worker')).startWorker,
};

export type ServiceName = 'gateway' | 'projector' | 'supervisor' | 'worker';

export const SERVICE_NAMES: readonly ServiceName[] = ['supervisor', 'projector', 'worker', 'gateway'];

/** Runs one service until it is told to stop. Never returns: the process ends with the service's code. */
export const runNamedService = async (name: ServiceName): Promise<never> =>
  runOwnedService(name, await SERVICES[name]());

/** The same with another start. */
export const runOwnedService = (name: ServiceName, start: ServiceStart): Promise<never> => {
  endWithParent();
  return runService(name, start);
};

/** What was started by a process of ours stops when that is gone, however it went. */
export const endWithParent = (): void => {
  if (process.send === undefined) return;
  const end = (): boolean => process.kill(process.pid, 'SIGTERM');
  // It may have gone while this program was loaded.
  if (!process.connected) end();
  else process.once('disconnect', end);
};
