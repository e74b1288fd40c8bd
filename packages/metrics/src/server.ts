import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { BatonError, type Log } from '@baton/runtime';
import { readinessOf, type ReadyCheck } from './readiness.ts';
import type { MetricsPage } from './registry.ts';

export type OperationsServerOptions = {
  /** 0: any free one. */
  readonly port: number;
  readonly host: string;
  readonly page: Pick<MetricsPage, 'text' | 'contentType'>;
  /** Asked for every `/readyz`; may grow. */
  readonly checks: readonly ReadyCheck[];
  readonly log: Log;
  /** Names the setting of the port, for the error when it is taken. */
  readonly setting: string;
};

export type OperationsServer = { readonly url: string; readonly close: () => Promise<void> };

/** Nobody sends a body here, or needs long for the head of a request. */
const REQUEST_MS = 10_000;
const CHECK_MS = 1_000;
/** Probes and a few who scrape. */
const CONNECTIONS = 64;

/**
 * `/healthz`, `/readyz` and `/metrics` on a port of their own. Nothing here tells of a single task, and nothing can be changed
 * here; whoever reaches the port may read it. Rejects with BatonError PORT_TAKEN.
 */
export const startOperationsServer = async (options: OperationsServerOptions): Promise<OperationsServer> => {
  const { port, host } = options;
  const server = createServer(
    { requestTimeout: REQUEST_MS, headersTimeout: REQUEST_MS, connectionsCheckingInterval: CHECK_MS },
    (request, response) => {
      answer(request, response, options).catch((error: unknown) => {
        options.log.warn({ err: error, path: request.url }, 'a question for health or metrics could not be answered');
        if (!response.headersSent) send(response, 500, 'text/plain; charset=utf-8', 'the log has the reason\n');
        else response.destroy();
      });
    },
  );
  server.maxConnections = CONNECTIONS;
  await listening(server, options);
  // A process that has nothing else to do may end.
  server.unref();
  const { port: bound } = server.address() as AddressInfo;
  const name = host.includes(':') ? `[${host}]` : host;
  return {
    url: `http://${name}:${port === 0 ? bound : port}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
};

const listening = (server: Server, { port, host, setting }: OperationsServerOptions): Promise<void> =>
  new Promise((resolve, reject) => {
    server.once('error', (error) => {
      if (!('code' in error && error.code === 'EADDRINUSE')) return reject(error);
      const text = `port ${port} of ${host} is taken by another program: stop it, or set ${setting} to a free one`;
      reject(new BatonError('PORT_TAKEN', text, { cause: error }));
    });
    server.listen(port, host, resolve);
  });

const answer = async (
  { url = '/', method }: IncomingMessage,
  response: ServerResponse,
  { page, checks }: OperationsServerOptions,
): Promise<void> => {
  const path = url.split('?', 1)[0];
  if (path !== '/healthz' && path !== '/readyz' && path !== '/metrics') {
    return send(response, 404, 'text/plain; charset=utf-8', 'there are /healthz, /readyz and /metrics\n');
  }
  if (method !== 'GET' && method !== 'HEAD') {
    response.setHeader('allow', 'GET, HEAD');
    return send(response, 405, 'text/plain; charset=utf-8', 'GET or HEAD\n');
  }
  if (path === '/metrics') return send(response, 200, page.contentType, await page.text());
  if (path === '/healthz') return send(response, 200, JSON_TYPE, JSON.stringify({ status: 'ok' }));
  const { isReady, checks: found } = await readinessOf(checks);
  const body = { status: isReady ? 'ok' : 'unavailable', checks: found };
  send(response, isReady ? 200 : 503, JSON_TYPE, JSON.stringify(body));
};

const JSON_TYPE = 'application/json; charset=utf-8';

const send = (response: ServerResponse, status: number, type: string, text: string): void => {
  response.writeHead(status, {
    'content-type': type,
    'content-length': Buffer.byteLength(text),
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
  });
  response.end(text);
};
