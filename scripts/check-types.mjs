// Types: every tsconfig.json of the workspace is one program, all checked by one compiler process.
import { spawnSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { requireInstalled } from './install.mjs';
import { runMain } from './say.mjs';
import { filesBelow, isMain, root } from './workspace.mjs';

/** A program without a file is an error to the compiler; here it is a folder that nobody has begun. */
const hasSources = (project) =>
  project === 'tsconfig.json'
    ? filesBelow('packages/core/src', (path) => path.endsWith('.test.ts')).length > 0
    : filesBelow(dirname(project), (path) => /\.(tsx?|mjs)$/.test(path)).length > 0;

export const projects = () =>
  filesBelow('.', (path) => /(^|\/)tsconfig(\.\w+)?\.json$/.test(path) && path !== 'tsconfig.base.json').filter(
    hasSources,
  );

export const checkTypes = () => {
  const files = projects();
  // Forced, since a build record does not see that a dependency was exchanged; all of it takes about a second.
  const { status, stdout, stderr } = spawnSync(join(root, 'node_modules/.bin/tsc'), ['-b', '--force', ...files], {
    cwd: root,
    encoding: 'utf8',
  });
  for (const file of files) rmSync(join(root, file.replace(/\.json$/, '.tsbuildinfo')), { force: true });
  // A file that several programs read is reported by each; an explanation is indented below its error.
  const faults = new Set(`${stdout}${stderr}`.trimEnd().split(/\n(?! )/));
  process.stdout.write([...faults].map((fault) => (fault === '' ? '' : `${fault}\n`)).join(''));
  return status ?? 1;
};

if (isMain(import.meta.url)) {
  await runMain(() => {
    requireInstalled();
    return checkTypes();
  });
}
