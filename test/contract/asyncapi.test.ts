// `protocols/asyncapi.json`, held to the names in the code and to the specification. `BATON_WRITE_SCHEMAS=1` writes it anew.
import { deepStrictEqual } from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { namesOf, streamConfigs } from '@baton/protocols';
import { Ajv } from 'ajv';
import ajvFormats from 'ajv-formats';
import * as assert from 'uvu/assert';
import { asyncapi } from '../support/contract/asyncapi.ts';
import { CHANNELS } from '../support/contract/channels.ts';
import { suite } from '../support/suite.ts';

const test = suite('asyncapi');

const FILE = 'protocols/asyncapi.json';
const HOW = 'run `BATON_WRITE_SCHEMAS=1 node test/run.mjs contract/asyncapi`, look at the difference, and commit it';

if (process.env['BATON_WRITE_SCHEMAS'] === '1') writeFileSync(FILE, `${JSON.stringify(asyncapi(), undefined, 2)}\n`);

type Json = Readonly<Record<string, unknown>>;
const read = (file: string): Json => JSON.parse(readFileSync(file, 'utf8')) as Json;

test('it is what the names in the code say', () => {
  deepStrictEqual(read(FILE), JSON.parse(JSON.stringify(asyncapi())), `${FILE} is not what the code says: ${HOW}`);
});

test('it is an AsyncAPI document', () => {
  const specs = dirname(createRequire(import.meta.url).resolve('@asyncapi/specs/package.json'));
  const ajv = new Ajv({ allErrors: true, strict: false, validateFormats: true });
  ajvFormats.default(ajv);
  const { $schema: _draft, ...schema } = read(join(specs, 'schemas', '3.0.0-without-$id.json'));
  const validate = ajv.compile(schema);
  assert.ok(validate(read(FILE)), JSON.stringify(validate.errors?.slice(0, 3)));
  const { channels } = read(FILE) as { readonly channels: Json };
  assert.not.ok(validate({ ...read(FILE), channels: { ...channels, live: { address: 7 } } }), 'a bad one is refused');
});

const refsIn = (value: unknown): readonly string[] => {
  if (Array.isArray(value)) return value.flatMap(refsIn);
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, inner]) =>
    key === '$ref' && typeof inner === 'string' ? [inner] : refsIn(inner),
  );
};

test('every reference leads somewhere', () => {
  const refs = refsIn(read(FILE));
  assert.ok(refs.length > 40);
  for (const ref of refs) {
    const [file = '', pointer = ''] = ref.split('#');
    const found = pointer
      .split('/')
      .slice(1)
      .reduce<unknown>(
        (inside, key) => (inside as Json | undefined)?.[key],
        read(file === '' ? FILE : join('protocols', file)),
      );
    assert.ok(found !== undefined, ref);
  }
});

/** Members of the names that are no subjects: names of streams and the like, and what others of them begin or end with. */
const NO_SUBJECT =
  /^(namespace|projections|.*(Bucket|Stream|Prefix|Consumer|Collection)|all[A-Z]\w*|partitionSubject)$/;

test('every subject of the code is a channel', () => {
  const names: Readonly<Record<string, unknown>> = namesOf();
  // Parameters as {}: what they are called is said by the document.
  const bare = (subject: string): string => subject.replaceAll(/\{\w*\}/g, '{}');
  const known = new Set(Object.values(CHANNELS).map(({ address }) => bare(address)));
  const missing = Object.entries(names).flatMap(([name, value]) => {
    if (NO_SUBJECT.test(name)) return [];
    const subject = typeof value === 'function' ? (value as (...parts: string[]) => string)('{}', '{}') : String(value);
    // Some take an address, which is three parameters, or a name that is encoded.
    const isKnown = known.has(subject) || known.has(subject.replace(/\{\}$/, '{}.{}.{}')) || name === 'objectSubject';
    return isKnown ? [] : [name];
  });
  assert.equal(missing, [], 'add a channel to test/support/contract/channels.ts');
});

test('every stream is named', () => {
  const text = readFileSync(FILE, 'utf8');
  for (const { name } of streamConfigs(namesOf(), { replicas: 1 })) assert.match(text, name);
});

test.run();
