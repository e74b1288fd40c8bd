// E2: a client gets what it has to catch up with as fast as it reads; one that does not read is dropped.
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import * as assert from 'uvu/assert';
import { EventStream } from '../../../services/gateway/src/live/event-stream.ts';
import { openEvents } from '../../support/event-client.ts';
import { eventually } from '../../support/eventually.ts';
import { suite, type TestContext } from '../../support/suite.ts';

const test = suite('gateway: streams of events');

const MIB = 1024 * 1024;
const EVENT = `event: task\ndata: {"text":"${'x'.repeat(10_000)}"}\n\n`;

type Told = { most: number; events: number; isOver: boolean };

/** Tells everybody who comes `count` events, as he reads. */
const open = async ({ defer }: TestContext, count: number): Promise<{ readonly url: string; readonly told: Told }> => {
  const told: Told = { most: 0, events: 0, isOver: false };
  const tell = async (stream: EventStream): Promise<void> => {
    for (let i = 0; i < count && (await stream.ready()); i++) {
      stream.write(EVENT);
      told.events++;
      told.most = Math.max(told.most, stream.unread);
    }
    stream.end();
    told.isOver = true;
  };
  const server = createServer((_request, response) => {
    void tell(new EventStream(response, {}, () => undefined, 200));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  defer(() => {
    server.closeAllConnections();
    server.close();
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`, told };
};

test('E2 20 MB come whole to who reads, and little of it waits in this process', async (context) => {
  const { url, told } = await open(context, 2_000);
  const client = await openEvents(url, {});
  context.defer(() => client.close());
  await eventually(() => assert.ok(client.hasEnded()), { limitMs: 9_000 });
  assert.equal([client.events.length, client.events.some(({ event }) => event === 'reset')], [2_000, false]);
  assert.ok(told.most < MIB / 2, String(told.most));
});

test('E2 who reads nothing is told why and dropped', async (context) => {
  const { url, told } = await open(context, 100_000);
  const client = await openEvents(url, {});
  context.defer(() => client.close());
  client.pause();
  await eventually(() => assert.ok(told.isOver), { limitMs: 9_000 });
  assert.ok(told.events < 100_000);
  assert.ok(told.most < MIB / 2, String(told.most));
  client.resume();
  await eventually(() => assert.ok(client.hasEnded()));
  assert.equal(client.events.at(-1)?.data, { reason: 'slow' });
});

test.run();
