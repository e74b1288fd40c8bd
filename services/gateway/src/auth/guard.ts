import type { Actor } from '@baton/core';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { problem } from '../http/problem.ts';
import { requireOwnOrigin } from './csrf.ts';
import { DEV_HEADER } from './dev-users.ts';
import { nameInHost } from './hosts.ts';
import { actorOf, type Authenticate, type Identity } from './identity.ts';

/** Who may call a route. Every route says so; one that does not is refused at the start. */
export type Access = 'open' | 'user' | 'admin';

export type RouteEntry = { readonly method: string; readonly url: string; readonly access: Access };

declare module 'fastify' {
  interface FastifyContextConfig {
    access?: Access;
    /** Also asked by its address, as probes do. */
    anyHost?: boolean;
  }
  interface FastifyRequest {
    identity: Identity | null;
  }
  interface FastifyInstance {
    /** Every route there is, and who may call it. */
    routeTable: readonly RouteEntry[];
  }
}

export type GuardSettings = {
  readonly authenticate: Authenticate;
  readonly hosts: ReadonlySet<string>;
  /** Failed logins one address may make in a minute. */
  readonly failuresPerMinute: number;
};

/** Before anything else of a request is looked at: by which name it calls, who makes it, whether he means it. */
export const installGuard = (server: FastifyInstance, settings: GuardSettings): void => {
  const failed = server.createRateLimit({
    max: settings.failuresPerMinute,
    timeWindow: 60_000,
    keyGenerator: (request) => `failed ${request.ip}`,
  });
  server.decorateRequest('identity', null);

  const table: RouteEntry[] = [];
  server.decorate('routeTable', table);
  server.addHook('onRoute', ({ config, url, method }) => {
    const methods = typeof method === 'string' ? [method] : method;
    const access = config?.access;
    if (access === undefined) throw new Error(`the route ${methods.join(', ')} ${url} does not say who may call it`);
    for (const one of methods) table.push({ method: one, url, access });
  });

  server.addHook('onRequest', async (request) => {
    if (request.raw.httpVersion === '1.1' && request.headers.host === undefined) {
      throw problem('BAD_REQUEST', 'the header Host is missing');
    }
    const { access = 'open', anyHost = false } = request.routeOptions.config;
    if (!anyHost && !isOurs(request, settings.hosts)) {
      throw problem('UNKNOWN_HOST', 'the gateway does not answer to this name');
    }
    if (access === 'open') return;
    const identity = await settings.authenticate(credentialsOf(request));
    if (identity === undefined) {
      // Counted when it failed, so that nobody can shut out others who come through the same proxy.
      const tried = await failed(request);
      if (!tried.isAllowed && tried.isExceeded) throw tooMany(tried.ttlInSeconds);
      throw problem('UNAUTHENTICATED', 'no valid credentials came with this request');
    }
    if (identity.isAmbient) requireOwnOrigin(askedBy(request));
    if (access === 'admin' && !identity.admin) throw problem('PERMISSION_DENIED', 'this is for admins');
    request.identity = identity;
  });
};

export const tooMany = (seconds: number) =>
  problem('TOO_MANY_REQUESTS', 'too many requests', { headers: { 'Retry-After': String(Math.max(1, seconds)) } });

/** Of a request that has passed the guard. */
export const identityIn = ({ identity }: FastifyRequest): Identity => {
  if (identity === null) throw new Error('a route for users was called by nobody');
  return identity;
};

export const actorIn = (request: FastifyRequest): Actor => actorOf(identityIn(request));

const isOurs = ({ headers }: FastifyRequest, hosts: ReadonlySet<string>): boolean => {
  const name = nameInHost(headers.host);
  return name !== undefined && hosts.has(name);
};

const credentialsOf = ({ raw, headers, cookies }: FastifyRequest) => ({
  // The parsed headers keep the first of several.
  authorization: raw.rawHeaders.filter((_, i, all) => i % 2 === 1 && all[i - 1]?.toLowerCase() === 'authorization'),
  cookies,
  devUser: one(headers[DEV_HEADER]),
});

const askedBy = ({ method, headers }: FastifyRequest) => ({
  method,
  host: headers.host?.toLowerCase() ?? '',
  header: (name: string) => one(headers[name]),
});

const one = (value: string | readonly string[] | undefined): string | undefined =>
  typeof value === 'string' || value === undefined ? value : value[0];
