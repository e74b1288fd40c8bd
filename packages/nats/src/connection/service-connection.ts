import type { ServiceContext } from '@baton/runtime';
import type { NatsPortsSettings } from '../ports.ts';

/** How a service connects: what its settings say, and its name in the server's list of connections. */
export const serviceConnection = ({
  name,
  settings,
  log,
}: Pick<ServiceContext, 'name' | 'settings' | 'log'>): NatsPortsSettings => {
  const { servers, credsFile, user, password, inboxPrefix, tls } = settings.nats;
  return {
    servers,
    name: `baton-${name}`,
    ...(credsFile === undefined ? {} : { creds: credsFile }),
    ...(user === undefined ? {} : { user }),
    ...(password === undefined ? {} : { password }),
    ...(inboxPrefix === undefined ? {} : { inboxPrefix }),
    ...(tls === undefined ? {} : { tls }),
    namespace: settings.namespace,
    ...settings.streams,
    onFault: (where, fault) => log.warn({ err: fault, where }, 'a fault where nobody waits for an answer'),
  };
};
