import { once } from 'node:events';
import { request, type ClientRequest } from 'node:http';
import type { AddressInfo } from 'node:net';
import rateLimit from '@fastify/rate-limit';
import type { TaskRecord } from '@baton/core';
import { addressOf, DATA_LIMIT } from '@baton/protocols';
import { nodeNameOf, silentLog, type DataStore, type Kernel } from '@baton/runtime';
import Fastify from 'fastify';
import { validatorCompiler, type ZodTypeProvider } from 'fastify-type-provider-zod';
import * as assert from 'uvu/assert';
import { sampleRecord } from '../../../../test/support/sample-records.ts';
import { eventually } from '../../../../test/support/eventually.ts';
import { suite } from '../../../../test/support/suite.ts';
import { installErrorAnswers } from '../http/error-answers.ts';
import { resultRoutes } from './result-routes.ts';

const test = suite('results of workers');

const worker = { worker: 'py', secret: 'the secret of py, which is long' };
const fence = { epoch: 1, revision: 2 };
const address = addressOf({ scope: 'private', type: 'job', key: 'k', user: 'alice' });
const record: TaskRecord = {
  ...sampleRecord('k'),
  status: 'in_progress',
  owner: { worker: nodeNameOf(worker), fence, at: 0 },
};

test('O1 whoever is cut off while his run is looked for takes no place', async ({ defer }) => {
  const looks: (() => void)[] = [];
  const gone: Promise<unknown>[] = [];
  let isSlow = true;
  const kernel = {
    load: async () => {
      if (isSlow) await new Promise<void>((resolve) => looks.push(resolve));
      return { record, revision: 2 };
    },
  } as unknown as Kernel;
  const data = { put: async () => undefined } as unknown as DataStore;
  const server = Fastify({ bodyLimit: 4 * DATA_LIMIT }).withTypeProvider<ZodTypeProvider>();
  defer(() => server.close());
  server.setValidatorCompiler(validatorCompiler);
  server.setSerializerCompiler(() => (value) => JSON.stringify(value));
  server.decorate('routeTable', []);
  installErrorAnswers(server, silentLog, () => () => undefined);
  server.addHook('onRequest', async (_request, reply) => void gone.push(once(reply.raw, 'close')));
  await server.register(rateLimit, { global: false });
  await server.register(async (work) => resultRoutes(work.withTypeProvider<ZodTypeProvider>(), { kernel, data }));
  await server.listen({ host: '127.0.0.1', port: 0 });
  const { port } = server.server.address() as AddressInfo;
  const query = new URLSearchParams({ address, epoch: '1', revision: '2' }).toString();
  const put = (): ClientRequest =>
    request({
      ...{ host: '127.0.0.1', port, method: 'PUT', path: `/result?${query}` },
      headers: {
        'baton-worker': worker.worker,
        'baton-secret': worker.secret,
        'content-type': 'application/json',
        'content-length': 12,
      },
    });
  for (let i = 0; i < 6; i++) {
    const asked = put();
    asked.on('error', () => undefined);
    asked.write('{');
    await eventually(() => assert.ok(looks.length > 0), { everyMs: 5 });
    asked.destroy();
    await gone.shift();
    looks.shift()?.();
  }
  isSlow = false;
  const asked = put();
  asked.end('{"result":1}');
  const [answer] = await once(asked, 'response');
  assert.is(answer.statusCode, 201);
});

test.run();
