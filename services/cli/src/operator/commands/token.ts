import { createHmac, randomUUID } from 'node:crypto';
import { checkField, ConfigError, InvalidArgumentError, readSettings, rules, type Settings } from '@baton/runtime';
import { durationMs } from '@baton/sdk';
import { say } from '../../dev/terminal.ts';
import { durationOf } from '../duration-text.ts';
import { sayJson } from '../output.ts';

export type TokenOptions = { readonly admin?: boolean; readonly valid: string; readonly json?: boolean };

/** A token is shown once and kept where it can be read: not for longer than somebody works with it. */
const MOST_MS = 7 * 86_400_000;

/** A token for the gateway, signed as those of the application that signs users in: for an operator, a script, a first look. */
export const token = (user: string, { admin = false, valid, json = false }: TokenOptions): void => {
  checkField('user', user, rules.user);
  const validMs = durationMs(durationOf(valid), '--valid');
  if (validMs < 1_000 || validMs > MOST_MS) throw new InvalidArgumentError('--valid: is a time from 1 s to 7 days');
  const { auth } = readSettings();
  const now = Date.now();
  const made = signed(auth, { user, admin, now, expires: now + validMs });
  if (json) sayJson({ token: made, user, admin, expires_at: new Date(now + validMs).toISOString() });
  else say(made);
};

type Wanted = { readonly user: string; readonly admin: boolean; readonly now: number; readonly expires: number };

/** Throws ConfigError where tokens are signed by somebody else, or there are none. */
export const signed = (auth: Settings['auth'], { user, admin, now, expires }: Wanted): string => {
  if (auth.mode !== 'secret') throw new ConfigError([WITHOUT_SECRET[auth.mode]]);
  const claims = {
    sub: user,
    roles: admin ? ['admin'] : [],
    iat: Math.floor(now / 1_000),
    exp: Math.floor(expires / 1_000),
    jti: randomUUID(),
    ...(auth.issuer === undefined ? {} : { iss: auth.issuer }),
    ...(auth.audience === undefined ? {} : { aud: auth.audience }),
  };
  const text = [{ alg: 'HS256', typ: 'JWT' }, claims]
    .map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'))
    .join('.');
  return `${text}.${createHmac('sha256', auth.secret).update(text).digest('base64url')}`;
};

const WITHOUT_SECRET = {
  none: 'BATON_JWT_SECRET is not set: a token is signed with that of the gateway',
  dev: 'BATON_AUTH is dev: that gateway takes no tokens, and everybody who is on its machine',
  jwks: 'BATON_JWKS_URL is set: tokens are signed by whoever publishes the keys there',
} as const;
