import { STATUS_CODES, type IncomingMessage, type Server as HttpServer, type ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import type { FastifyReply } from 'fastify';
import { problem, type Problem } from './problem.ts';

/** What goes with an answer that none of the usual hooks has seen. */
const HEADERS = {
  'Content-Type': 'application/json; charset=utf-8',
  'Cache-Control': 'no-store',
  'Content-Security-Policy': "default-src 'none';frame-ancestors 'none'",
  'X-Content-Type-Options': 'nosniff',
  'Referrer-Policy': 'no-referrer',
} as const;

/** An error of node's own parser; `code` says which. */
type ParserError = Error & { readonly code?: string };

type Talk = { readonly request: IncomingMessage; readonly response: ServerResponse };

/**
 * Answers what never becomes a request of the framework: broken HTTP, CONNECT, an `Expect` nobody can meet. All in the
 * shape of every other error, and never into the middle of another answer.
 */
export const answerRawRequests = (server: HttpServer): void => {
  const talks = new WeakMap<object, Talk>();
  server.prependListener('request', (request, response) => void talks.set(request.socket, { request, response }));
  server.on('clientError', (error: ParserError, socket: Duplex) => {
    const talk = talks.get(socket);
    if (error.code === 'ECONNRESET' || !socket.writable) socket.destroy();
    else if (talk === undefined || talk.response.writableEnded || !isAtWork(talk)) write(socket, problemIn(error));
    else if (talk.response.headersSent) socket.destroy();
    else talk.response.once('finish', () => socket.destroy());
  });
  server.on('connect', (_request, socket: Duplex) =>
    write(socket, problem('METHOD_NOT_ALLOWED', 'this is no proxy', { headers: { Allow: 'GET, HEAD, POST' } })),
  );
  server.on('checkExpectation', (_request, response) => {
    const { statusCode, body } = problem('EXPECTATION_FAILED', 'this Expect cannot be met');
    const text = JSON.stringify(body);
    const length = Buffer.byteLength(text);
    response.writeHead(statusCode, { ...HEADERS, 'Content-Length': length, Connection: 'close' }).end(text);
  });
};

/** For what the framework finds before its hooks run: an address that cannot be read. */
export const answerUnreadableAddress = (reply: FastifyReply): void => {
  const { statusCode, body } = problem('BAD_REQUEST', 'the address cannot be read');
  void reply.code(statusCode).headers(HEADERS).send(JSON.stringify(body));
};

/**
 * A request that is complete may have done something: to call it bad now would be a lie, so it gets its own answer. One
 * whose body is still to come has done nothing yet.
 */
const isAtWork = ({ request, response }: Talk): boolean => request.complete || response.headersSent;

const problemIn = ({ code }: ParserError): Problem => {
  switch (code) {
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return problem('TIMEOUT', 'the request took too long to arrive');
    case 'HPE_HEADER_OVERFLOW':
      return problem('HEADERS_TOO_LARGE', 'address and headers together are too large');
    default:
      return problem('BAD_REQUEST', 'this is not HTTP');
  }
};

const write = (socket: Duplex, { statusCode, body, headers }: Problem): void => {
  const text = JSON.stringify(body);
  const lines = Object.entries({
    ...HEADERS,
    ...headers,
    'Content-Length': String(Buffer.byteLength(text)),
    Connection: 'close',
  }).map(([name, value]) => `${name}: ${value}\r\n`);
  const head = `HTTP/1.1 ${statusCode} ${STATUS_CODES[statusCode] ?? ''}\r\n${lines.join('')}\r\n`;
  socket.on('error', () => undefined);
  socket.end(head + text, () => socket.destroy());
};
