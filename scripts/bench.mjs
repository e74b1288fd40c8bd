// `npm run bench [-- arguments]`: installs, builds, and hands over to test/bench/main.ts.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { bundleTests } from '../test/run.bundle.mjs';
import { buildServices } from './build.mjs';
import { ensureInstalled } from './install.mjs';
import { endWithLauncher } from './launcher.mjs';
import { runMain, ScriptError } from './say.mjs';
import { root } from './workspace.mjs';

const entry = 'test/bench/main.ts';

await runMain(async () => {
  if (!existsSync(join(root, entry))) throw new ScriptError(`There is nothing to measure: ${entry} does not exist.`);
  endWithLauncher();
  await ensureInstalled();
  await buildServices();
  const bundleOf = await bundleTests([entry]);
  process.argv = [process.execPath, bundleOf(entry), ...process.argv.slice(2)];
  process.chdir(root);
  await import(pathToFileURL(bundleOf(entry)).href);
});
