import { InexactNumberError, parseExactJson } from '@baton/protocols';
import type { FastifyInstance } from 'fastify';
import { problem } from './problem.ts';

/** Reads bodies as ever, and refuses numbers that would come out as others (behaviour X4). */
export const readExactJson = (server: FastifyInstance): void => {
  const parse = server.getDefaultJsonParser('error', 'error');
  server.addContentTypeParser<string>('application/json', { parseAs: 'string' }, (request, body, done) => {
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
};
