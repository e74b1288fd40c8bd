import fastify from 'fastify';
import { serializerCompiler, validatorCompiler, type ZodTypeProvider } from 'fastify-type-provider-zod';
import { createLog, rules } from '@baton/runtime';
import * as assert from 'uvu/assert';
import * as z from 'zod';
import { suite } from '../../../../test/support/suite.ts';
import { installErrorAnswers } from './error-answers.ts';
import { readExactJson } from './json-body.ts';
import { faultsOf, problem } from './problem.ts';

const test = suite('error answers');

const shape = z.strictObject({
  name: z.string().min(1),
  count: z.int().max(9).optional(),
  mode: z.enum(['join', 'reject']).optional(),
  either: z.union([z.string(), z.array(z.int())]).optional(),
  parts: z.array(z.strictObject({ at: z.number() })).optional(),
  at: rules.instant.shape.optional(),
  on: z.iso.date().optional(),
  id: z.uuid().optional(),
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

test('a time that is none is told what one is', async () => {
  for (const at of ['soon', '2030-01-31', '2030-01-31T18:00:00', 7])
    assert.equal(await faultsWith({ name: 'a', at }), {
      at: 'is a time with a zone, such as 2030-01-31T18:00:00Z',
    });
  assert.equal(await faultsWith({ name: 'a', on: '31.1.2030' }), { on: 'is a date such as 2030-12-24' });
  assert.equal(await faultsWith({ name: 'a', id: '7' }), { id: 'is a UUID' });
});

test('whatever is refused has its faults: by the fields its words begin with, or as a whole', () => {
  const faultsFor = (message: string) => problem('INVALID_ARGUMENT', message).body.faults;
  assert.equal(faultsFor('task_key: a shared task needs one'), [
    { field: 'task_key', message: 'a shared task needs one' },
  ]);
  assert.equal(faultsFor('type, group: cannot both be given'), [
    { field: 'type', message: 'cannot both be given' },
    { field: 'group', message: 'cannot both be given' },
  ]);
  assert.equal(faultsFor('whenFull: belongs to limits of groups'), [
    { field: 'when_full', message: 'belongs to limits of groups' },
  ]);
  assert.equal(faultsFor('args[0].mailTo: must be string (the arguments of t)'), [
    { field: 'args.0.mailTo', message: 'must be string (the arguments of t)' },
  ]);
  const odd = 'args[0].to whom: must be string (the arguments of t)';
  assert.equal(faultsFor(odd), [{ field: 'args', message: odd }]);
  assert.equal(faultsFor('it cannot be meant'), [{ field: '', message: 'it cannot be meant' }]);
  assert.is(problem('NOT_FOUND', 'name: is not there').body.faults, undefined);
});

test('an empty body is none, whatever its header says; a route that needs one says what is missing', async () => {
  const server = fastify().withTypeProvider<ZodTypeProvider>();
  server.removeContentTypeParser(['text/plain', 'application/json']);
  readExactJson(server);
  server.setValidatorCompiler(validatorCompiler);
  server.setSerializerCompiler(serializerCompiler);
  installErrorAnswers(server, createLog({ level: 'silent' }), () => () => undefined);
  server.post('/needed', { schema: { body: shape } }, ({ body }) => ({ body }));
  server.post('/optional', { schema: { body: shape.nullish() } }, ({ body }) => ({ body: body ?? null }));
  server.delete('/none', () => ({ body: null }));
  const send = async (method: 'POST' | 'DELETE', url: string, payload?: string, headers = {}) => {
    const answer = await server.inject({ method, url, headers, ...(payload === undefined ? {} : { payload }) });
    return [answer.statusCode, answer.json<Readonly<Record<string, unknown>>>()] as const;
  };
  for (const headers of [
    {},
    { 'content-type': 'application/json' },
    { 'content-type': 'application/json; charset=utf-8' },
  ]) {
    assert.equal(await send('POST', '/optional', '', headers), [200, { body: null }]);
    assert.equal(await send('DELETE', '/none', '', headers), [200, { body: null }]);
    const [status, { code, faults }] = await send('POST', '/needed', '', headers);
    assert.equal([status, code, faults], [400, 'INVALID_ARGUMENT', [{ field: 'name', message: 'is text' }]]);
  }
  const json = { 'content-type': 'application/json' };
  assert.equal((await send('POST', '/optional', ' ', json))[1]['code'], 'BAD_REQUEST');
  assert.equal((await send('POST', '/needed', 'null', json))[1]['faults'], [{ field: '', message: 'is a map' }]);
});

test('the same where a query is read by hand', () => {
  const parsed = shape.safeParse({ name: 1, nmae: 'b' });
  assert.equal(faultsOf(parsed.error?.issues ?? [], 'query'), [
    { field: 'query.name', message: 'is text' },
    { field: 'query.nmae', message: "there is no 'nmae' here" },
  ]);
});

test.run();
