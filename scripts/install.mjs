// Dependencies: installed when the lockfile or a manifest changed since the last time, else left alone.
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { runChild } from './child.mjs';
import { pinnedPnpm, pinnedVersion } from './pnpm.mjs';
import { lastLines, say, ScriptError, seconds } from './say.mjs';
import { readJson, root, workspaceFolders } from './workspace.mjs';

const stampFile = join(root, 'node_modules', '.baton-installed');

/** Only what an install depends on: a changed script or description is no reason to install. */
const stamp = () => {
  const hash = createHash('sha256');
  for (const file of ['pnpm-lock.yaml', 'pnpm-workspace.yaml']) hash.update(readFileSync(join(root, file)));
  for (const folder of ['.', ...workspaceFolders()]) {
    const { name, dependencies, devDependencies, optionalDependencies, pnpm, bin } = readJson(`${folder}/package.json`);
    hash.update(JSON.stringify([name, dependencies, devDependencies, optionalDependencies, pnpm, bin]));
  }
  hash.update(JSON.stringify([pinnedVersion(), process.platform, process.arch, process.versions.modules]));
  return hash.digest('hex');
};

const isInstalled = (wanted) => existsSync(stampFile) && readFileSync(stampFile, 'utf8') === wanted;

const requireNode = () => {
  const [major, minor] = process.versions.node.split('.').map(Number);
  if (major > 20 || (major === 20 && minor >= 19)) return;
  throw new ScriptError(`Node ${process.versions.node} is too old: Baton needs Node 20.19 or newer.`);
};

/** For `npm start` and `npm test`: makes a fresh clone ready. */
export const ensureInstalled = async () => {
  requireNode();
  const wanted = stamp();
  if (isInstalled(wanted)) return;
  const started = performance.now();
  const [command, ...args] = await pinnedPnpm();
  say('installing dependencies');
  const flags = [
    '--frozen-lockfile',
    '--prefer-offline',
    '--config.confirmModulesPurge=false',
    '--reporter=append-only',
  ];
  const result = await runChild(command, [...args, 'install', ...flags], { cwd: root });
  if (result.error || result.code !== 0) {
    const output = `${result.stdout}${result.stderr}${result.error?.message ?? ''}`.trim();
    const advice = /OUTDATED_LOCKFILE/.test(output)
      ? `pnpm-lock.yaml does not fit the package.json files: run \`npx pnpm@${pinnedVersion()} install\` and commit the lockfile.`
      : 'Check the network and the registry settings (`npm ping`), then run the same command again; it goes on where it stopped.';
    throw new ScriptError(`pnpm install failed:\n${lastLines(output)}\n${advice}`);
  }
  writeFileSync(stampFile, wanted);
  say(`dependencies installed (${seconds(started)})`);
};

/** For every other script: says what to do instead of failing on the first import. */
export const requireInstalled = () => {
  requireNode();
  if (existsSync(join(root, 'node_modules', 'esbuild'))) return;
  throw new ScriptError(
    `Dependencies are not installed. Run \`npx pnpm@${pinnedVersion()} install\`, or \`npm test\`.`,
  );
};
