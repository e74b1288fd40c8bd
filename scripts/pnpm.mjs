// The pinned pnpm, on a machine that has only Node and npm.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { runChild } from './child.mjs';
import { lastLines, say, ScriptError } from './say.mjs';
import { readJson } from './workspace.mjs';

/** Outside the checkout, so that clones share it. `BATON_CACHE` moves it. */
export const cacheFolder = () =>
  process.env['BATON_CACHE'] || join(process.env['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'baton');

export const pinnedVersion = () => {
  const [, version] = /^pnpm@(\d+\.\d+\.\d+)/.exec(readJson('package.json').packageManager) ?? [];
  if (!version) throw new ScriptError('package.json: "packageManager" must be pnpm@<version>.');
  return version;
};

const onPath = (version) => {
  // Asked away from the checkout and told not to manage versions: else pnpm and corepack fetch the pinned one to answer.
  const answer = spawnSync('pnpm', ['--version'], {
    cwd: homedir(),
    encoding: 'utf8',
    env: { ...process.env, npm_config_manage_package_manager_versions: 'false', COREPACK_ENABLE_NETWORK: '0' },
    timeout: 10_000,
  });
  return answer.status === 0 && answer.stdout.trim() === version;
};

/** npm as it started us, else the one on PATH. */
const npm = (args) => {
  const script = process.env['npm_execpath'];
  return script && /npm-cli\.c?js$/.test(script)
    ? runChild(process.execPath, [script, ...args])
    : runChild('npm', args);
};

const fetchPnpm = async (version, folder) => {
  mkdirSync(cacheFolder(), { recursive: true });
  const fresh = mkdtempSync(join(cacheFolder(), 'fetching-'));
  try {
    say(`fetching pnpm ${version} (once, into ${folder})`);
    const quiet = ['--no-audit', '--no-fund', '--no-update-notifier', '--loglevel=error'];
    const result = await npm(['install', '--prefix', fresh, ...quiet, `pnpm@${version}`]);
    if (result.error || result.code !== 0) {
      const why = result.error?.message ?? lastLines(result.stderr);
      throw new ScriptError(
        `Could not fetch pnpm ${version} with npm:\n${why}\n` +
          'Check that `npm ping` works (network, proxy, registry in .npmrc), or put this pnpm on PATH, and try again.',
      );
    }
    renameSync(fresh, folder); // complete or not there: another clone may be doing the same
  } catch (error) {
    rmSync(fresh, { recursive: true, force: true });
    if (!existsSync(folder)) throw error; // someone else was first: theirs is as good
  }
};

/** @returns {Promise<[command: string, ...args: string[]]>} how to call it */
export const pinnedPnpm = async () => {
  const version = pinnedVersion();
  const folder = join(cacheFolder(), `pnpm-${version}`);
  const packageFolder = join(folder, 'node_modules', 'pnpm');
  const script = () =>
    join(packageFolder, JSON.parse(readFileSync(join(packageFolder, 'package.json'), 'utf8')).bin.pnpm);
  if (existsSync(packageFolder)) return [process.execPath, script()];
  if (onPath(version)) return ['pnpm'];
  await fetchPnpm(version, folder);
  return [process.execPath, script()];
};
