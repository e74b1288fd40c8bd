import type { Baton } from '@baton/sdk';
import fastify, { type FastifyInstance, type FastifyRequest } from 'fastify';
import { SignJWT } from 'jose';
import { ordersPage } from './page.ts';
import { exportOrders } from './tasks.ts';

export type AppSettings = {
  readonly baton: Baton;
  /** Where browsers reach the gateway. */
  readonly gatewayUrl: string;
  /** The gateway has the same one: `BATON_JWT_SECRET`. */
  readonly secret: string;
};

/** Stands for the shop's own sign-in: who it is stands in a cookie. Use your sessions here. */
const customerOf = (request: FastifyRequest): string =>
  /(?:^|;\s*)customer=([a-z]{1,20})(?:;|$)/.exec(request.headers.cookie ?? '')?.[1] ?? 'alice';

/** A shop: its routes act for whoever is signed in, its page has the list of his tasks. */
export const createApp = ({ baton, gatewayUrl, secret }: AppSettings): FastifyInstance => {
  const app = fastify();
  const key = new TextEncoder().encode(secret);

  app.get('/', async (request, reply) =>
    reply.type('text/html; charset=utf-8').send(ordersPage(customerOf(request), gatewayUrl)),
  );

  // A token says who asks and nothing more, and is good for some minutes: the list comes for another one.
  app.get('/my/baton-token', async (request, reply) => {
    const token = await new SignJWT({ roles: [] })
      .setProtectedHeader({ alg: 'HS256' })
      .setSubject(customerOf(request))
      .setIssuedAt()
      .setExpirationTime('5m')
      .sign(key);
    return reply.type('text/plain').send(token);
  });

  app.addContentTypeParser('application/x-www-form-urlencoded', (_request, _body, done) => done(null, undefined));
  app.post('/orders/export', async (request, reply) => {
    const customer = customerOf(request);
    // Pressed twice it is one export.
    const options = { taskKey: 'orders', taskName: `Orders of ${customer}` };
    await baton.as({ id: customer }).schedule(exportOrders, [100], options);
    return reply.redirect('/', 303);
  });
  return app;
};
