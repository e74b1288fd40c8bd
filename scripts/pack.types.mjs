// Declarations of what is published: the compiler writes one for every source file, and they are bundled to one file an
// entry, so that nothing in them names a package of this workspace that is not published.
import { spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { rolldown } from 'rolldown';
import { dts } from 'rolldown-plugin-dts';
import { ScriptError } from './say.mjs';
import { root } from './workspace.mjs';

/** Packages whose sources may stand in a declaration, by name. */
const SOURCES = {
  '@baton/core': 'packages/core/src/index.ts',
  '@baton/metrics': 'packages/metrics/src/index.ts',
  '@baton/nats': 'packages/nats/src/index.ts',
  '@baton/protocols': 'protocols/src/index.ts',
  '@baton/runtime': 'packages/runtime/src/index.ts',
  '@baton/sdk': 'packages/sdk/src/index.ts',
  '@baton/testkit': 'packages/testkit/src/index.ts',
};

/** Writes a declaration beside none of the sources: into `folder`, laid out as the workspace is. */
export const writeDeclarations = (folder) => {
  mkdirSync(folder, { recursive: true });
  const config = join(folder, 'tsconfig.json');
  const compilerOptions = {
    ...{ noEmit: false, declaration: true, emitDeclarationOnly: true, outDir: folder, rootDir: root },
    typeRoots: [join(root, 'node_modules/@types')],
    // Not by way of node_modules: the compiler writes nothing for a file that it came upon there first, and which way that is hangs on the
    // order its threads read in.
    paths: Object.fromEntries(Object.entries(SOURCES).map(([name, file]) => [name, [join(root, file)]])),
  };
  const files = Object.values(SOURCES).map((file) => join(root, file));
  writeFileSync(config, JSON.stringify({ extends: join(root, 'tsconfig.base.json'), compilerOptions, files }));
  const { status, stdout, stderr } = spawnSync(join(root, 'node_modules/.bin/tsc'), ['-p', config], {
    cwd: root,
    encoding: 'utf8',
  });
  if (status !== 0) throw new ScriptError(`the declarations could not be written:\n${stdout}${stderr}`);
};

const declarationOf = (folder, source) => join(folder, source.replace(/\.ts$/, '.d.ts'));

/**
 * Bundles the declarations of a package.
 * @param {{ folder: string, outdir: string, entries: Record<string, string>, outside: (name: string) => string | undefined }} options
 *   `folder`: of `writeDeclarations`. `entries`: output name -> source. `outside`: by what name an import is left as it is.
 */
export const bundleTypes = async ({ folder, outdir, entries, outside }) => {
  const input = Object.fromEntries(
    Object.entries(entries).map(([name, source]) => [`${name}.d`, declarationOf(folder, source)]),
  );
  const bundle = await rolldown({
    input,
    cwd: root,
    plugins: [workspaceTypes(folder, outside), dts({ dtsOnly: true, generator: 'oxc', tsconfig: false })],
    // How long it took is no fault of the declarations.
    checks: { bundlerTimings: false },
    onwarn: (warning) => {
      throw new ScriptError(`the declarations could not be bundled: ${warning.message}`);
    },
  });
  try {
    await bundle.write({ dir: outdir, format: 'esm', chunkFileNames: 'types-[hash].d.ts' });
  } finally {
    await bundle.close();
  }
};

/** @returns {import('rolldown').Plugin} */
const workspaceTypes = (folder, outside) => ({
  name: 'types of the workspace',
  resolveId: {
    order: 'pre',
    handler: (name, importer) => {
      // Said here, and not found by the bundler: which of its ways it tries first hangs on the order files are read in.
      if (name.startsWith('.') && importer !== undefined) return { id: declarationOf(dirname(importer), name) };
      if (name.startsWith('.') || name.startsWith('/')) return null;
      const external = outside(name);
      if (external !== undefined) return { id: external, external: true };
      const source = SOURCES[name];
      return source === undefined ? { id: name, external: true } : { id: declarationOf(folder, source) };
    },
  },
});
