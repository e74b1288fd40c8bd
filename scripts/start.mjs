// `npm start [-- arguments]`: from a fresh clone to a running Baton.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { buildServices, bundleOf } from './build.mjs';
import { ensureInstalled } from './install.mjs';
import { endWithLauncher } from './launcher.mjs';
import { runMain, ScriptError } from './say.mjs';
import { root } from './workspace.mjs';

await runMain(async () => {
  endWithLauncher();
  await ensureInstalled();
  await buildServices();
  const cli = join(root, bundleOf('cli'));
  if (!existsSync(cli)) throw new ScriptError('There is nothing to start: services/cli/src/main.ts does not exist.');
  // In this process, not in a child: signals, the terminal and the exit code are then the program's own, and nothing
  // stays behind when this process is killed.
  process.argv = [process.execPath, cli, 'dev', '--quickstart', ...process.argv.slice(2)];
  process.chdir(root);
  await import(pathToFileURL(cli).href);
});
