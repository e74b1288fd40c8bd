// What the tests of the flow ports share: a connection in a namespace of its own, and a server of their own.
import { startNats, type NatsServer } from '@baton/local';
import { connectNats, type NatsWire } from '../../packages/nats/src/connect.ts';
import type { TestContext } from '../support/suite.ts';
import { deleteNamespace } from '../support/system-fixture.ts';

type Defer = TestContext['defer'];

let namespaces = 0;

/** Unique over all files of a run: they share a server. */
const freshNamespace = (): string => `F${process.pid}_${++namespaces}`;

export const sharedServer = (): string => {
  const url = process.env['NATS_URL'];
  if (url === undefined) throw new Error('NATS_URL is not set; start this file through test/run.mjs');
  return url;
};

export type FlowWire = { readonly wire: NatsWire; readonly faults: string[] };

export const openWire = async (
  defer: Defer,
  { servers = sharedServer(), namespace = freshNamespace() }: { servers?: string; namespace?: string } = {},
): Promise<FlowWire> => {
  const faults: string[] = [];
  const onFault = (where: string, fault: unknown): void => {
    faults.push(`${where}: ${fault instanceof Error ? fault.message : String(fault)}`);
  };
  // Of a server of its own nothing is left anyhow.
  if (servers === process.env['NATS_URL']) defer(() => deleteNamespace(servers, namespace));
  const wire = await connectNats({ servers, namespace, onFault });
  defer(() => wire.close());
  return { wire, faults };
};

/** A server that only this test uses, to be killed and frozen. */
export const ownServer = async (defer: Defer): Promise<NatsServer> => {
  const server = await startNats({ durability: 'durable' });
  defer(() => server.stop());
  return server;
};
