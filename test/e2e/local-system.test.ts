// limit: 400s
// A system that `baton dev` runs is found by commands in a second terminal, and is where it was at the next start.
import { execFile } from 'node:child_process';
import { mkdirSync, readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { join, resolve } from 'node:path';
import * as assert from 'uvu/assert';
import { bareEnvironment, dev, ownServers, temporaryFolder, type Dev } from '../support/dev-process.ts';
import { eventually } from '../support/eventually.ts';
import { suite } from '../support/suite.ts';
import type { TestContext } from '../support/test-body.ts';

const test = suite('local system');

const START_MS = 120_000;
const COMMAND_MS = 60_000;

type Ended = { readonly code: number; readonly stdout: string; readonly stderr: string };

/** As typed in another terminal: no variable is set. */
const typed = (line: string, folder: string, more: Readonly<Record<string, string>> = {}): Promise<Ended> => {
  const command = line.replace(/^npx baton\b/, `"${process.execPath}" "${resolve('scripts/baton.mjs')}"`);
  const env = { ...process.env, ...bareEnvironment(), ...more };
  return new Promise((done) => {
    execFile('sh', ['-c', command], { cwd: folder, env, timeout: COMMAND_MS }, (error, stdout, stderr) =>
      done({ code: error === null ? 0 : Number(error.code ?? -1), stdout, stderr }),
    );
  });
};

const start = async (context: TestContext, folder: string): Promise<Dev> => {
  const run = dev(context, join(folder, '.baton'), []);
  await run.process.start();
  await eventually(async () => assert.match(run.process.output, /Services run on/), {
    limitMs: START_MS,
    everyMs: 50,
  });
  return run;
};

const urlsIn = ({ process: { output } }: Dev): readonly string[] =>
  /Baton runs: NATS (\S+), MongoDB (\S+) /.exec(output)?.slice(1) ?? [];

const listenOn = (port: number): Promise<Server> =>
  new Promise((done, fail) => {
    const server = createServer();
    server.once('error', fail);
    server.listen({ port, host: '127.0.0.1' }, () => done(server));
  });

/** The command lines of the README, without what is said about them; a worker of one's own runs on, and is tested apart. */
const readmeLines = (): readonly string[] => {
  const text = readFileSync('README.md', 'utf8');
  const [, block = ''] = /## From the command line[^]*?```sh\n([^]*?)```/.exec(text) ?? [];
  return block.split('\n').flatMap((line) => (/^npx baton (?!worker )/.test(line) ? [line.replace(/\s+#.*/, '')] : []));
};

test(
  'commands of the README work as written in a second terminal; ports stay; one that is taken is another one, said',
  async (context) => {
    const folder = temporaryFolder(context);
    const below = join(folder, 'some', 'where');
    mkdirSync(below, { recursive: true });
    const first = await start(context, folder);
    const urls = urlsIn(first);
    assert.is(urls.length, 2, first.process.output);
    assert.match(first.process.output, /In a second terminal/);
    const lines = readmeLines();
    assert.ok(lines.length >= 5, lines.join());
    let id = '';
    for (const line of lines) {
      const { code, stdout, stderr } = await typed(line.replace('<id>', id), below);
      assert.is(code, 0, `${line}\n${stdout}${stderr}`);
      if (line.includes('submit')) {
        id = /[0-9a-f-]{36}/.exec(stdout)?.[0] ?? '';
        assert.match(stdout, /success\n {2}4/);
      }
    }
    await first.process.stop();

    const away = await typed('npx baton stats', below);
    assert.is(away.code, 3, 'what is not there any more is not used');
    assert.match(away.stderr, /neither NATS_URL nor MONGODB_URL is set, and no local system runs here/);

    const second = await start(context, folder);
    assert.equal(urlsIn(second), urls);
    await second.process.stop();

    const [natsUrl = '', mongoUrl = ''] = urls;
    const taken = await listenOn(Number(new URL(natsUrl).port));
    context.defer(() => new Promise((done) => taken.close(done)));
    const third = await start(context, folder);
    const [movedUrl, sameUrl] = urlsIn(third);
    assert.is.not(movedUrl, natsUrl);
    assert.is(sameUrl, mongoUrl);
    assert.match(third.process.output, /nats: port \d+, its port until now, is taken by another program: it is \d+/);
    await third.process.stop();
  },
  { limitMs: 3 * START_MS },
);

test(
  'a second start in the same folder is refused before anything is built or started, with the page of the first',
  async (context) => {
    const folder = temporaryFolder(context);
    const first = await start(context, folder);
    const page = /The task list is open at (\S+)/.exec(first.process.output)?.[1];
    assert.ok(page !== undefined, first.process.output);
    const began = performance.now();
    for (const line of [
      'npx baton dev',
      `"${process.execPath}" "${resolve('scripts/start.mjs')}" --data "${join(folder, '.baton')}"`,
    ]) {
      const { code, stdout, stderr } = await typed(line, folder);
      assert.is(code, 1, line);
      assert.match(stderr, /DATA_DIR_IN_USE: a system probably runs in \S+ already: process \d+ uses it/);
      assert.ok(stderr.includes(`its page is at ${page}.`), stderr);
      assert.not.match(stdout + stderr, /built|NATS \d/);
    }
    console.log(`two second starts refused after ${Math.round(performance.now() - began)} ms`);
    await first.process.stop();
  },
  { limitMs: START_MS + 2 * COMMAND_MS },
);

test('what is wrong with the settings is told at once, all of it, in words', async (context) => {
  const folder = temporaryFolder(context);
  const wrong = await typed('npx baton dev', folder, {
    BATON_HTTP_PORT: 'abc',
    NATS_URL: 'http://a',
    MONGODB_URL: 'x',
  });
  assert.is(wrong.code, 2);
  for (const name of ['BATON_HTTP_PORT', 'NATS_URL', 'MONGODB_URL'])
    assert.match(wrong.stderr, new RegExp(`^  ${name} must `, 'm'));
  assert.not.match(wrong.stderr, /"level"|NaN/);
  for (const [name, value] of [
    ['NATS_URL', 'nats://127.0.0.1:9'],
    ['MONGODB_URL', 'mongodb://127.0.0.1:9'],
  ] as const) {
    const one = await typed('npx baton dev', folder, { [name]: value });
    assert.is(one.code, 2);
    assert.match(one.stderr, `${name} is set and ${name === 'NATS_URL' ? 'MONGODB_URL' : 'NATS_URL'} is not`);
  }
});

test(
  'servers that are not there are told by name, both of them, and nothing is started',
  async (context) => {
    const urls = { NATS_URL: 'nats://127.0.0.1:9', MONGODB_URL: 'mongodb://127.0.0.1:9/x' };
    const { code, stderr } = await typed('npx baton dev', temporaryFolder(context), { ...urls, BATON_HTTP_PORT: '0' });
    assert.is(code, 3);
    assert.match(stderr, /^NOT_CONNECTED: no nats-server at nats:\/\/127\.0\.0\.1:9/);
    assert.match(stderr, /^MONGO_UNAVAILABLE: .*MONGODB_URL/m);
    assert.not.match(stderr, /"level"/);
  },
  { limitMs: 40_000 },
);

test(
  'the default port of the page is taken: another one is used, said and kept',
  async (context) => {
    const folder = temporaryFolder(context);
    try {
      const taken = await listenOn(8_088);
      context.defer(() => new Promise((done) => taken.close(done)));
    } catch {
      // Somebody has it already, which is as good.
    }
    const addresses: (string | undefined)[] = [];
    const env = ownServers(context);
    for (let i = 0; i < 2; i++) {
      const run = dev(context, join(folder, '.baton'), [], { ...env, BATON_HTTP_PORT: '' });
      await run.process.start();
      await eventually(async () => assert.match(run.process.output, /Services run on/), { limitMs: START_MS });
      addresses.push(/The task list is open at (\S+)/.exec(run.process.output)?.[1]);
      if (i === 0) assert.match(run.process.output, 'port 8088 is taken by another program');
      await run.process.stop();
    }
    assert.ok(addresses[0] !== undefined && !addresses[0].includes(':8088'));
    assert.is(addresses[1], addresses[0]);
  },
  { limitMs: 2 * START_MS },
);

test(
  '--version says which',
  async (context) => {
    const { version } = JSON.parse(readFileSync('services/cli/package.json', 'utf8')) as { readonly version: string };
    for (const flag of ['--version', '-V']) {
      const { code, stdout } = await typed(`npx baton ${flag}`, temporaryFolder(context));
      assert.equal([code, stdout], [0, `${version}\n`]);
    }
  },
  { limitMs: 20_000 },
);

test.run();
