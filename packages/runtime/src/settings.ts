import { isIP } from 'node:net';
import {
  CONCURRENCY_LIMIT,
  DATA_LIMIT,
  EVENTS_MAX_BYTES,
  LOAD_LIMIT_MS,
  LOAD_LIMIT_RANGE_MS,
  MAX_BLOCK_MS,
  MAX_BLOCK_RANGE_MS,
  NAME_PATTERN,
  namesOf,
  TASKS_MAX_BYTES_LEAST,
  type StreamOptions,
} from '@baton/protocols';
import * as z from 'zod';
import type { UnknownTypes } from './client/run-options.ts';
import { ConfigError } from './errors.ts';
import type { PruneRule } from './retention/prune.ts';
import { fileFault, fileFaults } from './settings-files.ts';

/**
 * The environment, read in this one place. An empty variable counts as not set; all faults are told at once. What each
 * variable means stands in `settings-table.ts`.
 */
export type Settings = {
  readonly nats: {
    readonly servers: readonly string[];
    readonly credsFile?: string;
    readonly user?: string;
    readonly password?: string;
    readonly inboxPrefix?: string;
    readonly tls?: { readonly caFile?: string; readonly certFile?: string; readonly keyFile?: string };
  };
  readonly mongo: { readonly url: string };
  readonly namespace: string;
  /** For streams that are made now. */
  readonly streams: StreamOptions;
  readonly httpPort: number;
  readonly enabled: boolean;
  /** Whether tasks of types no worker has ever served are taken. */
  readonly unknownTypes: UnknownTypes;
  /** Whether commands over NATS may speak for admins. */
  readonly commandAdmins: boolean;
  readonly showStacktrace: boolean;
  readonly gateway: {
    readonly host: string;
    /** Without ports, lower case. */
    readonly allowedHosts: readonly string[];
    /** As browsers send them: `https://app.example`. */
    readonly corsOrigins: readonly string[];
    /** Requests a user may make in a minute. */
    readonly rateLimit: number;
    readonly cursorSecret?: string;
  };
  /** `none`: nothing was set; a gateway refuses to start with it. */
  readonly auth:
    | { readonly mode: 'dev' }
    | ({ readonly mode: 'secret'; readonly secret: string } & TokenClaims)
    | ({ readonly mode: 'jwks'; readonly url: string } & TokenClaims)
    | { readonly mode: 'none' };
  /** Where health and metrics are told; `port` absent: nowhere. */
  readonly metrics: { readonly port?: number; readonly host: string };
  readonly logLevel: LogLevel;
  readonly queues: readonly string[];
  readonly concurrency: number;
  readonly maxBlockMs: number;
  readonly loadLimitMs: number;
  readonly taskModules: readonly string[];
  readonly projector: { readonly paceMs: number; readonly lagWarnMs: number };
  readonly dataLimitBytes: number;
  readonly retention: { readonly prune?: PruneRule; readonly pruneEveryMs: number };
};

/** What a token has to say besides being signed. */
type TokenClaims = { readonly issuer?: string; readonly audience?: string };

export type LogLevel = (typeof LOG_LEVELS)[number];

const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const;

/** HS256 with a shorter key can be guessed offline from one token. */
const JWT_SECRET_MIN_BYTES = 32;

const TRUE = new Set(['true', '1', 'yes', 'on']);
const FALSE = new Set(['false', '0', 'no', 'off']);

const text = z.string().optional();

const flag = (otherwise: boolean) =>
  z
    .string()
    .optional()
    .refine((v) => v === undefined || TRUE.has(v.toLowerCase()) || FALSE.has(v.toLowerCase()), 'must be true or false')
    .transform((v) => (v === undefined ? otherwise : TRUE.has(v.toLowerCase())));

const isWhole = (text: string, min: number, max: number): boolean =>
  /^\d{1,16}$/.test(text) && Number(text) >= min && Number(text) <= max;

const whole = (otherwise: number, min: number, max: number) =>
  z
    .string()
    .default(String(otherwise))
    .refine((v) => isWhole(v, min, max), `must be a whole number, ${min} to ${max}`)
    .transform(Number);

const wholeOrNone = (min: number, max: number) =>
  z
    .string()
    .refine((v) => isWhole(v, min, max), `must be a whole number, ${min} to ${max}`)
    .transform(Number)
    .optional();

