// limit: 120s
// O1, O2: results of workers in other languages that are too large for a message, left at the gateway.
import { createConnection } from 'node:net';
import { namesOf } from '@baton/protocols';
import { task, type TaskHandle } from '@baton/sdk';
import { connect } from '@nats-io/transport-node';
import * as assert from 'uvu/assert';
import { eventually } from '../support/eventually.ts';
import { openGatewaySystem, type GatewaySystem } from '../support/gateway-fixture.ts';
import { suite } from '../support/suite.ts';
import { sharedServers } from '../support/system-fixture.ts';
import type { TestContext } from '../support/test-body.ts';
import { natsWork, only, WorkClient, type WorkTask } from '../support/work-client.ts';

const test = suite('results of workers in other languages, at the gateway');

const job = task({ name: 'work.job' }, (): unknown => undefined);

type Opened = {
  readonly system: GatewaySystem;
  readonly client: WorkClient;
  readonly take: () => Promise<{ readonly handle: TaskHandle; readonly taken: WorkTask }>;
};

const open = async (context: TestContext): Promise<Opened> => {
  const system = await openGatewaySystem(context, { supervisor: true });
  const nc = await connect({ servers: sharedServers().natsUrl });
  context.defer(() => nc.close());
  const client = new WorkClient(natsWork(nc, namesOf(system.namespace), 'json'), 'far');
  const take = async () => {
    const handle = await system.baton.as({ id: 'alice' }).within(() => job.schedule());
    const taken = await eventually(
      async () => {
        await client.beat([]);
        return only(await client.claim({ types: ['work.job'], wait: 2 }));
      },
      { limitMs: 20_000 },
    );
    return { handle, taken };
  };
  return { system, client, take };
};

const leave = (
  { system, client }: Opened,
  { address, fence }: Pick<WorkTask, 'address' | 'fence'>,
  body: unknown,
  headers: Readonly<Record<string, string>> = {},
) => {
  const where = new URLSearchParams({ address, epoch: `${fence.epoch}`, revision: `${fence.revision}` });
  return system.call('PUT', `/api/v1/work/result?${where.toString()}`, {
    body,
    headers: { 'baton-worker': client.worker, 'baton-secret': client.secret, ...headers },
  });
};

test(
  'O1 a result of 2 MB is left at the gateway, and the task has it; under a fence that is over nothing is',
  async (context) => {
    const opened = await open(context);
    const { client, take } = opened;
    const { handle, taken } = await take();
    const result = { text: 'x'.repeat(2_000_000), pages: [1, 2] };
    const left = await leave(opened, taken, { result });
    assert.is(left.status, 201, left.text);
    const object = { size: left.at('size'), digest: left.at('digest') };
    assert.ok(Number(object.size) > 2_000_000);
    const told = await client.finish(taken, { outcome: 'success', result_object: object });
    assert.equal([told.ok, told.status], [true, 'success']);
    await handle.wait({ timeout: '30s' });
    const { text, pages } = (await handle.fetchResult()) as { text: string; pages: unknown };
    assert.equal([text.length, pages], [2_000_000, [1, 2]]);
    assert.is((await leave(opened, taken, { result: 'late' })).status, 409);
    assert.equal(((await handle.fetchResult()) as { text: string }).text.length, 2_000_000, 'and that changes nothing');
  },
  { limitMs: 60_000 },
);

test(
  'O2 only the worker that owns a run leaves its result, and only one that is none is refused in words',
  async (context) => {
    const opened = await open(context);
    const { client, take } = opened;
    const { handle, taken } = await take();
    const result = 'x'.repeat(900_000);
    const codeOf = async (of: ReturnType<typeof leave>) => {
      const answer = await of;
      return [answer.status, answer.at('code')];
    };
    const other = { ...taken, fence: { ...taken.fence, revision: taken.fence.revision + 1 } };
    assert.equal(await codeOf(leave(opened, other, { result })), [409, 'LEASE_LOST']);
    const guess = { 'baton-secret': 'a secret that somebody has guessed' };
    assert.equal(await codeOf(leave(opened, taken, { result }, guess)), [409, 'LEASE_LOST']);
    assert.equal(await codeOf(leave(opened, taken, { result }, { 'baton-worker': 'near' })), [409, 'LEASE_LOST']);
    assert.equal(await codeOf(leave(opened, { ...taken, address: '00.nobody.0' }, { result })), [
      400,
      'INVALID_ARGUMENT',
    ]);
    assert.equal(await codeOf(leave(opened, taken, { result, more: 1 })), [400, 'INVALID_ARGUMENT']);
    assert.equal(await codeOf(leave(opened, taken, '[1]')), [400, 'INVALID_ARGUMENT']);
    assert.equal(await codeOf(leave(opened, taken, '{ "result": ')), [400, 'INVALID_ARGUMENT']);
    assert.equal(await codeOf(leave(opened, taken, { result: 'x'.repeat(9_000_000) })), [413, 'PAYLOAD_TOO_LARGE']);
    const nobody = await opened.system.call('PUT', '/api/v1/work/result?address=a&epoch=1&revision=1', { body: {} });
    assert.equal([nobody.status, nobody.at('code')], [401, 'UNAUTHENTICATED']);

    const object = { size: 900_000, digest: '0'.repeat(64) };
    const finish = async (fields: object) => (await client.finish(taken, { outcome: 'success', ...fields })).code;
    assert.is(await finish({ result_object: object }), 'RESULT_MISSING');
    assert.is(await finish({ result_object: object, result: 1 }), 'INVALID_ARGUMENT');
    assert.is(await finish({ result_object: { ...object, object: 'of somebody else' } }), 'INVALID_ARGUMENT');
    assert.is(await finish({ outcome: 'stopped', result_object: object }), 'INVALID_ARGUMENT');
    assert.is((await client.finish(taken, { outcome: 'success', result: 'small' })).status, 'success');
    await handle.wait({ timeout: '30s' });
    assert.is(handle.result, 'small');
  },
  { limitMs: 60_000 },
);

test(
  'O2 requests whose body never comes take no place from others when they are gone',
  async (context) => {
    const opened = await open(context);
    const { client, system, take } = opened;
    const { taken } = await take();
    const { port, hostname } = new URL(await system.listen());
    const where = `address=${taken.address}&epoch=${taken.fence.epoch}&revision=${taken.fence.revision}`;
    const head = [
      `PUT /api/v1/work/result?${where} HTTP/1.1`,
      ...[`Host: ${hostname}`, 'Content-Type: application/json', 'Content-Length: 900000'],
      ...[`Baton-Worker: ${client.worker}`, `Baton-Secret: ${client.secret}`, '', ''],
    ].join('\r\n');
    // More than there are places: one of ours may be under way when they come.
    const sockets = Array.from({ length: 12 }, () => createConnection(Number(port), hostname));
    context.defer(() => sockets.forEach((socket) => socket.destroy()));
    await client.beat([taken]);
    for (const socket of sockets) socket.write(head);
    const answers = (status: number) =>
      eventually(
        async () => {
          // A worker that is silent for 6 s has lost its task.
          await client.beat([taken]);
          assert.is((await leave(opened, taken, { result: 1 })).status, status);
        },
        { limitMs: 20_000 },
      );
    await answers(429);
    for (const socket of sockets) socket.destroy();
    await answers(201);
  },
  { limitMs: 60_000 },
);

test.run();
