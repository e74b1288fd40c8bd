// X4: a large result goes out piece by piece, shared by all who read it at once.
import { createHash } from 'node:crypto';
import { request, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { encodeSized, textOfData } from '@baton/protocols';
import { systemClock, type DataStore } from '@baton/runtime';
import Fastify from 'fastify';
import * as assert from 'uvu/assert';
import { LargeReads } from './large-reads.ts';
import { sendData } from './result.ts';
import { eventually } from '../../../../test/support/eventually.ts';
import { suite, type TestContext } from '../../../../test/support/suite.ts';

const test = suite('gateway: large answers');

const MIB = 1024 * 1024;
const VALUE = { list: Array.from({ length: 60_000 }, (_, i) => `entry ${i} ${'é'.repeat(55)}`), at: '1970' };

/** A route that answers with this value, whose bytes lie beside the record. */
const open = async ({ defer }: TestContext) => {
  const { bytes } = encodeSized(VALUE);
  const loads: string[] = [];
  const get = async (name: string): Promise<Uint8Array> => (loads.push(name), bytes);
  const reads = new LargeReads({ get } as unknown as DataStore, systemClock);
  const digest = createHash('sha256').update(bytes).digest('hex');
  const text = textOfData({ object: 'o', size: bytes.length, digest });
  const server = Fastify();
  defer(() => server.close());
  server.get('/', (_request, reply) =>
    sendData(reply, reads, { text, before: { status: 'success' }, name: 'result', user: 'alice' }),
  );
  await server.listen({ port: 0, host: '127.0.0.1' });
  return { server, reads, loads, url: `http://127.0.0.1:${(server.server.address() as AddressInfo).port}/` };
};

const ask = (url: string): Promise<IncomingMessage> =>
  new Promise((resolve, reject) => {
    request(url, { agent: false }, resolve).on('error', reject).end();
  });

test(
  'X4 20 readers at once, none of whom reads: loaded once, in little memory, and whole for each in the end',
  async (context) => {
    const { reads, loads, url } = await open(context);
    const memory = (): number => process.memoryUsage().heapUsed + process.memoryUsage().arrayBuffers;
    const before = memory();
    let most = 0;
    const watch = setInterval(() => (most = Math.max(most, memory() - before)), 5);
    context.defer(() => clearInterval(watch));
    const answers = await Promise.all(Array.from({ length: 20 }, () => ask(url)));
    assert.equal([...new Set(answers.map(({ statusCode }) => statusCode))], [200]);
    assert.is(loads.length, 1);
    const expected = createHash('sha256')
      .update(JSON.stringify({ status: 'success', result: VALUE }))
      .digest('hex');
    const hashes = await Promise.all(
      answers.map(async (answer) => {
        const hash = createHash('sha256');
        for await (const chunk of answer) hash.update(chunk as Buffer);
        return hash.digest('hex');
      }),
    );
    assert.equal([...new Set(hashes)], [expected]);
    assert.ok(most < 150 * MIB, `${Math.round(most / MIB)} MiB`);
    await eventually(() => assert.is(reads.held, 0));
  },
  { limitMs: 60_000 },
);

test('X4 who hangs up in the middle gives the room back', async (context) => {
  const { reads, url, server } = await open(context);
  const answer = await ask(url);
  assert.is(reads.held > 0, true);
  answer.destroy();
  await eventually(() => assert.is(reads.held, 0));
  const whole = await server.inject('/');
  assert.equal(JSON.parse(whole.payload).result, VALUE);
  await eventually(() => assert.is(reads.held, 0));
});

test.run();
