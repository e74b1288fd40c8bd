// The schemas in `protocols/schemas`, held to the code: they are made of it. `BATON_WRITE_SCHEMAS=1` writes them anew.
import { deepStrictEqual } from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { encode, readRecord } from '@baton/protocols';
import { commandShapes, workShapes } from '@baton/runtime';
import * as assert from 'uvu/assert';
import { openFits, picture, schemaFile, SCHEMAS, strictFits } from '../support/contract/schemas.ts';
import { mutationsOf } from '../support/contract/mutations.ts';
import { suite } from '../support/suite.ts';

const test = suite('schemas');

const HOW = 'run `BATON_WRITE_SCHEMAS=1 node test/run.mjs contract/schemas`, look at the difference, and commit it';

if (process.env['BATON_WRITE_SCHEMAS'] === '1') {
  mkdirSync('protocols/schemas', { recursive: true });
  for (const [name, make] of Object.entries(SCHEMAS))
    writeFileSync(schemaFile(name), `${JSON.stringify(make(), undefined, 2)}\n`);
}

for (const [name, make] of Object.entries(SCHEMAS)) {
  test(`${name} says what the code says`, () => {
    const file = schemaFile(name);
    assert.ok(existsSync(file), `${file} is missing: ${HOW}`);
    // What cannot stand in JSON cannot be told from what is absent there.
    const made: unknown = JSON.parse(JSON.stringify(make()));
    deepStrictEqual(JSON.parse(readFileSync(file, 'utf8')), made, `${file} is not what the code says: ${HOW}`);
  });
}

test('there are no others', () => {
  assert.equal(
    readdirSync('protocols/schemas').toSorted(),
    Object.keys(SCHEMAS)
      .map((name) => `${name}.json`)
      .toSorted(),
  );
});

const propertiesOf = (name: string): Readonly<Record<string, { readonly description?: string }>> =>
  (JSON.parse(readFileSync(schemaFile(name), 'utf8')) as { readonly properties: ReturnType<typeof propertiesOf> })
    .properties;

for (const name of ['record', 'schedule', 'queue-settings'])
  test(`every field has a description: ${name}`, () => {
    const silent = Object.entries(propertiesOf(name)).flatMap(([field, { description }]) =>
      description ? [] : [field],
    );
    assert.equal(silent, [], 'add a row to its table in protocols/README.md');
  });

type Vector = { readonly title: string; readonly record: Readonly<Record<string, unknown>>; readonly bytes: string };
const vectors = JSON.parse(readFileSync('protocols/vectors/records.json', 'utf8')) as readonly Vector[];

test('the records of the vectors fit, also where nothing unknown may stand', () => {
  const [open, strict] = [openFits(), strictFits()];
  for (const { title, record } of vectors) {
    assert.is(open('record', record).fault, undefined, title);
    assert.is(strict('record', record).fault, undefined, title);
    assert.is(open('record', { ...record, unheardOf: 1 }).fault, undefined);
    assert.ok(strict('record', { ...record, unheardOf: 1 }).fault !== undefined);
  }
});

test('the schema and the code refuse the same records', () => {
  const open = openFits();
  let refused = 0;
  let taken = 0;
  for (const { title, record } of vectors) {
    for (const { what, value } of mutationsOf(record)) {
      const { kind } = readRecord(encode(value));
      // Of another version, and not looked into.
      if (kind === 'newer') continue;
      const byCode = kind === 'record';
      const { fault } = open('record', picture(value));
      assert.is(
        fault === undefined,
        byCode,
        `${title}, ${what}: the code ${byCode ? 'takes' : 'refuses'} it; ${fault}`,
      );
      if (byCode) taken++;
      else refused++;
    }
  }
  // Both happened, and often.
  assert.ok(refused > 1_000 && taken > 300, `${refused} refused, ${taken} taken`);
});

const run = { scope: 'shared', queue: 'q', priority: 'high', timeout: '5m', max_attempts: 3, max_rescues: 1 } as const;
const arrival = { mode: 'debounce', window: 1, max_wait: '9s' } as const;
const moreOfRun = { on_orphan: 'fail', abort_grace: 2.5, isolation: 'thread', ...arrival } as const;
const backoff = { initial: 1, factor: 2, max: '1h', jitter: 0.5 } as const;
const said = { ...run, ...moreOfRun, backoff };
const fallback = { ...said, expires: '1h' };
const user = { id: 'alice', admin: false };
const fence = { epoch: 1_700_000_000_000, revision: 7 };
const error = { message: 'no', type: 'Error', stack: 's' };
const sender = { v: 1, worker: 'w-1', secret: 'a secret of some length' };
const address = 'aa.t.0123';

