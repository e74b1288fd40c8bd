import { mkdir, readdir, rm, stat, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { reportStep } from '../report.ts';
import { cachedInstalls, installOnce } from './cache.ts';
import type { InstallContext, Installed } from './cache.ts';
import { runCommand } from './command.ts';
import { openPrivateApt } from './debian-packages.ts';
import type { DebianContext, PrivateApt } from './debian-packages.ts';
import { checkFerretDb, ferretProgram, installFerretDb } from './ferretdb.ts';
import { foreignLibraries, relinkPrograms } from './foreign-programs.ts';

/** Debian's unstable suite stands in while a package has not reached testing. */
const SUITES = ['testing', 'sid'];

/** DocumentDB (PostgreSQL with Debian's extension) spoken to through FerretDB. */
export type FoundDocumentDb = {
  readonly kind: 'documentdb';
  readonly postgres: PostgresProgram;
  readonly ferretPath: string;
  readonly version: string;
  readonly way: 'documentdb';
  readonly fromCache: boolean;
};

export type PostgresProgram = {
  /** Folder of `postgres`, `initdb` and `psql`. */
  readonly binDir: string;
  /** For LD_LIBRARY_PATH of `postgres` and no other: a host program started under it breaks. */
  readonly libraryPath: string;
  readonly major: string;
  /** Version of the DocumentDB package. */
  readonly extensionVersion: string;
};

/** Both parts from the cache, or nothing. */
export async function cachedDocumentDb({ cache }: InstallContext): Promise<FoundDocumentDb | undefined> {
  const [database] = await cachedInstalls(cache, 'documentdb');
  const [ferret] = await cachedInstalls(cache, 'ferretdb');
  if (!database || !ferret) return undefined;
  await Promise.all([checkPostgres(database.dir), checkFerretDb(ferret.dir)]);
  return together(database, ferret, true);
}

/** Installs what of the two parts is missing, both at the same time. */
export async function installDocumentDb(install: InstallContext): Promise<FoundDocumentDb> {
  if (process.platform !== 'linux') throw new Error('DocumentDB is taken from Debian and runs on Linux only');
  const [database, ferret] = await Promise.allSettled([installPostgres(install), installFerretDb(install)]);
  if (database.status === 'rejected') throw database.reason;
  if (ferret.status === 'rejected') throw ferret.reason;
  return together(database.value, ferret.value, false);
}

async function together(database: Installed, ferret: Installed, fromCache: boolean): Promise<FoundDocumentDb> {
  const postgres = await postgresIn(database.dir, database.version);
  const version = `DocumentDB ${database.version} on PostgreSQL ${postgres.major} with FerretDB ${ferret.version}`;
  return { kind: 'documentdb', postgres, ferretPath: ferretProgram(ferret.dir), version, way: 'documentdb', fromCache };
}

async function installPostgres(install: InstallContext): Promise<Installed> {
  return installOnce({
    ...install,
    name: 'documentdb-debian',
    server: 'mongo',
    fill: async (dir, finalDir) => {
      const version = await fillPostgres(install, dir, finalDir);
      return { program: 'documentdb', version, way: 'debian' };
    },
    check: checkPostgres,
  });
}

async function fillPostgres(install: InstallContext, dir: string, finalDir: string): Promise<string> {
  const workDir = join(dir, 'apt');
  const root = join(dir, 'root');
  await mkdir(workDir);
  const { apt, name, major } = await newestDocumentDb(workDir, { ...install, server: 'mongo' });
  const versions = await apt.unpack([name, 'patchelf'], root);
  await rm(workDir, { recursive: true, force: true });
  await reportStep(install.report, 'mongo', `setting up PostgreSQL ${major}`, async () => {
    await linkPostgis(join(root, 'usr/share/postgresql', major, 'extension'));
    const programs = ['postgres', 'initdb', 'psql'].map((program) => join('usr/lib/postgresql', major, 'bin', program));
    await relinkPrograms({ root, finalRoot: join(finalDir, 'root'), programs });
  });
  // Without the epoch, which no file name or person would show.
  return (versions.get(name) ?? '0').replace(/^\d+:/, '');
}

type Newest = { readonly apt: PrivateApt; readonly name: string; readonly major: string };

/** Debian moves on, so the number is not fixed here: the highest that the first suite with one offers. */
async function newestDocumentDb(workDir: string, context: DebianContext): Promise<Newest> {
  for (const suite of SUITES) {
    const apt = await openPrivateApt(join(workDir, suite), suite, context);
    const names = await apt.search('^postgresql-[0-9]+-documentdb$');
    const name = names.sort((a, b) => majorOf(a) - majorOf(b)).at(-1);
    if (name !== undefined) return { apt, name, major: String(majorOf(name)) };
  }
  throw new Error(`Debian ${SUITES.join(' and ')} offer no postgresql-N-documentdb`);
}

const majorOf = (name: string): number => Number(/^postgresql-(\d+)-/.exec(name)?.[1] ?? 0);

/** Debian does this in a step after unpacking, which a private folder never sees. */
async function linkPostgis(extensionDir: string): Promise<void> {
  const there = await stat(join(extensionDir, 'postgis.control')).catch(() => undefined);
  if (!there) await symlink('postgis-3.control', join(extensionDir, 'postgis.control'));
}

async function postgresIn(dir: string, extensionVersion: string): Promise<PostgresProgram> {
  const root = join(dir, 'root');
  const major = await majorIn(root);
  const libraries = [join('usr/lib/postgresql', major, 'lib'), ...(await foreignLibraries(root))];
  return {
    binDir: join(root, 'usr/lib/postgresql', major, 'bin'),
    libraryPath: libraries.map((folder) => join(root, folder)).join(':'),
    major,
    extensionVersion,
  };
}

async function majorIn(root: string): Promise<string> {
  const majors = (await readdir(join(root, 'usr/lib/postgresql'))).filter((name) => /^\d+$/.test(name));
  const major = majors.sort((a, b) => Number(a) - Number(b)).at(-1);
  if (major === undefined) throw new Error(`${root} holds no PostgreSQL`);
  return major;
}

async function checkPostgres(dir: string): Promise<void> {
  const { binDir } = await postgresIn(dir, '');
  await runCommand(join(binDir, 'postgres'), ['--version'], { timeoutMs: 10_000 });
}
