import { randomBytes } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { infoSource, observed } from '@baton/metrics';
import { connectMongo, createTaskViews } from '@baton/mongo';
import { connectPorts, serviceConnection } from '@baton/nats';
import { BatonError, ConfigError, type ServiceContext, type ServiceStart, type Settings } from '@baton/runtime';
import { authenticateDevUser } from './auth/dev-users.ts';
import { allowedHosts, isLoopback } from './auth/hosts.ts';
import type { Authenticate } from './auth/identity.ts';
import { authenticateByToken } from './auth/tokens.ts';
import { openGateway } from './gateway.ts';
import type { GatewayServer, ServerSettings } from './server.ts';

/** Beside the service's own bundle and, where the command runs it, beside that one's. */
const PAGE = fileURLToPath(new URL('../../gateway/web/dist', import.meta.url));

/** REST, events and the page. Any number of them may run. */
export const startGateway: ServiceStart = observed(async (service, operations) => {
  const { settings, log, onStop, unlessDisconnected, watch } = service;
  const authenticate = authenticateOf(service);

  const ports = await unlessDisconnected('NATS', () => connectPorts(serviceConnection(service)));
  onStop('NATS connection', () => ports.close());
  watch(ports.link);
  operations.connected(ports);
  operations.add(() => infoSource('gateway'));
  const mongo = await unlessDisconnected('MongoDB', () =>
    connectMongo({ ...settings.mongo, appName: 'baton-gateway' }),
  );
  onStop('MongoDB connection', () => mongo.close());
  await unlessDisconnected('MongoDB', () => createTaskViews(mongo).ensureIndexes());

  const { page } = operations;
  const meter = operations.meter();
  const gateway = await openGateway({
    ...{ ports, mongo, log, authenticate, settings: serverSettings(settings) },
    ...(page === undefined || meter === undefined ? {} : { observed: { page, meter } }),
  });
  for (const { name, check } of gateway.checks) operations.check(name, check);
  onStop('gateway', () => gateway.close());
  await listen(gateway.server, service);
});

const listen = async (server: GatewayServer, { settings, log }: ServiceContext): Promise<void> => {
  const { httpPort: port, gateway } = settings;
  try {
    const url = await server.listen({ port, host: gateway.host });
    log.info({ url, auth: settings.auth.mode }, 'listening');
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EADDRINUSE')) throw error;
    const text = `port ${port} of ${gateway.host} is taken by another program: stop it, or set BATON_HTTP_PORT to a free one`;
    throw new BatonError('PORT_TAKEN', text, { cause: error });
  }
};

/** Throws ConfigError: a gateway never starts open unless it was told to, and then on this machine only. */
const authenticateOf = ({ settings, log }: ServiceContext): Authenticate => {
  const { auth, gateway } = settings;
  switch (auth.mode) {
    case 'dev':
      if (!isLoopback(gateway.host)) {
        throw new ConfigError([
          `BATON_AUTH=dev lets everybody in: BATON_HTTP_HOST must be 127.0.0.1, not ${gateway.host}`,
        ]);
      }
      log.warn('development mode: everybody on this machine may act as any user');
      return authenticateDevUser;
    case 'secret':
    case 'jwks':
      return authenticateByToken(auth, log);
    case 'none':
      throw new ConfigError([
        'the gateway has no way to know its users: set BATON_JWT_SECRET or BATON_JWKS_URL, or BATON_AUTH=dev on your own machine',
      ]);
  }
};

const serverSettings = (settings: Settings): ServerSettings => {
  const { auth, gateway } = settings;
  return {
    mode: auth.mode === 'dev' ? 'dev' : 'jwt',
    enabled: settings.enabled,
    unknownTypes: settings.unknownTypes,
    showStacktrace: settings.showStacktrace,
    hosts: allowedHosts(gateway.host, gateway.allowedHosts),
    corsOrigins: gateway.corsOrigins,
    rateLimit: gateway.rateLimit,
    cursorSecret: gateway.cursorSecret ?? (auth.mode === 'secret' ? auth.secret : randomBytes(32).toString('hex')),
    pageRoot: PAGE,
  };
};
