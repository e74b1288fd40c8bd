import { chmod, mkdir, mkdtemp, readFile, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import type { Reporter, ServerName } from '../report.ts';
import { takeLock } from './lock.ts';
import { markOf } from './process-mark.ts';
import { compareVersions } from './version.ts';

/** Long enough for the slowest install on a slow line; then the way counts as failed, with the lock's holder as the reason. */
const WAIT_FOR_OTHER_INSTALL_MS = 15 * 60_000;

/** Written last into an install, so a folder without it is not one. */
const NOTE_FILE = 'installed.json';

export type InstallNote = {
  /** The program: `nats-server`, `mongod`, `documentdb`, `ferretdb`, `redis-server`. */
  readonly program: string;
  readonly version: string;
  /** How it came here: `download`, `go`, `wheel`, `debian`. */
  readonly way: string;
};

export type InstallContext = { readonly cache: string; readonly env: NodeJS.ProcessEnv; readonly report: Reporter };

export type Installed = InstallNote & { readonly dir: string };

export function cacheFolder(env: NodeJS.ProcessEnv): string {
  const own = env['BATON_CACHE'];
  if (own !== undefined && own !== '') return resolve(own);
  const xdg = env['XDG_CACHE_HOME'];
  const base = xdg !== undefined && xdg !== '' ? xdg : join(env['HOME'] || homedir(), '.cache');
  return resolve(base, 'baton');
}

/** Whole installs of a program, newest version first. */
export async function cachedInstalls(cache: string, program: string, way?: string): Promise<Installed[]> {
  const names = await readdir(cache).catch(() => []);
  const found: Installed[] = [];
  for (const name of names.filter((each) => each.startsWith(`${program}-`))) {
    const dir = join(cache, name);
    const note = await readNote(dir);
    if (note?.program === program && (way === undefined || note.way === way)) found.push({ ...note, dir });
  }
  return found.sort((a, b) => compareVersions(b.version, a.version));
}

async function readNote(dir: string): Promise<InstallNote | undefined> {
  try {
    const note = JSON.parse(await readFile(join(dir, NOTE_FILE), 'utf8')) as Partial<InstallNote>;
    return note.program && note.version && note.way ? (note as InstallNote) : undefined;
  } catch {
    return undefined;
  }
}

export type Install = {
  readonly cache: string;
  /** Name of the folder in the cache; begins with the program and a dash. */
  readonly name: string;
  readonly server: ServerName;
  readonly report: Reporter;
  /** Fills `tempDir`. `finalDir` is where the files will be when it is done, for programs that hold their own path. */
  readonly fill: (tempDir: string, finalDir: string) => Promise<InstallNote>;
  /** Runs the program; throws when it does not work. */
  readonly check: (dir: string) => Promise<void>;
};

/** Installs once however many processes ask: the others wait and take what the first has made. */
export async function installOnce(install: Install): Promise<Installed> {
  const { cache, name, server, report, check } = install;
  await mkdir(cache, { recursive: true });
  const finalDir = join(cache, name);
  const release = await takeLock(join(cache, `.${name}.lock`), {
    waitMs: WAIT_FOR_OTHER_INSTALL_MS,
    onWait: ({ pid }) => report({ kind: 'note', server, text: `process ${pid} is installing ${name}; waiting for it` }),
  });
  try {
    const ready = await takeReady(finalDir, check);
    if (ready) return ready;
    await sweep(cache, name);
    return await installNow(install, finalDir);
  } finally {
    await release();
  }
}

async function takeReady(dir: string, check: Install['check']): Promise<Installed | undefined> {
  const note = await readNote(dir);
  if (!note) return undefined;
  try {
    await check(dir);
    return { ...note, dir };
  } catch {
    return undefined;
  }
}

async function installNow({ cache, name, fill, check }: Install, finalDir: string): Promise<Installed> {
  const tempDir = await mkdtemp(join(cache, `${tempPrefix(name)}${process.pid}-`));
  try {
    // mkdtemp makes it private, but PostgreSQL runs as another user when this process is root.
    await chmod(tempDir, 0o755);
    const note = await fill(tempDir, finalDir);
    await writeFile(join(tempDir, NOTE_FILE), JSON.stringify(note, null, 2));
    await putInPlace(tempDir, finalDir, check);
    await check(finalDir).catch(async (error: unknown) => {
      await rm(finalDir, { recursive: true, force: true });
      throw error;
    });
    return { ...((await readNote(finalDir)) ?? note), dir: finalDir };
  } finally {
    await rm(tempDir, { recursive: true, force: true });
  }
}

/** The rename is what makes an install appear whole or not at all. A folder that does not work makes room. */
async function putInPlace(tempDir: string, finalDir: string, check: Install['check']): Promise<void> {
  if (await takeReady(finalDir, check)) return;
  const aside = `${tempDir}-broken`;
  await rename(finalDir, aside).catch(() => {});
  await rename(tempDir, finalDir).catch(async (error: unknown) => {
    if (!(await takeReady(finalDir, check))) throw error;
  });
  await rm(aside, { recursive: true, force: true });
}

const tempPrefix = (name: string): string => `.tmp-${name}-`;

/** Takes away what an install that was killed has left. */
async function sweep(cache: string, name: string): Promise<void> {
  for (const left of await readdir(cache)) {
    if (!left.startsWith(tempPrefix(name))) continue;
    const pid = Number(/^\d+/.exec(left.slice(tempPrefix(name).length))?.[0]);
    if (pid === process.pid || markOf(pid) === undefined) await rm(join(cache, left), { recursive: true, force: true });
  }
}
