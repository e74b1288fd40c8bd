import { encodeSized } from '@baton/protocols';
import * as assert from 'uvu/assert';
import { suite } from '../../../../test/support/suite.ts';
import { InvalidArgumentError } from '../errors.ts';
import { silentLog, type Log } from '../log.ts';
import { checkArguments, requireSchema } from './args-schema.ts';

const test = suite('schema of arguments');

/** Empty: none. */
const faultOf = async (run: () => Promise<void>): Promise<string> => {
  try {
    await run();
    return '';
  } catch (error) {
    if (!(error instanceof InvalidArgumentError)) throw error;
    return error.message;
  }
};

const check = (schema: object, ...args: readonly unknown[]): Promise<string> =>
  faultOf(() =>
    checkArguments({ type: 't', schema, log: silentLog }, args.length === 0 ? undefined : encodeSized(args)),
  );

const MAIL = {
  type: 'array',
  prefixItems: [
    { type: 'string', format: 'email' },
    {
      type: 'object',
      properties: { 'a/b': { type: 'integer' }, kind: { enum: ['x', 'y'] }, list: { items: { type: 'number' } } },
      additionalProperties: false,
    },
  ],
  minItems: 1,
  items: false,
};

test('D10 what fits is taken; what does not is refused with its place', async () => {
  assert.is(await check(MAIL, 'a@b.example'), '');
  assert.is(await check(MAIL, 'a@b.example', { 'a/b': 1, kind: 'x', list: [1, 2] }), '');
  assert.is(await check(MAIL), 'args: must NOT have fewer than 1 items (the arguments of t)');
  assert.match(await check(MAIL, 'nobody'), 'args[0]: must match format "email"');
  assert.match(await check(MAIL, 'a@b.example', { 'a/b': 'x' }), 'args[1].a/b: must be integer');
  assert.match(await check(MAIL, 'a@b.example', { list: [1, 'x'] }), 'args[1].list[1]: must be number');
  assert.match(await check(MAIL, 'a@b.example', { kind: 'z' }), ': ["x","y"]');
  assert.match(await check(MAIL, 'a@b.example', { wrong: 1 }), 'args[1]: must NOT have additional properties: wrong');
  assert.match(await check(MAIL, 'a@b.example', {}, 1), /^args: /);
});

test('of a fault with branches the whole is said', async () => {
  const schema = { items: { anyOf: [{ type: 'string' }, { type: 'number' }] } };
  assert.match(await check(schema, true), 'args[0]: must match a schema in anyOf');
});

test('times and bytes are looked at as they are shown, and nothing is filled in', async () => {
  const schema = { prefixItems: [{ type: 'string', format: 'date-time' }, { required: ['$base64'] }] };
  assert.is(await check(schema, new Date(0), new Uint8Array([1])), '');
  assert.match(await check({ items: { type: 'object', properties: { a: { default: 1 } }, required: ['a'] } }, {}), 'a');
});

test('drafts by what the schema says of itself; unknown keywords and formats harm nobody', async () => {
  const old = { $schema: 'http://json-schema.org/draft-07/schema#', items: [{ type: 'number' }] };
  assert.is(await check(old, 1), '');
  assert.match(await check(old, 'x'), 'args[0]: must be number');
  assert.is(await check({ 'ui:order': ['*'], items: { format: 'no-such-format' } }, 'x'), '');
});

test('the same $id in two schemas: each is held to its own', async () => {
  const of = (type: string) => ({ $id: 'https://example.com/args', items: { type } });
  const [text, number] = [of('string'), of('number')];
  for (let i = 0; i < 2; i++) {
    assert.is(await check(text, 'x'), '');
    assert.is(await check(number, 1), '');
    assert.match(await check(number, 'x'), 'must be number');
  }
});

test('a schema that cannot be used keeps a worker from starting, and refuses no submit; said once', async () => {
  const lines: unknown[] = [];
  const log: Log = { ...silentLog, warn: (...line: unknown[]) => void lines.push(line) };
  const broken: readonly object[] = [
    { type: 'arrray' },
    { items: [{ type: 'string' }] },
    { $ref: 'https://example.com/elsewhere' },
    { $async: true },
    { items: { pattern: '(' } },
    { $schema: 'http://example.com/unknown' },
  ];
  for (const schema of broken) {
    assert.match(
      await faultOf(() => requireSchema('t', schema)),
      /^argsSchema of t: no JSON Schema that can be used: ./,
    );
    for (let i = 0; i < 3; i++) await checkArguments({ type: 't', schema, log }, encodeSized([1]));
  }
  assert.is(lines.length, broken.length);
  assert.is(await faultOf(() => requireSchema('t', undefined)), '');
  assert.is(await faultOf(() => requireSchema('t', MAIL)), '');
});

test('a schema that could not be compiled for a moment is compiled by whoever asks next', async () => {
  let isFirst = true;
  const schema = {
    items: { type: 'number' },
    get $schema(): string {
      if (!isFirst) return 'http://json-schema.org/draft-07/schema#';
      isFirst = false;
      throw new Error('too many open files');
    },
  };
  await check(schema, 'x').then(assert.unreachable, ({ message }) => assert.is(message, 'too many open files'));
  assert.match(await check(schema, 'x'), 'args[0]: must be number');
});

test.run();
