// `npm run pack [-- sdk|testkit|cli… --out <folder> --scope @name]`: what is published, as tarballs; all of it, or what is named.
//
//   <scope>/sdk       what programs import; its `internal/` entries are for the test kit of the same version
//   <scope>/testkit   a whole Baton in memory; takes the SDK the program has
//   <scope>/cli       the `baton` command with all services, the page and the local servers
//
// Everything of this workspace is bundled into them. Why so: see the decision on publishing.
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { build, stop } from 'esbuild';
import { buildPage } from './build-page.mjs';
import { moduleEntries, threadEntries } from './bundle.mjs';
import { runChild } from './child.mjs';
import { requireInstalled } from './install.mjs';
import { bundleCode } from './pack.code.mjs';
import { bundleTypes, writeDeclarations } from './pack.types.mjs';
import { lastLines, runMain, say, ScriptError, seconds } from './say.mjs';
import { isMain, readJson, root } from './workspace.mjs';

/** Sources of the SDK that the test kit needs, each an entry of its own: `@baton/sdk/internal/runtime`. */
const INTERNAL = {
  'internal/core': 'packages/core/src/index.ts',
  'internal/protocols': 'protocols/src/index.ts',
  'internal/runtime': 'packages/runtime/src/index.ts',
};

/** Packages the command finds by name at run time, and not by an import. */
const FOUND_BY_NAME = ['vega-datasets'];

/** Packages whose insides are mended at run time: the version that was tested, and no other. */
const EXACT = new Set(['mongodb']);

const OWN_SCOPE = '@baton';

/** @returns {Record<string, string>} name -> version, of the catalogue */
const catalogue = () => {
  const [, section = ''] =
    /^catalog:\n((?: .*\n|\n)+)/m.exec(readFileSync(join(root, 'pnpm-workspace.yaml'), 'utf8')) ?? [];
  return Object.fromEntries(
    [...section.matchAll(/^ {2}'?([^':]+)'?: (\S+)$/gm)].map(([, name, version]) => [name, version]),
  );
};

const dependenciesOf = (names) => {
  const versions = catalogue();
  return Object.fromEntries(
    names.toSorted().map((name) => {
      const version = versions[name];
      if (version === undefined)
        throw new ScriptError(`${name} is imported, and has no version in pnpm-workspace.yaml`);
      return [name, /^\d/.test(version) && !EXACT.has(name) ? `^${version}` : version];
    }),
  );
};

/** What all manifests have in common. */
const manifestOf = (folder, more) => {
  const { name, version, license, description } = readJson(`${folder}/package.json`);
  const { engines } = readJson('package.json');
  return { name, version, description, license, type: 'module', engines, ...more };
};

const entry = (name) => ({ types: `./dist/${name}.d.ts`, default: `./dist/${name}.mjs` });

/** @type {Record<string, (folder: string, types: string) => Promise<object>>} what makes a package in a folder, and its manifest */
const MAKERS = {
  sdk: async (folder, types) => {
    const entries = { index: 'packages/sdk/src/index.ts', ...INTERNAL };
    const outdir = join(folder, 'dist');
    const flat = Object.fromEntries(Object.entries(entries).map(([name, source]) => [name.replace('/', '-'), source]));
    // Threads are found beside the file that starts them, so all of it lies in one folder.
    const imported = await bundleCode({ entries: { ...flat, ...threadEntries() }, outdir });
    await bundleTypes({ folder: types, outdir, entries: flat, outside: () => undefined });
    cpSync(join(root, 'packages/sdk/TRACES.md'), join(folder, 'TRACES.md'));
    return manifestOf('packages/sdk', {
      exports: {
        ...Object.fromEntries(
          Object.keys(entries).map((name) => [name === 'index' ? '.' : `./${name}`, entry(name.replace('/', '-'))]),
        ),
        './package.json': './package.json',
      },
      files: ['dist', 'TRACES.md'],
      dependencies: dependenciesOf(imported),
    });
  },
  testkit: async (folder, types) => {
    const entries = { index: 'packages/testkit/src/index.ts' };
    const outdir = join(folder, 'dist');
    const outside = (name) => {
      const [, own] = /^@baton\/(core|protocols|runtime|sdk)$/.exec(name) ?? [];
      if (own === undefined) return undefined;
      return own === 'sdk' ? name : `@baton/sdk/internal/${own}`;
    };
    const imported = await bundleCode({ entries, outdir, outside });
    await bundleTypes({ folder: types, outdir, entries, outside });
    const { version } = readJson('packages/sdk/package.json');
    return manifestOf('packages/testkit', {
      exports: { '.': entry('index'), './package.json': './package.json' },
      files: ['dist'],
      dependencies: dependenciesOf(imported.filter((name) => name !== '@baton/sdk')),
      // The very same, and not one of its own: tasks and errors of the program are then those of the test kit.
      peerDependencies: { '@baton/sdk': version },
    });
  },
  cli: async (folder) => {
    await buildPage(build);
    // Laid out as the services are, since the gateway finds its page from where it lies.
    const outdir = join(folder, 'lib/cli/dist');
    const entries = { main: 'services/cli/src/main.ts', ...threadEntries(), ...moduleEntries('cli') };
    const imported = await bundleCode({ entries, outdir });
    cpSync(join(root, 'services/gateway/web/dist'), join(folder, 'lib/gateway/web/dist'), { recursive: true });
    mkdirSync(join(folder, 'bin'));
    cpSync(join(root, 'scripts/launcher.mjs'), join(folder, 'bin/launcher.mjs'));
    writeFileSync(join(folder, 'bin/baton.mjs'), BIN, { mode: 0o755 });
    return manifestOf('services/cli', {
      bin: { baton: 'bin/baton.mjs' },
      exports: { './package.json': './package.json' },
      files: ['bin', 'lib'],
      dependencies: dependenciesOf([...imported, ...FOUND_BY_NAME]),
    });
  },
};

