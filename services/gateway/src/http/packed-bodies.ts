import type { FastifyInstance } from 'fastify';
import { problem } from './problem.ts';

/** Bodies are small and come as they are: what is packed might be a thousand times as much. */
export const refusePackedBodies = (server: FastifyInstance): void => {
  server.addHook('onRequest', async ({ headers }) => {
    const encoding = headers['content-encoding']?.trim().toLowerCase() ?? '';
    if (encoding === '' || encoding === 'identity') return;
    throw problem('UNSUPPORTED_MEDIA_TYPE', 'the body has a Content-Encoding', { hint: 'Send the body as it is.' });
  });
};
