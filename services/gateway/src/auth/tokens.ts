import { BatonError, rules, systemClock, type Clock, type Log } from '@baton/runtime';
import { errors, jwtVerify, type JWTPayload, type JWTVerifyOptions } from 'jose';
import type { Authenticate, Credentials, Identity } from './identity.ts';
import { PublishedKeys } from './published-keys.ts';

export const TOKEN_COOKIE = 'baton_token';

/** A longer one is not looked at. */
const TOKEN_LENGTH = 8_192;
/** Clocks of whoever issues tokens may be off by this. */
const CLOCK_TOLERANCE_SECONDS = 5;
/** A token may name an end that no calendar has; it is then said to end with the year 9999. */
const LATEST = Date.UTC(9_999, 11, 31);

type Claims = { readonly issuer?: string; readonly audience?: string };
export type TokenSettings = Claims &
  ({ readonly mode: 'secret'; readonly secret: string } | { readonly mode: 'jwks'; readonly url: string });

/** Asymmetric only: a public key must never be taken for a secret. */
const PUBLIC_KEY_ALGORITHMS = [
  'RS256',
  'RS384',
  'RS512',
  'PS256',
  'PS384',
  'PS512',
  'ES256',
  'ES384',
  'ES512',
  'EdDSA',
];

/** Rejects with `KEYS_UNAVAILABLE` while nobody can tell whether a token is good. */
export const authenticateByToken = (settings: TokenSettings, log: Log, clock: Clock = systemClock): Authenticate => {
  const verify = verifierOf(settings, log, clock);
  return async (credentials) => {
    const found = tokenIn(credentials);
    if (found === undefined) return undefined;
    try {
      return identityOf(await verify(found.token), found.isAmbient);
    } catch (error) {
      if (error instanceof errors.JOSEError) return undefined;
      if (error instanceof BatonError) throw error;
      log.warn({ err: error }, 'a key of tokens cannot be used');
      throw new BatonError('KEYS_UNAVAILABLE', 'the key of this token cannot be used', { cause: error });
    }
  };
};

const verifierOf = (settings: TokenSettings, log: Log, clock: Clock): ((token: string) => Promise<JWTPayload>) => {
  const options: JWTVerifyOptions = {
    requiredClaims: ['sub', 'exp'],
    clockTolerance: CLOCK_TOLERANCE_SECONDS,
    ...(settings.issuer === undefined ? {} : { issuer: settings.issuer }),
    ...(settings.audience === undefined ? {} : { audience: settings.audience }),
  };
  if (settings.mode === 'secret') {
    const secret = new TextEncoder().encode(settings.secret);
    return async (token) => (await jwtVerify(token, secret, { ...options, algorithms: ['HS256'] })).payload;
  }
  const keys = new PublishedKeys(settings.url, { clock, log });
  return async (token) =>
    (await jwtVerify(token, keys.find, { ...options, algorithms: PUBLIC_KEY_ALGORITHMS })).payload;
};

/** A header that is there counts alone, also when it is wrong. */
const tokenIn = ({ authorization, cookies }: Credentials) => {
  const [header, ...more] = authorization;
  if (more.length > 0) return undefined;
  const token =
    header === undefined ? cookies[TOKEN_COOKIE] : /^Bearer +(\S+)$/i.exec(header.slice(0, TOKEN_LENGTH))?.[1];
  if (token === undefined || token === '' || token.length >= TOKEN_LENGTH) return undefined;
  return { token, isAmbient: header === undefined };
};

const identityOf = ({ sub, exp, roles }: JWTPayload, isAmbient: boolean): Identity | undefined => {
  if (typeof sub !== 'string' || !rules.user.holds(sub)) return undefined;
  const admin = roles === 'admin' || (Array.isArray(roles) && roles.includes('admin'));
  return { user: sub, admin, isAmbient, ...(exp === undefined ? {} : { expiresAt: Math.min(exp * 1_000, LATEST) }) };
};
