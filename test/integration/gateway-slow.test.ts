// limit: 120s, alone
// Clients that take their time, lie about lengths, or pack much into little: answered or cut off, and others are served.
import { connect, type Socket } from 'node:net';
import { gzipSync } from 'node:zlib';
import * as assert from 'uvu/assert';
import { openGatewaySystem, type GatewaySystem } from '../support/gateway-fixture.ts';
import { suite, type TestContext } from '../support/suite.ts';

const test = suite('gateway: slow and greedy clients');

const LIST = '/api/v1/task/';
/** Until a header, until a whole request, has to be there; and how late that may be noticed. */
const HEADERS_MS = 10_000;
const REQUEST_MS = 30_000;
const MARGIN_MS = 3_000;

type Client = {
  readonly socket: Socket;
  /** What was answered until the connection ended, and after how long that was. */
  readonly ended: Promise<{ readonly text: string; readonly afterMs: number }>;
};

const open = async ({ defer }: TestContext, url: string): Promise<Client> => {
  const socket = connect(Number(new URL(url).port), '127.0.0.1');
  defer(() => void socket.destroy());
  await new Promise((resolve) => socket.once('connect', resolve));
  const began = performance.now();
  let text = '';
  socket.on('data', (chunk: Buffer) => (text += chunk.toString()));
  // It is cut off while it still writes.
  socket.on('error', () => undefined);
  const ended = new Promise<{ text: string; afterMs: number }>((resolve) => {
    socket.once('close', () => resolve({ text, afterMs: performance.now() - began }));
  });
  return { socket, ended };
};

/** Sends one byte, and another one, until the connection has ended. */
const drip = ({ socket }: Client, text: string, everyMs: number): void => {
  let sent = 0;
  const timer = setInterval(() => {
    if (socket.destroyed) return clearInterval(timer);
    socket.write(text[sent++ % text.length] ?? '');
  }, everyMs);
  socket.once('close', () => clearInterval(timer));
};

const post = async (system: GatewaySystem, headers: string): Promise<string> =>
  `POST ${LIST} HTTP/1.1\r\nHost: 127.0.0.1:8088\r\nAuthorization: Bearer ${await system.token('alice')}\r\n` +
  `Content-Type: application/json\r\n${headers}\r\n\r\n`;

const served = async ({ call }: GatewaySystem): Promise<void> => {
  const began = performance.now();
  assert.is((await call('GET', LIST, { as: 'bob' })).status, 200);
  assert.ok(performance.now() - began < 2_000, 'others wait for it');
};

test(
  'one byte a second, in the headers or in the body: 408 or cut off in time, 200 of each at once, and others are served',
  async (context) => {
    const system = await openGatewaySystem(context);
    const url = await system.listen();
    const head = await post(system, 'Content-Length: 1000');
    const many = <T>(make: () => Promise<T>): Promise<readonly T[]> => Promise.all(Array.from({ length: 200 }, make));
    const inHeaders = await many(() => open(context, url));
    for (const client of inHeaders) {
      client.socket.write('GET / HTTP/1.1\r\nHost: localhost\r\nX-Slow: ');
      drip(client, 'x', 1_000);
    }
    const inBody = await many(() => open(context, url));
    for (const client of inBody) {
      client.socket.write(`${head}{"type":"job","args":["`);
      drip(client, 'x', 1_000);
    }
    const short = await open(context, url);
    short.socket.write(`${await post(system, 'Content-Length: 100')}{"type":"job"}`);
    await served(system);
    const heapBefore = process.memoryUsage().rss;
    let timedOut = 0;
    for (const [clients, limitMs] of [
      [inHeaders, HEADERS_MS],
      [[...inBody, short], REQUEST_MS],
    ] as const) {
      for (const { ended } of clients) {
        const { text, afterMs } = await ended;
        assert.ok(afterMs < limitMs + MARGIN_MS, `ended after ${Math.round(afterMs)} ms`);
        assert.ok(text === '' || text.startsWith('HTTP/1.1 408 '), text.slice(0, 200));
        if (text !== '') timedOut++;
      }
    }
    assert.ok(timedOut > 0, 'somebody was told why');
    assert.ok(process.memoryUsage().rss - heapBefore < 100e6);
    await served(system);
  },
  { limitMs: 60_000 },
);

test(
  'bodies without end, packed bodies, 100,000 keys: refused at once, and nothing is unpacked',
  async (context) => {
    const system = await openGatewaySystem(context);
    const url = await system.listen();
    const endless = await open(context, url);
    endless.socket.write(await post(system, 'Transfer-Encoding: chunked'));
    const chunk = `10000\r\n${'x'.repeat(0x10000)}\r\n`;
    const more = (): void => {
      while (!endless.socket.destroyed && endless.socket.write(chunk));
    };
    endless.socket.on('drain', more);
    more();
    const { text, afterMs } = await endless.ended;
    assert.ok(afterMs < 5_000, `${afterMs} ms`);
    // The answer may be lost with the connection, which is closed while the client still sends.
    assert.ok(text === '' || text.startsWith('HTTP/1.1 413 '), text.slice(0, 200));

    const bomb = gzipSync(Buffer.alloc(100 * 1024 * 1024, ' '));
    const before = process.memoryUsage().rss;
    for (const encoding of ['gzip', 'deflate', 'br', 'identity, gzip']) {
      const answer = await fetch(`${url}${LIST}`, {
        method: 'POST',
        headers: {
          authorization: `Bearer ${await system.token('alice')}`,
          'content-type': 'application/json',
          'content-encoding': encoding,
        },
        body: bomb,
      });
      const told = (await answer.json()) as { readonly code: string; readonly hint: string };
      assert.equal([answer.status, told.code], [415, 'UNSUPPORTED_MEDIA_TYPE'], encoding);
    }
    assert.ok(process.memoryUsage().rss - before < 60e6, 'it was unpacked');

    const keys = Object.fromEntries(Array.from({ length: 100_000 }, (_, i) => [`k${i}`, 1]));
    const began = performance.now();
    const answer = await system.call('POST', LIST, { as: 'alice', body: { type: 'job', args: [keys] } });
    assert.is(answer.status, 413, answer.text.slice(0, 200));
    const many = await system.call('POST', LIST, { as: 'alice', body: { type: 'job', ...keys } });
    assert.is(many.status, 413, many.text.slice(0, 200));
    assert.ok(performance.now() - began < 3_000);
    await served(system);
  },
  { limitMs: 40_000 },
);

test.run();
