import type { VariableName } from './settings.ts';

/**
 * Who reads a variable: a service, the command line, programs through `connect` of the SDK where they say nothing else, or
 * workers and clients in Python, likewise.
 */
export type SettingReader = 'supervisor' | 'worker' | 'projector' | 'gateway' | 'cli' | 'sdk' | 'python';

export type SettingRow = {
  /** As it would be written; absent: not set, which means what `what` says. */
  readonly default?: string;
  /** Of a number. */
  readonly unit?: string;
  readonly readers: readonly SettingReader[];
  readonly what: string;
};

const SERVICES = ['supervisor', 'worker', 'projector', 'gateway'] as const;
const ALL = [...SERVICES, 'cli', 'sdk'] as const;
const WITHOUT_SDK = [...SERVICES, 'cli'] as const;
/** Where NATS is, and who one is there. */
const CONNECTING = [...WITHOUT_SDK, 'python'] as const;
const WITH_MONGO = ['projector', 'gateway', 'cli'] as const;
const SUBMITTING = ['supervisor', 'worker', 'gateway', 'cli', 'sdk'] as const;

/** Every variable of the environment. `deploy/settings.md` is made from it: `node scripts/settings-page.mjs`. */
export const SETTINGS: Readonly<Record<VariableName, SettingRow>> = {
  NATS_URL: {
    default: 'nats://127.0.0.1:4222',
    readers: [...ALL, 'python'],
    what: 'One server or several, comma between. `tls://`: TLS or no connection.',
  },
  NATS_CREDS: { readers: CONNECTING, what: 'Path of a credentials file.' },
  NATS_USER: { readers: CONNECTING, what: 'Together with NATS_PASSWORD.' },
  NATS_PASSWORD: { readers: CONNECTING, what: 'Together with NATS_USER. Hidden in logs.' },
  NATS_CA: {
    readers: CONNECTING,
    what: 'Path of the certificates, in PEM, of whoever signs those of nats-server. TLS or no connection.',
  },
  NATS_CERT: {
    readers: CONNECTING,
    what: 'Path of our own certificate in PEM, for servers that ask for one; with NATS_KEY.',
  },
  NATS_KEY: { readers: CONNECTING, what: 'Path of its key in PEM.' },
  NATS_INBOX_PREFIX: {
    readers: CONNECTING,
    what: 'What reply subjects begin with, where permissions give every role its own; `_INBOX` where it is not set.',
  },
  MONGODB_URL: {
    default: 'mongodb://127.0.0.1:27017/baton',
    readers: WITH_MONGO,
    what: 'The database stands in the path, `baton` where it has none. `?tls=true&tlsCAFile=/path` for TLS.',
  },
  BATON_NAMESPACE: {
    default: 'BATON',
    readers: [...ALL, 'python'],
    what: 'Prefix of streams and subjects; the same for all of an installation.',
  },
  BATON_REPLICAS: {
    default: '1',
    unit: 'copies',
    readers: WITHOUT_SDK,
    what: 'Of every stream that is made now: 1, 3 or 5.',
  },
  BATON_TASKS_MAX_BYTES: {
    unit: 'bytes',
    readers: WITHOUT_SDK,
    what: 'Most that the records of all tasks take, when their stream is made; above four fifths new tasks are refused. Not set: no limit.',
  },
  BATON_EVENTS_ENABLED: {
    default: 'true',
    readers: ALL,
    what: 'false: no event log is kept. The same for all of an installation.',
  },
  BATON_EVENTS_MAX_BYTES: {
    default: '2147483648',
    unit: 'bytes',
    readers: WITHOUT_SDK,
    what: 'Most that the event log takes, when it is made; the oldest events go first. 0: no limit but seven days.',
  },
  BATON_HTTP_PORT: {
    default: '8088',
    unit: 'port',
    readers: ['gateway', 'cli'],
    what: 'Of REST, events and the page. 0: any free one.',
  },
  BATON_HTTP_HOST: { default: '127.0.0.1', readers: ['gateway', 'cli'], what: 'Address the gateway listens on.' },
  BATON_HTTP_ALLOWED_HOSTS: {
    default: '',
    readers: ['gateway'],
    what: 'Names the gateway answers to besides its own address, comma between.',
  },
  BATON_CORS_ORIGINS: {
    default: '',
    readers: ['gateway'],
    what: 'Origins of pages that may call the gateway with a token, comma between.',
  },
  BATON_RATE_LIMIT: {
    default: '6000',
    unit: 'requests a minute',
    readers: ['gateway'],
    what: 'That one user may make.',
  },
  BATON_ENABLED: { default: 'true', readers: SUBMITTING, what: 'false refuses new tasks.' },
  GLOBAL_TASK_FRAMEWORK: { default: 'true', readers: SUBMITTING, what: 'The same switch under its name in Superset.' },
  BATON_UNKNOWN_TYPES: {
    default: 'accept',
    readers: SUBMITTING,
    what: '`refuse`: tasks of types no worker has ever served are not taken.',
  },
  BATON_COMMAND_ADMINS: {
    default: 'true',
    readers: ['supervisor'],
    what: 'false: commands over NATS do not speak for admins.',
  },
  SHOW_STACKTRACE: { default: 'false', readers: ['gateway', 'sdk'], what: 'Shows stack traces of tasks.' },
  BATON_AUTH: { default: 'jwt', readers: ['gateway', 'cli'], what: '`dev`: no tokens, on loopback only.' },
  BATON_JWT_SECRET: {
    readers: ['gateway', 'cli'],
    what: 'Of tokens signed with HS256, 32 bytes or more. This or BATON_JWKS_URL is needed. Hidden in logs.',
  },
  BATON_JWKS_URL: { readers: ['gateway', 'cli'], what: 'Where the public keys of tokens are.' },
  BATON_JWT_ISSUER: { readers: ['gateway', 'cli'], what: 'What tokens have to say as `iss`. Not set: anything.' },
  BATON_JWT_AUDIENCE: { readers: ['gateway', 'cli'], what: 'What tokens have to say as `aud`. Not set: anything.' },
  BATON_CURSOR_SECRET: {
    readers: ['gateway'],
    what: 'Signs page cursors: the same for several gateways with BATON_JWKS_URL. Not set: BATON_JWT_SECRET, else one of its own. Hidden in logs.',
  },
  BATON_METRICS_PORT: {
    unit: 'port',
    readers: [...SERVICES, 'python'],
    what: 'Of `/healthz`, `/readyz` and `/metrics`. Not set: none. 0: any free one. With `npm start` the first of four.',
  },
  BATON_METRICS_HOST: {
    default: '127.0.0.1',
    readers: [...SERVICES, 'python'],
    what: 'Address of that port; whoever reaches it may read it.',
  },
  BATON_LOG_LEVEL: {
    default: 'info',
    readers: [...SERVICES, 'python'],
    what: '`trace`, `debug`, `info`, `warn`, `error`, `fatal`, `silent`.',
  },
  BATON_QUEUES: { default: 'default', readers: ['worker', 'python'], what: 'Queues it serves, comma between.' },
  BATON_CONCURRENCY: {
    default: '50',
    unit: 'tasks',
    readers: ['worker', 'python'],
    what: 'That it runs at once; 8 in Python where it is not set.',
  },
  BATON_LOAD_LIMIT_MS: {
    default: '60000',
    unit: 'ms',
    readers: ['worker'],
    what: 'A worker whose modules of tasks are not loaded within this long ends.',
  },
  BATON_MAX_BLOCK_MS: {
    default: '60000',
    unit: 'ms',
    readers: ['worker'],
    what: 'A worker whose event loop does not turn for this long counts as dead; for ten times as long, it is killed.',
  },
  BATON_TASKS: {
    default: '',
    readers: ['worker', 'cli'],
    what: 'Modules whose exported tasks it serves, comma between. Needed.',
  },
  BATON_PROJECTOR_PACE_MS: {
    default: '200',
    unit: 'ms',
    readers: ['projector'],
    what: 'Least time between two writes; longer is cheaper, shorter is fresher.',
  },
  BATON_PROJECTOR_LAG_WARN_MS: {
    default: '10000',
    unit: 'ms',
    readers: ['projector', 'cli'],
    what: 'A projection further behind is warned about.',
  },
  BATON_PRUNE_DAYS: {
    unit: 'days',
    readers: ['projector'],
    what: 'Ended tasks older than this are pruned on a schedule. 0: all. Not set: none.',
  },
  BATON_PRUNE_MAX_ROWS: {
    default: '0',
    unit: 'tasks',
    readers: ['projector'],
    what: 'Most that one such prune deletes. 0: no limit.',
  },
  BATON_PRUNE_EVERY_MS: { default: '3600000', unit: 'ms', readers: ['projector'], what: 'Between two such prunes.' },
  BATON_DATA_LIMIT_BYTES: {
    default: '8388608',
    unit: 'bytes',
    readers: ['worker'],
    what: 'Largest encoded arguments and results. May only be lowered.',
  },
};

