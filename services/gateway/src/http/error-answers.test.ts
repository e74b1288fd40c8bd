import fastify from 'fastify';
import { serializerCompiler, validatorCompiler, type ZodTypeProvider } from 'fastify-type-provider-zod';
import { createLog } from '@baton/runtime';
import * as assert from 'uvu/assert';
import { z } from 'zod';
import { suite } from '../../../../test/support/suite.ts';
import { installErrorAnswers } from './error-answers.ts';
import { faultsOf } from './problem.ts';

const test = suite('error answers');

const shape = z.strictObject({
  name: z.string().min(1),
  count: z.int().max(9).optional(),
  mode: z.enum(['join', 'reject']).optional(),
  either: z.union([z.string(), z.array(z.int())]).optional(),
  parts: z.array(z.strictObject({ at: z.number() })).optional(),
});

/** What a body is refused with, by field. */
const faultsWith = async (body: object): Promise<unknown> => {
  const server = fastify().withTypeProvider<ZodTypeProvider>();
  server.setValidatorCompiler(validatorCompiler);
  server.setSerializerCompiler(serializerCompiler);
  installErrorAnswers(server, createLog({ level: 'silent' }), () => () => undefined);
  server.post('/', { schema: { body: shape } }, () => ({}));
  const answer = await server.inject({ method: 'POST', url: '/', payload: body });
  const { code, faults } = answer.json<{
    readonly code: string;
    readonly faults: readonly { field: string; message: string }[];
  }>();
  assert.equal([answer.statusCode, code], [400, 'INVALID_ARGUMENT']);
  return Object.fromEntries(faults.map(({ field, message }) => [field, message]));
};

test('what a shape refuses is said in words for who sent it, and names the field', async () => {
  const wrong = { count: 'many', mode: 'jion', either: true, parts: [{ at: 1 }, { at: '2' }] };
  assert.equal(await faultsWith(wrong), {
    name: 'is text',
    count: 'is a number',
    mode: 'is "join" or "reject"',
    either: 'is not valid',
    'parts.1.at': 'is a number',
  });
  assert.equal(await faultsWith({ name: '', count: 10 }), {
    name: 'is text of 1 characters or more',
    count: 'is 9 at most',
  });
  assert.equal(await faultsWith({ name: 'a', nmae: 'b' }), { nmae: "there is no 'nmae' here" });
  assert.equal(await faultsWith({ name: 'a', parts: [{ at: 1, att: 2 }] }), {
    'parts.0.att': "there is no 'att' here",
  });
  assert.equal(await faultsWith({ name: 'a', x: 1, y: 2 }), { '': "there is no 'x', 'y' here" });
});

test('the same where a query is read by hand', () => {
  const parsed = shape.safeParse({ name: 1, nmae: 'b' });
  assert.equal(faultsOf(parsed.error?.issues ?? [], 'query'), [
    { field: 'query.name', message: 'is text' },
    { field: 'query.nmae', message: "there is no 'nmae' here" },
  ]);
});

test.run();
