import { BatonError, type Log } from '@baton/runtime';
import type { FastifyError, FastifyInstance, FastifyReply } from 'fastify';
import { hasZodFastifySchemaValidationErrors } from 'fastify-type-provider-zod';
import type { z } from 'zod';
import { allowedMethods } from './allowed-methods.ts';
import type { NoPage } from './page.ts';
import { faultsOf, Problem, problem, problemOf, type ProblemCode } from './problem.ts';

/** What the framework itself finds, by status. */
const BY_STATUS: Readonly<Record<number, readonly [code: ProblemCode, message: string]>> = {
  400: ['BAD_REQUEST', 'the request cannot be read'],
  404: ['NOT_FOUND', 'there is nothing here'],
  405: ['METHOD_NOT_ALLOWED', 'this cannot be done here'],
  408: ['TIMEOUT', 'the request took too long to arrive'],
  413: ['PAYLOAD_TOO_LARGE', 'the body is too large'],
  415: ['UNSUPPORTED_MEDIA_TYPE', 'the body is not JSON'],
  429: ['TOO_MANY_REQUESTS', 'too many requests'],
  431: ['HEADERS_TOO_LARGE', 'the headers are too large'],
};

/** Every error as a problem: what is a user's fault is told, what is ours goes to the log and is told in general. */
export const installErrorAnswers = (server: FastifyInstance, log: Log, noPage: () => NoPage): void => {
  server.setNotFoundHandler((request, reply) => {
    const path = request.url.replace(/[?#].*$/, '');
    const methods = allowedMethods(server.routeTable, path);
    if (methods.length > 0 && !methods.includes(request.method)) {
      const headers = { Allow: methods.join(', ') };
      return send(reply, problem('METHOD_NOT_ALLOWED', 'this cannot be done here', { headers }));
    }
    return noPage()(request, reply) ?? send(reply, problem('NOT_FOUND', 'there is nothing here'));
  });
  server.setErrorHandler((error: FastifyError, request, reply) => {
    const found = asProblem(error);
    if (found.statusCode >= 500) {
      const { method, routeOptions } = request;
      log[found.statusCode === 500 ? 'error' : 'warn'](
        { err: error, method, route: routeOptions.url },
        'a request failed',
      );
    }
    return send(reply, found);
  });
};

const send = (reply: FastifyReply, { statusCode, body, headers }: Problem): FastifyReply =>
  reply.code(statusCode).headers(headers).type('application/json; charset=utf-8').send(JSON.stringify(body));

const asProblem = (error: FastifyError): Problem => {
  if (error instanceof Problem) return error;
  if (hasZodFastifySchemaValidationErrors(error)) return invalid(error);
  const known = error instanceof BatonError ? problemOf(error) : undefined;
  if (known !== undefined) return known;
  const [code, message] = BY_STATUS[error.statusCode ?? 500] ?? [];
  if (code !== undefined && message !== undefined) return problem(code, message);
  return problem('INTERNAL', 'something went wrong inside the gateway');
};

/** A fault of a schema, as the framework hands it on. */
type Invalid = {
  readonly keyword: string;
  readonly instancePath: string;
  readonly message: string;
  readonly params: object;
};

const invalid = (error: unknown): Problem =>
  problem('INVALID_ARGUMENT', 'the request has faults', {
    faults: faultsOf((error as { readonly validation: readonly Invalid[] }).validation.map(issueOf), ''),
  });

/** As the schema has found it. */
const issueOf = ({ keyword, instancePath, message, params }: Invalid): z.core.$ZodIssue => {
  const path = instancePath.split('/').filter((part) => part !== '');
  return { ...params, code: keyword, path, message } as unknown as z.core.$ZodIssue;
};
