// `npm start [-- arguments]`: from a fresh clone to a running Baton.
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { buildServices, bundleOf } from './build.mjs';
import { aloneOptions } from './bundle.mjs';
import { ensureInstalled } from './install.mjs';
import { endWithLauncher } from './launcher.mjs';
import { runMain, ScriptError } from './say.mjs';
import { root } from './workspace.mjs';

/** A system that runs in the data folder already is told of before the seconds of a build. */
const refuseSecond = async () => {
  if (process.env['NATS_URL'] || process.env['MONGODB_URL']) return;
  const { values } = parseArgs({
    args: process.argv.slice(2),
    options: { data: { type: 'string', default: '.baton' } },
    strict: false,
  });
  const { build, stop } = await import('esbuild');
  try {
    const { outputFiles } = await build(aloneOptions('services/cli/src/dev/running-system.ts'));
    const { runsAlready } = await import(`data:text/javascript,${encodeURIComponent(outputFiles?.[0]?.text ?? '')}`);
    const why = runsAlready(resolve(root, String(values.data)));
    if (why !== undefined) throw new ScriptError(`DATA_DIR_IN_USE: ${why}`);
  } finally {
    await stop();
  }
};

await runMain(async () => {
  endWithLauncher();
  await ensureInstalled();
  await refuseSecond();
  await buildServices();
  const cli = join(root, bundleOf('cli'));
  if (!existsSync(cli)) throw new ScriptError('There is nothing to start: services/cli/src/main.ts does not exist.');
  // In this process, not in a child: signals, the terminal and the exit code are then the program's own, and nothing
  // stays behind when this process is killed.
  process.argv = [process.execPath, cli, 'dev', '--quickstart', ...process.argv.slice(2)];
  process.chdir(root);
  await import(pathToFileURL(cli).href);
});
