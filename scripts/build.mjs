// `npm run build`: every service into services/<name>/dist/main.mjs, with its worker threads beside it; and the page.
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { buildPage } from './build-page.mjs';
import { commandOptions, serviceOptions, moduleEntries, threadEntries } from './bundle.mjs';
import { requireInstalled } from './install.mjs';
import { runMain, say, seconds } from './say.mjs';
import { isMain, root } from './workspace.mjs';

const COMMAND = 'cli';
const services = ['supervisor', 'worker', 'projector', 'gateway', COMMAND];
const OLD_MS = 24 * 60 * 60 * 1_000;

/** Where the bundle of a service is, relative to the root. */
export const bundleOf = (service) => `services/${service}/dist/main.mjs`;

/** At once: a process that starts meanwhile reads the old one or the new one, and no half of one. */
const replaceFile = (path, contents) => {
  const beside = `${path}.${process.pid}`;
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(beside, contents);
  renameSync(beside, path);
};

const write = async (build, options) => {
  const { outputFiles } = await build({ ...options, write: false });
  // What others load first: who starts meanwhile finds all that its file names.
  const rank = ({ path }) => (basename(path).startsWith('chunk-') ? 0 : 1);
  for (const { path, contents } of outputFiles.toSorted((a, b) => rank(a) - rank(b))) replaceFile(path, contents);
};

/** Pieces of earlier builds. What still runs may load one of them yet, so they stay for a day. */
const forgetOld = (folder) => {
  for (const name of readdirSync(folder)) {
    const path = join(folder, name);
    if (name.startsWith('chunk-') && Date.now() - statSync(path).mtimeMs > OLD_MS) rmSync(path);
  }
};

export const buildServices = async () => {
  const started = performance.now();
  const { build, stop } = await import('esbuild');
  const present = services.filter((service) => existsSync(join(root, `services/${service}/src/main.ts`)));
  const entriesOf = (service) => ({
    main: `services/${service}/src/main.ts`,
    ...threadEntries(),
    ...moduleEntries(service),
  });
  const entryPoints = {};
  for (const service of present.filter((each) => each !== COMMAND)) {
    for (const [name, source] of Object.entries(entriesOf(service))) entryPoints[`${service}/dist/${name}`] = source;
  }
  try {
    // One call for all of them: what they share is read and parsed once.
    if (Object.keys(entryPoints).length > 0) await write(build, serviceOptions(entryPoints, 'services'));
    if (present.includes(COMMAND)) {
      const folder = `services/${COMMAND}/dist`;
      await write(build, commandOptions(entriesOf(COMMAND), folder));
      forgetOld(join(root, folder));
    }
    await buildPage(build);
  } finally {
    await stop();
  }
  say(`built ${[...present, 'page'].join(', ')} (${seconds(started)})`);
};

if (isMain(import.meta.url)) {
  await runMain(async () => {
    requireInstalled();
    await buildServices();
  });
}
