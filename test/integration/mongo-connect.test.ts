// limit: 120s
// What the driver does not survive by itself: connections that are cut at the moment they are written to.
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { Socket } from 'node:net';
import { connectMongo, type MongoOptions } from '@baton/mongo';
import { BatonError } from '@baton/runtime';
import * as assert from 'uvu/assert';
import { eventually } from '../support/eventually.ts';
import { suite } from '../support/suite.ts';
import { databaseUrl, sharedServers } from '../support/system-fixture.ts';
import type { TestContext } from '../support/test-body.ts';

const test = suite('the connection to MongoDB');

/** Connected, with its sockets: first that of the driver's watch, then that of calls. */
const connected = async ({ defer }: TestContext, options: Partial<MongoOptions> = {}) => {
  const sockets: Socket[] = [];
  const seen = (message: unknown): void => void sockets.push((message as { readonly socket: Socket }).socket);
  subscribe('net.client.socket', seen);
  const name = `baton_test_connect_${process.pid}`;
  const mongo = await connectMongo({ url: databaseUrl(sharedServers().mongoUrl, name), selectMs: 500, ...options });
  unsubscribe('net.client.socket', seen);
  defer(() => mongo.close());
  const [watch, calls] = sockets;
  if (watch === undefined || calls === undefined) throw new Error(`${sockets.length} sockets`);
  return { mongo, watch, calls };
};

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

const outcomeOf = (call: Promise<unknown>): Promise<unknown> =>
  call.then(
    () => 'done',
    (error: unknown) => (error instanceof BatonError ? error.code : 'failed'),
  );

test(
  'P3 it finds its server again when all connections are cut at one moment, as by a restart',
  async (context) => {
    const { mongo, watch, calls } = await connected(context);
    // The driver looks again at once for who needs a server, but not within half a second of its last look.
    await pause(700);
    const before = calls.bytesWritten;
    const documents = Array.from({ length: 5_000 }, (_, n) => ({ n }));
    const going = outcomeOf(mongo.db.collection('cut').insertMany(documents));
    while (calls.bytesWritten === before) await new Promise((resolve) => setImmediate(resolve));
    // Node closes the last one first: the call hears of it, and needs a server, before the watch has heard.
    watch.destroy();
    calls.destroy();
    assert.is(await going, 'failed');
    await eventually(() => mongo.ping(), { limitMs: 5_000 });
    await mongo.db.dropDatabase();
  },
  { limitMs: 30_000 },
);

test('P3 a call to a connection that is cut at that moment fails, and its place in the pool is free again', async (context) => {
  const { mongo, calls } = await connected(context, { connections: 1 });
  calls.destroy();
  assert.is(await outcomeOf(mongo.ping()), 'MONGO_UNAVAILABLE');
  await eventually(() => mongo.ping(), { limitMs: 5_000 });
});

test('it is closed also when its connections are cut at that moment', async (context) => {
  const { mongo, watch, calls } = await connected(context);
  watch.destroy();
  calls.destroy();
  await mongo.close();
  assert.is(await outcomeOf(mongo.ping()), 'MONGO_UNAVAILABLE');
});

test.run();
