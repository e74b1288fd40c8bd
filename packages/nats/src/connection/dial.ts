import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { NotConnectedError } from '@baton/runtime';
import {
  connect,
  credsAuthenticator,
  errors,
  type Authenticator,
  type NatsConnection,
  type NodeConnectionOptions,
} from '@nats-io/transport-node';
import { AuthorizationFailedError } from '../errors.ts';
import { breakStaleConnections } from './stale.ts';
import { tlsFault, tlsOf, type TlsFiles } from './tls.ts';

export type DialSettings = {
  /**
   * `host:port` or URLs, several separated by commas or as a list. A user and password may stand in a URL. Where one is
   * `tls://`, all are connected by TLS or not at all.
   */
  readonly servers: string | readonly string[];
  /** Shown in the server's connection list. */
  readonly name?: string;
  readonly user?: string;
  readonly password?: string;
  readonly token?: string;
  /** Path of a credentials file. */
  readonly creds?: string;
  readonly tls?: TlsFiles;
  /** Prefix of reply subjects, where permissions give every role its own. Default `_INBOX`. */
  readonly inboxPrefix?: string;
  /** How long to try to connect the first time, milliseconds. Default 5,000. */
  readonly connectTimeoutMs?: number;
  /** A connection without an answer counts as gone after three of these. Default 1,500. */
  readonly pingIntervalMs?: number;
};

/** Only what is needed to dial: the settings of a lease travel to a thread, where nothing else can go. */
export const dialOf = (settings: DialSettings): DialSettings => {
  const kept: Record<string, unknown> = {};
  for (const key of DIAL_KEYS) if (settings[key] !== undefined) kept[key] = settings[key];
  return kept as DialSettings;
};

const DIAL_KEYS = Object.keys({
  servers: true,
  name: true,
  user: true,
  password: true,
  token: true,
  creds: true,
  tls: true,
  inboxPrefix: true,
  connectTimeoutMs: true,
  pingIntervalMs: true,
} satisfies Record<keyof DialSettings, true>) as readonly (keyof DialSettings)[];

export const CONNECT_TIMEOUT_MS = 5_000;
const PING_INTERVAL_MS = 1_500;
const DIAL_PAUSE_MS = 250;
/** One try to connect. Also later, for every try to reconnect. */
const DIAL_MIN_MS = 1_000;
const DIAL_MAX_MS = 2_000;

/** How a client gets its connection back, milliseconds. */
export type Redial = {
  /** Longest pause between two tries; the first ones come sooner. Spread: never all clients at once. */
  readonly mostMs: number;
  /** One try. */
  readonly tryMs: number;
};

const REDIAL: Redial = { mostMs: 2_000, tryMs: DIAL_MAX_MS };
/** A lease has no time to lose. */
export const LEASE_REDIAL: Redial = { mostMs: 250, tryMs: 1_500 };
const FIRST_REDIAL_MS = 100;

/**
 * Connects for the first time. Rejects with NotConnectedError when no server could be reached in time, at once with
 * AuthorizationFailedError when one did not let us in, and with TlsFailedError for certificates that do not fit. Afterwards the client reconnects for as long as it takes.
 */
export const dial = async (settings: DialSettings, redial: Redial = REDIAL): Promise<NatsConnection> => {
  let tries = 0;
  const pause = (): number => Math.min(redial.mostMs, FIRST_REDIAL_MS * 2 ** tries++) * (0.5 + Math.random() / 2);
  const options = { ...(await optionsOf(settings)), reconnectDelayHandler: pause };
  const { connectTimeoutMs = CONNECT_TIMEOUT_MS } = settings;
  const until = performance.now() + connectTimeoutMs;
  for (;;) {
    const leftMs = until - performance.now();
    try {
      const nc = await connect({ ...options, timeout: Math.max(DIAL_MIN_MS, Math.min(leftMs, redial.tryMs)) });
      tries = 0;
      void breakStaleConnections(nc, () => (tries = 0));
      return nc;
    } catch (fault) {
      const refused = authorizationFault(fault) ?? tlsFault(fault, options.servers);
      if (refused !== undefined) throw refused;
      if (until - performance.now() <= DIAL_PAUSE_MS) throw unreachable(options, connectTimeoutMs, fault);
      await new Promise((resolve) => setTimeout(resolve, DIAL_PAUSE_MS));
    }
  }
};