const urlFault = (value: string, protocols: readonly string[]): string | undefined => {
  const protocol = value.slice(0, value.indexOf('://') + 1);
  if (!protocols.includes(protocol)) return `must begin with ${protocols.map((p) => `${p}//`).join(' or ')}`;
  // A MongoDB address may list several hosts, which URL does not take.
  if (protocol.startsWith('mongodb')) return undefined;
  return URL.canParse(value) ? undefined : 'is not a URL';
};

const url = (...protocols: readonly string[]) =>
  z.string().check((ctx) => {
    const fault = urlFault(ctx.value, protocols);
    if (fault !== undefined) ctx.issues.push({ code: 'custom', message: fault, input: ctx.value });
  });

const list = (value: string): readonly string[] =>
  value
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== '');

const host = z
  .string()
  .default('127.0.0.1')
  .refine((v) => v === 'localhost' || isIP(v) !== 0, 'must be an IP address or localhost');

const NATS_PROTOCOLS = ['nats:', 'tls:', 'ws:', 'wss:'];

const natsServers = (text: string): readonly string[] =>
  list(text).map((server) => (server.includes('://') ? server : `nats://${server}`));

const natsServersFault = (servers: readonly string[]): string | undefined =>
  servers.length === 0
    ? 'names no server'
    : servers.map((server) => urlFault(server, NATS_PROTOCOLS)).find((fault) => fault !== undefined);

/** Why these are no servers of NATS, as text or as a list: what NATS_URL may be. Undefined: they are. */
export const serversFault = (servers: string | readonly string[]): string | undefined =>
  natsServersFault([servers].flat().flatMap(natsServers));

const natsUrl = z
  .string()
  .default('nats://127.0.0.1:4222')
  .transform(natsServers)
  .check((ctx) => {
    const fault = natsServersFault(ctx.value);
    if (fault !== undefined) ctx.issues.push({ code: 'custom', message: fault, input: ctx.value });
  });

const isOrigin = (value: string): boolean => URL.canParse(value) && new URL(value).origin === value;

const isNamespace = (value: string): boolean => {
  try {
    namesOf(value);
    return true;
  } catch {
    return false;
  }
};

