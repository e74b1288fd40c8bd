import * as z from 'zod';
import { CSRF_HEADER } from '../auth/csrf.ts';
import { DEV_COOKIE, DEV_USERS } from '../auth/dev-users.ts';
import { identityIn } from '../auth/guard.ts';
import type { Identity } from '../auth/identity.ts';
import { problem } from './problem.ts';
import type { Server } from './route.ts';

export type SessionSettings = {
  readonly mode: 'dev' | 'jwt';
  readonly enabled: boolean;
  readonly showStacktrace: boolean;
};

const user = z.strictObject({ id: z.string(), admin: z.boolean() });

const sessionShape = z.strictObject({
  user: z.string(),
  admin: z.boolean(),
  mode: z.enum(['dev', 'jwt']),
  users: z.array(user).optional(),
  enabled: z.boolean(),
  show_stacktrace: z.boolean(),
  expires_at: z.iso.datetime().nullable(),
  csrf_header: z.string(),
});

const switchBody = z.strictObject({ user: z.string().min(1).max(256) });

/** Who the caller is, and in development mode who he is from now on. */
export const sessionRoutes = (server: Server, settings: SessionSettings): void => {
  const { mode, enabled, showStacktrace } = settings;
  const sessionOf = ({ user: id, admin, expiresAt }: Pick<Identity, 'user' | 'admin' | 'expiresAt'>) => ({
    user: id,
    admin,
    mode,
    ...(mode === 'dev' ? { users: [...DEV_USERS] } : {}),
    enabled,
    show_stacktrace: showStacktrace,
    expires_at: expiresAt === undefined ? null : new Date(expiresAt).toISOString(),
    csrf_header: CSRF_HEADER,
  });

  server.get(
    '/session',
    { config: { access: 'user' }, schema: { summary: 'Who you are', response: { 200: sessionShape } } },
    async (request) => sessionOf(identityIn(request)),
  );

  if (mode !== 'dev') return;
  server.post(
    '/session',
    {
      config: { access: 'user' },
      schema: { summary: 'Be somebody else (development mode)', body: switchBody, response: { 200: sessionShape } },
    },
    async (request, reply) => {
      const chosen = DEV_USERS.find(({ id }) => id === request.body.user);
      if (chosen === undefined) {
        throw problem('INVALID_ARGUMENT', 'there is no such user in development mode', {
          faults: [{ field: 'user', message: `one of ${DEV_USERS.map(({ id }) => id).join(', ')}` }],
        });
      }
      void reply.setCookie(DEV_COOKIE, chosen.id, { path: '/', httpOnly: true, sameSite: 'strict' });
      return sessionOf({ user: chosen.id, admin: chosen.admin });
    },
  );
};
