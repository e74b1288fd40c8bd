import { tmpdir } from 'node:os';
import * as assert from 'uvu/assert';
import { suite } from '../../../test/support/suite.ts';
import { ConfigError } from './errors.ts';
import { readSettings } from './settings.ts';
import { describeSettings, secretsOf } from './settings-secrets.ts';

const test = suite('settings');

const faultsOf = (env: Record<string, string>): readonly string[] => {
  try {
    readSettings(env);
  } catch (error) {
    assert.instance(error, ConfigError);
    assert.is((error as ConfigError).code, 'CONFIG_INVALID');
    return (error as ConfigError).faults;
  }
  throw new Error('the settings were taken');
};

test('nothing set: every default', () => {
  assert.equal(readSettings({}), {
    nats: { servers: ['nats://127.0.0.1:4222'] },
    mongo: { url: 'mongodb://127.0.0.1:27017/baton' },
    namespace: 'BATON',
    streams: { replicas: 1, eventsMaxBytes: 2 * 1024 ** 3 },
    httpPort: 8_088,
    gateway: { host: '127.0.0.1', allowedHosts: [], corsOrigins: [], rateLimit: 6_000 },
    enabled: true,
    unknownTypes: 'accept',
    commandAdmins: true,
    showStacktrace: false,
    auth: { mode: 'none' },
    metrics: { host: '127.0.0.1' },
    logLevel: 'info',
    queues: ['default'],
    concurrency: 50,
    maxBlockMs: 60_000,
    loadLimitMs: 60_000,
    taskModules: [],
    dataLimitBytes: 8 * 1024 * 1024,
    retention: { pruneEveryMs: 3_600_000 },
    projector: { paceMs: 200, lagWarnMs: 10_000 },
  });
});

test('an empty variable is one that is not set', () => {
  assert.equal(readSettings({ NATS_URL: '', BATON_CONCURRENCY: '', NATS_USER: '' }), readSettings({}));
});

test('R1 a prune on a schedule is asked for by its days, 0 among them', () => {
  assert.equal(readSettings({ BATON_PRUNE_DAYS: '0' }).retention.prune, { retentionPeriodDays: 0, maxRowsPerRun: 0 });
  const { retention } = readSettings({
    BATON_PRUNE_DAYS: '90',
    BATON_PRUNE_MAX_ROWS: '10000',
    BATON_PRUNE_EVERY_MS: '60000',
  });
  assert.equal(retention, { prune: { retentionPeriodDays: 90, maxRowsPerRun: 10_000 }, pruneEveryMs: 60_000 });
  for (const days of ['-1', '0.5', 'all']) {
    assert.match(faultsOf({ BATON_PRUNE_DAYS: days }).join(), 'BATON_PRUNE_DAYS must be a whole number');
  }
});

test('everything set', () => {
  const env = {
    NATS_URL: 'nats://a:4222, tls://b:4222,c:4222',
    NATS_USER: 'u',
    NATS_PASSWORD: 'p',
    NATS_INBOX_PREFIX: '_INBOX_runtime.billing',
    NATS_CREDS: '/run/creds',
    NATS_CA: '/run/ca.crt',
    NATS_CERT: '/run/tls.crt',
    NATS_KEY: '/run/tls.key',
    MONGODB_URL: 'mongodb://x:y@h1,h2/tasks?replicaSet=rs',
    BATON_NAMESPACE: 'SHOP',
    BATON_REPLICAS: '3',
    BATON_TASKS_MAX_BYTES: '9000000',
    BATON_EVENTS_ENABLED: 'false',
    BATON_EVENTS_MAX_BYTES: '1000000',
    BATON_HTTP_PORT: '0',
    BATON_ENABLED: 'false',
    BATON_COMMAND_ADMINS: 'no',
    SHOW_STACKTRACE: 'On',
    BATON_JWKS_URL: 'https://id.example/jwks',
    BATON_JWT_ISSUER: 'https://id.example',
    BATON_JWT_AUDIENCE: 'baton',
    BATON_HTTP_HOST: '0.0.0.0',
    BATON_HTTP_ALLOWED_HOSTS: 'Tasks.example, b.example',
    BATON_CORS_ORIGINS: 'https://app.example',
    BATON_LOG_LEVEL: 'debug',
    BATON_QUEUES: 'default, reports',
    BATON_CONCURRENCY: '7',
    BATON_PROJECTOR_PACE_MS: '0',
  };
  const settings = readSettings(env, () => undefined);
  assert.equal(settings.nats, {
    servers: ['nats://a:4222', 'tls://b:4222', 'nats://c:4222'],
    credsFile: '/run/creds',
    user: 'u',
    password: 'p',
    inboxPrefix: '_INBOX_runtime.billing',
    tls: { caFile: '/run/ca.crt', certFile: '/run/tls.crt', keyFile: '/run/tls.key' },
  });
  assert.is(settings.namespace, 'SHOP');
  assert.equal(settings.streams, { replicas: 3, tasksMaxBytes: 9_000_000, events: false, eventsMaxBytes: 1_000_000 });
  assert.is(settings.mongo.url, 'mongodb://x:y@h1,h2/tasks?replicaSet=rs');
  assert.is(settings.httpPort, 0);
  assert.is(settings.enabled, false);
  assert.is(settings.commandAdmins, false);
  assert.is(settings.showStacktrace, true);
  assert.equal(settings.auth, {
    mode: 'jwks',
    url: 'https://id.example/jwks',
    issuer: 'https://id.example',
    audience: 'baton',
  });
  assert.equal(settings.gateway, {
    host: '0.0.0.0',
    allowedHosts: ['tasks.example', 'b.example'],
    corsOrigins: ['https://app.example'],
    rateLimit: 6_000,
  });
  assert.equal(settings.queues, ['default', 'reports']);
  assert.is(settings.projector.paceMs, 0);
});

