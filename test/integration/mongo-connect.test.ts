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

/** Connected, with its sockets: first that of the watch, then that of calls. */
const connected = async ({ defer }: TestContext, options: Partial<MongoOptions>) => {
  const sockets: Socket[] = [];
  const seen = (message: unknown): void => void sockets.push((message as { readonly socket: Socket }).socket);
  subscribe('net.client.socket', seen);
  const name = `baton_test_connect_${process.pid}`;
  const mongo = await connectMongo({ url: databaseUrl(sharedServers().mongoUrl, name), selectMs: 500, ...options });
  unsubscribe('net.client.socket', seen);
  defer(() => mongo.close());
  defer(() => mongo.db.dropDatabase());
  assert.is(sockets.length, 2);
  return { mongo, sockets };
};

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

const codeOf = (call: Promise<unknown>): Promise<unknown> =>
  call.then(
    () => 'done',
    (error: unknown) => (error instanceof BatonError ? error.code : error),
  );

test(
  'P3 it finds its server again when all connections are cut at one moment, as by a restart',
  async (context) => {
    const { mongo, sockets } = await connected(context, {});
    // The driver looks again at once for who needs a server, but not within half a second of its last look.
    await pause(700);
    const going = mongo.db
      .collection('cut')
      .insertMany(Array.from({ length: 5_000 }, (_, n) => ({ n })))
      .then(
        () => 'done',
        () => 'failed',
      );
    await pause(5);
    // Node closes the last one first, so the call hears of it and looks for a server before the watch has heard.
    for (const socket of sockets) socket.destroy();
    assert.is(await going, 'failed');
    await eventually(() => mongo.ping(), { limitMs: 15_000 });
  },
  { limitMs: 30_000 },
);

test('P3 a call to a connection that is cut at that moment ends as one that was not answered', async (context) => {
  const { mongo, sockets } = await connected(context, { answerMs: 1_000 });
  sockets[1]?.destroy();
  const began = performance.now();
  assert.is(await codeOf(mongo.ping()), 'MONGO_UNAVAILABLE');
  assert.ok(performance.now() - began < 5_000);
  await eventually(() => mongo.ping(), { limitMs: 5_000 });
});

test.run();
