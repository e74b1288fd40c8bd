import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { silentLog } from '@baton/runtime';
import { exportJWK, exportSPKI, generateKeyPair, SignJWT, type CryptoKey } from 'jose';
import * as assert from 'uvu/assert';
import { suite } from '../../../../test/support/suite.ts';
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

/** Publishes these keys until the test is over. */
const publish = async (keys: readonly object[], defer: (undo: () => unknown) => void) => {
  const server = createServer((_request, response) => {
    response.setHeader('content-type', 'application/json').end(JSON.stringify({ keys }));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const close = () => new Promise<void>((resolve) => void server.close(() => resolve()));
  defer(close);
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/jwks`, close };
};

test('a token signed by a published key comes in; of another key, of no known key, or by the public key as a secret it does not', async ({
  defer,
}) => {
  const pair = await generateKeyPair('RS256', { extractable: true });
  const other = await generateKeyPair('RS256');
  const { url } = await publish([{ ...(await exportJWK(pair.publicKey)), kid: 'one', alg: 'RS256' }], defer);
  const authenticate = authenticateByToken({ mode: 'jwks', url, ...claims }, silentLog);
  const found = await authenticate(bearer(await signed(pair.privateKey, 'RS256')));
  assert.equal([found?.user, found?.admin, found?.isAmbient], ['alice', true, false]);
  assert.is(await authenticate(bearer(await signed(other.privateKey, 'RS256'))), undefined);
  assert.is(await authenticate(bearer(await signed(other.privateKey, 'RS256', 'two'))), undefined);
  const text = new TextEncoder().encode(await exportSPKI(pair.publicKey));
  assert.is(await authenticate(bearer(await signed(text, 'HS256'))), undefined);
});

test('while the keys cannot be had nobody is told that his token is bad', async ({ defer }) => {
  const pair = await generateKeyPair('ES256');
  const { url, close } = await publish([], defer);
  await close();
  const authenticate = authenticateByToken({ mode: 'jwks', url, ...claims }, silentLog);
  const answer = await authenticate(bearer(await signed(pair.privateKey, 'ES256'))).then(
    () => 'answered',
    (error: { readonly code?: string }) => error.code,
  );
  assert.is(answer, 'NOT_CONNECTED');
});

test.run();
