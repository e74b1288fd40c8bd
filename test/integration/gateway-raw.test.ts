// limit: 300s
// Requests as bytes on a socket: whatever they are, every error has the shape of every other error, none is the gateway's
// own, and the log has no stack.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import * as assert from 'uvu/assert';
import { openGatewaySystem, SECRET, token, type GatewaySystem } from '../support/gateway-fixture.ts';
import { sendRaw, type RawAnswer } from '../support/raw-http.ts';
import { recordingLog } from '../support/stage.ts';
import { suite, type TestContext } from '../support/suite.ts';

const test = suite('gateway: raw requests');

const HOST = 'Host: 127.0.0.1:8088\r\n';
const CLOSE = 'Connection: close\r\n';

type Raw = GatewaySystem & {
  readonly send: (bytes: string) => Promise<readonly RawAnswer[]>;
  readonly lines: ReturnType<typeof recordingLog>['lines'];
};

const openRaw = async (context: TestContext, more: { readonly dev?: boolean } = {}): Promise<Raw> => {
  const pageRoot = mkdtempSync(join(tmpdir(), 'baton-page-'));
  context.defer(() => rmSync(pageRoot, { recursive: true }));
  mkdirSync(join(pageRoot, 'assets'));
  writeFileSync(join(pageRoot, 'index.html'), '<!doctype html><title>the page</title>');
  writeFileSync(join(pageRoot, 'assets/page-1A2B3C4D.js'), 'export {};');
  const { log, lines } = recordingLog();
  const system = await openGatewaySystem(context, { settings: { pageRoot }, log, ...more });
  const port = Number(new URL(await system.listen()).port);
  return { ...system, lines, send: (bytes) => sendRaw(port, bytes) };
};

const first = (answers: readonly RawAnswer[]): RawAnswer => {
  const [answer] = answers;
  if (answer === undefined) throw new Error('the connection ended without an answer');
  return answer;
};

/** Of an error of the product; throws for an answer that is none. */
const codeOf = ({ status, headers, body }: RawAnswer, about: string): string => {
  assert.ok(status >= 400, `${about}: ${status}`);
  assert.match(headers['content-type'] ?? '', /^application\/json/, `${about}: ${status} ${body.slice(0, 200)}`);
  assert.is(headers['x-content-type-options'], 'nosniff', about);
  const { code, message, hint, ...rest } = JSON.parse(body) as Record<string, unknown>;
  assert.equal([typeof code, typeof message, typeof hint], ['string', 'string', 'string'], `${about}: ${body}`);
  assert.equal(
    Object.keys(rest).filter((name) => !['faults', 'status'].includes(name)),
    [],
    about,
  );
  return String(code);
};

const get = (target: string, more = ''): string => `GET ${target} HTTP/1.1\r\n${HOST}${CLOSE}${more}\r\n`;

test('every error of HTTP itself has a status that says what it is, and the shape of every other error', async (context) => {
  const { send } = await openRaw(context);
  const bearer = `Authorization: Bearer ${await token('alice')}\r\n`;
  const table: readonly (readonly [name: string, bytes: string, status: number, code: string])[] = [
    ['a path above the root', get('/..'), 404, 'NOT_FOUND'],
    ['another one', get('/../../etc/passwd'), 404, 'NOT_FOUND'],
    ['a path that is not UTF-8', get('/%ff'), 400, 'BAD_REQUEST'],
    ['half an escape', get('/%2'), 400, 'BAD_REQUEST'],
    ['an address of 20,000 letters', get(`/${'x'.repeat(20_000)}`), 431, 'HEADERS_TOO_LARGE'],
    ['a header of 20,000 letters', get('/', `X: ${'x'.repeat(20_000)}\r\n`), 431, 'HEADERS_TOO_LARGE'],
    ['an id of 200 letters', get(`/api/v1/task/${'x'.repeat(200)}`, bearer), 404, 'TASK_NOT_FOUND'],
    ['an id of 9,000 letters', get(`/api/v1/task/${'x'.repeat(9_000)}/status`, bearer), 404, 'TASK_NOT_FOUND'],
    ['no HTTP', 'GARBAGE\r\n\r\n', 400, 'BAD_REQUEST'],
    ['HTTP/2', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 400, 'BAD_REQUEST'],
    ['no Host', 'GET / HTTP/1.1\r\nConnection: close\r\n\r\n', 400, 'BAD_REQUEST'],
    ['no Host, a probe', 'GET /healthz HTTP/1.1\r\nConnection: close\r\n\r\n', 400, 'BAD_REQUEST'],
    ['two lengths', `POST / HTTP/1.1\r\n${HOST}Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}`, 400, 'BAD_REQUEST'],
    ['TRACE', `TRACE / HTTP/1.1\r\n${HOST}${CLOSE}\r\n`, 405, 'METHOD_NOT_ALLOWED'],
    ['TRACE of a task', `TRACE /api/v1/task/ HTTP/1.1\r\n${HOST}${CLOSE}\r\n`, 405, 'METHOD_NOT_ALLOWED'],
    ['DELETE', `DELETE /api/v1/task/x HTTP/1.1\r\n${HOST}${CLOSE}\r\n`, 405, 'METHOD_NOT_ALLOWED'],
    ['CONNECT', `CONNECT example.org:443 HTTP/1.1\r\nHost: example.org:443\r\n\r\n`, 405, 'METHOD_NOT_ALLOWED'],
    ['PROPFIND', `PROPFIND /api/v1/task/ HTTP/1.1\r\n${HOST}${CLOSE}\r\n`, 405, 'METHOD_NOT_ALLOWED'],
    ['HEAD of a stream', `HEAD /api/v1/task/x/events HTTP/1.1\r\n${HOST}${CLOSE}${bearer}\r\n`, 405, ''],
    ['an Expect', get('/healthz', 'Expect: the-best\r\n'), 417, 'EXPECTATION_FAILED'],
    [
      'another host',
      'GET http://other.example/ HTTP/1.1\r\nHost: other.example\r\nConnection: close\r\n\r\n',
      421,
      'UNKNOWN_HOST',
    ],
    ['a program that asks for nothing there is', get('/nowhere'), 404, 'NOT_FOUND'],
  ];
  for (const [name, bytes, status, code] of table) {
    const answer = first(await send(bytes));
    assert.is(answer.status, status, `${name}: ${answer.status} ${answer.body.slice(0, 200)}`);
    if (code !== '') assert.is(codeOf(answer, name), code, name);
    if (status === 405 && name !== 'CONNECT') assert.match(answer.headers['allow'] ?? '', /GET/, name);
  }
});