const optionsOf = async (settings: DialSettings): Promise<NodeConnectionOptions> => {
  const { servers, login } = readServers(settings.servers);
  const user = settings.user ?? login?.user;
  const pass = settings.password ?? login?.password;
  const tls = await tlsOf(settings.tls, servers);
  return {
    servers: [...servers],
    ...(settings.name === undefined ? {} : { name: settings.name }),
    ...(user === undefined ? {} : { user, pass: pass ?? '' }),
    ...(settings.token === undefined ? {} : { token: settings.token }),
    ...(settings.creds === undefined ? {} : { authenticator: await credsIn(settings.creds) }),
    ...(tls === undefined ? {} : { tls }),
    ...(settings.inboxPrefix === undefined ? {} : { inboxPrefix: settings.inboxPrefix }),
    maxReconnectAttempts: -1,
    // A password that is changed on the server while we run may be changed back or be followed by a restart of ours.
    ignoreAuthErrorAbort: true,
    pingInterval: settings.pingIntervalMs ?? PING_INTERVAL_MS,
    maxPingOut: 2,
    waitOnFirstConnect: false,
    noAsyncTraces: true,
  };
};

/** Read again for every connection, since what has an end is renewed in its file. Where that fails the last is kept. */
export const credsIn = async (path: string): Promise<Authenticator> => {
  let known = credsAuthenticator(await firstRead(path));
  return (nonce) => {
    try {
      const fresh = credsAuthenticator(readFileSync(path));
      const login = fresh(nonce);
      known = fresh;
      return login;
    } catch {
      // Away, or not yet written to its end.
      return known(nonce);
    }
  };
};

const firstRead = async (path: string): Promise<Uint8Array> => {
  try {
    return await readFile(path);
  } catch (fault) {
    throw new AuthorizationFailedError(
      `the credentials file ${path} cannot be read (NATS_CREDS; credsFile in the SDK)`,
      { cause: fault },
    );
  }
};

type Login = { readonly user: string; readonly password: string };

/** The client does not read a user from a URL; operators write it there all the same. */
export const readServers = (
  given: string | readonly string[],
): { readonly servers: readonly string[]; readonly login: Login | undefined } => {
  const parts = typeof given === 'string' ? given.split(',') : given;
  let login: Login | undefined;
  const servers = parts
    .map((part) => part.trim())
    .filter((part) => part !== '')
    .map((part) => {
      const match = /^([a-z]+:\/\/)?([^@/]*)@(.+)$/i.exec(part);
      if (match === null) return part;
      const [, scheme = '', who = '', host = ''] = match;
      const [user = '', ...password] = who.split(':');
      login ??= { user: decodeURIComponent(user), password: decodeURIComponent(password.join(':')) };
      return scheme + host;
    });
  return { servers, login };
};

const authorizationFault = (fault: unknown): AuthorizationFailedError | undefined => {
  if (fault instanceof AuthorizationFailedError) return fault;
  const refused = fault instanceof errors.AuthorizationError || fault instanceof errors.UserAuthenticationExpiredError;
  if (!refused) return undefined;
  return new AuthorizationFailedError(
    `nats-server does not accept these credentials (${fault.message}): check NATS_USER and NATS_PASSWORD, or NATS_CREDS ` +
      '(natsUser and natsPassword, or credsFile, in the SDK)',
    { cause: fault },
  );
};

/** A server that does not take our certificate hangs up without a word. */
const UNSAID = ' Does it take our certificate, if it asks for one (NATS_CERT and NATS_KEY; tls in the SDK)?';

const unreachable = ({ servers, tls }: NodeConnectionOptions, ms: number, fault: unknown): NotConnectedError => {
  const text = fault instanceof Error ? fault.message : String(fault);
  return new NotConnectedError(
    `no nats-server at ${String(servers)} within ${ms} ms (${text}); is it running?${tls ? UNSAID : ''}`,
    {
      cause: fault,
    },
  );
};
