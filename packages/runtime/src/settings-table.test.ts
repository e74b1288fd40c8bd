import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import * as assert from 'uvu/assert';
import { suite } from '../../../test/support/suite.ts';
import type { ConfigError } from './errors.ts';
import { readSettings } from './settings.ts';
import { SETTINGS, settingsHelp, pythonVariables, settingsPage, type SettingReader } from './settings-table.ts';

const test = suite('settings: the page');

test('the page is what the table says: `node scripts/settings-page.mjs` writes it', () => {
  assert.is(readFileSync('deploy/settings.md', 'utf8'), settingsPage());
});

test('the help of a service has the variables it reads, and no other', () => {
  const told = (reader: SettingReader): readonly string[] =>
    [...settingsHelp(reader).matchAll(/^ {2}(\w+)/gm)].map(([, name = '']) => name);
  const read = Object.entries(SETTINGS).filter(([, { readers }]) => readers.includes('projector'));
  assert.equal(
    told('projector'),
    read.map(([name]) => name),
  );
  assert.ok(told('worker').includes('BATON_TASKS') && !told('supervisor').includes('BATON_TASKS'));
  assert.match(settingsHelp('projector'), /^ {2}BATON_PRUNE_EVERY_MS=3600000 \(ms\)\n {6}Between/m);
});

test('every default on the page is the one that holds', () => {
  for (const [name, { default: otherwise }] of Object.entries(SETTINGS)) {
    if (otherwise !== undefined) assert.equal(readSettings({ [name]: otherwise }), readSettings({}), name);
  }
});

test('a number has a unit, and an error names its variable', () => {
  for (const [name, row] of Object.entries(SETTINGS)) {
    if (/^\d+$/.test(row.default ?? '')) assert.ok(row.unit, `${name} has no unit`);
    if (row.unit === undefined) continue;
    let faults: readonly string[] = [];
    try {
      readSettings({ [name]: 'many' });
    } catch (error) {
      faults = (error as ConfigError).faults;
    }
    assert.ok(faults.length === 1 && faults[0]?.startsWith(`${name} must be`), `${name}: ${faults.join()}`);
  }
});

/** Source text of a service: what stands in its folder, and what it calls with its settings. */
const textOf = (folder: string): string =>
  readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.ts') && !path.endsWith('.test.ts') && !path.includes('node_modules'))
    .map((path) => readFileSync(join(folder, path), 'utf8'))
    .join('\n');

/** Fields of the settings that a text reads. */
const fieldsIn = (text: string): ReadonlySet<string> => {
  const names = [...text.matchAll(/\bsettings\.(\w+)/g)].map(([, name = '']) => name);
  const taken = [...text.matchAll(/\{([^{}]*)\} = (?:\w+\.)?settings\b/g)].flatMap(([, list = '']) =>
    list.split(',').map((item) => item.split(/[:=]/)[0]?.trim() ?? ''),
  );
  return new Set([...names, ...taken]);
};

