// JavaScript of what is published: packages of the workspace are bundled, those of others stay dependencies.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import { join } from 'node:path';
import { build } from 'esbuild';
import { root } from './workspace.mjs';

/** `@scope/name/part` and `name/part` -> the package. */
const packageOf = (specifier) => /^(@[^/]+\/[^/]+|[^/]+)/.exec(specifier)?.[0] ?? specifier;

/** From where a package is installed, the way to our sources would lead into the project that installed it. */
const keepInside = (path) => {
  const map = JSON.parse(readFileSync(path, 'utf8'));
  map.sources = map.sources.map((source) => `../source/${source.replace(/^(\.\.\/)+/, '')}`);
  writeFileSync(path, JSON.stringify(map));
};

/**
 * Bundles to ES modules beside each other, with chunks for what they share: a class is there once.
 * @param {{ entries: Record<string, string>, outdir: string, outside?: (name: string) => string | undefined }} options
 *   `entries`: output name -> source, relative to the root. `outside`: by what name an import is left as it is.
 * @returns {Promise<string[]>} packages the code imports, sorted
 */
export const bundleCode = async ({ entries, outdir, outside = () => undefined }) => {
  /** @type {Set<string>} */
  const imported = new Set();
  const plugin = {
    name: 'only the workspace is bundled',
    setup: (made) => {
      made.onResolve({ filter: /^[^./]/ }, ({ path, kind }) => {
        if (kind === 'entry-point' || isBuiltin(path)) return;
        const external = outside(path) ?? (path.startsWith('@baton/') ? undefined : path);
        if (external === undefined) return;
        imported.add(packageOf(external));
        return { path: external, external: true };
      });
    },
  };
  await build({
    absWorkingDir: root,
    entryPoints: entries,
    outdir,
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'node',
    target: 'node20.19',
    outExtension: { '.js': '.mjs' },
    chunkNames: 'chunk-[hash]',
    // Sources are not shipped: a debugger and a stack trace find them in the map.
    sourcemap: 'linked',
    sourcesContent: true,
    logLevel: 'warning',
    plugins: [plugin],
  });
  for (const name of readdirSync(outdir)) if (name.endsWith('.map')) keepInside(join(outdir, name));
  return [...imported].toSorted((a, b) => a.localeCompare(b));
};