/** What workers in Python read besides. */
const OF_PYTHON: Readonly<Record<string, SettingRow>> = {
  BATON_GATEWAY_URL: {
    readers: ['python'],
    what: 'Address of a gateway, to which results beyond 700 KiB are sent. Not set: they are refused.',
  },
};

/** Variables the Python package reads. */
export const pythonVariables = (): readonly string[] =>
  Object.entries({ ...SETTINGS, ...OF_PYTHON }).flatMap(([name, { readers }]) =>
    readers.includes('python') ? [name] : [],
  );

/** The page for people. */
export const settingsPage = (): string => {
  const rows = Object.entries({ ...SETTINGS, ...OF_PYTHON }).map(([name, row]) => {
    const cells = [
      `\`${name}\``,
      row.default ? `\`${row.default}\`` : '',
      row.unit ?? '',
      row.readers.join(', '),
      row.what,
    ];
    return `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  });
  return [...HEAD, '| variable | default | unit | read by | what |', '|---|---|---|---|---|', ...rows, ''].join('\n');
};

/** The variables one of them reads, for `--help`. */
export const settingsHelp = (reader: SettingReader): string =>
  Object.entries(SETTINGS)
    .filter(([, { readers }]) => readers.includes(reader))
    .map(([name, { default: otherwise, unit, what }]) => {
      const value = otherwise === undefined ? '' : `=${otherwise}`;
      return `  ${name}${value}${unit === undefined ? '' : ` (${unit})`}\n      ${what.replaceAll('`', '')}`;
    })
    .join('\n');

const HEAD = [
  '<!-- Made by `node scripts/settings-page.mjs` from packages/runtime/src/settings-table.ts: change that. -->',
  '',
  '# Settings',
  '',
  'Services and the command line are set by the environment, which is read in one place and checked before anything starts: all faults are told at once,',
  'each with the name of its variable, and the process ends with code 2. An empty variable is one that is not set. `sdk` means programs that',
  'call `connect` without saying it themselves, `python` the workers and clients of the Python package. Secrets are never logged.',
  '',
];