const ENVIRONMENT = z.object({
  NATS_URL: natsUrl,
  NATS_CREDS: text,
  NATS_USER: text,
  NATS_PASSWORD: text,
  NATS_CA: text,
  NATS_CERT: text,
  NATS_KEY: text,
  NATS_INBOX_PREFIX: z
    .string()
    .regex(
      /^_INBOX[A-Za-z0-9_-]{0,64}(?:\.[A-Za-z0-9_-]{1,64}){0,2}$/,
      'must be _INBOX, perhaps letters, digits, _ and - behind it, and up to two more tokens, such as _INBOX_publisher.billing',
    )
    .optional(),
  MONGODB_URL: url('mongodb:', 'mongodb+srv:').default('mongodb://127.0.0.1:27017/baton'),
  BATON_NAMESPACE: z.string().default('BATON').refine(isNamespace, 'must be 1 to 32 of A-Z, 0-9 and _, a letter first'),
  BATON_REPLICAS: z.enum(['1', '3', '5'], { error: 'must be 1, 3 or 5' }).default('1'),
  BATON_TASKS_MAX_BYTES: wholeOrNone(TASKS_MAX_BYTES_LEAST, Number.MAX_SAFE_INTEGER),
  BATON_EVENTS_ENABLED: flag(true),
  BATON_EVENTS_MAX_BYTES: whole(EVENTS_MAX_BYTES, 0, Number.MAX_SAFE_INTEGER),
  BATON_HTTP_PORT: whole(8_088, 0, 65_535),
  BATON_HTTP_HOST: host,
  BATON_METRICS_PORT: wholeOrNone(0, 65_535),
  BATON_METRICS_HOST: host,
  BATON_HTTP_ALLOWED_HOSTS: z
    .string()
    .default('')
    .transform((v) => list(v.toLowerCase()))
    .refine((hosts) => hosts.every((host) => /^[a-z0-9.-]{1,253}$/.test(host)), 'must be host names without ports'),
  BATON_CORS_ORIGINS: z
    .string()
    .default('')
    .transform(list)
    .refine((origins) => origins.every(isOrigin), 'must be origins such as https://app.example'),
  BATON_RATE_LIMIT: whole(6_000, 1, 10_000_000),
  BATON_ENABLED: flag(true),
  BATON_UNKNOWN_TYPES: z.enum(['accept', 'refuse'], { error: 'must be accept or refuse' }).default('accept'),
  BATON_COMMAND_ADMINS: flag(true),
  GLOBAL_TASK_FRAMEWORK: flag(true),
  SHOW_STACKTRACE: flag(false),
  BATON_AUTH: z.enum(['jwt', 'dev'], { error: 'must be jwt or dev' }).default('jwt'),
  BATON_JWT_SECRET: z
    .string()
    .refine((v) => Buffer.byteLength(v) >= JWT_SECRET_MIN_BYTES, `must have at least ${JWT_SECRET_MIN_BYTES} bytes`)
    .optional(),
  BATON_JWKS_URL: url('https:', 'http:').optional(),
  BATON_JWT_ISSUER: text,
  BATON_JWT_AUDIENCE: text,
  BATON_CURSOR_SECRET: z
    .string()
    .refine((v) => Buffer.byteLength(v) >= JWT_SECRET_MIN_BYTES, `must have at least ${JWT_SECRET_MIN_BYTES} bytes`)
    .optional(),
  BATON_LOG_LEVEL: z.enum(LOG_LEVELS, { error: `must be one of ${LOG_LEVELS.join(', ')}` }).default('info'),
  BATON_QUEUES: z
    .string()
    .default('default')
    .transform(list)
    .refine((names) => names.length > 0 && names.every((name) => NAME_PATTERN.test(name)), {
      error: 'must be queue names with commas between: letters, digits, _ . -, at most 100 characters',
    }),
  BATON_CONCURRENCY: whole(50, 1, CONCURRENCY_LIMIT),
  BATON_MAX_BLOCK_MS: whole(MAX_BLOCK_MS, MAX_BLOCK_RANGE_MS.least, MAX_BLOCK_RANGE_MS.most),
  BATON_LOAD_LIMIT_MS: whole(LOAD_LIMIT_MS, LOAD_LIMIT_RANGE_MS.least, LOAD_LIMIT_RANGE_MS.most),
  BATON_TASKS: z.string().default('').transform(list),
  BATON_PROJECTOR_PACE_MS: whole(200, 0, 60_000),
  BATON_PRUNE_DAYS: wholeOrNone(0, 36_500),
  BATON_PRUNE_MAX_ROWS: whole(0, 0, Number.MAX_SAFE_INTEGER),
  BATON_PRUNE_EVERY_MS: whole(3_600_000, 1_000, 30 * 86_400_000),
  BATON_DATA_LIMIT_BYTES: whole(DATA_LIMIT, 1, DATA_LIMIT),
  BATON_PROJECTOR_LAG_WARN_MS: whole(10_000, 100, 86_400_000),
});

/** All that are read. */
export type VariableName = keyof z.input<typeof ENVIRONMENT>;

type Environment = z.output<typeof ENVIRONMENT>;
type Texts = Readonly<Record<string, string | undefined>>;

/** What concerns two variables. Apart from the schema, which would tell it only where nothing else is wrong. */
const pairFaults = (set: Texts): readonly string[] => {
  const has = (name: string): boolean => set[name] !== undefined;
  return [
    ...(has('NATS_USER') && !has('NATS_PASSWORD') ? ['NATS_PASSWORD is missing beside NATS_USER'] : []),
    ...(has('NATS_PASSWORD') && !has('NATS_USER') ? ['NATS_USER is missing beside NATS_PASSWORD'] : []),
    ...(has('NATS_CERT') && !has('NATS_KEY') ? ['NATS_KEY is missing beside NATS_CERT'] : []),
    ...(has('NATS_KEY') && !has('NATS_CERT') ? ['NATS_CERT is missing beside NATS_KEY'] : []),
    ...(has('BATON_JWT_SECRET') && has('BATON_JWKS_URL')
      ? ['BATON_JWKS_URL is set beside BATON_JWT_SECRET: leave one']
      : []),
  ];
};

/**
 * Reads and checks all settings. Throws ConfigError, which lists every fault and shows no value but paths of files.
 * `faultOf`: why a file cannot be read, for who reads the settings of a process that runs elsewhere.
 */
export const readSettings = (env: Texts = process.env, faultOf: typeof fileFault = fileFault): Settings => {
  const set = Object.fromEntries(Object.entries(env).filter(([, value]) => value !== undefined && value !== ''));
  const parsed = ENVIRONMENT.safeParse(set);
  const own = parsed.error?.issues.map((issue) => `${issue.path.join('.')} ${issue.message}`) ?? [];
  const faults = [...own, ...pairFaults(set), ...fileFaults(set, faultOf)];
  if (parsed.success && faults.length === 0) return settingsOf(parsed.data);
  throw new ConfigError(faults);
};