/** Every field each of them may have, some of which do not stand together. */
const REQUESTS = {
  submit: [
    {
      type: 't',
      args: [1, 'a'],
      task_key: 'k',
      task_name: 'n',
      ...said,
      run_at: '2026-01-01T00:00:00Z',
      expires_at: '2026-01-02T00:00:00Z',
      group: 'g',
      limit_key: 'dock',
      units: 2,
      tags: { tenant: 'acme', order: 17, isUrgent: true },
      strict: true,
    },
    { delay: 5, expires: 9, operation_id: 'o', when_aborting: 'join', v: 1, user, fallback },
    { depends_on: ['a', { task: 'b', address: '2a.t.c', on_failure: 'ignore' }] },
  ],
  cancel: [{ id: 'x', address, force: true, v: 1, user }],
  signal: [{ id: 'x', address, name: 'approved', data: { ok: true }, operation_id: 'o', v: 1, user }],
  why: [{ id: 'x', address, v: 1, user }],
  'work-claim': [
    { ...sender, host: 'h', pid: 1, request: 'r', queue: 'q', types: ['t'], max: 1, wait: 1.5, concurrency: 2 },
    {
      ...sender,
      request: 'r',
      queues: ['q'],
      definitions: [
        { type: 't', ...fallback, tags: { tenant: 'acme' }, title: 'T', description: 'D', args_schema: {} },
      ],
    },
  ],
  'work-beat': [
    {
      ...{ ...sender, host: 'h', pid: 1, state: 'draining', concurrency: 1 },
      running: [
        {
          address,
          fence,
          abortable: true,
          observed: true,
          finishing: true,
          progress: [1, 2],
          payload: { a: 1 },
          tags: { a: null },
          traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
        },
        { address, fence, finishing: { outcome: 'failure', result: 1, error, terminal: true, retry_after: 1 } },
      ],
    },
  ],
  'work-finish': [
    {
      ...{ ...sender, request: 'r', address, fence, outcome: 'give_back', result: 1, error, terminal: false },
      ...{ retry_after: '1m', handler_errors: [error], progress: 0.5, payload: {}, tags: {}, why: 'w', abnormal: true },
      wait: { signal: 's', number: 1, timeout: '1m', over: true },
      traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
    },
    {
      ...{ ...sender, request: 'r', address, fence, outcome: 'success' },
      result_object: { size: 1_000_000, digest: 'a1'.repeat(32) },
    },
  ],
} as const;

const SHAPES = {
  submit: commandShapes.submit,
  cancel: commandShapes.cancel,
  signal: commandShapes.signal,
  why: commandShapes.why,
  'work-claim': workShapes.claim,
  'work-beat': workShapes.beat,
  'work-finish': workShapes.finish,
};

for (const [name, requests] of Object.entries(REQUESTS)) {
  test(`the schema and the code refuse the same: ${name}`, () => {
    const open = openFits();
    const shape = SHAPES[name as keyof typeof SHAPES];
    const named = new Set(requests.flatMap((request) => Object.keys(request)));
    assert.equal([...named].toSorted(), Object.keys(shape.shape).toSorted(), 'an example has to name every field');
    let refused = 0;
    for (const request of requests) {
      for (const { what, value } of [...mutationsOf(request), { what: 'nothing', value: request }]) {
        const byCode = shape.safeParse(value).success;
        const { fault } = open(name, picture(value));
        assert.is(fault === undefined, byCode, `${what}: the code ${byCode ? 'takes' : 'refuses'} it; ${fault}`);
        if (!byCode) refused++;
        const unheardOf = open(name, { ...(picture(value) as object), unheardOf: 1 });
        assert.ok(unheardOf.fault !== undefined, 'what is not known is refused');
      }
      assert.is(shape.safeParse(request).success, true);
    }
    assert.ok(refused > 20, String(refused));
  });
}

test.run();
