import type { FastifyReply, FastifyRequest } from 'fastify';
import { identityIn } from '../auth/guard.ts';
import { encodingFor, varyBy } from './encoding.ts';
import { gzipParts } from './gzip-parts.ts';

/** Shorter ones fit into a few packets as they are. */
const PACKED_FROM = 4 * 1024;

/**
 * `{ "result": rows, ...rest }`, packed where the client takes that: every row for itself, since rows of different tasks hold
 * text of different people. Not for admins, whose rows hold beside text of users what users may not see.
 */
export const sendList = (
  request: FastifyRequest,
  reply: FastifyReply,
  rows: readonly object[],
  rest: object,
): FastifyReply => {
  const parts = rows.map((row, i) => `${i === 0 ? '{"result":[' : ','}${JSON.stringify(row)}`);
  parts.push(`${rows.length === 0 ? '{"result":[' : ''}],${JSON.stringify(rest).slice(1)}`);
  void reply.type('application/json; charset=utf-8');
  varyBy(reply, 'Accept-Encoding');
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  const isPacked =
    length >= PACKED_FROM &&
    !identityIn(request).admin &&
    encodingFor(request.headers['accept-encoding'], ['gzip']) !== undefined;
  if (!isPacked) return reply.send(parts.join(''));
  return reply.header('Content-Encoding', 'gzip').send(gzipParts(parts));
};
