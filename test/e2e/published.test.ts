// limit: 600s
// What is published, as a user gets it: tarballs in an empty project, strict TypeScript, and real servers.
import { randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { checkPackage, createPackageFromTarballData } from '@arethetypeswrong/core';
import { publint } from 'publint';
import * as assert from 'uvu/assert';
import { eventually } from '../support/eventually.ts';
import { freePort } from '../support/free-port.ts';
import { configFor, HANDBOOK_CONFIG, KIT, loud, TASKS, WRONG } from '../support/published-files.ts';
import { emptyProject, install, packTarballs, runHere } from '../support/published-project.ts';
import { handbookPages, sourceOf } from '../support/handbook.ts';
import { blocksIn } from '../support/readme-blocks.ts';
import { suite } from '../support/suite.ts';
import { databaseUrl, deleteNamespace, sharedServers } from '../support/system-fixture.ts';
import { SystemProcess } from '../support/system-process.ts';

const test = suite('published packages');

const OUT = resolve('test/.tmp', `published-${process.pid}`);
mkdirSync(OUT, { recursive: true });
const project = emptyProject();
const { natsUrl, mongoUrl } = sharedServers();
const id = randomBytes(4).toString('hex');
const env = {
  NATS_URL: natsUrl,
  MONGODB_URL: databaseUrl(mongoUrl, `baton_test_${id}`),
  BATON_NAMESPACE: `U${id.toUpperCase()}`,
};
test.after(() => {
  project.remove();
  rmSync(OUT, { recursive: true, force: true });
});
test.after(() => deleteNamespace(natsUrl, env.BATON_NAMESPACE));

const PACK_MS = 150_000;

let tarballs: Readonly<Record<string, string>> = {};
const textIn = async (tarball: string, path: string): Promise<string> =>
  (await runHere('tar', ['xzOf', tarball, `package/${path}`], { cwd: OUT })).stdout;
const filesIn = async (tarball: string): Promise<readonly string[]> =>
  (await runHere('tar', ['tzf', tarball], { cwd: OUT })).stdout
    .trim()
    .split('\n')
    .map((path) => path.replace(/^package\//, ''));

type Manifest = {
  readonly name: string;
  readonly exports: Readonly<Record<string, string | Readonly<Record<string, string>>>>;
  readonly bin?: Readonly<Record<string, string>>;
  readonly dependencies: Readonly<Record<string, string>>;
  readonly peerDependencies?: Readonly<Record<string, string>>;
  readonly engines: Readonly<Record<string, string>>;
};
const manifestIn = async (tarball: string): Promise<Manifest> =>
  JSON.parse(await textIn(tarball, 'package.json')) as Manifest;

test(
  'tarballs hold what their manifest names, and nothing of the workspace',
  async () => {
    tarballs = await packTarballs(OUT);
    assert.equal(Object.keys(tarballs).toSorted(), ['cli', 'sdk', 'testkit']);
    for (const tarball of Object.values(tarballs)) {
      const files = await filesIn(tarball);
      const manifest = await manifestIn(tarball);
      for (const needed of ['LICENSE', 'README.md']) assert.ok(files.includes(needed), `${manifest.name}: ${needed}`);
      assert.equal(
        files.filter(
          (path) => /(^|\/)(src|test|node_modules)\/|\.test\.|\.tsx?$/.test(path) && !path.endsWith('.d.ts'),
        ),
        [],
      );
      const named = [...Object.values(manifest.exports), manifest.bin ?? {}].flatMap((each) =>
        typeof each === 'string' ? [each] : Object.values(each),
      );
      for (const path of named) assert.ok(files.includes(path.replace(/^\.\//, '')), `${manifest.name}: ${path}`);
      assert.is(manifest.engines['node'], '>=20.19');
      const ranges = { ...manifest.dependencies, ...manifest.peerDependencies };
      for (const [name, range] of Object.entries(ranges)) assert.match(range, /^\^?\d+\.\d+\.\d+$/, name);
      const maps = files.filter((path) => path.endsWith('.mjs.map'));
      assert.ok(maps.length > 0, `${manifest.name}: source maps`);
      const { sources } = JSON.parse(await textIn(tarball, maps[0] ?? '')) as { readonly sources: readonly string[] };
      for (const source of sources) assert.match(source, /^\.\.\/source\/(?!\.)/, 'inside of the package');
      const own = Object.keys(ranges).filter((name) => name.startsWith('@baton/'));
      assert.equal(own, manifest.name === '@baton/testkit' ? ['@baton/sdk'] : []);
    }
  },
  { limitMs: PACK_MS },
);

test(
  'another scope stands in everything that names a package',
  async () => {
    const renamed = await packTarballs(join(OUT, 'renamed'), 'testkit', '--scope', '@another');
    for (const [name, tarball] of Object.entries(renamed)) {
      assert.is((await manifestIn(tarball)).name, `@another/${name}`);
      const { stdout } = await runHere('tar', ['xzOf', tarball, '--wildcards', '--exclude=*.map', 'package/*'], {
        cwd: OUT,
      });
      assert.not.match(stdout, /@baton\/(sdk|testkit|cli)\b/, name);
    }
    assert.equal((await manifestIn(renamed['testkit'] ?? '')).peerDependencies, { '@another/sdk': '0.1.0' });
  },
  { limitMs: PACK_MS },
);

test(
  'publint and arethetypeswrong find nothing',
  async () => {
    for (const [name, path] of Object.entries(tarballs)) {
      const bytes = new Uint8Array(readFileSync(path));
      const { messages } = await publint({ pack: { tarball: bytes.buffer }, strict: true });
      assert.equal(messages, [], name);
      if (name === 'cli') continue; // Nobody imports it.
      const { types, ...analysis } = await checkPackage(createPackageFromTarballData(bytes));
      assert.ok(types !== false, name);
      // All of it is ES modules: a `require` gets one where Node can, and old resolution without `exports` finds nothing.
      const problems = 'problems' in analysis ? analysis.problems : undefined;
      const meant = (problems ?? []).filter(
        (problem) =>
          problem.kind !== 'CJSResolvesToESM' && !('resolutionKind' in problem && problem.resolutionKind === 'node10'),
      );
      assert.ok(problems !== undefined, name);
      assert.equal(meant, [], name);
    }
  },
  { limitMs: 30_000 },
);

/** README files by the name their blocks get. */
const PAGES = { readme: 'README.md', sdk: 'packages/sdk/README.md', testkit: 'packages/testkit/README.md' };
const blocks = Object.entries(PAGES).flatMap(([name, path]) =>
  blocksIn(readFileSync(path, 'utf8'))
    .filter(({ words }) => !words.includes('no-run'))
    .map((block, i) => ({ name: `${name}-${i}`, ...block })),
);

/** Programs of the handbook; `handbook.test.ts` runs them, and here they have only what is published. */
const handbook = handbookPages().flatMap(({ programs }) =>
  programs.map((program) => ({ name: `handbook-${program.name}`, code: sourceOf(program, true) })),
);
/** Of others, that a page of the handbook tells to import. */
const BESIDE = ['@nats-io/jetstream', 'mongodb'];

test(
  'they install into an empty project, and what READMEs and the handbook show compiles there',
  async () => {
    await install(project, [...Object.values(tarballs), '@types/node@20', ...BESIDE]);
    project.write({
      ...{ 'src/tasks.ts': TASKS, 'src/loud.ts': loud('!'), 'src/wrong.ts': WRONG, 'src/kit.test.ts': KIT },
      ...Object.fromEntries(blocks.map(({ name, code }) => [`src/${name}.ts`, `${code}export {};\n`])),
      ...Object.fromEntries(handbook.map(({ name, code }) => [`handbook/${name}.ts`, code])),
      'tsconfig.handbook.json': HANDBOOK_CONFIG,
      'tsconfig.json': configFor('nodenext', 'nodenext'),
      'tsconfig.bundler.json': configFor('esnext', 'bundler'),
    });
    const tsc = resolve('node_modules/.bin/tsc');
    await project.run(tsc, '-p', 'tsconfig.bundler.json', '--noEmit');
    await project.run(tsc, '-p', 'tsconfig.handbook.json', '--noEmit');
    await project.run(tsc, '-p', 'tsconfig.json');
  },
  { limitMs: 200_000 },
);

test(
  'the test kit works with node:test, and takes the SDK of the project',
  async () => {
    const { stdout } = await project.run(process.execPath, '--test', 'out/kit.test.js');
    assert.match(stdout, /# pass 1\n/);
    const { stdout: copies } = await project.run('npm', 'ls', '@baton/sdk', '--all', '--parseable');
    assert.equal(copies.trim().split('\n'), [join(project.folder, 'node_modules/@baton/sdk')]);
  },
  { limitMs: 30_000 },
);

/** The command as it is installed, as a process that runs on. */
const service = (name: string, args: readonly string[], more: Readonly<Record<string, string>> = {}): SystemProcess =>
  new SystemProcess({ name, command: join(project.folder, 'node_modules/.bin/baton'), args, env: { ...env, ...more } });

/** Three programs start for one worker, and a loader compiles: on a busy machine that takes its time. */
const START_MS = 90_000;

const started = async (each: SystemProcess): Promise<void> => {
  await each.start();
  await eventually(() => assert.match(each.output, '"msg":"started"'), { limitMs: START_MS });
};

const baton = async (...args: readonly string[]): Promise<string> => {
  const bin = join(project.folder, 'node_modules/.bin/baton');
  return (await runHere(bin, args, { cwd: project.folder, env })).stdout;
};

const port = await freePort();
const services = [
  service('supervisor', ['supervisor']),
  service('projector', ['projector']),
  service('gateway', ['gateway'], { BATON_AUTH: 'dev', BATON_HTTP_PORT: String(port) }),
];
test.after(() => Promise.all(services.map((each) => each.destroy())));

test(
  'the command tells what it can, and runs services that a doctor finds well',
  async () => {
    const { stdout } = await project.run('npx', 'baton', '--help');
    for (const command of ['dev', 'worker', 'doctor', 'submit'])
      assert.match(stdout, new RegExp(`^ {2}${command}`, 'm'));
    await Promise.all(services.map(started));
    const page = await fetch(`http://127.0.0.1:${port}/`);
    assert.equal([page.status, page.headers.get('content-type')?.split(';')[0]], [200, 'text/html']);
    await eventually(
      async () => {
        const found = JSON.parse(await baton('doctor', '--json')) as { readonly healthy: boolean };
        assert.ok(found.healthy, JSON.stringify(found));
      },
      { limitMs: 20_000 },
    );
  },
  { limitMs: 100_000 },
);

type Answer = { readonly id: string; readonly status: string; readonly result: unknown };
const submit = async (...args: readonly string[]): Promise<Answer> =>
  JSON.parse((await baton('submit', ...args, '--json')).trim().split('\n').at(-1) ?? '') as Answer;

const worker = service('worker', ['worker', '--tasks', join(project.folder, 'src/tasks.ts'), '--watch']);
test.after(() => worker.destroy());
const saves = (text: string): void => project.write({ 'src/loud.ts': text });
const says = (text: string, times = 1): Promise<void> =>
  eventually(() => assert.is(worker.output.split(text).length - 1, times, worker.output), { limitMs: START_MS });

test(
  'a worker takes TypeScript, in threads too, and serves what is saved when what runs has ended',
  async () => {
    await started(worker);
    assert.equal((await submit('shout', 'abc', '--wait')).result, 'ABC!');
    assert.equal((await submit('apart', '7', '--wait')).result, { isMainThread: false, squared: 49 });
    const gate = join(project.folder, 'gate');
    const { id: waiting } = await submit('waits', gate);
    await eventually(async () => assert.match(await baton('get', waiting, '--json'), '"in_progress"'), {
      limitMs: 20_000,
    });
    saves(loud('?'));
    await says('what runs is drained first');
    await says('"msg":"worker ready"', 1);
    project.write({ gate: '' });
    await says('"msg":"worker ready"', 2);
    const { status, result, attempt } = JSON.parse(await baton('get', waiting, '--json')) as Answer & {
      attempt: number;
    };
    assert.equal([status, result, attempt], ['success', 'WAITED!', 1]);
    assert.equal((await submit('shout', 'abc', '--wait')).result, 'ABC?');
  },
  { limitMs: 200_000 },
);

const isAlive = (pid: number): boolean => {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
};

test(
  'it shows what cannot be loaded and goes on, and none of it outlives the command',
  async () => {
    saves('export const loud = (');
    await says('it goes on with those it has');
    assert.match(worker.output, /loud\.ts:\d+:\d+: ERROR/);
    assert.equal((await submit('shout', 'abc', '--wait')).result, 'ABC?');
    const pids = [...worker.output.matchAll(/"pid":(\d+)/g)].map(([, pid]) => Number(pid));
    assert.ok(pids.some(isAlive));
    await worker.kill('SIGKILL');
    await eventually(() => assert.equal(pids.filter(isAlive), []), { limitMs: 60_000 });
  },
  { limitMs: 100_000 },
);

test(
  'without --watch it ends as a service does, and modules that are not there are told of at once',
  async () => {
    saves(loud('!'));
    const plain = service('plain worker', ['worker', '--tasks', join(project.folder, 'src/tasks.ts')]);
    try {
      await started(plain);
      assert.equal(await plain.stop(), { code: 0, signal: null });
    } finally {
      await plain.destroy();
    }
    for (const more of [[], ['--watch']]) {
      const refused = await baton('worker', '--tasks', './nowhere.ts', ...more).catch(String);
      assert.match(refused, /ended with 2:\n[^]*BATON_TASKS: there is no file \.\/nowhere\.ts/);
    }
  },
  { limitMs: 100_000 },
);

for (const { name, prints } of blocks) {
  test(
    `${name} runs, ends by itself and prints what it says`,
    async () => {
      const { stdout } = await runHere(process.execPath, [`out/${name}.js`], { cwd: project.folder, env });
      for (const line of prints) assert.ok(stdout.split('\n').includes(line), `'${line}' is not in:\n${stdout}`);
    },
    { limitMs: 30_000 },
  );
}

test.run();