test('a browser that asks for a page that is not there sees a page, with 404; below /api it does not', async (context) => {
  const { send } = await openRaw(context);
  const accept = 'Accept: text/html,application/xhtml+xml,*/*;q=0.8\r\n';
  for (const target of ['/nowhere', '/task/7/8', '/a/b/c?d=e', '/..']) {
    const answer = first(await send(get(target, accept)));
    assert.equal([answer.status, answer.headers['content-type']], [404, 'text/html; charset=utf-8'], target);
    assert.match(answer.body, /the page/, target);
    assert.match(answer.headers['content-security-policy'] ?? '', /default-src 'none'/, target);
  }
  for (const target of ['/api/v1/nowhere', '/assets/page-00000000.js']) {
    assert.is(codeOf(first(await send(get(target, accept))), target), 'NOT_FOUND');
  }
  assert.is(first(await send(get('/', accept))).status, 200);
  assert.is(first(await send(get('/index.html', accept))).status, 200);
});

test('a token may end when it likes: 1e300 is an end like any other', async (context) => {
  const { send } = await openRaw(context);
  for (const exp of ['1e300', '9007199254740993', '1e400', '8640000000001']) {
    const bearer = await signedBy(`{"sub":"alice","iss":"tests","aud":"baton","exp":${exp}}`);
    const answer = first(await send(get('/api/v1/session', `Authorization: Bearer ${bearer}\r\n`)));
    assert.is(answer.status, 200, `${exp}: ${answer.body}`);
    assert.match(JSON.parse(answer.body).expires_at, /^9999-12-31/);
  }
});

