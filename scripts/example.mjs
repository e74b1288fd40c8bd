// `npm start` in a folder of examples/: builds that example, finds or starts a system, and runs it to its end.
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { buildServices, bundleOf } from './build.mjs';
import { testOptions, threadEntries } from './bundle.mjs';
import { ensureInstalled } from './install.mjs';
import { endWithLauncher } from './launcher.mjs';
import { runMain, say, ScriptError } from './say.mjs';
import { filesBelow, root } from './workspace.mjs';

const CLI = join(root, bundleOf('cli'));
const DATA = join(root, '.baton');
const SYSTEM = join(DATA, 'system.json');
const START_LIMIT_MS = 600_000;

/** `main.ts` and `tasks.ts`, each a file of its own: a thread imports the second one. */
const buildExample = async (name) => {
  const folder = `examples/${name}`;
  if (!existsSync(join(root, folder, 'main.ts'))) throw new ScriptError(`there is no example ${name}`);
  const entries = Object.fromEntries(
    filesBelow(folder, (path) => /\/(main|tasks)\.ts$/.test(path)).map((path) => [
      path.replace(/^.*\/|\.ts$/g, ''),
      path,
    ]),
  );
  const { build, stop } = await import('esbuild');
  const out = `${folder}/dist`;
  rmSync(join(root, out), { recursive: true, force: true });
  try {
    await build(testOptions({ ...threadEntries(), ...entries }, out));
  } finally {
    await stop();
  }
  return join(root, out, 'main.mjs');
};

/** Of a local system that runs for this checkout. */
const readSystem = () => {
  try {
    const { natsUrl, mongoUrl, namespace, process: mark } = JSON.parse(readFileSync(SYSTEM, 'utf8'));
    process.kill(mark.pid, 0);
    return { NATS_URL: natsUrl, MONGODB_URL: mongoUrl, BATON_NAMESPACE: namespace };
  } catch {
    return undefined;
  }
};

/** @returns {Promise<{ env: Record<string, string>, stop: () => Promise<void> }>} */
const findSystem = async () => {
  const { NATS_URL, MONGODB_URL } = process.env;
  if (NATS_URL && MONGODB_URL) return { env: {}, stop: async () => {} };
  const running = readSystem();
  if (running) return { env: running, stop: async () => {} };
  say('no system runs here: starting one for this example');
  await buildServices();
  mkdirSync(DATA, { recursive: true });
  const child = spawn(process.execPath, [CLI, 'dev', '--data', DATA], {
    cwd: root,
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  const ended = new Promise((resolve) => child.once('close', resolve));
  const stop = async () => {
    if (child.exitCode === null && child.signalCode === null) child.kill('SIGTERM');
    await ended;
  };
  const began = performance.now();
  for (let env = readSystem(); ; env = readSystem()) {
    if (env) return { env, stop };
    const isOver = child.exitCode !== null || performance.now() - began > START_LIMIT_MS;
    if (isOver) {
      await stop();
      throw new ScriptError('the local system did not start');
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
};

const runExample = (name, main, env) =>
  new Promise((resolve, reject) => {
    const folder = join(root, 'examples', name);
    const child = spawn(process.execPath, ['--enable-source-maps', main], {
      cwd: folder,
      env: { ...process.env, ...env, EXAMPLE_FOLDER: folder, BATON_CLI: CLI },
      stdio: 'inherit',
    });
    // Whatever asks this process to end asks the example, which ends by itself then; a terminal asks both.
    for (const signal of /** @type {const} */ (['SIGTERM', 'SIGHUP'])) process.on(signal, () => child.kill(signal));
    process.on('SIGINT', () => {});
    child.once('error', reject);
    child.once('close', (code, signal) => resolve(code ?? (signal === null ? 1 : 0)));
  });

await runMain(async () => {
  endWithLauncher();
  const [name = ''] = process.argv.slice(2);
  await ensureInstalled();
  const main = await buildExample(name);
  if (!existsSync(CLI)) await buildServices();
  const system = await findSystem();
  try {
    return await runExample(name, main, system.env);
  } finally {
    await system.stop();
  }
});
