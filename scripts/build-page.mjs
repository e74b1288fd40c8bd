// The task list page: services/gateway/web -> services/gateway/web/dist, only files of our own and nothing inline, so
// that it works under the strictest policy.
//
//   index.html, icon.svg, embed.html     names that stay
//   assets/page-<hash>.js, .css          named by their content: a browser may keep them for ever
//   assets/live-<hash>.js                the shared worker that keeps the one stream of events
//   baton-task-list.js                   the web component, one file with its styles inside
//   *.br, *.gz                           the same, packed once and for all
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { brotliCompressSync, gzipSync } from 'node:zlib';
import { root } from './workspace.mjs';

const web = join(root, 'services/gateway/web');

/** @returns {import('esbuild').BuildOptions} */
const shared = () => ({
  absWorkingDir: web,
  bundle: true,
  minify: true,
  format: 'esm',
  platform: 'browser',
  target: ['chrome125', 'firefox128', 'safari18'],
  jsx: 'automatic',
  jsxImportSource: 'preact',
  logLevel: 'warning',
  legalComments: 'none',
});

/** Name of the only file of a kind that a build has written, relative to `folder`. */
const outputOf = (metafile, extension) => {
  const names = Object.keys(metafile.outputs).filter((path) => path.endsWith(extension));
  if (names.length !== 1) throw new Error(`the page has ${names.length} files of the kind ${extension}`);
  return basename(names[0]);
};

/** Below this packing saves nothing: an answer has headers too. */
const PACKED_FROM = 1024;

/** Puts beside every text what a browser may take instead. */
const packFiles = (folder) => {
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile() || !/\.(html|js|css|svg|json|map)$/.test(entry.name)) continue;
    const path = join(entry.parentPath, entry.name);
    const bytes = readFileSync(path);
    if (bytes.length < PACKED_FROM) continue;
    writeFileSync(`${path}.br`, brotliCompressSync(bytes));
    writeFileSync(`${path}.gz`, gzipSync(bytes, { level: 9 }));
  }
};

/**
 * Builds into a folder of its own and changes it for the present one at the end: a gateway that runs never serves half.
 * @param {typeof import('esbuild').build} build
 */
export const buildPage = async (build) => {
  const folder = join(root, `services/gateway/dist/.page-${process.pid}`); // beside: a rename stays on one disk
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  try {
    const styles = await build({ ...shared(), entryPoints: ['src/styles/all.css'], write: false });
    const BATON_STYLES = JSON.stringify(styles.outputFiles[0].text);
    const hashed = { outdir: join(folder, 'assets'), entryNames: '[name]-[hash]', metafile: true };
    const worker = await build({ ...shared(), ...hashed, entryPoints: { live: 'src/live/worker.ts' } });
    const BATON_LIVE_WORKER = JSON.stringify(`/assets/${outputOf(worker.metafile, '.js')}`);
    const [page] = await Promise.all([
      build({ ...shared(), ...hashed, entryPoints: { page: 'src/page.tsx' }, define: { BATON_LIVE_WORKER } }),
      build({
        ...shared(),
        entryPoints: ['src/task-list-element.tsx'],
        outfile: join(folder, 'baton-task-list.js'),
        define: { BATON_STYLES, BATON_LIVE_WORKER },
      }),
    ]);
    const html = readFileSync(join(web, 'index.html'), 'utf8')
      .replace('STYLES', outputOf(page.metafile, '.css'))
      .replace('SCRIPT', outputOf(page.metafile, '.js'));
    writeFileSync(join(folder, 'index.html'), html);
    cpSync(join(web, 'icon.svg'), join(folder, 'icon.svg'));
    for (const name of readdirSync(join(web, 'embed'))) cpSync(join(web, 'embed', name), join(folder, name));
    packFiles(folder);
    const old = `${folder}-old`;
    if (existsSync(join(web, 'dist'))) renameSync(join(web, 'dist'), old);
    renameSync(folder, join(web, 'dist'));
    rmSync(old, { recursive: true, force: true });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
};
