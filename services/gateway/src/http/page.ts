import { existsSync } from 'node:fs';
import { join } from 'node:path';
import fastifyStatic from '@fastify/static';
import type { FastifyInstance } from 'fastify';
import { problem } from './problem.ts';

/** Addresses the page itself understands. */
const PAGES = ['/', '/tasks', '/overview', '/workers', '/task/:uuid'] as const;

const HASHED = /-[A-Za-z0-9_-]{8,}\.(js|css|woff2|svg|png|map)$/;

/** The built page. Without one the interface works all the same, and `/` says what is missing. */
export const installPage = async (server: FastifyInstance, root: string | undefined): Promise<void> => {
  if (root === undefined || !existsSync(join(root, 'index.html'))) {
    server.get('/', { config: { access: 'open' }, schema: { hide: true } }, async () => {
      throw problem('NOT_FOUND', 'the page is not built', { hint: 'Run npm run build, or use /api/v1 directly.' });
    });
    return;
  }
  await server.register(fastifyStatic, {
    root,
    // Its own route would not say who may call it.
    serve: false,
    index: false,
    dotfiles: 'ignore',
    cacheControl: false,
    setHeaders: (reply, path) => {
      void reply.header('Cache-Control', HASHED.test(path) ? 'public, max-age=31536000, immutable' : 'no-cache');
    },
  });
  server.get<{ Params: { '*': string } }>(
    '/*',
    { config: { access: 'open' }, schema: { hide: true } },
    (request, reply) => reply.sendFile(request.params['*']),
  );
  for (const path of PAGES) {
    server.get(path, { config: { access: 'open' }, schema: { hide: true } }, (_request, reply) =>
      reply.sendFile('index.html'),
    );
  }
};