const settingsOf = (env: Environment): Settings => ({
  nats: {
    servers: env.NATS_URL,
    ...(env.NATS_CREDS === undefined ? {} : { credsFile: env.NATS_CREDS }),
    ...(env.NATS_USER === undefined ? {} : { user: env.NATS_USER }),
    ...(env.NATS_PASSWORD === undefined ? {} : { password: env.NATS_PASSWORD }),
    ...(env.NATS_INBOX_PREFIX === undefined ? {} : { inboxPrefix: env.NATS_INBOX_PREFIX }),
    ...natsTlsOf(env),
  },
  mongo: { url: env.MONGODB_URL },
  namespace: env.BATON_NAMESPACE,
  streams: {
    replicas: Number(env.BATON_REPLICAS),
    ...(env.BATON_TASKS_MAX_BYTES === undefined ? {} : { tasksMaxBytes: env.BATON_TASKS_MAX_BYTES }),
    ...(env.BATON_EVENTS_ENABLED ? {} : { events: false }),
    eventsMaxBytes: env.BATON_EVENTS_MAX_BYTES,
  },
  httpPort: env.BATON_HTTP_PORT,
  enabled: env.BATON_ENABLED && env.GLOBAL_TASK_FRAMEWORK,
  unknownTypes: env.BATON_UNKNOWN_TYPES,
  commandAdmins: env.BATON_COMMAND_ADMINS,
  showStacktrace: env.SHOW_STACKTRACE,
  gateway: {
    host: env.BATON_HTTP_HOST,
    allowedHosts: env.BATON_HTTP_ALLOWED_HOSTS,
    corsOrigins: env.BATON_CORS_ORIGINS,
    rateLimit: env.BATON_RATE_LIMIT,
    ...(env.BATON_CURSOR_SECRET === undefined ? {} : { cursorSecret: env.BATON_CURSOR_SECRET }),
  },
  auth: authOf(env),
  metrics: {
    host: env.BATON_METRICS_HOST,
    ...(env.BATON_METRICS_PORT === undefined ? {} : { port: env.BATON_METRICS_PORT }),
  },
  logLevel: env.BATON_LOG_LEVEL,
  queues: env.BATON_QUEUES,
  concurrency: env.BATON_CONCURRENCY,
  maxBlockMs: env.BATON_MAX_BLOCK_MS,
  loadLimitMs: env.BATON_LOAD_LIMIT_MS,
  taskModules: env.BATON_TASKS,
  dataLimitBytes: env.BATON_DATA_LIMIT_BYTES,
  retention: {
    pruneEveryMs: env.BATON_PRUNE_EVERY_MS,
    ...(env.BATON_PRUNE_DAYS === undefined
      ? {}
      : { prune: { retentionPeriodDays: env.BATON_PRUNE_DAYS, maxRowsPerRun: env.BATON_PRUNE_MAX_ROWS } }),
  },
  projector: { paceMs: env.BATON_PROJECTOR_PACE_MS, lagWarnMs: env.BATON_PROJECTOR_LAG_WARN_MS },
});

const natsTlsOf = ({ NATS_CA, NATS_CERT, NATS_KEY }: Environment): Pick<Settings['nats'], 'tls'> => {
  const tls = {
    ...(NATS_CA === undefined ? {} : { caFile: NATS_CA }),
    ...(NATS_CERT === undefined ? {} : { certFile: NATS_CERT }),
    ...(NATS_KEY === undefined ? {} : { keyFile: NATS_KEY }),
  };
  return Object.keys(tls).length === 0 ? {} : { tls };
};

const authOf = (env: Environment): Settings['auth'] => {
  if (env.BATON_AUTH === 'dev') return { mode: 'dev' };
  const claims = {
    ...(env.BATON_JWT_ISSUER === undefined ? {} : { issuer: env.BATON_JWT_ISSUER }),
    ...(env.BATON_JWT_AUDIENCE === undefined ? {} : { audience: env.BATON_JWT_AUDIENCE }),
  };
  if (env.BATON_JWT_SECRET !== undefined) return { mode: 'secret', secret: env.BATON_JWT_SECRET, ...claims };
  if (env.BATON_JWKS_URL !== undefined) return { mode: 'jwks', url: env.BATON_JWKS_URL, ...claims };
  return { mode: 'none' };
};