test('a request that is at work is not called bad for what is sent behind it', async (context) => {
  const { send, call } = await openRaw(context);
  const body = JSON.stringify({ type: 'job', task_key: 'kept' });
  const post = `POST /api/v1/task/ HTTP/1.1\r\n${HOST}Authorization: Bearer ${await token('alice')}\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
  const answers = await send(`${post}GARBAGE\r\n\r\n`);
  assert.equal(
    answers.map(({ status }) => status),
    [201],
  );
  const listed = await call('GET', '/api/v1/task/?text=kept', { as: 'alice' });
  assert.is(listed.at('count'), 1);
});

const METHODS = [
  'GET',
  'HEAD',
  'POST',
  'PUT',
  'DELETE',
  'OPTIONS',
  'TRACE',
  'PATCH',
  'QUERY',
  'LINK',
  'get',
  'G?T',
  '',
];
const PARTS = [
  ...['api', 'v1', 'task', 'events', 'status_changes', 'related', 'created_by', 'distinct', 'task_type', 'overview'],
  ...[
    'types',
    'workers',
    'session',
    'metrics',
    'healthz',
    'readyz',
    'assets',
    'index.html',
    'page-1A2B3C4D.js',
    '_info',
  ],
  ...['', '.', '..', '%2e%2e', '%2f', '%00', '%ff', '%', '*', ':uuid', '\\', ';', '~', 'é', '%E2%82%AC', '__proto__'],
  ...['cancel', 'retry', 'result', '019a0000-0000-7000-8000-000000000000', 'x'.repeat(300)],
];
const QUERIES = [
  '',
  '?',
  '?q=%ff',
  '?q=!(a',
  '?page_size=%00',
  '?cursor=..',
  '?%',
  '?a&a',
  '?last_event_id=1-1',
  '#x',
  '?q=(a:1)',
];
const HEADER_LINES = [
  ...['Accept: text/html', 'Accept: */*', 'Accept-Encoding: br, gzip;q=0, *', 'Range: bytes=0-0', 'If-None-Match: *'],
  ...['Expect: 100-continue', 'Expect: x', 'Content-Length: 5', 'Content-Length: -1', 'Transfer-Encoding: chunked'],
  ...['Transfer-Encoding: gzip', 'Upgrade: websocket', 'Content-Type: application/json', 'Content-Type: a/b; c'],
  ...[
    'Content-Encoding: gzip',
    'Cookie: baton_token=..; a',
    'Cookie: %%%',
    'Authorization: Bearer a.b.c',
    'X-Baton-CSRF: 1',
  ],
  ...[
    'Origin: null',
    'Sec-Fetch-Site: cross-site',
    'Last-Event-ID: x',
    'Host: a',
    'X-Baton-User: admin',
    'Accept-Version: 1',
  ],
  ...['Bad Header', 'A:\u0001', ': x', 'Keep-Alive: timeout=1e9', 'Trailer: X', 'X-Http-Method-Override: DELETE'],
];
const BODIES = [
  '',
  '{',
  '{}',
  '5\r\n{"a":\r\n0\r\n\r\n',
  '\u0000',
  'GET / HTTP/1.1\r\n\r\n',
  '[]]]]',
  '{"force":true}',
  '{"type":"job"}',
];

const request = fc
  .record({
    method: fc.constantFrom(...METHODS),
    parts: fc.array(fc.constantFrom(...PARTS), { maxLength: 6 }),
    scheme: fc.constantFrom('', '', '', 'http://127.0.0.1', '//', 'x:'),
    query: fc.constantFrom(...QUERIES),
    version: fc.constantFrom('HTTP/1.1', 'HTTP/1.1', 'HTTP/1.1', 'HTTP/1.0', 'HTTP/3.0', 'HTTP/'),
    host: fc.constantFrom(HOST, HOST, HOST, '', 'Host: evil.example\r\n'),
    lines: fc.array(fc.constantFrom(...HEADER_LINES), { maxLength: 4 }),
    isSigned: fc.boolean(),
    body: fc.constantFrom(...BODIES),
    cut: fc.constantFrom(0, 0, 0, 1, 7),
  })
  .map(({ method, parts, scheme, query, version, host, lines, isSigned, body, cut }) => (bearer: string): string => {
    const signed = isSigned ? [`Authorization: Bearer ${bearer}`] : [];
    const head = [
      `${method} ${scheme}/${parts.join('/')}${query} ${version}`,
      `${host}${CLOSE}`.trim(),
      ...signed,
      ...lines,
    ];
    const text = `${head.join('\r\n')}\r\n\r\n${body}`;
    // What is cut off in the middle has to end, too.
    return `${text.slice(0, text.length - cut)}\r\n\r\n\u0000\r\n\r\n`;
  });

test(
  "requests of every kind and of none: no error but a caller's, in one shape, and not a stack in the log",
  async (context) => {
    const { lines, gateway } = await openRaw(context);
    const port = Number(new URL(`http://x:${(gateway.server.server.address() as { port: number }).port}`).port);
    const bearer = await token('alice');
    const pieces = fc
      .string({ unit: 'binary', maxLength: 60 })
      .map((text) => (): string => `${text}\r\n\r\n\u0000\r\n\r\n`);
    await fc.assert(
      fc.asyncProperty(fc.oneof({ weight: 9, arbitrary: request }, { weight: 1, arbitrary: pieces }), async (make) => {
        const bytes = make(bearer);
        const about = JSON.stringify(bytes).slice(0, 600);
        // A stream of events has no end of its own.
        if (/^GET \S*\/events\/*[?# ]/.test(bytes)) return;
        for (const answer of await sendRaw(port, Buffer.from(bytes, 'latin1'))) {
          assert.ok(answer.status < 500, `${about}: ${answer.status} ${answer.body}`);
          if (answer.status < 400 || bytes.startsWith('HEAD ')) continue;
          if (answer.headers['content-type']?.startsWith('text/html') && answer.status === 404) continue;
          codeOf(answer, about);
        }
      }),
      { numRuns: 1_500, endOnFailure: true, includeErrorInReport: true },
    );
    const told = JSON.stringify(lines);
    assert.not.match(told, /\bat .*:\d+:\d+/, told.slice(0, 2_000));
    assert.equal(
      lines.filter(({ level }) => level === 'error' || level === 'fatal'),
      [],
    );
  },
  { limitMs: 120_000 },
);

/** A token whose claims are this very text. */
const signedBy = async (claims: string): Promise<string> => {
  const encoded = (text: string): string => Buffer.from(text).toString('base64url');
  const signing = `${encoded('{"alg":"HS256"}')}.${encoded(claims)}`;
  const key = await crypto.subtle.importKey('raw', Buffer.from(SECRET), { name: 'HMAC', hash: 'SHA-256' }, false, [
    'sign',
  ]);
  const mac = await crypto.subtle.sign('HMAC', key, Buffer.from(signing));
  return `${signing}.${Buffer.from(mac).toString('base64url')}`;
};

test.run();
