// limit: 300s
// Who comes in: tokens, cookies, origins, host names, development mode.
import { SignJWT } from 'jose';
import * as assert from 'uvu/assert';
import { callOn, openGatewaySystem, SECRET, token, type CallOptions } from '../support/gateway-fixture.ts';
import { suite } from '../support/suite.ts';

const test = suite('gateway: who comes in');

const LIST = '/api/v1/task/';

test(
  'tokens: wrong, old, unsigned, of others, twice: 401; then too many',
  async (context) => {
    const { call, gateway } = await openGatewaySystem(context);
    const key = new TextEncoder().encode(SECRET);
    const signed = (change: (jwt: SignJWT) => SignJWT, alg = 'HS256', by = key) =>
      change(
        new SignJWT({ roles: ['admin'] })
          .setProtectedHeader({ alg })
          .setSubject('alice')
          .setIssuer('tests')
          .setAudience('baton')
          .setExpirationTime('5m'),
      ).sign(by);
    const good = await token('alice');
    const [head = '', body = ''] = good.split('.');
    const none = `${Buffer.from('{"alg":"none"}').toString('base64url')}.${body}.`;
    const tokens: Readonly<Record<string, string>> = {
      'no token': '',
      'alg none': none,
      'no signature': `${head}.${body}.`,
      'another algorithm': await signed((jwt) => jwt, 'HS512', new TextEncoder().encode(SECRET.repeat(2))),
      'another key': await signed(
        (jwt) => jwt,
        'HS256',
        new TextEncoder().encode('another secret of thirty-two bytes or more'),
      ),
      expired: await signed((jwt) => jwt.setExpirationTime('-1m')),
      'another audience': await signed((jwt) => jwt.setAudience('x')),
      'another issuer': await signed((jwt) => jwt.setIssuer('x')),
      'without an end': await new SignJWT({})
        .setProtectedHeader({ alg: 'HS256' })
        .setSubject('alice')
        .setIssuer('tests')
        .setAudience('baton')
        .sign(key),
      'without a user': await signed((jwt) => jwt.setSubject('')),
      'a long one': 'x'.repeat(20_000),
    };
    for (const [name, value] of Object.entries(tokens)) {
      const answer = await call('GET', LIST, { headers: { authorization: `Bearer ${value}` } });
      assert.equal([answer.status, answer.at('code')], [401, 'UNAUTHENTICATED'], name);
    }
    assert.is((await call('GET', `${LIST}?token=${good}`)).status, 401, 'a token in the address');
    assert.is((await call('GET', LIST, { headers: { authorization: `Basic ${good}` } })).status, 401);
    assert.is((await call('GET', LIST, { headers: { cookie: `baton_token=${good}` } })).status, 200, 'the cookie');
    // A header that is there counts alone.
    assert.is(
      (await call('GET', LIST, { headers: { cookie: `baton_token=${good}`, authorization: 'Bearer x' } })).status,
      401,
    );
    const text = new Set<string>();
    const statuses: number[] = [];
    for (let i = 0; i < 120; i++) {
      const answer = await callOn(gateway, 'GET', LIST, {
        headers: { authorization: `Bearer ${i}` },
        from: '10.9.9.9',
      });
      statuses.push(answer.status);
      if (answer.status === 401) text.add(answer.text);
      else assert.match(String(answer.headers['retry-after']), /^\d+$/);
    }
    assert.equal([statuses[0], statuses.at(-1), text.size], [401, 429, 1]);
    // Whoever has a token comes in all the same, also from there.
    assert.is((await callOn(gateway, 'GET', LIST, { as: 'alice', from: '10.9.9.9' })).status, 200);
  },
  { limitMs: 30_000 },
);

test('CSRF: a cookie alone changes nothing', async (context) => {
  const { call } = await openGatewaySystem(context);
  const cookie = `baton_token=${await token('alice')}`;
  const own = { cookie, 'x-baton-csrf': '1' };
  const cases: readonly (readonly [string, CallOptions['headers'], number])[] = [
    ['cookie alone', { cookie }, 403],
    ['with the header', own, 201],
    ['own origin', { ...own, origin: 'http://127.0.0.1:8088', 'sec-fetch-site': 'same-origin' }, 201],
    ['another site', { ...own, origin: 'https://evil.example', 'sec-fetch-site': 'cross-site' }, 403],
    ['same site, another origin', { ...own, origin: 'http://127.0.0.1:9999', 'sec-fetch-site': 'same-site' }, 403],
    ['origin null', { ...own, origin: 'null' }, 403],
    ['origin of another port', { ...own, origin: 'http://127.0.0.1:9999' }, 403],
    ['the name in front', { ...own, origin: 'http://127.0.0.1:8088.evil.example' }, 403],
  ];
  for (const [i, [name, headers, status]] of cases.entries()) {
    const answer = await call('POST', LIST, {
      body: { type: 'job', task_key: `c${i}` },
      ...(headers === undefined ? {} : { headers }),
    });
    assert.is(answer.status, status, `${name}: ${answer.text}`);
  }
  const bearer = { origin: 'https://evil.example', 'sec-fetch-site': 'cross-site' };
  assert.is(
    (await call('POST', LIST, { as: 'alice', body: { type: 'job' }, headers: bearer })).status,
    201,
    'a token proves intent',
  );
});

