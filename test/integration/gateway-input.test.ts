// limit: 300s
// What the gateway makes of hostile and careless input: it answers 4xx at once, says nothing it should not, and stays well.
import { connect as connectTcp } from 'node:net';
import * as assert from 'uvu/assert';
import { ADMIN, openGatewaySystem, type CallOptions, type GatewaySystem } from '../support/gateway-fixture.ts';
import { suite } from '../support/suite.ts';

const test = suite('gateway: input');

const LIST = '/api/v1/task/';

test('operators, nesting and unknown parameters in a query are 400', async (context) => {
  const { call } = await openGatewaySystem(context);
  const queries = [
    'status[$ne]=x',
    'status[$gt]=',
    'created_by[$regex]=.*',
    'q[$where]=sleep(5000)',
    'status=pending&status=success',
    'status=%5B%5D',
    '__proto__[x]=1',
    '__proto__=1',
    'constructor=1',
    'sort=$natural',
    'order_by=payload.secret',
    'order_by=created_on,status',
    'order_direction=sideways',
    'fields=password',
    'owner=alice',
    'type=$inc',
    'type=a b',
    'status={"$ne":1}',
    `text=${'x'.repeat(201)}`,
    ...['1e9', '-1', '0', 'NaN', '1e3', '%EF%BC%90', '101', '1.5', '0x10'].map((size) => `page_size=${size}`),
    'q=((((((',
    "q=(filters:!((col:status,opr:'$ne',value:x)))",
    'q=(filters:!((col:payload,opr:eq,value:x)))',
    'q=(filters:!((col:status,opr:eq,value:(a:b))))',
    'q=(filters:!((col:created_by,opr:rel_o_m,value:(a:b))))',
    'q=(where:x)',
    'q=(page_size:1000000000)',
    'q=(page:100000,page_size:100)',
    "q=(order_column:'$natural')",
    'q=(filters:!((col:task_name,opr:ct,value:a),(col:task_name,opr:ct,value:b)))',
    'q=()&text=a',
    'text=%00',
    'name=a%00b',
    'created_by=%00',
    `q=${'('.repeat(3_999)}`,
  ];
  for (const query of queries) {
    const answer = await call('GET', `${LIST}?${query}`, { as: 'alice' });
    assert.is(answer.status, 400, `${query.slice(0, 60)}: ${answer.text.slice(0, 200)}`);
    assert.is(answer.at('code'), 'INVALID_ARGUMENT', query.slice(0, 60));
  }
  assert.is((await call('GET', `${LIST}?status=&text=&cursor=`, { as: 'alice' })).status, 200);
});