const BIN = `#!/usr/bin/env node
import { endWithLauncher } from './launcher.mjs';

endWithLauncher();
await import('../lib/cli/dist/main.mjs');
`;

const FOLDERS = { sdk: 'packages/sdk', testkit: 'packages/testkit', cli: 'services/cli' };

/** Another scope than ours, in every file that names a published package. */
const rename = (folder, scope) => {
  if (scope === OWN_SCOPE) return;
  const names = new RegExp(`${OWN_SCOPE}/(?=(?:${Object.keys(FOLDERS).join('|')})\\b)`, 'g');
  for (const { name, parentPath } of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    if (!/\.(mjs|json|md|ts)$/.test(name)) continue;
    const path = join(parentPath, name);
    writeFileSync(path, readFileSync(path, 'utf8').replaceAll(names, `${scope}/`));
  }
};

/** @returns {Promise<string>} path of the tarball */
const packFolder = async (folder, out) => {
  const args = ['pack', '--json', '--ignore-scripts', '--pack-destination', out, folder];
  const { code, stdout, stderr, error } = await runChild('npm', args, { cwd: root });
  if (error || code !== 0) throw new ScriptError(`npm pack failed:\n${error?.message ?? lastLines(stderr)}`);
  return join(out, JSON.parse(stdout)[0].filename);
};

/**
 * @param {readonly string[]} names of `MAKERS`; none: all of them
 * @param {{ out?: string, scope?: string }} options `out`: where the tarballs go; `scope`: of their names
 * @returns {Promise<string[]>} paths of the tarballs
 */
export const pack = async (names = [], { out = join(root, 'dist'), scope = OWN_SCOPE } = {}) => {
  if (!/^@[a-z0-9][a-z0-9._-]*$/.test(scope)) throw new ScriptError(`--scope: '${scope}' is no scope such as @name`);
  for (const name of names) {
    if (MAKERS[name] === undefined) throw new ScriptError(`${name}: there is only ${Object.keys(MAKERS).join(', ')}`);
  }
  const wanted = Object.entries(MAKERS).filter(([name]) => names.length === 0 || names.includes(name));
  const started = performance.now();
  const staging = join(root, 'dist', `.pack-${process.pid}`);
  rmSync(staging, { recursive: true, force: true });
  mkdirSync(out, { recursive: true });
  try {
    const types = join(staging, 'types');
    writeDeclarations(types);
    const tarballs = [];
    for (const [name, make] of wanted) {
      const folder = join(staging, name);
      mkdirSync(folder);
      const manifest = await make(folder, types);
      writeFileSync(join(folder, 'package.json'), `${JSON.stringify(manifest, null, 2)}\n`);
      for (const file of [join(FOLDERS[name], 'README.md'), 'LICENSE']) {
        cpSync(join(root, file), join(folder, basename(file)));
      }
      rename(folder, scope);
      tarballs.push(await packFolder(folder, resolve(out)));
    }
    say(`packed ${wanted.map(([name]) => name).join(', ')} (${seconds(started)})`);
    return tarballs;
  } finally {
    await stop();
    rmSync(staging, { recursive: true, force: true });
  }
};

if (isMain(import.meta.url)) {
  await runMain(async () => {
    requireInstalled();
    const { values, positionals } = parseArgs({
      options: { out: { type: 'string' }, scope: { type: 'string' } },
      allowPositionals: true,
    });
    for (const tarball of await pack(positionals, values)) process.stdout.write(`${tarball}\n`);
  });
}
