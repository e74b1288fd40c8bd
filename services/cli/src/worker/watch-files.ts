import { resolve } from 'node:path';

/**
 * Calls `changed` now, and whenever one of these modules, or a file of theirs that they import, is saved. Packages are not
 * followed.
 */
export const watchFiles = async (modules: readonly string[], changed: () => void): Promise<void> => {
  // oxlint-disable-next-line no-restricted-imports -- it reads the files people write, and makes nothing of ours
  const { context } = await import('esbuild');
  const watched = await context({
    entryPoints: modules.map((module) => resolve(module)),
    bundle: true,
    packages: 'external',
    platform: 'node',
    format: 'esm',
    jsx: 'preserve',
    // Nothing is made of them: only which files they are is asked. Whether they can be loaded, a process says that loads them.
    write: false,
    outdir: '.',
    logLevel: 'silent',
    plugins: [{ name: 'changed', setup: (build) => build.onEnd(changed) }],
  });
  await watched.watch();
};