test('the Python package reads what is said of it, and nothing else', () => {
  const folder = 'packages/python/src/baton';
  const text = readdirSync(folder)
    .filter((path) => path.endsWith('.py'))
    .map((path) => readFileSync(join(folder, path), 'utf8'))
    .join('\n');
  const read = [...text.matchAll(/(?:environ\.get|_of_environment|_number)\("(\w+)"/g)].map(([, name = '']) => name);
  assert.equal([...new Set(read)].toSorted(), pythonVariables().toSorted());
  // What it looks for slips of.
  const [, list = ''] =
    /^_VARIABLES = \(\n(.*?)^\)/ms.exec(text.slice(text.indexOf('# All that a worker reads'))) ?? [];
  const looked = [...list.matchAll(/"(\w+)"/g)].map(([, name = '']) => name);
  assert.equal(looked.toSorted(), pythonVariables().toSorted());
});

test('who is said to read a variable does, and who does is said to', () => {
  const connection = readFileSync('packages/nats/src/connection/service-connection.ts', 'utf8');
  const shared = [readFileSync('packages/runtime/src/service.ts', 'utf8'), textOf('packages/metrics/src')].join('\n');
  const services: Readonly<Record<Exclude<SettingReader, 'cli' | 'sdk' | 'python'>, string>> = {
    supervisor: textOf('services/supervisor/src') + connection + shared,
    projector: textOf('services/projector/src') + connection + shared,
    gateway: readFileSync('services/gateway/src/service.ts', 'utf8') + connection + shared,
    worker: textOf('services/worker/src') + shared,
  };
  const empty = Object.keys(readSettings({}));
  for (const [service, text] of Object.entries(services)) {
    const read = [...fieldsIn(text)].filter((field) => empty.includes(field));
    const said = new Set<string>();
    for (const [name, { readers }] of Object.entries(SETTINGS)) {
      if (readers.includes(service as SettingReader)) for (const field of fieldsOf(name)) said.add(field);
    }
    assert.equal(read.toSorted(), [...said].toSorted(), service);
  }
});

/** A value of each variable that is not its default. */
const OTHER: Readonly<Record<string, string>> = {
  ...{ NATS_URL: 'nats://elsewhere:1', NATS_INBOX_PREFIX: '_INBOX_x', MONGODB_URL: 'mongodb://elsewhere/x' },
  ...{ BATON_NAMESPACE: 'OTHER', BATON_REPLICAS: '3', BATON_TASKS_MAX_BYTES: '9000000', BATON_HTTP_HOST: '0.0.0.0' },
  ...{ BATON_METRICS_HOST: '0.0.0.0', BATON_UNKNOWN_TYPES: 'refuse', BATON_AUTH: 'dev', BATON_LOG_LEVEL: 'debug' },
  ...{ BATON_JWT_SECRET: 'x'.repeat(32), BATON_CURSOR_SECRET: 'x'.repeat(32), BATON_JWKS_URL: 'https://x.example/' },
  ...{ BATON_CORS_ORIGINS: 'https://x.example', SHOW_STACKTRACE: 'true', BATON_HTTP_ALLOWED_HOSTS: 'x.example' },
};

/** With what a variable goes together. */
const BESIDE: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  NATS_USER: { NATS_PASSWORD: 'p' },
  NATS_PASSWORD: { NATS_USER: 'u' },
  NATS_CERT: { NATS_KEY: '/key' },
  NATS_KEY: { NATS_CERT: '/cert' },
  BATON_JWT_ISSUER: { BATON_JWT_SECRET: 'x'.repeat(32) },
  BATON_JWT_AUDIENCE: { BATON_JWT_SECRET: 'x'.repeat(32) },
  BATON_PRUNE_MAX_ROWS: { BATON_PRUNE_DAYS: '1' },
};

/** Which fields of the settings a variable changes. */
const fieldsOf = (name: string): readonly string[] => {
  const { default: otherwise = '' } = SETTINGS[name as keyof typeof SETTINGS];
  const isSwitch = otherwise === 'true';
  const value =
    OTHER[name] ?? (isSwitch ? 'false' : /^\d+$/.test(otherwise) ? String(Number(otherwise) - 1 || 2) : '7');
  const beside = BESIDE[name] ?? {};
  // Half of a pair is refused.
  const read = (env: Readonly<Record<string, string>>) =>
    readSettings(env, () => undefined) as Readonly<Record<string, unknown>>;
  const before = read(Object.keys(beside).some((one) => one.startsWith('NATS_')) ? {} : beside);
  const after = read({ ...beside, [name]: otherwise === '0' ? '5' : value });
  const changed = Object.keys(after).filter((field) => JSON.stringify(before[field]) !== JSON.stringify(after[field]));
  assert.ok(changed.length > 0, `${name} changes nothing`);
  return changed;
};

test.run();
