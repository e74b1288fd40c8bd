// `npm run build`: every service into services/<name>/dist/main.mjs, with its worker threads beside it; and the page.
import { existsSync, mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { buildPage } from './build-page.mjs';
import { serviceOptions, moduleEntries, threadEntries } from './bundle.mjs';
import { requireInstalled } from './install.mjs';
import { runMain, say, seconds } from './say.mjs';
import { isMain, root } from './workspace.mjs';

const services = ['supervisor', 'worker', 'projector', 'gateway', 'cli'];

/** Where the bundle of a service is, relative to the root. */
export const bundleOf = (service) => `services/${service}/dist/main.mjs`;

/** At once: a process that starts meanwhile reads the old one or the new one, and no half of one. */
const replaceFile = (path, contents) => {
  const beside = `${path}.${process.pid}`;
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(beside, contents);
  renameSync(beside, path);
};

export const buildServices = async () => {
  const started = performance.now();
  const { build, stop } = await import('esbuild');
  const present = services.filter((service) => existsSync(join(root, `services/${service}/src/main.ts`)));
  const entryPoints = {};
  for (const service of present) {
    entryPoints[`${service}/dist/main`] = `services/${service}/src/main.ts`;
    for (const [name, source] of Object.entries({ ...threadEntries(), ...moduleEntries(service) })) {
      entryPoints[`${service}/dist/${name}`] = source;
    }
  }
  try {
    // One call for all of them: what they share is read and parsed once.
    if (present.length > 0) {
      const { outputFiles } = await build({ ...serviceOptions(entryPoints, 'services'), write: false });
      for (const { path, contents } of outputFiles) replaceFile(path, contents);
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
