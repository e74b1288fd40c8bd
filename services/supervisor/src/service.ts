import { connectPorts, serviceConnection } from '@baton/nats';
import { infoSource, leaseSource, observed, supervisorSource } from '@baton/metrics';
import { createSupervisor, type ServiceStart } from '@baton/runtime';

/** A supervisor on NATS. Any number of them share the partitions; one more or less needs nothing else. */
export const startSupervisor: ServiceStart = observed(async (service, operations) => {
  const { settings, log, unlessDisconnected } = service;
  const ports = await unlessDisconnected('NATS', () => connectPorts(serviceConnection(service)));
  service.onStop('connection', () => ports.close());
  service.watch(ports.link);
  operations.connected(ports);
  const meter = operations.meter();
  const supervisor = createSupervisor(ports, {
    id: ports.chance.uuid(),
    log,
    ...(meter === undefined ? {} : { meter }),
    commands: { enabled: settings.enabled, admins: settings.commandAdmins, unknownTypes: settings.unknownTypes },
  });
  service.onStop('supervisor', () => supervisor.stop());
  operations.add(() => infoSource('supervisor', supervisor.id));
  operations.add(() => leaseSource(() => supervisor.report().lease));
  operations.add(() => supervisorSource(supervisor, ports.clock));
  operations.check('records', () => (supervisor.stats().ready ? undefined : 'still reading'));
  await supervisor.start();
});
