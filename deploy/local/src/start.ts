import { join, resolve } from 'node:path';
import { ServerUnavailableError, ServersUnavailableError } from './errors.ts';
import type { FindNatsOptions } from './find/nats-server.ts';
import { letPostgresPass } from './find/reachable.ts';
import type { Reporter } from './report.ts';
import { startMongo } from './run/mongo.ts';
import type { MongoServer } from './run/mongo.ts';
import { startNats } from './run/nats.ts';
import type { Durability, NatsServer } from './run/nats.ts';
import type { UnexpectedExit } from './run/server-process.ts';

export type LocalServersOptions = {
  /** Data of both servers, kept between runs, and so are their ports. Without it temporary folders are used and taken away at the end. */
  readonly dataDir?: string;
  /** Those the data folder had last, or free ones, when not given; a given one that is taken is refused with PORT_TAKEN. */
  readonly natsPort?: number;
  readonly mongoPort?: number;
  /** HTTP monitoring of NATS on this port; 0 picks a free one. No monitoring when not given. */
  readonly monitorPort?: number;
  /** Defaults to `durable`: fsync before acknowledging. */
  readonly durability?: Durability;
  /** Told which way was taken, how long steps go on, and what did not work. Silent when not given. */
  readonly report?: Reporter;
  /** Called when a server ends and nobody asked for it. */
  readonly onUnexpectedExit?: (exit: UnexpectedExit) => void;
  /** Where and how to look for the programs. */
  readonly find?: Omit<FindNatsOptions, 'report'>;
};

export type LocalServers = {
  readonly natsUrl: string;
  readonly mongoUrl: string;
  readonly nats: NatsServer;
  readonly mongo: MongoServer;
  /** Ends both. May be called more than once. */
  stop(): Promise<void>;
};

/** Finds or installs both servers and starts them side by side. When one fails, the other is ended and the error thrown. */
export async function startLocalServers(options: LocalServersOptions = {}): Promise<LocalServers> {
  const { dataDir, natsPort, mongoPort, monitorPort, durability, ...shared } = options;
  if (dataDir !== undefined) await letPostgresPass(resolve(dataDir));
  const [nats, mongo] = await Promise.allSettled([
    startNats({
      ...shared,
      ...optional('dataDir', dataDir && join(dataDir, 'nats')),
      ...optional('port', natsPort),
      ...optional('monitorPort', monitorPort),
      ...optional('durability', durability),
    }),
    startMongo({
      ...shared,
      ...optional('dataDir', dataDir && join(dataDir, 'mongo')),
      ...optional('port', mongoPort),
    }),
  ]);
  if (nats.status === 'rejected' || mongo.status === 'rejected') {
    await Promise.all([nats, mongo].map(async (each) => each.status === 'fulfilled' && each.value.stop()));
    throw oneError([nats, mongo].flatMap((each) => (each.status === 'rejected' ? [each.reason as unknown] : [])));
  }
  const servers = [nats.value, mongo.value];
  return {
    natsUrl: nats.value.url,
    mongoUrl: mongo.value.url,
    nats: nats.value,
    mongo: mongo.value,
    stop: async () => {
      await Promise.all(servers.map((server) => server.stop()));
    },
  };
}

function oneError(errors: readonly unknown[]): unknown {
  const missing = errors.filter((error) => error instanceof ServerUnavailableError);
  return missing.length > 1 ? new ServersUnavailableError(missing) : errors[0];
}

const optional = <K extends string, V>(name: K, value: V | undefined): { [key in K]?: V } =>
  value === undefined ? {} : ({ [name]: value } as { [key in K]?: V });