test('dev mode: the users there are, and no page of another site', async (context) => {
  const { call } = await openGatewaySystem(context, { dev: true });
  assert.is((await call('GET', '/api/v1/session')).at('user'), 'alice');
  assert.is((await call('GET', '/api/v1/session', { headers: { 'x-baton-user': 'admin' } })).at('admin'), true);
  assert.is((await call('GET', '/api/v1/session', { headers: { 'x-baton-user': 'mallory' } })).status, 401);
  const switched = await call('POST', '/api/v1/session', { body: { user: 'bob' } });
  assert.is(switched.at('user'), 'bob');
  assert.match(String(switched.headers['set-cookie']), /^baton_dev_user=bob; Path=\/; HttpOnly; SameSite=Strict$/);
  assert.is((await call('GET', '/api/v1/session', { headers: { cookie: 'baton_dev_user=bob' } })).at('user'), 'bob');
  assert.is((await call('POST', '/api/v1/session', { body: { user: 'mallory' } })).status, 400);
  const evil = { origin: 'https://evil.example', 'sec-fetch-site': 'cross-site' };
  assert.is((await call('POST', '/api/v1/session', { body: { user: 'admin' }, headers: evil })).status, 403);
  assert.is((await call('POST', LIST, { body: { type: 'job' }, headers: evil })).status, 403);
  assert.is((await call('POST', LIST, { body: { type: 'job' } })).status, 201, 'curl');
  const { call: tokenCall } = await openGatewaySystem(context);
  assert.is((await tokenCall('POST', '/api/v1/session', { as: 'alice', body: { user: 'admin' } })).status, 405);
});

test('hosts, headers, origins, files', async (context) => {
  const { call, another } = await openGatewaySystem(context);
  for (const host of ['evil.example', 'evil.example:8088', '127.0.0.1.nip.io', 'localhost.evil.example', 'a b']) {
    assert.is((await call('GET', LIST, { as: 'alice', headers: { host } })).status, 421, host);
  }
  for (const host of ['localhost', 'LOCALHOST:8088', '127.0.0.1:1', '[::1]:8088']) {
    assert.is((await call('GET', LIST, { as: 'alice', headers: { host } })).status, 200, host);
  }
  assert.is((await call('GET', '/healthz', { headers: { host: '10.1.2.3:8088' } })).status, 200, 'a probe');
  for (const url of [LIST, '/', '/api/nope', '/healthz']) {
    const { headers } = await call('GET', url, { as: 'alice', headers: { origin: 'https://evil.example' } });
    assert.match(String(headers['content-security-policy']), /default-src 'none';script-src 'self';style-src 'self';/);
    assert.match(
      String(headers['content-security-policy']),
      /base-uri 'none';frame-ancestors 'none';form-action 'self'/,
    );
    assert.is(headers['x-content-type-options'], 'nosniff', url);
    assert.is(headers['referrer-policy'], 'no-referrer', url);
    assert.is(headers['access-control-allow-origin'], undefined, url);
    assert.is(headers['server'], undefined, url);
    if (url.startsWith('/api')) assert.is(headers['cache-control'], 'no-store', url);
  }
  const embedding = await another({ corsOrigins: ['https://app.example'] });
  const asked = (origin: string) => callOn(embedding, 'GET', LIST, { as: 'alice', headers: { origin } });
  const welcome = await asked('https://app.example');
  assert.is(welcome.headers['access-control-allow-origin'], 'https://app.example');
  assert.is(welcome.headers['access-control-allow-credentials'], undefined);
  assert.is((await asked('https://app.example.evil.example')).headers['access-control-allow-origin'], undefined);
  // Also what is refused: else its page could not tell an expired token from a gateway that is away.
  const origin = 'https://app.example';
  const refused = await callOn(embedding, 'GET', LIST, { headers: { origin, authorization: 'Bearer expired' } });
  assert.equal([refused.status, refused.headers['access-control-allow-origin']], [401, origin]);
  const preflight = await callOn(embedding, 'OPTIONS', '/api/v1/schedules/a', { headers: { origin } });
  assert.equal([preflight.status, preflight.headers['access-control-allow-methods']], [204, 'GET, POST, PUT, DELETE']);
  assert.is((await callOn(embedding, 'GET', '/api/v1/nothing', { as: 'alice', headers: { origin } })).status, 404);
  for (const url of [
    '/..%2f..%2fetc/passwd',
    '/%00',
    '/.git/config',
    '/assets/../server.js',
    '/assets/%2e%2e/%2e%2e/package.json',
    '//etc/passwd',
  ]) {
    assert.is((await call('GET', url)).status, 404, url);
  }
});

test.run();
