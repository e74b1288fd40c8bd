import { authenticateByToken, type TokenSettings } from '@baton/gateway';
import { ConfigError, readSettings, silentLog } from '@baton/runtime';
import * as assert from 'uvu/assert';
import { suite } from '../../../../../test/support/suite.ts';
import { signed } from './token.ts';

const test = suite('cli: token');

const secret = 'an old secret of thirty-two bytes';
const wanted = { user: 'Ália 1', admin: false, now: Date.now(), expires: Date.now() + 60_000 };

const taken = (env: Readonly<Record<string, string>>, more: Partial<typeof wanted> = {}) => {
  const { auth } = readSettings({ BATON_JWT_SECRET: secret, ...env });
  const authenticate = authenticateByToken(auth as TokenSettings, silentLog);
  const token = signed(auth, { ...wanted, ...more });
  return authenticate({ authorization: [`Bearer ${token}`], cookies: {}, devUser: undefined });
};

test('a gateway of the same settings takes it for that user, with the rights that were said', async () => {
  const claims = { BATON_JWT_ISSUER: 'us', BATON_JWT_AUDIENCE: 'baton' };
  for (const env of [{}, claims]) {
    const plain = await taken(env);
    assert.equal([plain?.user, plain?.admin], ['Ália 1', false]);
    assert.is((await taken(env, { admin: true }))?.admin, true);
  }
});

test('not when it is over, and not one of another secret', async () => {
  assert.is(await taken({}, { expires: Date.now() - 120_000 }), undefined);
  const { auth } = readSettings({ BATON_JWT_SECRET: secret.toUpperCase() });
  const own = readSettings({ BATON_JWT_SECRET: secret }).auth as TokenSettings;
  const authorization = [`Bearer ${signed(auth, wanted)}`];
  assert.is(await authenticateByToken(own, silentLog)({ authorization, cookies: {}, devUser: undefined }), undefined);
});

test('where there is no secret it says which variable is in the way', () => {
  for (const [env, variable] of [
    [{}, 'BATON_JWT_SECRET'],
    [{ BATON_AUTH: 'dev' }, 'BATON_AUTH'],
    [{ BATON_JWKS_URL: 'https://keys.example' }, 'BATON_JWKS_URL'],
  ] as const) {
    let fault: unknown;
    try {
      signed(readSettings(env).auth, wanted);
    } catch (error) {
      fault = error;
    }
    assert.ok(fault instanceof ConfigError && fault.faults[0]?.startsWith(variable), variable);
  }
});

test.run();
