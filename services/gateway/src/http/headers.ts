import helmet from '@fastify/helmet';
import type { FastifyInstance } from 'fastify';

/**
 * On every answer, the page's and the data's. The page loads nothing from elsewhere and has no inline script or style, so
 * that text from a task can never become a program.
 */
export const installHeaders = async (server: FastifyInstance): Promise<void> => {
  await server.register(helmet, {
    contentSecurityPolicy: {
      useDefaults: false,
      directives: {
        defaultSrc: ["'none'"],
        scriptSrc: ["'self'"],
        styleSrc: ["'self'"],
        imgSrc: ["'self'", 'data:'],
        fontSrc: ["'self'"],
        connectSrc: ["'self'"],
        // The page's one stream of events is kept by a shared worker.
        workerSrc: ["'self'"],
        baseUri: ["'none'"],
        frameAncestors: ["'none'"],
        formAction: ["'self'"],
      },
    },
    referrerPolicy: { policy: 'no-referrer' },
    crossOriginResourcePolicy: { policy: 'same-origin' },
    xFrameOptions: { action: 'deny' },
    // Says nothing over plain HTTP; behind TLS the proxy decides for its whole host.
    strictTransportSecurity: false,
  });
  server.addHook('onRequest', async (request, reply) => {
    if (request.url.startsWith('/api/') || request.url === '/metrics') void reply.header('Cache-Control', 'no-store');
  });
};
