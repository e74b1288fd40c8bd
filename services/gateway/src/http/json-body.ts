import { InexactNumberError, parseExactJson } from '@baton/protocols';
import type { FastifyInstance } from 'fastify';
import * as z from 'zod';
import { problem } from './problem.ts';

/**
 * Reads bodies as ever, and refuses numbers that would come out as others (behaviour X4). An empty body is none: many clients
 * send the header whatever there is to send.
 */
export const readExactJson = (server: FastifyInstance): void => {
  const parse = server.getDefaultJsonParser('error', 'error');
  server.addContentTypeParser<string>('application/json', { parseAs: 'string' }, (request, body, done) => {
    if (body === '') return done(null, undefined);
    void parse(request, body, (error, value) => {
      if (error !== null) return done(error);
      try {
        parseExactJson(body);
      } catch (fault) {
        if (!(fault instanceof InexactNumberError)) throw fault;
        return done(problem('INVALID_ARGUMENT', fault.message));
      }
      return done(null, value);
    });
  });
  // Without a body a route that needs one says which of its fields are missing.
  server.addHook('preValidation', async (request) => {
    const { body: shape } = request.routeOptions.schema ?? {};
    if (request.body === undefined && shape instanceof z.ZodType && !shape.safeParse(null).success) request.body = {};
  });
};