test(
  'text is looked for as it is: no pattern, no long search',
  async (context) => {
    const { call, baton } = await openGatewaySystem(context, { projector: true });
    const alice = baton.as({ id: 'alice' });
    const definition = {
      type: 'job',
      handler: () => 0,
      scope: 'private',
      queue: 'default',
      priority: 'normal',
      policy: {},
    } as const;
    await alice.schedule(definition, [], { taskKey: 'plain', taskName: 'a (draft) of 50% [new] + $5.00 ^ ÄRGER' });
    await alice.schedule(definition, [], { taskKey: 'other', taskName: 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!' });
    for (const text of ['(draft)', '50% [new]', '$5.00 ^', '+ $', 'A (DRAFT)', 'Ärger']) {
      const answer = await call('GET', `${LIST}?text=${encodeURIComponent(text)}`, { as: 'alice' });
      assert.is(answer.at('result', 0, 'task_key'), 'plain', `${text}: ${answer.text.slice(0, 200)}`);
    }
    for (const text of ['(a+)+$', '(a|a)*$', '.*', '^', '\\', '[', 'a{1,1000}'.repeat(20), '\u2028', '%00']) {
      const began = performance.now();
      const answer = await call('GET', `${LIST}?text=${encodeURIComponent(text)}`, { as: 'alice' });
      assert.equal([answer.status, answer.at('count')], [200, text === '^' || text === '[' ? 1 : 0], text);
      assert.ok(performance.now() - began < 2_000, `${text} took ${performance.now() - began} ms`);
    }
  },
  { limitMs: 30_000 },
);

test('a body may hold what is asked for and nothing else', async (context) => {
  const { call } = await openGatewaySystem(context);
  const submit = (body: unknown, headers: CallOptions['headers'] = {}) =>
    call('POST', LIST, { as: 'alice', body, headers });
  const extra = [
    'owner',
    'created_by',
    'status',
    'result',
    'attempt',
    'fence',
    'rev',
    'epoch',
    'created_at',
    '_id',
    'id',
    'roles',
    'max_rescues',
    '__v',
    'subscribers',
    'user',
    'user_id',
  ];
  for (const field of extra) {
    const answer = await submit({ type: 'job', [field]: 'x' });
    assert.equal([answer.status, answer.at('code')], [400, 'INVALID_ARGUMENT'], field);
  }
  const wrong: readonly (readonly [string, unknown])[] = [
    ['type', ''],
    ['type', '>'],
    ['type', 'a.>'],
    ['type', '$JS.API.STREAM.DELETE.X'],
    ['type', 'a b'],
    ['type', 'a\r\nPUB x 1\r\nhi'],
    ['type', 'x'.repeat(101)],
    ['type', 5],
    ['task_key', ''],
    ['task_key', 'x'.repeat(257)],
    ['task_key', '\ud800'],
    ['task_name', 'x'.repeat(257)],
    ['priority', 1e9],
    ['max_attempts', 1e9],
    ['max_attempts', 0],
    ['max_attempts', 1_001],
    ['timeout', -1],
    ['timeout', 1e300],
    ['timeout', '99999999d'],
    ['timeout', 'soon'],
    ['queue', '*'],
    ['run_at', 'tomorrow'],
    ['args', 'text'],
    ['args', { 0: 'x' }],
    ['scope', 'everybody'],
  ];
  for (const [field, value] of wrong) {
    const answer = await submit({ type: 'job', [field]: value });
    assert.equal(
      [answer.status, answer.at('code')],
      [400, 'INVALID_ARGUMENT'],
      `${field} ${JSON.stringify(value)}: ${answer.text}`,
    );
  }
  const at = { type: 'job', run_at: 'tomorrow', expires_at: 5 };
  const says = 'is a time with a zone, such as 2030-01-31T18:00:00Z';
  assert.equal((await submit(at)).at('faults'), [
    { field: 'run_at', message: says },
    { field: 'expires_at', message: says },
  ]);
  const inexact = await submit('{"type":"job","args":[9007199254740993]}');
  assert.equal([inexact.at('code'), inexact.at('faults', 0, 'field')], ['INVALID_ARGUMENT', 'args.0']);
  for (const key of [
    '>',
    '*',
    'a.*',
    '..',
    ' ',
    'a b',
    '\t',
    'a\r\nPUB x 1\r\nhi',
    '\0',
    'é',
    '😀',
    '$JS.API.X',
    '../../x',
    '%2e%2e',
    '__proto__',
    'constructor',
  ]) {
    const answer = await submit({ type: 'job', task_key: key });
    assert.equal([answer.status, answer.at('task', 'task_key')], [201, key], JSON.stringify(key));
  }
});

test(
  'what is no JSON, is too large or too deep is refused, and nothing is polluted',
  async (context) => {
    const { call } = await openGatewaySystem(context);
    const raw = (body: string, headers: CallOptions['headers'] = {}) =>
      call('POST', LIST, { as: 'alice', body, headers });
    const cases: readonly (readonly [string, string, number, CallOptions['headers']])[] = [
      ['not JSON', '{', 400, {}],
      ['__proto__', '{"type":"job","__proto__":{"isAdmin":true}}', 400, {}],
      ['constructor', '{"type":"job","constructor":{"prototype":{"isAdmin":true}}}', 400, {}],
      ['__proto__ in an argument', '{"type":"job","args":[{"__proto__":{"isAdmin":true}}]}', 400, {}],
      ['33 levels', `{"type":"job","args":[${'['.repeat(33)}${']'.repeat(33)}]}`, 400, {}],
      ['1e400', '{"type":"job","args":[1e400]}', 400, {}],
      ['an integer beyond 2^53', '{"type":"job","args":[{"id":9007199254740993}]}', 400, {}],
      ['10,000 levels', `{"type":"job","args":[${'['.repeat(10_000)}${']'.repeat(10_000)}]}`, 400, {}],
      ['over 1 MiB', `{"type":"job","args":["${'x'.repeat(1024 * 1024)}"]}`, 413, {}],
      ['a form', 'type=job', 415, { 'content-type': 'application/x-www-form-urlencoded' }],
      ['text', '{"type":"job"}', 415, { 'content-type': 'text/plain' }],
      ['an empty body', '', 400, { 'content-type': 'application/json' }],
      ['a list', '[]', 400, {}],
      ['null', 'null', 400, {}],
    ];
    for (const [name, body, status, headers] of cases) {
      const began = performance.now();
      const answer = await raw(body, headers);
      assert.is(answer.status, status, `${name}: ${answer.text.slice(0, 300)}`);
      assert.ok(performance.now() - began < 3_000, name);
      assert.type(answer.at('hint'), 'string', name);
    }
    assert.is(({} as Record<string, unknown>)['isAdmin'], undefined);
  },
  { limitMs: 30_000 },
);

test('an empty body is none, at every route, with the header of JSON and without', async (context) => {
  const { call } = await openGatewaySystem(context);
  const none = '0198a000-0000-7000-8000-000000000000';
  for (const headers of [{ 'content-type': 'application/json' }, {}]) {
    const send = async (method: 'POST' | 'PUT' | 'DELETE', path: string, as = 'alice') => {
      const answer = await call(method, `/api/v1${path}`, { as, headers });
      return [answer.status, answer.at('code'), answer.at('faults', 0, 'field')];
    };
    for (const path of ['cancel', 'retry'])
      assert.equal(await send('POST', `/task/${none}/${path}`), [404, 'TASK_NOT_FOUND', undefined], path);
    assert.equal(await send('DELETE', '/schedules/z'), [404, 'SCHEDULE_NOT_FOUND', undefined]);
    for (const path of ['pause', 'resume', 'trigger'])
      assert.equal(await send('POST', `/schedules/z/${path}`), [404, 'SCHEDULE_NOT_FOUND', undefined], path);
    assert.equal(await send('POST', '/queue/q/pause', ADMIN), [200, undefined, undefined]);
    const missing = [400, 'INVALID_ARGUMENT'];
    assert.equal(await send('POST', '/task/'), [...missing, 'type']);
    assert.equal(await send('POST', '/task/bulk'), [...missing, 'operation']);
    assert.equal(await send('POST', `/task/${none}/signal`), [...missing, 'name']);
    assert.equal(await send('POST', `/task/${none}/priority`), [...missing, 'priority']);
    assert.equal(await send('PUT', '/schedules/z'), [...missing, 'type']);
    assert.equal(await send('POST', '/schedules/z/backfill'), [...missing, 'from']);
    assert.equal(await send('POST', '/queue/q/limit', ADMIN), [...missing, 'of']);
    assert.equal(await send('POST', '/queue/q/weight', ADMIN), [...missing, 'group']);
  }
});

test('a cursor is good for one user, one list, one order', async (context) => {
  const { call } = await openGatewaySystem(context);
  for (let i = 0; i < 5; i++) await call('POST', LIST, { as: 'alice', body: { type: 'job', task_key: `k${i}` } });
  const page = (query: string, as = 'alice') => call('GET', `${LIST}?page_size=2&${query}`, { as });
  const first = await page('');
  const cursor = String(first.at('next_cursor'));
  const second = await page(`cursor=${cursor}`);
  assert.is(second.status, 200);
  const third = await page(`cursor=${String(second.at('next_cursor'))}`);
  const ids = [first, second, third].flatMap((one) => one.at('ids') as string[]);
  assert.is(new Set(ids).size, 5);
  assert.equal(ids, ids.toSorted().toReversed(), 'newest first');
  assert.is(third.at('next_cursor'), null);
  const flipped = `${cursor.slice(0, 5)}${cursor[5] === 'A' ? 'B' : 'A'}${cursor.slice(6)}`;
  const bad = [
    `cursor=${flipped}`,
    `cursor=${cursor}x`,
    'cursor=x',
    'cursor=.',
    `cursor=${cursor}&text=k`,
    `cursor=${cursor}&order_direction=asc`,
    `cursor=${cursor}&order_by=status`,
  ];
  for (const query of bad) {
    const answer = await page(query);
    assert.equal([answer.status, answer.at('code')], [400, 'INVALID_CURSOR'], query);
  }
  assert.is((await page(`cursor=${cursor}`, 'bob')).status, 400);
});

test(
  'HTTP itself: broken requests are answered 400 and the next one is served',
  async (context) => {
    const { listen, call } = await openGatewaySystem(context);
    const port = Number(new URL(await listen()).port);
    const send = (text: string): Promise<string> =>
      new Promise((resolve, reject) => {
        const socket = connectTcp(port, '127.0.0.1', () => socket.end(text));
        let told = '';
        socket.on('data', (chunk: Buffer) => (told += chunk.toString()));
        socket.on('close', () => resolve(told));
        socket.on('error', reject);
      });
    const post = 'POST /api/v1/task/ HTTP/1.1\r\nHost: localhost\r\n';
    const broken = [
      `${post}Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}`,
      `${post}Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n`,
      `GET / HTTP/1.1\r\nHost: localhost\r\nX: ${'x'.repeat(100_000)}\r\n\r\n`,
      'GARBAGE\r\n\r\n',
      'GET / HTTP/1.1\r\n\r\n',
    ];
    for (const text of broken) assert.match(await send(text), /^HTTP\/1\.1 4\d\d /, text.slice(0, 60));
    const elsewhere = await send(
      'GET http://other.example/ HTTP/1.1\r\nHost: other.example\r\nConnection: close\r\n\r\n',
    );
    assert.match(elsewhere, /^HTTP\/1\.1 421 /);
    assert.is((await call('GET', '/healthz')).status, 200);
  },
  { limitMs: 20_000 },
);

test('X6: switched off, every task route is 404 DISABLED; who is asked and probes go on', async (context) => {
  const { call } = await openGatewaySystem(context, { settings: { enabled: false } });
  for (const [method, url] of [
    ['GET', LIST],
    ['POST', LIST],
    ['GET', '/api/v1/task/x'],
    ['POST', '/api/v1/task/x/cancel'],
    ['GET', '/api/v1/task/events'],
  ] as const) {
    const answer = await call(method, url, { as: 'alice', ...(method === 'POST' ? { body: { type: 'job' } } : {}) });
    assert.equal([answer.status, answer.at('code')], [404, 'DISABLED'], `${method} ${url}`);
  }
  assert.is((await call('GET', '/api/v1/session', { as: 'alice' })).at('enabled'), false);
  assert.is((await call('GET', '/healthz')).status, 200);
});

test('a user who asks too much is told when to come again; others are served', async (context) => {
  const { call } = await openGatewaySystem(context, { settings: { rateLimit: 20 } });
  const statuses: number[] = [];
  for (let i = 0; i < 30; i++) statuses.push((await call('GET', '/api/v1/session', { as: 'alice' })).status);
  assert.equal([statuses.filter((status) => status === 200).length, statuses.at(-1)], [20, 429]);
  const refused = await call('GET', '/api/v1/session', { as: 'alice' });
  assert.is(refused.at('code'), 'TOO_MANY_REQUESTS');
  assert.match(String(refused.headers['retry-after']), /^\d+$/);
  assert.is((await call('GET', '/api/v1/session', { as: 'bob' })).status, 200);
  const metrics = (await call('GET', '/metrics', { as: 'root' })).text;
  assert.match(
    metrics,
    /baton_gateway_request_seconds_count\{method="GET",route="\/api\/v1\/session",status="429"\} 11/,
  );
  assert.not.match(metrics, /alice|bob/);
});

test('the OpenAPI document says what may be left out, within which bounds, and where no token is needed', async (context) => {
  const { call } = await openGatewaySystem(context);
  const document = await call('GET', '/api/v1/openapi.json');
  const at = (path: string, method: string, ...rest: readonly (string | number)[]): unknown =>
    document.at('paths', path, method, ...rest);
  for (const [path, isRequired] of [
    ['/api/v1/task', true],
    ['/api/v1/task/{uuid}/cancel', false],
    ['/api/v1/task/{uuid}/retry', false],
  ] as const) {
    assert.is(at(path, 'post', 'requestBody', 'required'), isRequired, path);
    assert.is(at(path, 'post', 'requestBody', 'content', 'application/json', 'schema', 'type'), 'object', path);
  }
  for (const path of ['/api/v1/task', '/api/v1/task/events', '/api/v1/task/related/created_by']) {
    const parameters = at(path, 'get', 'parameters') as readonly { readonly name: string; readonly schema: object }[];
    const { schema } = parameters.find(({ name }) => name === 'page_size') ?? {};
    assert.equal(schema, { type: 'integer', minimum: 1, maximum: 100 }, path);
  }
  for (const path of ['/healthz', '/readyz']) assert.equal(at(path, 'get', 'security'), [], path);
  assert.is(at('/api/v1/task', 'get', 'security'), undefined);
  assert.equal(document.at('security'), [{ bearer: [] }]);
  const id = await submittedBy(call, 'alice');
  assert.is((await call('POST', `${LIST}${id}/cancel`, { as: 'alice' })).status, 200);
  assert.is((await call('POST', `${LIST}${id}/retry`, { as: 'alice' })).status, 201);
});

const submittedBy = async (call: GatewaySystem['call'], user: string): Promise<string> =>
  String((await call('POST', LIST, { as: user, body: { type: 'job' } })).at('task', 'uuid'));

test.run();
