import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { BatonError, silentLog, systemClock, type Clock } from '@baton/runtime';
import { exportJWK, exportSPKI, generateKeyPair, SignJWT, type CryptoKey } from 'jose';
import * as assert from 'uvu/assert';
import { recordingLog } from '../../../../test/support/stage.ts';
import { suite } from '../../../../test/support/suite.ts';
import { problemOf } from '../http/problem.ts';
import type { Credentials } from './identity.ts';
import { authenticateByToken } from './tokens.ts';

const test = suite('gateway: tokens by published keys');

const claims = { issuer: 'tests', audience: 'baton' } as const;

const bearer = (token: string): Credentials => ({
  authorization: [`Bearer ${token}`],
  cookies: {},
  devUser: undefined,
});

const signed = (key: CryptoKey | Uint8Array, alg: string, kid = 'one'): Promise<string> =>
  new SignJWT({ roles: ['admin'] })
    .setProtectedHeader({ alg, kid })
    .setSubject('alice')
    .setIssuer(claims.issuer)
    .setAudience(claims.audience)
    .setExpirationTime('5m')
    .sign(key);

type Answer = (response: ServerResponse) => unknown;

/** Answers as `answer` does at the time, until the test is over. */
const publish = async (first: Answer, defer: (undo: () => unknown) => void) => {
  const state = { answer: first, asked: 0 };
  const server = createServer((_request, response) => {
    state.asked++;
    state.answer(response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const close = () =>
    new Promise<void>((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    });
  defer(close);
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/jwks`, close, state };
};

const keysOf =
  (...keys: readonly object[]): Answer =>
  (response) =>
    response.setHeader('content-type', 'application/json').end(JSON.stringify({ keys }));

const pairOf = async (kid: string) => {
  const pair = await generateKeyPair('ES256', { extractable: true });
  return { key: pair.privateKey, jwk: { ...(await exportJWK(pair.publicKey)), kid, alg: 'ES256' } };
};

/** The time of this machine, and what a test adds to it. */
const movableClock = () => {
  const state = { ahead: 0 };
  const clock: Clock = { ...systemClock, monotonic: () => systemClock.monotonic() + state.ahead };
  return { clock, move: (ms: number) => void (state.ahead += ms) };
};

const codeOf = (asked: Promise<unknown>): Promise<unknown> =>
  asked.then(
    () => 'answered',
    (error: { readonly code?: string }) => error.code,
  );

test('a token signed by a published key comes in; of another key, of no known key, or by the public key as a secret it does not', async ({
  defer,
}) => {
  const pair = await generateKeyPair('RS256', { extractable: true });
  const other = await generateKeyPair('RS256');
  const jwk = { ...(await exportJWK(pair.publicKey)), kid: 'one', alg: 'RS256' };
  const { url } = await publish(keysOf(jwk), defer);
  const authenticate = authenticateByToken({ mode: 'jwks', url, ...claims }, silentLog);
  const found = await authenticate(bearer(await signed(pair.privateKey, 'RS256')));
  assert.equal([found?.user, found?.admin, found?.isAmbient], ['alice', true, false]);
  assert.is(await authenticate(bearer(await signed(other.privateKey, 'RS256'))), undefined);
  assert.is(await authenticate(bearer(await signed(other.privateKey, 'RS256', 'two'))), undefined);
  const text = new TextEncoder().encode(await exportSPKI(pair.publicKey));
  assert.is(await authenticate(bearer(await signed(text, 'HS256'))), undefined);
});

test('while the keys cannot be had nobody is told that his token is bad, and the log says why', async ({ defer }) => {
  const { key } = await pairOf('one');
  const answers: readonly (readonly [string, Answer])[] = [
    ['500', (response) => response.writeHead(500).end('{"keys":[]}')],
    ['503', (response) => response.writeHead(503).end()],
    ['a page', (response) => response.setHeader('content-type', 'text/html').end('<html>Sign in</html>')],
    ['a redirect', (response) => response.writeHead(302, { location: '/elsewhere' }).end()],
    ['no keys', (response) => response.end('{"error":"no"}')],
    ['too many', (response) => response.end('x'.repeat(2 * 1024 * 1024))],
    ['nothing', (response) => response.destroy()],
  ];
  for (const [name, answer] of answers) {
    const { url, state } = await publish(answer, defer);
    const { log, lines } = recordingLog();
    const authenticate = authenticateByToken({ mode: 'jwks', url, ...claims }, log);
    // Heard from the beginning: one may be refused while another one is looked at.
    const all = Array.from({ length: 20 }, () =>
      signed(key, 'ES256')
        .then((token) => authenticate(bearer(token)))
        .catch((cause: unknown) => cause),
    );
    for (const error of await Promise.all(all)) {
      assert.instance(error, BatonError);
      const { statusCode, body } = problemOf(error as BatonError) ?? {};
      assert.equal([statusCode, body?.code], [503, 'KEYS_UNAVAILABLE'], name);
      assert.match(body?.message ?? '', /keys that tokens are signed with/);
    }
    assert.is(state.asked, 1, `${name}: asked once for all`);
    assert.equal(lines.filter(({ level }) => level === 'warn').length, 1, name);
  }
  const { url, close } = await publish(keysOf(), defer);
  await close();
  const authenticate = authenticateByToken({ mode: 'jwks', url, ...claims }, silentLog);
  assert.is(await codeOf(authenticate(bearer(await signed(key, 'ES256')))), 'KEYS_UNAVAILABLE', 'refused');
});

test('the last good keys are used while the issuer is away, for a day; a token of an unknown key waits for him', async ({
  defer,
}) => {
  const [one, two] = [await pairOf('one'), await pairOf('two')];
  const { url, state } = await publish(keysOf(one.jwk), defer);
  const { log, lines } = recordingLog();
  const { clock, move } = movableClock();
  const authenticate = authenticateByToken({ mode: 'jwks', url, ...claims }, log, clock);
  const ask = async (key: CryptoKey, kid: string) => authenticate(bearer(await signed(key, 'ES256', kid)));
  assert.is((await ask(one.key, 'one'))?.user, 'alice');
  state.answer = (response) => response.writeHead(500).end();
  for (const ms of [11 * 60_000, 3_600_000, 20 * 3_600_000]) {
    move(ms);
    assert.is((await ask(one.key, 'one'))?.user, 'alice', `after ${ms} ms more`);
  }
  assert.is(state.asked, 4);
  move(2_000);
  assert.is(await codeOf(ask(two.key, 'two')), 'KEYS_UNAVAILABLE');
  move(5 * 3_600_000);
  assert.is(await codeOf(ask(one.key, 'one')), 'KEYS_UNAVAILABLE', 'too old');
  state.answer = keysOf(one.jwk, two.jwk);
  move(2_000);
  assert.is((await ask(two.key, 'two'))?.user, 'alice');
  assert.ok(lines.some(({ msg }) => msg === 'the keys of tokens can be had again'));
});

test('keys that answer late keep nobody waiting who has a known one', async ({ defer }) => {
  const one = await pairOf('one');
  const { url, state } = await publish(keysOf(one.jwk), defer);
  const { clock, move } = movableClock();
  const authenticate = authenticateByToken({ mode: 'jwks', url, ...claims }, silentLog, clock);
  const ask = async () => authenticate(bearer(await signed(one.key, 'ES256')));
  await ask();
  const held: ServerResponse[] = [];
  state.answer = (response) => held.push(response);
  move(11 * 60_000);
  assert.is((await ask())?.user, 'alice');
  assert.is(held.length, 1, 'it was asked for and has not come');
  for (const response of held) response.end('{"keys":[]}');
});

test('a new key is known at once; tokens that name keys nobody has cost the issuer little', async ({ defer }) => {
  const [one, two] = [await pairOf('one'), await pairOf('two')];
  const { url, state } = await publish(keysOf(one.jwk), defer);
  const authenticate = authenticateByToken({ mode: 'jwks', url, ...claims }, silentLog);
  const ask = async (kid: string, key: CryptoKey) => authenticate(bearer(await signed(key, 'ES256', kid)));
  assert.is((await ask('one', one.key))?.user, 'alice');
  state.answer = keysOf(one.jwk, two.jwk);
  assert.is((await ask('two', two.key))?.user, 'alice');
  assert.is(state.asked, 2);
  const strangers = Array.from({ length: 200 }, (_, i) => ask(`stranger-${i}`, two.key));
  for (const stranger of strangers) assert.is(await stranger, undefined);
  assert.ok(state.asked <= 4, `asked ${state.asked} times`);
});

test.run();
