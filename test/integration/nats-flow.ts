// What the tests of the flow ports share: a connection in a namespace of its own, and a server of their own.
import type { Lane } from '@baton/protocols';
import type { Entry, RunQueue } from '@baton/runtime';
import * as assert from 'uvu/assert';
import { startNats, type NatsServer } from '@baton/local';
import { connectNats, type NatsWire } from '../../packages/nats/src/connect.ts';
import { sampleAddress } from '../support/sample-records.ts';
import type { TestContext } from '../support/suite.ts';

type Defer = TestContext['defer'];

let namespaces = 0;

/** Unique over all files of a run: they share a server. */
export const freshNamespace = (): string => `F${process.pid}_${++namespaces}`;

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

export const lane = (over: Partial<Lane> = {}): Lane => ({
  queue: 'default',
  priority: 'normal',
  type: 'job',
  ...over,
});

let revisions = 0;

export const put = async (queue: RunQueue, key: string, where: Lane = lane()): Promise<Entry> => {
  const entry: Entry = { address: sampleAddress(key, where.type), revision: ++revisions, bytes: Buffer.from(key) };
  const result = await queue.put(where, entry);
  assert.is(result.kind, 'written', JSON.stringify(result));
  return entry;
};

/** In this order in the stream, since one connection keeps it; so many at a time. */
export const putAll = async (queue: RunQueue, keys: readonly string[], where: Lane = lane()): Promise<void> => {
  for (let from = 0; from < keys.length; from += 200) {
    await Promise.all(keys.slice(from, from + 200).map((key) => put(queue, key, where)));
  }
};

export const keys = (prefix: string, count: number): readonly string[] =>
  Array.from({ length: count }, (_, i) => `${prefix}${String(i).padStart(5, '0')}`);
