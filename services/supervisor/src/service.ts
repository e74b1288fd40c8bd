import { connectPorts, serviceConnection } from '@baton/nats';
import { createSupervisor, type ServiceStart } from '@baton/runtime';

/** A supervisor on NATS. Any number of them share the partitions; one more or less needs nothing else. */
export const startSupervisor: ServiceStart = async (service) => {
  const { settings, log, patiently } = service;
  const ports = await patiently('NATS', () => connectPorts(serviceConnection(service)));
  service.onStop('connection', () => ports.close());
  service.watch(ports.link);
  const supervisor = createSupervisor(ports, {
    id: ports.chance.uuid(),
    log,
    commands: { enabled: settings.enabled, admins: settings.commandAdmins, unknownTypes: settings.unknownTypes },
  });
  service.onStop('supervisor', () => supervisor.stop());
  await supervisor.start();
};