test('metrics: a port, on this machine unless said otherwise', () => {
  assert.equal(readSettings({ BATON_METRICS_PORT: '9461' }).metrics, { port: 9_461, host: '127.0.0.1' });
  const open = { BATON_METRICS_PORT: '0', BATON_METRICS_HOST: '0.0.0.0' };
  assert.equal(readSettings(open).metrics, { port: 0, host: '0.0.0.0' });
  const faults = faultsOf({ BATON_METRICS_PORT: '65536', BATON_METRICS_HOST: 'example.org' }).join('\n');
  assert.match(faults, 'BATON_METRICS_PORT must be a whole number');
  assert.match(faults, 'BATON_METRICS_HOST must be an IP address');
});

test('X6: either switch turns it off', () => {
  assert.is(readSettings({ GLOBAL_TASK_FRAMEWORK: 'false' }).enabled, false);
  assert.is(readSettings({ BATON_ENABLED: '0', GLOBAL_TASK_FRAMEWORK: 'true' }).enabled, false);
});

test('all faults at once, each with its variable', () => {
  const faults = faultsOf({
    NATS_URL: 'http://x',
    NATS_USER: 'u',
    MONGODB_URL: 'postgres://x',
    BATON_NAMESPACE: 'lower',
    BATON_REPLICAS: '2',
    BATON_HTTP_PORT: '70000',
    BATON_ENABLED: 'maybe',
    BATON_AUTH: 'open',
    BATON_JWT_SECRET: 'short',
    BATON_LOG_LEVEL: 'loud',
    BATON_QUEUES: 'a b',
    BATON_CONCURRENCY: '1.5',
  }).join('\n');
  for (const name of [
    'NATS_URL',
    'MONGODB_URL',
    'BATON_NAMESPACE',
    'BATON_REPLICAS',
    'BATON_HTTP_PORT',
    'BATON_ENABLED',
    'BATON_AUTH',
    'BATON_JWT_SECRET',
    'BATON_LOG_LEVEL',
    'BATON_QUEUES',
    'BATON_CONCURRENCY',
  ]) {
    assert.match(faults, new RegExp(`^${name} `, 'm'));
  }
});

test('what belongs together is asked for together', () => {
  assert.equal(faultsOf({ NATS_USER: 'u' }), ['NATS_PASSWORD is missing beside NATS_USER']);
  const file = process.execPath;
  assert.equal(faultsOf({ NATS_CERT: file }), ['NATS_KEY is missing beside NATS_CERT']);
  assert.equal(faultsOf({ NATS_KEY: file }), ['NATS_CERT is missing beside NATS_KEY']);
  const secret = 's'.repeat(32);
  assert.equal(faultsOf({ BATON_JWT_SECRET: secret, BATON_JWKS_URL: 'https://x' }), [
    'BATON_JWKS_URL is set beside BATON_JWT_SECRET: leave one',
  ]);
});

test('no secret is shown, neither in a fault nor in a description', () => {
  const marked = {
    NATS_URL: 'ftp://u:SECRET-XYZZY-1@h',
    MONGODB_URL: 'SECRET-XYZZY-2',
    BATON_JWT_SECRET: 'SECRET-XYZZY-3',
    NATS_PASSWORD: 'SECRET-XYZZY-4',
    BATON_LOG_LEVEL: 'SECRET-XYZZY-5',
  };
  assert.not.match(faultsOf(marked).join('\n'), /XYZZY/);
  const settings = readSettings({
    NATS_URL: 'nats://u:SECRET-XYZZY-1@h',
    MONGODB_URL: 'mongodb://u:SECRET-XYZZY-2@h/db',
    BATON_JWT_SECRET: `SECRET-XYZZY-3-"quoted"-and-long-enough`,
    NATS_USER: 'u',
    NATS_PASSWORD: 'SECRET-XYZZY-4',
  });
  assert.is(secretsOf(settings).length, 2);
  assert.not.match(describeSettings(settings), /XYZZY/);
  assert.match(describeSettings(settings), /mongodb:\/\/\*\*\*@h\/db/);
});

test('a file that is named and cannot be read is a fault like any other: variable, path and reason', () => {
  assert.equal(
    faultsOf({ NATS_CREDS: '/nope/a', NATS_CA: '/nope/b', NATS_CERT: tmpdir(), NATS_KEY: process.execPath }),
    [
      'NATS_CREDS names /nope/a, which cannot be read: there is no such file',
      'NATS_CA names /nope/b, which cannot be read: there is no such file',
      `NATS_CERT names ${tmpdir()}, which cannot be read: it is a folder`,
    ],
  );
  assert.is(readSettings({ NATS_CREDS: process.execPath }).nats.credsFile, process.execPath);
});

test.run();
