import { chmod, mkdir, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { runCommand } from './command.ts';

export type RunUser = { readonly name: string; readonly uid: number; readonly gid: number };

const EVERYONE_MAY_PASS = 0o001;

/** The user PostgreSQL runs as. Undefined when this process is not root and PostgreSQL may run as it is. */
export async function postgresUser(): Promise<RunUser | undefined> {
  if (process.getuid?.() !== 0) return undefined;
  for (const name of ['nobody', 'postgres']) {
    const uid = await idOf('-u', name);
    const gid = await idOf('-g', name);
    if (uid !== undefined && gid !== undefined && uid !== 0) return { name, uid, gid };
  }
  throw new Error('PostgreSQL refuses to run as root, and there is no user `nobody` or `postgres` to run it as');
}

async function idOf(flag: string, name: string): Promise<number | undefined> {
  const output = await runCommand('id', [flag, name], { timeoutMs: 5_000 }).catch(() => undefined);
  return output === undefined ? undefined : Number(output.stdout.trim());
}

/**
 * A folder PostgreSQL can get to. When root runs this, PostgreSQL runs as another user, and root's home is closed to
 * that user. Opening it would be for the owner to decide, so another folder is taken. `preferred` itself is ours to open.
 */
export async function placeForPostgres(preferred: string, instead: string): Promise<string> {
  if (process.getuid?.() !== 0) return preferred;
  if (await mayPass(dirname(preferred))) return await opened(preferred);
  for (const place of [instead, join(tmpdir(), instead.replace(/^\//, '').replaceAll('/', '-'))]) {
    const usable = await opened(place).catch(() => undefined);
    if (usable !== undefined && (await mayPass(dirname(place)))) return usable;
  }
  throw new Error(`no folder PostgreSQL could use: tried ${preferred} and ${instead}`);
}

/** Lets PostgreSQL's user pass through a folder of the caller's on the way to a folder of ours in it. */
export async function letPostgresPass(dir: string): Promise<void> {
  if (process.getuid?.() === 0 && (await mayPass(dirname(dir)))) await opened(dir);
}

async function opened(dir: string): Promise<string> {
  const made = await mkdir(dir, { recursive: true });
  // Under a strict umask the folders made on the way would be closed.
  for (let each = dirname(dir); made !== undefined && each.startsWith(made); each = dirname(each))
    await chmod(each, 0o755);
  const { mode, uid } = await stat(dir);
  // In a folder for everyone somebody else could have put programs there before.
  if (uid !== process.getuid?.()) throw new Error(`${dir} belongs to another user`);
  if ((mode & EVERYONE_MAY_PASS) === 0) await chmod(dir, (mode & 0o7777) | EVERYONE_MAY_PASS);
  return dir;
}

/** Whether every user may pass through all folders down to this one. Folders that are not there yet will be ours. */
async function mayPass(dir: string): Promise<boolean> {
  const here = await stat(dir).catch(() => undefined);
  if (here && (here.mode & EVERYONE_MAY_PASS) === 0) return false;
  const above = dirname(dir);
  return above === dir || mayPass(above);
}
