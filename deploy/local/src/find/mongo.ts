import { LocalServerError, ServerUnavailableError } from '../errors.ts';
import { silentReporter } from '../report.ts';
import { cacheFolder, cachedInstalls } from './cache.ts';
import type { Installed } from './cache.ts';
import { findOnPath } from './command.ts';
import { cachedDocumentDb, installDocumentDb } from './documentdb.ts';
import type { FoundDocumentDb } from './documentdb.ts';
import { checkMongod, installMongod, mongodProgram } from './mongod-download.ts';
import type { MongodInstall } from './mongod-download.ts';
import { placeForPostgres } from './reachable.ts';
import { takeFirst } from './search.ts';
import type { FindOptions, Way } from './search.ts';

const KINDS = ['mongod', 'documentdb'] as const;
type Kind = (typeof KINDS)[number];

const CACHE_ELSEWHERE = '/var/cache/baton';

export type FoundMongod = {
  readonly kind: 'mongod';
  readonly path: string;
  readonly version: string;
  readonly way: 'path' | 'download';
  readonly fromCache: boolean;
};

export type FoundMongo = FoundMongod | FoundDocumentDb;

/** Finds or installs a MongoDB-compatible server: `mongod` on PATH, the cache, the official build, DocumentDB. */
export async function ensureMongo(options: FindOptions = {}): Promise<FoundMongo> {
  const env = options.env ?? process.env;
  const install = { env, cache: options.cache ?? cacheFolder(env), report: options.report ?? silentReporter };
  const search = await takeFirst('mongo', waysToMongo(install), install.report);
  if (!search.found) {
    throw new ServerUnavailableError(
      'LOCAL_MONGO_UNAVAILABLE',
      'MongoDB-compatible server',
      search.attempts,
      'Set MONGODB_URL to a MongoDB that runs already (and NATS_URL to a NATS server with JetStream), or make one of these work.',
    );
  }
  const { found } = search;
  install.report({ kind: 'note', server: 'mongo', text: describe(found) });
  return found;
}

function waysToMongo(install: MongodInstall): Way<FoundMongo>[] {
  const forced = forcedKind(install.env);
  // Its programs are run by another user when this is root, so its part of the cache may have to be elsewhere.
  const forDocumentDb = async () => ({ ...install, cache: await placeForPostgres(install.cache, CACHE_ELSEWHERE) });
  const ways: (Way<FoundMongo> & { kind: Kind })[] = [
    { kind: 'mongod', name: 'mongod on PATH', take: () => takeFromPath(install.env) },
    { kind: 'mongod', name: 'mongod in the cache', take: () => takeMongodFromCache(install.cache) },
    { kind: 'documentdb', name: 'DocumentDB in the cache', take: async () => cachedDocumentDb(await forDocumentDb()) },
    { kind: 'mongod', name: 'official mongod download', take: async () => fresh(await installMongod(install)) },
    {
      kind: 'documentdb',
      name: 'DocumentDB on PostgreSQL from Debian',
      take: async () => installDocumentDb(await forDocumentDb()),
    },
  ];
  return ways.filter(({ kind }) => forced === undefined || kind === forced);
}

function forcedKind(env: NodeJS.ProcessEnv): Kind | undefined {
  const value = env['BATON_LOCAL_MONGO'];
  if (value === undefined || value === '') return undefined;
  const kind = KINDS.find((each) => each === value);
  if (kind) return kind;
  throw new LocalServerError(
    'LOCAL_SETTING_INVALID',
    `BATON_LOCAL_MONGO is "${value}"; it may be ${KINDS.join(', ')} or unset.`,
  );
}

async function takeFromPath(env: NodeJS.ProcessEnv): Promise<FoundMongod | undefined> {
  const path = findOnPath('mongod', env);
  return path === undefined
    ? undefined
    : { kind: 'mongod', path, version: await checkMongod(path), way: 'path', fromCache: false };
}

async function takeMongodFromCache(cache: string): Promise<FoundMongod | undefined> {
  const [installed] = await cachedInstalls(cache, 'mongod');
  if (!installed) return undefined;
  const path = mongodProgram(installed.dir);
  return { kind: 'mongod', path, version: await checkMongod(path), way: 'download', fromCache: true };
}

const fresh = ({ dir, version }: Installed): FoundMongod => ({
  kind: 'mongod',
  path: mongodProgram(dir),
  version,
  way: 'download',
  fromCache: false,
});

function describe(found: FoundMongo): string {
  const cached = found.fromCache ? ' (in the cache)' : '';
  return found.kind === 'mongod'
    ? `mongod ${found.version}${found.way === 'path' ? ' (on PATH)' : cached}: ${found.path}`
    : `${found.version}${cached}: ${found.postgres.binDir}`;
}
