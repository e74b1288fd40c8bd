import { randomBytes } from 'node:crypto';
import type { AddressInfo } from 'node:net';
import { allowedHosts } from '../../services/gateway/src/auth/hosts.ts';
import { authenticateDevUser } from '../../services/gateway/src/auth/dev-users.ts';
import { authenticateByToken } from '../../services/gateway/src/auth/tokens.ts';
import { openGateway, type Gateway } from '../../services/gateway/src/gateway.ts';
import type { GatewayServer, ServerSettings } from '../../services/gateway/src/server.ts';
import { connectMongo, createTaskViews, type Mongo } from '@baton/mongo';
import { connectPorts, type NatsPorts } from '@baton/nats';
import { createSupervisor, silentLog, startProjector, type Log } from '@baton/runtime';
import { createBaton, type Baton } from '@baton/sdk';
import { SignJWT } from 'jose';
import { answerCheck, type AnswerCheck } from './openapi-answers.ts';
import { databaseUrl, deleteNamespace, sharedServers } from './system-fixture.ts';
import type { TestContext } from './test-body.ts';

export type GatewaySystem = {
  readonly gateway: Gateway;
  readonly ports: NatsPorts;
  readonly mongo: Mongo;
  readonly baton: Baton;
  readonly namespace: string;
  /** One call, without a socket. `as`: whose token goes with it. */
  readonly call: (method: 'GET' | 'POST' | 'PUT' | 'DELETE', url: string, options?: CallOptions) => Promise<CallAnswer>;
  /** A token of this user. */
  readonly token: (user: string) => Promise<string>;
  /** `http://127.0.0.1:<port>`; listens from the first call on. */
  readonly listen: () => Promise<string>;
  /** One more gateway on the same servers. */
  readonly another: (settings?: Partial<ServerSettings>) => Promise<Gateway>;
};

export type CallOptions = {
  readonly as?: string;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  /** Address of the caller; another one for each call when not given. */
  readonly from?: string;
};

export type CallAnswer = {
  readonly status: number;
  readonly text: string;
  readonly headers: Readonly<Record<string, unknown>>;
  /** A member of a member of the body; undefined where there is none. */
  readonly at: (...path: readonly (string | number)[]) => unknown;
};

export const SECRET = 'a secret for tests of thirty-two bytes or more';
/** Whoever is named so is an admin. */
export const ADMIN = 'root';

type Options = {
  readonly settings?: Partial<ServerSettings>;
  readonly log?: Log;
  /** Documents come into MongoDB; without, everything is answered from what is live. */
  readonly projector?: boolean;
  readonly dev?: boolean;
  /** Tasks are handed to workers. */
  readonly supervisor?: boolean;
};

/** A gateway in this process, on the shared servers, in a namespace and a database of its own. */
export const openGatewaySystem = async ({ defer }: TestContext, options: Options = {}): Promise<GatewaySystem> => {
  const id = randomBytes(4).toString('hex');
  const namespace = `G${id.toUpperCase()}`;
  const { natsUrl, mongoUrl } = sharedServers();
  const mongo = await connectMongo({ url: databaseUrl(mongoUrl, `baton_gateway_${id}`) });
  defer(() => mongo.close());
  defer(() => mongo.db.dropDatabase());
  const ports = await connectPorts({ servers: natsUrl, namespace });
  defer(async () => {
    await ports.close();
    await deleteNamespace(natsUrl, namespace);
  });
  const views = createTaskViews(mongo);
  await views.ensureIndexes();
  if (options.projector) {
    const projector = await startProjector(ports, views, { log: silentLog, paceMs: 20, lagWarnMs: 60_000 });
    defer(() => projector.stop());
  }
  if (options.supervisor) {
    const supervisor = createSupervisor(ports, { id: `s-${id}`, log: silentLog });
    await supervisor.start();
    defer(() => supervisor.stop());
  }
  const baton = createBaton({ ports });
  defer(() => baton.close());
  const open = async (settings: Partial<ServerSettings> = {}): Promise<Gateway> => {
    const log = options.log ?? silentLog;
    const authenticate = options.dev
      ? authenticateDevUser
      : authenticateByToken({ mode: 'secret', secret: SECRET, audience: 'baton', issuer: 'tests' }, log);
    const made = await openGateway({
      ports,
      mongo,
      log,
      authenticate,
      settings: { ...SETTINGS, mode: options.dev ? 'dev' : 'jwt', ...options.settings, ...settings },
    });
    defer(() => made.close());
    return made;
  };
  const gateway = await open();
  return {
    gateway,
    ports,
    mongo,
    baton,
    namespace,
    token,
    call: (method, url, call = {}) => callOn(gateway, method, url, call),
    listen: async () => {
      const { server } = gateway.server;
      if (!server.listening) await gateway.server.listen({ port: 0, host: '127.0.0.1' });
      return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    },
    another: open,
  };
};

const SETTINGS: ServerSettings = {
  mode: 'jwt',
  enabled: true,
  unknownTypes: 'accept',
  showStacktrace: false,
  hosts: allowedHosts('127.0.0.1', []),
  corsOrigins: [],
  rateLimit: 100_000,
  cursorSecret: SECRET,
};

export const callOn = async (
  { server }: Gateway,
  method: 'GET' | 'POST' | 'PUT' | 'DELETE' | 'OPTIONS',
  url: string,
  { as, body, headers = {}, from = newAddress() }: CallOptions,
): Promise<CallAnswer> => {
  const answer = await server.inject({
    method,
    url,
    remoteAddress: from,
    headers: {
      host: '127.0.0.1:8088',
      ...(as === undefined ? {} : { authorization: `Bearer ${await token(as)}` }),
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...headers,
    },
    ...(body === undefined ? {} : { payload: typeof body === 'string' ? body : JSON.stringify(body) }),
  });
  const told = jsonIn(answer.payload);
  checkOf(server)({
    method,
    url,
    status: answer.statusCode,
    type: String(answer.headers['content-type'] ?? ''),
    body: told,
  });
  return {
    status: answer.statusCode,
    text: answer.payload,
    headers: answer.headers,
    at: (...path) => path.reduce<unknown>((value, name) => memberOf(value, name), told),
  };
};

const checks = new WeakMap<GatewayServer, AnswerCheck>();

/** What is answered in any test of the gateway is held to its document. */
const checkOf = (server: GatewayServer): AnswerCheck => {
  const check = checks.get(server) ?? answerCheck(server);
  checks.set(server, check);
  return check;
};

const memberOf = (value: unknown, name: string | number): unknown =>
  typeof value === 'object' && value !== null ? (value as Readonly<Record<string, unknown>>)[name] : undefined;

let callers = 0;
const newAddress = (): string => `10.0.${(++callers >> 8) & 255}.${callers & 255}`;

const jsonIn = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
};

export const token = async (user: string, claims: Readonly<Record<string, unknown>> = {}): Promise<string> =>
  new SignJWT({ roles: user === ADMIN ? ['admin'] : [], ...claims })
    .setProtectedHeader({ alg: 'HS256' })
    .setSubject(user)
    .setIssuer('tests')
    .setAudience('baton')
    .setIssuedAt()
    .setExpirationTime('10m')
    .sign(new TextEncoder().encode(SECRET));
