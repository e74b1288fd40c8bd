import { randomBytes } from 'node:crypto';
import { chmod, chown, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { LocalServerError } from '../errors.ts';
import { runCommand } from '../find/command.ts';
import type { PostgresProgram } from '../find/documentdb.ts';
import type { RunUser } from '../find/reachable.ts';
import type { Reporter } from '../report.ts';
import { serverEnv } from './local-server.ts';
import { placeForPostgresData } from './postgres-place.ts';

const INITDB_TIMEOUT_MS = 60_000;

export type PostgresData = {
  /** The folder around it, which is this process's own. */
  readonly place: string;
  /** PostgreSQL's own data folder. */
  readonly dir: string;
  readonly password: string;
  /** The password in the form PostgreSQL's client library reads. */
  readonly passwordFile: string;
  /** Whether the extension is there in the version that is installed. */
  hasExtension(): Promise<boolean>;
  markExtension(): Promise<void>;
};

export type PrepareOptions = {
  readonly dataDir: string;
  readonly user: RunUser | undefined;
  readonly port: number;
  readonly report: Reporter;
};

/** Makes the data folder on the first start; writes the settings on every start, because the port may be another. */
export async function preparePostgresData(program: PostgresProgram, options: PrepareOptions): Promise<PostgresData> {
  const place = await placeForPostgresData(options.dataDir, options.user, options.report);
  const dir = join(place, 'postgres');
  const major = (await readFile(join(dir, 'PG_VERSION'), 'utf8').catch(() => '')).trim();
  if (major === '') await initialise(program, options.user, place);
  else if (major !== program.major) throw otherMajor(dir, major, program.major);
  await dropStrangersPidFile(dir);
  const password = (await readFile(join(place, 'password'), 'utf8')).trim();
  const passwordFile = join(place, 'pgpass');
  await writeForUser(passwordFile, `*:*:*:*:${password}\n`, options.user);
  await writeForUser(join(dir, 'postgresql.conf'), settings(options.port), options.user);
  const extensionFile = join(place, 'extension-version');
  return {
    place,
    dir,
    password,
    passwordFile,
    hasExtension: async () => (await readFile(extensionFile, 'utf8').catch(() => '')) === program.extensionVersion,
    markExtension: () => writeFile(extensionFile, program.extensionVersion),
  };
}

function otherMajor(dir: string, found: string, wanted: string): LocalServerError {
  const message = `${dir} was written by PostgreSQL ${found}, and ${wanted} is installed. Take the folder away; what is in it can be built again from NATS.`;
  return new LocalServerError('LOCAL_START_FAILED', message);
}

/** Made aside and renamed, so that a killed first start leaves nothing that looks like data. */
async function initialise(program: PostgresProgram, user: RunUser | undefined, place: string): Promise<void> {
  const draft = join(place, 'postgres.new');
  await Promise.all(
    ['postgres', 'postgres.new', 'extension-version'].map((name) =>
      rm(join(place, name), { recursive: true, force: true }),
    ),
  );
  await mkdir(draft, { mode: 0o700 });
  if (user) await chown(draft, user.uid, user.gid);
  const passwordPath = join(place, 'password');
  await writeForUser(passwordPath, `${randomBytes(24).toString('base64url')}\n`, user);
  const args = [
    '-D',
    draft,
    '-U',
    'postgres',
    '-A',
    'scram-sha-256',
    '--pwfile',
    passwordPath,
    '--locale=C.UTF-8',
    '-E',
    'UTF8',
    '--no-sync',
  ];
  await runCommand(join(program.binDir, 'initdb'), args, {
    timeoutMs: INITDB_TIMEOUT_MS,
    // Without LD_LIBRARY_PATH: it calls `postgres` through the machine's own shell, which would break under it.
    env: serverEnv(),
    cwd: '/',
    ...(user ? { uid: user.uid, gid: user.gid } : {}),
  });
  await rename(draft, join(place, 'postgres'));
}

/**
 * After a crash the file names a process that may be another program by now, and PostgreSQL would take that for itself
 * and refuse. The data folder is ours alone here, so only a living `postgres` is a reason to keep it.
 */
async function dropStrangersPidFile(dir: string): Promise<void> {
  const path = join(dir, 'postmaster.pid');
  const pid = Number((await readFile(path, 'utf8').catch(() => '')).split('\n')[0]);
  if (!pid) return;
  const commandLine = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
  if (!commandLine.includes('postgres')) await rm(path, { force: true });
}

/** The whole of it; what is not here has PostgreSQL's default. */
function settings(port: number): string {
  return [
    '# Written at every start; changes made here are lost.',
    "listen_addresses = '127.0.0.1'",
    `port = ${port}`,
    '# A socket path may not be longer than 107 characters, which a data folder easily is.',
    "unix_socket_directories = ''",
    "shared_preload_libraries = 'pg_cron, pg_documentdb_core, pg_documentdb'",
    "cron.database_name = 'postgres'",
    '# DocumentDB runs small jobs every two seconds; a row and a log line for each would only ever grow.',
    'cron.log_run = off',
    'cron.log_statement = off',
    'synchronous_commit = on',
    '',
  ].join('\n');
}

async function writeForUser(path: string, text: string, user: RunUser | undefined): Promise<void> {
  await writeFile(path, text, { mode: 0o600 });
  await chmod(path, 0o600);
  if (user) await chown(path, user.uid, user.gid);
}
