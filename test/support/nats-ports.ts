import { randomBytes } from 'node:crypto';
import { connectPorts, type NatsPorts, type NatsPortsSettings } from '@baton/nats';
import { namesOf, streamConfigs, type Names } from '@baton/protocols';
import { jetstreamManager, type JetStreamManager } from '@nats-io/jetstream';
import { connect, type NatsConnection } from '@nats-io/transport-node';
import { openCuttableLink, type CuttableLink } from './cuttable-link.ts';

/** A namespace of its own on the test server, with processes connected to it whose connections can be cut. */
export type NatsSystem = {
  readonly url: string;
  readonly names: Names;
  /** A connection beside the system under test. */
  readonly nc: NatsConnection;
  readonly jsm: JetStreamManager;
  /** The process of that name; connected when it is asked for first. */
  readonly ports: (process: string) => Promise<NatsPorts>;
  readonly link: (process: string) => Promise<CuttableLink>;
  /** Ends all connections and deletes the streams. */
  readonly close: () => Promise<void>;
};

export const natsUrl = (): string => {
  const url = process.env['NATS_URL'];
  if (url === undefined || url === '') throw new Error('NATS_URL is not set: run this through test/run.mjs');
  return url.includes('://') ? url : `nats://${url}`;
};

/** Upper case and new each time, so that no two files or runs meet. */
export const uniqueNamespace = (): string => `T${randomBytes(6).toString('hex').toUpperCase()}`;

export const openNatsSystem = async (
  settings: Partial<NatsPortsSettings> = {},
  namespace: string = uniqueNamespace(),
): Promise<NatsSystem> => {
  const url = natsUrl();
  const names = namesOf(namespace);
  const nc = await connect({ servers: url });
  const jsm = await jetstreamManager(nc);
  const links = once(() => openCuttableLink(url));
  const processes = once(async (name) =>
    connectPorts({ ...settings, namespace, name, servers: (await links.get(name)).address }),
  );
  return {
    url,
    names,
    nc,
    jsm,
    ports: processes.get,
    link: links.get,
    close: async () => {
      const open = await processes.all();
      for (const link of await links.all()) link.mend();
      await Promise.all(open.map((ports) => ports.close()));
      await Promise.all((await links.all()).map((link) => link.close()));
      await deleteStreams(jsm, names);
      await nc.close();
    },
  };
};

const deleteStreams = async (jsm: JetStreamManager, names: Names): Promise<void> => {
  // The log sources the bucket, so it goes before it.
  for (const { name: stream } of streamConfigs(names, { replicas: 1 }).toReversed()) {
    await jsm.streams.delete(stream).catch((error: unknown) => {
      if (!(error instanceof Error && error.message.includes('stream not found'))) throw error;
    });
  }
};

/** One value per name, made when it is asked for first; two who ask at once get the same. */
const once = <T>(make: (name: string) => Promise<T>) => {
  const made = new Map<string, Promise<T>>();
  return {
    get: (name: string): Promise<T> => {
      const known = made.get(name) ?? make(name);
      made.set(name, known);
      return known;
    },
    all: async (): Promise<readonly T[]> => {
      const settled = await Promise.allSettled(made.values());
      return settled.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
    },
  };
};
