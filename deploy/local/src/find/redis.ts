import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { ServerUnavailableError } from '../errors.ts';
import { reportStep, silentReporter } from '../report.ts';
import type { Reporter } from '../report.ts';
import { cacheFolder, cachedInstalls, installOnce } from './cache.ts';
import type { Installed } from './cache.ts';
import { findOnPath, runCommand } from './command.ts';
import { openPrivateApt } from './debian-packages.ts';
import { relinkPrograms } from './foreign-programs.ts';
import { takeFirst } from './search.ts';
import type { FindOptions, Way } from './search.ts';
import { parseVersion } from './version.ts';

const SUITES = ['testing', 'sid'];

export type FoundRedis = {
  readonly path: string;
  readonly version: string;
  readonly way: 'path' | 'debian';
  readonly fromCache: boolean;
};

type RedisInstall = { readonly cache: string; readonly env: NodeJS.ProcessEnv; readonly report: Reporter };

/** Finds or installs a `redis-server`: on PATH, in the cache, from Debian. For comparing with programs that need one. */
export async function ensureRedis(options: FindOptions = {}): Promise<FoundRedis> {
  const env = options.env ?? process.env;
  const install = { env, cache: options.cache ?? cacheFolder(env), report: options.report ?? silentReporter };
  const ways: Way<FoundRedis>[] = [
    { name: 'redis-server on PATH', take: () => takeFromPath(env) },
    { name: `cache ${install.cache}`, take: () => takeFromCache(install.cache) },
    { name: 'redis-server from Debian', take: async () => fromInstall(await installRedis(install), false) },
  ];
  const search = await takeFirst('redis', ways, install.report);
  if (!search.found) {
    const advice = 'Install redis-server so that it is on PATH.';
    throw new ServerUnavailableError('LOCAL_REDIS_UNAVAILABLE', 'redis-server', search.attempts, advice);
  }
  const { version, path } = search.found;
  install.report({ kind: 'note', server: 'redis', text: `redis-server ${version}: ${path}` });
  return search.found;
}

async function takeFromPath(env: NodeJS.ProcessEnv): Promise<FoundRedis | undefined> {
  const path = findOnPath('redis-server', env);
  return path === undefined ? undefined : { path, version: await checkRedis(path), way: 'path', fromCache: false };
}

async function takeFromCache(cache: string): Promise<FoundRedis | undefined> {
  const [installed] = await cachedInstalls(cache, 'redis-server');
  return installed && fromInstall(installed, true);
}

async function fromInstall({ dir }: Installed, fromCache: boolean): Promise<FoundRedis> {
  const path = redisProgram(dir);
  return { path, version: await checkRedis(path), way: 'debian', fromCache };
}

/** The program looks at its own name to know what it is, so this link is kept. */
const redisProgram = (dir: string): string => join(dir, 'root/usr/bin/redis-server');

async function checkRedis(path: string): Promise<string> {
  const { stdout } = await runCommand(path, ['--version'], { timeoutMs: 10_000 });
  const version = parseVersion(stdout);
  if (version === undefined) throw new Error(`${path} does not tell its version`);
  return version;
}

function installRedis(install: RedisInstall): Promise<Installed> {
  return installOnce({
    ...install,
    name: 'redis-server-debian',
    server: 'redis',
    fill: async (dir, finalDir) => {
      const version = await fillRedis(install, dir, finalDir);
      return { program: 'redis-server', version, way: 'debian' };
    },
    check: async (dir) => void (await checkRedis(redisProgram(dir))),
  });
}

async function fillRedis({ env, report }: RedisInstall, dir: string, finalDir: string): Promise<string> {
  const workDir = join(dir, 'apt');
  const root = join(dir, 'root');
  await mkdir(workDir);
  for (const suite of SUITES) {
    const apt = await openPrivateApt(join(workDir, suite), suite, { env, server: 'redis', report });
    if ((await apt.search('^redis-server$')).length === 0) continue;
    const versions = await apt.unpack(['redis-server', 'patchelf'], root);
    await reportStep(report, 'redis', 'setting up redis-server', () =>
      relinkPrograms({ root, finalRoot: join(finalDir, 'root'), programs: ['usr/bin/redis-server'] }),
    );
    await rm(workDir, { recursive: true, force: true });
    return parseVersion((versions.get('redis-server') ?? '').replace(/^\d+:/, '')) ?? '0.0';
  }
  throw new Error(`Debian ${SUITES.join(' and ')} offer no redis-server`);
}
