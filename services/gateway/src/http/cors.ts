import type { FastifyInstance } from 'fastify';
import { CSRF_HEADER } from '../auth/csrf.ts';
import { varyBy } from './encoding.ts';

const HEADERS = ['Authorization', 'Content-Type', 'Last-Event-ID', CSRF_HEADER].join(', ');
const REMEMBER_SECONDS = '600';

/**
 * Pages of the listed origins may call with a token. Never with cookies: `Access-Control-Allow-Credentials` is not sent,
 * so a page of another origin can do nothing in the name of a user whose token it does not have.
 */
export const installCors = (server: FastifyInstance, origins: readonly string[]): void => {
  const allowed = new Set(origins);
  if (allowed.size === 0) return;
  server.addHook('onRequest', async (request, reply) => {
    const { origin } = request.headers;
    varyBy(reply, 'Origin');
    if (origin === undefined || !allowed.has(origin)) return;
    void reply.header('Access-Control-Allow-Origin', origin);
    void reply.header('Cross-Origin-Resource-Policy', 'cross-origin');
    void reply.header('Access-Control-Expose-Headers', 'Retry-After, X-Baton-User, X-Baton-Admin, X-Baton-Live');
  });
  server.options('/api/*', { config: { access: 'open' }, schema: { hide: true } }, async (request, reply) => {
    const { origin } = request.headers;
    if (origin !== undefined && allowed.has(origin)) {
      void reply.header('Access-Control-Allow-Methods', 'GET, POST, PUT, DELETE');
      void reply.header('Access-Control-Allow-Headers', HEADERS);
      void reply.header('Access-Control-Max-Age', REMEMBER_SECONDS);
    }
    return reply.code(204).send();
  });
};
