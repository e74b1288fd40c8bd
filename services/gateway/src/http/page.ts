import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { readPageFiles, sendPageFile } from './page-files.ts';
import { problem } from './problem.ts';

/** Addresses the page itself understands. */
const PAGES = ['/', '/tasks', '/overview', '/schedules', '/workers', '/task/:uuid'] as const;

/** Answers a browser that asks for a page that is not there, so that a person sees one; undefined: it is no browser. */
export type NoPage = (request: FastifyRequest, reply: FastifyReply) => FastifyReply | undefined;

/**
 * The built page, as it was at the start. Without one the interface works all the same, and `/` says what is missing.
 * Every file is a route of its own: no path of a request is ever looked up on the disk.
 */
export const installPage = (server: FastifyInstance, root: string | undefined): NoPage => {
  if (root === undefined || !existsSync(join(root, 'index.html'))) {
    server.get('/', OPEN, async () => {
      throw problem('NOT_FOUND', 'the page is not built', { hint: 'Run npm run build, or use /api/v1 directly.' });
    });
    return (request, reply) => (wantsPage(request) ? reply.code(404).type('text/html').send(NOTHING_HERE) : undefined);
  }
  const files = readPageFiles(root);
  for (const file of files) server.get(`/${file.path}`, OPEN, (request, reply) => sendPageFile(request, reply, file));
  const index = files.find(({ path }) => path === 'index.html');
  if (index === undefined) throw new Error('the page has lost its index.html');
  for (const path of PAGES) server.get(path, OPEN, (request, reply) => sendPageFile(request, reply, index));
  // The page says itself that there is nothing, and offers the way back.
  return (request, reply) => (wantsPage(request) ? sendPageFile(request, reply.code(404), index) : undefined);
};

const OPEN = { config: { access: 'open' }, schema: { hide: true } } as const;

const NOTHING_HERE =
  '<!doctype html><html lang="en"><meta charset="utf-8"><title>Not found · Baton</title><p>There is nothing here.</p></html>';

/** Somebody who typed an address or followed a link. Below `/api` there are programs only. */
const wantsPage = ({ method, url, headers }: FastifyRequest): boolean =>
  (method === 'GET' || method === 'HEAD') &&
  !/^\/(api|metrics|healthz|readyz|assets)([/?]|$)/.test(url) &&
  (headers.accept ?? '').split(',').some((type) => /^\s*text\/html\s*(;|$)/i.test(type));
