import { copyFile, mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { ServerUnavailableError } from '../errors.ts';
import { silentReporter } from '../report.ts';
import type { Reporter } from '../report.ts';
import { cacheFolder, cachedInstalls, installOnce } from './cache.ts';
import type { Installed } from './cache.ts';
import { findOnPath, runCommand } from './command.ts';
import { openPrivateApt, ownSuite } from './debian-packages.ts';
import { takeFirst } from './search.ts';
import type { FindOptions, Way } from './search.ts';
import { parseVersion } from './version.ts';

export type FoundPromtool = { readonly path: string; readonly version: string; readonly way: 'path' | 'debian' };

type Install = { readonly cache: string; readonly env: NodeJS.ProcessEnv; readonly report: Reporter };

/** Finds or installs Prometheus' `promtool`: on PATH, in the cache, from Debian. For checking rules and configurations. */
export async function ensurePromtool(options: FindOptions = {}): Promise<FoundPromtool> {
  const env = options.env ?? process.env;
  const install = { env, cache: options.cache ?? cacheFolder(env), report: options.report ?? silentReporter };
  const ways: Way<FoundPromtool>[] = [
    { name: 'promtool on PATH', take: () => takeFromPath(env) },
    { name: `cache ${install.cache}`, take: () => takeFromCache(install.cache) },
    { name: 'prometheus from Debian', take: async () => fromInstall(await installPromtool(install)) },
  ];
  const search = await takeFirst('promtool', ways, install.report);
  if (search.found) return search.found;
  const advice = 'Install Prometheus so that promtool is on PATH.';
  throw new ServerUnavailableError('LOCAL_PROMTOOL_UNAVAILABLE', 'promtool', search.attempts, advice);
}

async function takeFromPath(env: NodeJS.ProcessEnv): Promise<FoundPromtool | undefined> {
  const path = findOnPath('promtool', env);
  return path === undefined ? undefined : { path, version: await versionOf(path), way: 'path' };
}

async function takeFromCache(cache: string): Promise<FoundPromtool | undefined> {
  const [installed] = await cachedInstalls(cache, 'promtool');
  return installed && fromInstall(installed);
}

async function fromInstall({ dir }: Pick<Installed, 'dir'>): Promise<FoundPromtool> {
  const path = join(dir, 'promtool');
  return { path, version: await versionOf(path), way: 'debian' };
}

async function versionOf(path: string): Promise<string> {
  const { stdout } = await runCommand(path, ['--version'], { timeoutMs: 10_000 });
  const version = parseVersion(stdout);
  if (version === undefined) throw new Error(`${path} does not tell its version`);
  return version;
}

function installPromtool(install: Install): Promise<Installed> {
  return installOnce({
    ...install,
    name: 'promtool-debian',
    server: 'promtool',
    fill: async (dir) => {
      const version = await unpackPromtool(install, dir);
      return { program: 'promtool', version, way: 'debian' };
    },
    check: async (dir) => void (await fromInstall({ dir })),
  });
}

/** A program of Go needs nothing but the C library, and that of its own release is here. */
async function unpackPromtool({ env, report }: Install, dir: string): Promise<string> {
  const workDir = join(dir, 'apt');
  const root = join(dir, 'root');
  await mkdir(workDir);
  const apt = await openPrivateApt(workDir, await ownSuite(), { env, server: 'promtool', report });
  const versions = await apt.unpackAlone('prometheus', root);
  await copyFile(join(root, 'usr/bin/promtool'), join(dir, 'promtool'));
  for (const folder of [workDir, root]) await rm(folder, { recursive: true, force: true });
  return parseVersion(versions.get('prometheus') ?? '') ?? '0.0';
}
