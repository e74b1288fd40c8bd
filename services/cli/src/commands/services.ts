import { startGateway } from '@baton/gateway';
import { projectorService } from '@baton/projector';
import { runService, type ServiceStart } from '@baton/runtime';
import { startSupervisor } from '@baton/supervisor';
import { startWorker } from '@baton/worker';

/** The services this command can run, by name. Each is what its own `main.ts` runs. */
const SERVICES: Readonly<Record<ServiceName, ServiceStart>> = {
  gateway: startGateway,
  projector: projectorService,
  supervisor: startSupervisor,
  worker: startWorker,
};

export type ServiceName = 'gateway' | 'projector' | 'supervisor' | 'worker';

export const SERVICE_NAMES: readonly ServiceName[] = ['supervisor', 'projector', 'worker', 'gateway'];

/** Runs one service until it is told to stop. Never returns: the process ends with the service's code. */
export const runNamedService = (name: ServiceName): Promise<never> => runOwnedService(name, SERVICES[name]);

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
