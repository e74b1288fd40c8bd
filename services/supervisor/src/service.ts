import { connectPorts } from '@baton/nats';
import { createSupervisor, type ServiceContext, type ServiceStart } from '@baton/runtime';

/** A supervisor on NATS. Any number of them share the partitions; one more or less needs nothing else. */
export const startSupervisor: ServiceStart = async (service) => {
  const { settings, log } = service;
  const ports = await connectPorts(connectionOf(service));
  service.onStop('connection', () => ports.close());
  service.watch(ports.link);
  const supervisor = createSupervisor(ports, {
    id: ports.chance.uuid(),
    log,
    commands: { enabled: settings.enabled, admins: settings.commandAdmins },
  });
  service.onStop('supervisor', () => supervisor.stop());
  await supervisor.start();
};

const connectionOf = ({ settings, log }: ServiceContext) => ({
  servers: settings.nats.servers,
  name: 'baton-supervisor',
  ...(settings.nats.credsFile === undefined ? {} : { creds: settings.nats.credsFile }),
  ...(settings.nats.user === undefined ? {} : { user: settings.nats.user }),
  ...(settings.nats.password === undefined ? {} : { password: settings.nats.password }),
  namespace: settings.namespace,
  replicas: settings.replicas,
  ...(settings.eventsMaxBytes === undefined ? {} : { eventsMaxBytes: settings.eventsMaxBytes }),
  onFault: (where: string, fault: unknown) =>
    log.warn({ err: fault, where }, 'a fault where nobody waits for an answer'),
});
