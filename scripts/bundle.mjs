// How TypeScript becomes something Node 20 runs.
//
// A service is bundled with all it needs: under pnpm a package resolves only from the folder that depends on it, so a
// bundle that left `zod` outside would not find it from a service that does not depend on zod itself. It also makes
// a service one folder to copy and quick to start.
import { isBuiltin } from 'node:module';
import { basename, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { filesBelow, root } from './workspace.mjs';

/** Entry points of worker_threads: `new Worker(new URL('./lease.thread.mjs', import.meta.url))` finds `lease.thread.ts`. */
const threadFiles = () =>
  ['packages', 'services', 'deploy/local'].flatMap((folder) =>
    filesBelow(folder, (path) => path.endsWith('.thread.ts')),
  );

/** @returns {Record<string, string>} output name without extension -> source, beside each other because URLs say `./` */
export const threadEntries = () => {
  const entries = {};
  for (const file of threadFiles()) {
    const name = basename(file, '.ts');
    if (entries[name]) throw new Error(`two thread files with one name: ${entries[name]} and ${file}`);
    entries[name] = file;
  }
  return entries;
};

// CommonJS packages in an ES module: they ask for require, __dirname and __filename. The odd names cannot collide with
// a source file that makes its own.
const banner = [
  "import { createRequire as __batonCreateRequire } from 'node:module';",
  "import { fileURLToPath as __batonToPath } from 'node:url';",
  'const require = __batonCreateRequire(import.meta.url);',
  'const __batonFile = __batonToPath(import.meta.url);',
  "const __batonFolder = __batonToPath(new URL('.', import.meta.url));",
].join('\n');

// Optional parts of mongodb, msgpackr and bullmq that are not installed; left as they are, their `require` throws
// where the package expects it to.
const optional = [
  '@aws-sdk/credential-providers',
  '@mongodb-js/zstd',
  'aws4',
  'gcp-metadata',
  'kerberos',
  'mongodb-client-encryption',
  'msgpackr-extract',
  'snappy',
  'socks',
];

// They find programs and hooks of theirs beside their files, and are not there where a bundle alone is: only `baton worker` with TypeScript or
// `--watch` asks for them.
const inPlace = ['esbuild', 'tsx'];

/** @returns {import('esbuild').BuildOptions} */
const shared = (entryPoints, outdir) => ({
  absWorkingDir: root,
  entryPoints,
  outdir,
  bundle: true,
  platform: 'node',
  target: 'node20.11',
  format: 'esm',
  outExtension: { '.js': '.mjs' },
  sourcemap: 'linked',
  sourcesContent: false,
  logLevel: 'warning',
});

/**
 * Modules that are loaded by path, and lie beside the service that ships them: task definitions that a worker serves
 * (`quickstart.tasks.ts` becomes `quickstart.tasks.mjs`), and loaders of `node --import`.
 * @param {string} service
 * @returns {Record<string, string>} output name without extension -> source
 */
export const moduleEntries = (service) =>
  Object.fromEntries(
    filesBelow(`services/${service}/src`, (path) => /\.(tasks|loader)\.ts$/.test(path)).map((path) => [
      basename(path, '.ts'),
      path,
    ]),
  );

/**
 * A service: one file each.
 * @param {Record<string, string>} entryPoints output name -> source
 * @param {string} outdir relative to the root
 * @returns {import('esbuild').BuildOptions}
 */
export const serviceOptions = (entryPoints, outdir) => ({
  ...shared(entryPoints, outdir),
  // A tenth of the time a start takes is reading the file. Names stay: logs and stack traces have them.
  minifyWhitespace: true,
  banner: { js: banner },
  define: { __dirname: '__batonFolder', __filename: '__batonFile' },
  external: [...optional, ...inPlace],
  logOverride: { 'direct-eval': 'silent', 'require-resolve-not-external': 'silent' },
});

/**
 * The command: many programs in one, each of which loads what it needs, so it is in pieces. What is loaded by `import()` is a
 * module of ours: a CommonJS package would lose its names by it.
 * @param {Record<string, string>} entryPoints output name -> source
 * @param {string} outdir relative to the root
 * @returns {import('esbuild').BuildOptions}
 */
export const commandOptions = (entryPoints, outdir) => ({
  ...serviceOptions(entryPoints, outdir),
  splitting: true,
  chunkNames: 'chunk-[hash]',
});

/**
 * A module that asks about processes, and nothing more of the local servers: built in a moment, for who looks before the
 * services are built.
 * @param {string} entryPoint
 * @returns {import('esbuild').BuildOptions}
 */
export const aloneOptions = (entryPoint) => ({
  ...shared([entryPoint], 'services'),
  alias: { '@baton/local': join(root, 'deploy/local/src/find/process-mark.ts') },
  sourcemap: false,
  write: false,
});

/**
 * Tests and benchmarks: they run in this checkout only, so third-party packages stay where they are installed, found
 * from the file that imports them. That keeps a hundred bundles small; what they share is in common chunks.
 * @param {Record<string, string>} entryPoints output name -> source
 * @param {string} outdir
 * @returns {import('esbuild').BuildOptions}
 */
export const testOptions = (entryPoints, outdir) => ({
  ...shared(entryPoints, outdir),
  splitting: true,
  chunkNames: 'chunk-[hash]',
  conditions: [], // without esbuild's own 'module', as Node resolves
  plugins: [thirdPartyStaysOutside],
});

/** @type {import('esbuild').Plugin} */
const thirdPartyStaysOutside = {
  name: 'third-party stays outside',
  setup(build) {
    build.onResolve({ filter: /^[^./]/ }, async ({ path, importer, resolveDir, kind, pluginData }) => {
      if (pluginData === 'asked' || kind === 'entry-point' || /^(node:|@baton\/)/.test(path) || isBuiltin(path)) return;
      const found = await build.resolve(path, { importer, resolveDir, kind, pluginData: 'asked' });
      if (found.errors.length > 0) return { errors: found.errors };
      return { path: pathToFileURL(found.path).href, external: true };
    });
  },
};
