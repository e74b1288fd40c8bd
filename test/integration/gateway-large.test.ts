// limit: 180s
// X4: large results and arguments over HTTP: as they are, in bounded memory, whoever reads how slowly.
import { createHash } from 'node:crypto';
import { request, type IncomingMessage } from 'node:http';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { systemClock } from '@baton/runtime';
import { task } from '@baton/sdk';
import * as assert from 'uvu/assert';
import { LargeReads } from '../../services/gateway/src/tasks/large-reads.ts';
import { eventually } from '../support/eventually.ts';
import { openGatewaySystem, token, type GatewaySystem } from '../support/gateway-fixture.ts';
import { suite } from '../support/suite.ts';

const test = suite('gateway: large data');

const MIB = 1024 * 1024;

const big = task({ name: 'big' }, (_arg: string) => ({
  list: Array.from({ length: 20_000 }, (_, i) => `entry ${i} ${'é'.repeat(40)}`),
  bytes: new Uint8Array(1_000).fill(1),
  at: new Date(0),
}));

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

/** Bytes that something refers to, without the garbage: how much of that lies about is the collector's affair. */
const heldMemory = (): number => {
  collectGarbage();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
};

/** Run here and now, by alice. */
const made = async ({ baton }: GatewaySystem, arg: string) => {
  const handle = await baton.as({ id: 'alice' }).within(() => big.with({ taskKey: arg.slice(0, 10) })(arg));
  assert.is(handle.status, 'success');
  return { id: handle.uuid };
};

const opened = (url: string, headers: Readonly<Record<string, string>>): Promise<IncomingMessage> =>
  new Promise((resolve, reject) => {
    request(url, { headers, agent: false }, resolve).on('error', reject).end();
  });

/** Reads and keeps nothing but a hash. */
const hashOf = async (answer: IncomingMessage): Promise<string> => {
  const hash = createHash('sha256');
  for await (const chunk of answer) hash.update(chunk as Buffer);
  return hash.digest('hex');
};

test(
  'X4 60 readers of one large result at once, none of whom reads: little memory, and a list is answered meanwhile',
  async (context) => {
    const system = await openGatewaySystem(context);
    const { id } = await made(system, 'one');
    const url = `${await system.listen()}/api/v1/task/${id}/result`;
    const headers = { authorization: `Bearer ${await token('alice')}` };
    const before = heldMemory();
    let most = 0;
    const watch = setInterval(() => (most = Math.max(most, heldMemory() - before)), 100);
    context.defer(() => clearInterval(watch));
    const answers = await Promise.all(Array.from({ length: 60 }, () => opened(url, headers)));
    assert.equal([...new Set(answers.map(({ statusCode }) => statusCode))], [200]);
    for (const answer of answers) answer.pause();
    const list = await system.call('GET', '/api/v1/task/', { as: 'alice' });
    assert.equal([list.status, list.at('result', 0, 'id')], [200, id]);
    const hashes = await Promise.all(answers.map(hashOf));
    assert.is(new Set(hashes).size, 1);
    console.log('most', most / MIB);
    assert.ok(most < 100 * MIB, `${Math.round(most / MIB)} MiB`);
  },
  { limitMs: 90_000 },
);

test(
  'X4 what was returned and what was given come back whole, and only to who may see the task',
  async (context) => {
    const system = await openGatewaySystem(context);
    const arg = `x😀"\n`.repeat(30_000);
    const { id } = await made(system, arg);
    const answer = await system.call('GET', `/api/v1/task/${id}/result`, { as: 'alice' });
    assert.is(answer.at('status'), 'success', `${answer.status} ${answer.text.slice(0, 300)}`);
    assert.is(answer.at('result', 'list', 19_999), `entry 19999 ${'é'.repeat(40)}`);
    assert.equal(answer.at('result', 'bytes'), { $base64: Buffer.alloc(1_000, 1).toString('base64') });
    assert.is(answer.at('result', 'at'), '1970-01-01T00:00:00.000Z');
    assert.match(String(answer.headers['content-disposition']), /^attachment/);
    assert.is((await system.call('GET', `/api/v1/task/${id}/args`, { as: 'alice' })).at('args', 0), arg);
    for (const what of ['result', 'args']) {
      assert.is((await system.call('GET', `/api/v1/task/${id}/${what}`, { as: 'bob' })).status, 404);
    }
  },
  { limitMs: 60_000 },
);

test('X4 large data has so much room and no more: who shares it waits for nobody, others for their turn', async () => {
  const loads: string[] = [];
  const bytes = Buffer.from('12345678');
  const digest = createHash('sha256').update(bytes).digest('hex');
  const data = { get: async (name: string) => (loads.push(name), bytes) };
  const limits = { bytes: 16, perUser: 1, waiting: 2, waitMs: 50 };
  const reads = new LargeReads(data as unknown as ConstructorParameters<typeof LargeReads>[0], systemClock, limits);
  const open = (object: string, user: string) => reads.open({ object, size: 8, digest }, user);
  const codeOf = (asked: Promise<unknown>): Promise<unknown> =>
    asked.then(
      () => 'opened',
      (error: { readonly body?: { readonly code: string } }) => error.body?.code,
    );
  const [a, again] = await Promise.all([open('a', 'alice'), open('a', 'bob')]);
  assert.equal([loads, reads.held], [['a'], 8]);
  assert.is(await codeOf(open('b', 'alice')), 'TOO_MANY_REQUESTS', 'one of a user at a time');
  const b = await open('b', 'bob');
  assert.is(reads.held, 16);
  const waiting = [open('c', 'carol'), open('c', 'dave')];
  assert.is(await codeOf(open('d', 'erin')), 'TOO_MANY_REQUESTS', 'too many wait');
  a.release();
  a.release();
  assert.is(reads.held, 16, 'bob reads it still');
  again.release();
  const [c, more] = await Promise.all(waiting);
  assert.equal([loads, reads.held], [['a', 'b', 'c'], 16]);
  for (const read of [b, c, more]) read?.release();
  await eventually(() => assert.is(reads.held, 0));
});

test.run();
