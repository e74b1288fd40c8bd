// All chosen test files, bundled at once into one folder.
import { existsSync, readdirSync, rmSync } from 'node:fs';
import { basename, join } from 'node:path';
import { testOptions, threadEntries } from '../scripts/bundle.mjs';
import { filesBelow, root } from '../scripts/workspace.mjs';

/** A flat name: chunks, tests and thread files must lie beside each other, see scripts/bundle.mjs. */
const flatName = (path) => path.replace(/\.ts$/, '').replaceAll('/', '.');

/**
 * What tests run in processes of their own: `new URL('./fixture-tasks.mjs', import.meta.url)` finds
 * `test/support/fixture-tasks.ts`, in a test file and in a chunk alike.
 */
export const fixtureEntries = () =>
  Object.fromEntries(
    filesBelow('test/support', (path) => /\/fixture-[^/]*(?<!\.test)\.ts$/.test(path)).map((path) => [
      basename(path, '.ts'),
      path,
    ]),
  );

const parent = join(root, 'test/.build');

const isAlive = (pid) => {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
};

/** One folder a run, so that two runs at once do not take each other's files away; gone when the run is over. */
const ownFolder = () => {
  for (const name of existsSync(parent) ? readdirSync(parent) : []) {
    if (!isAlive(Number(name))) rmSync(join(parent, name), { recursive: true, force: true });
  }
  const folder = join(parent, String(process.pid));
  process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
  return folder;
};

/**
 * @param {string[]} paths sources, relative to the root
 * @param {Record<string, string>} extra further entry points: output name -> source
 * @returns {Promise<(path: string) => string>} where the bundle of a source is
 */
export const bundleTests = async (paths, extra = {}) => {
  const { build, stop } = await import('esbuild');
  const folder = ownFolder();
  const entryPoints = { ...threadEntries(), ...extra };
  for (const path of paths) entryPoints[flatName(path)] = path;
  try {
    await build(testOptions(entryPoints, folder));
  } finally {
    await stop();
  }
  return (path) => join(folder, `${flatName(path)}.mjs`);
};
