import { mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ServerUnavailableError } from '../errors.ts';
import { reportStep, silentReporter } from '../report.ts';
import type { Reporter } from '../report.ts';
import { cacheFolder, cachedInstalls, installOnce } from './cache.ts';
import type { Installed } from './cache.ts';
import { findOnPath, runCommand } from './command.ts';
import { openPrivateApt, ownSuite } from './debian-packages.ts';
import { takeFirst } from './search.ts';
import type { FindOptions, Way } from './search.ts';

const NAMES = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'];
/** A page without a font is a page of boxes, and its figures have other sizes. */
const PACKAGES = ['chromium', 'fonts-liberation', 'fonts-dejavu-core'];
const APT_TIMEOUT_MS = 10 * 60_000;

export type FoundChromium = {
  readonly path: string;
  readonly version: string;
  readonly way: 'path' | 'apt' | 'debian';
  /** To be set when it is started, on top of the environment. */
  readonly env: Readonly<Record<string, string>>;
};

type Install = { readonly cache: string; readonly env: NodeJS.ProcessEnv; readonly report: Reporter };

/** Finds or installs a Chromium: on PATH, by apt when this is root, in the cache, from Debian's packages. For tests. */
export async function ensureChromium(options: FindOptions = {}): Promise<FoundChromium> {
  const env = options.env ?? process.env;
  const install = { env, cache: options.cache ?? cacheFolder(env), report: options.report ?? silentReporter };
  const ways: Way<FoundChromium>[] = [
    { name: 'chromium on PATH', take: () => takeFromPath(env, 'path') },
    { name: `cache ${install.cache}`, take: () => takeFromCache(install.cache) },
    { name: 'apt-get install, as root', take: () => takeFromApt(install) },
    { name: 'chromium from Debian', take: async () => fromInstall(await installChromium(install)) },
  ];
  const search = await takeFirst('chromium', ways, install.report);
  if (search.found) return search.found;
  const advice = 'Install chromium so that it is on PATH.';
  throw new ServerUnavailableError('LOCAL_CHROMIUM_UNAVAILABLE', 'Chromium', search.attempts, advice);
}

async function takeFromPath(env: NodeJS.ProcessEnv, way: FoundChromium['way']): Promise<FoundChromium | undefined> {
  const path = NAMES.map((name) => findOnPath(name, env)).find((found) => found !== undefined);
  return path === undefined ? undefined : { path, version: await versionOf(path, {}), way, env: {} };
}

async function takeFromApt({ env, report }: Install): Promise<FoundChromium | undefined> {
  if (process.getuid?.() !== 0 || !findOnPath('apt-get', env)) return undefined;
  const aptEnv = { ...env, DEBIAN_FRONTEND: 'noninteractive' };
  await reportStep(report, 'chromium', `apt-get install ${PACKAGES.join(' ')}`, async () => {
    await runCommand('apt-get', ['update', '-qq'], { timeoutMs: APT_TIMEOUT_MS, env: aptEnv });
    const args = ['install', '-y', '-qq', '--no-install-recommends', ...PACKAGES];
    await runCommand('apt-get', args, { timeoutMs: APT_TIMEOUT_MS, env: aptEnv });
  });
  return takeFromPath(env, 'apt');
}

async function takeFromCache(cache: string): Promise<FoundChromium | undefined> {
  const [installed] = await cachedInstalls(cache, 'chromium');
  return installed && fromInstall(installed);
}

async function fromInstall({ dir }: Installed): Promise<FoundChromium> {
  const path = join(dir, 'root', PROGRAM);
  const libraries = (await libraryFolders(join(dir, 'root'))).join(':');
  const env = { FONTCONFIG_FILE: join(dir, FONTS_FILE), LD_LIBRARY_PATH: libraries };
  return { path, version: await versionOf(path, env), way: 'debian', env };
}

const PROGRAM = 'usr/lib/chromium/chromium';
const FONTS_FILE = 'fonts.conf';

async function versionOf(path: string, env: FoundChromium['env']): Promise<string> {
  const { stdout } = await runCommand(path, ['--version'], { timeoutMs: 30_000, env: { ...process.env, ...env } });
  const version = /\d+(\.\d+){1,3}/.exec(stdout)?.[0];
  if (version === undefined) throw new Error(`${path} does not tell its version`);
  return version;
}

function installChromium(install: Install): Promise<Installed> {
  return installOnce({
    ...install,
    name: 'chromium-debian',
    server: 'chromium',
    fill: async (dir, finalDir) => {
      const version = await unpackChromium(install, dir, finalDir);
      return { program: 'chromium', version, way: 'debian' };
    },
    check: async (dir) => void (await fromInstall({ dir, program: 'chromium', version: '', way: 'debian' })),
  });
}

async function unpackChromium({ env, report }: Install, dir: string, finalDir: string): Promise<string> {
  const workDir = join(dir, 'apt');
  const root = join(dir, 'root');
  await mkdir(workDir);
  const apt = await openPrivateApt(workDir, await ownSuite(), { env, server: 'chromium', report });
  const versions = await apt.unpack(PACKAGES, root);
  await dropLibc(root);
  const fonts = `<dir>${finalDir}/root/usr/share/fonts</dir><cachedir>${finalDir}/fonts</cachedir>`;
  const xml = `<?xml version="1.0"?><!DOCTYPE fontconfig SYSTEM "fonts.dtd"><fontconfig>${fonts}</fontconfig>\n`;
  await writeFile(join(dir, FONTS_FILE), xml);
  await rm(workDir, { recursive: true, force: true });
  return versions.get('chromium') ?? '0.0';
}

/** The C library must be the one the machine's own loader belongs to; the suite is the same, so it fits. */
const LIBC = /^(ld-linux.*|lib(c|m|mvec|dl|rt|pthread|resolv|util|anl|nsl|thread_db|nss_\w+|BrokenLocale)\.so\.\d+)$/;

async function dropLibc(root: string): Promise<void> {
  for (const folder of await libraryFolders(root)) {
    for (const name of await readdir(folder)) if (LIBC.test(name)) await rm(join(folder, name));
  }
}

/** `lib/<triplet>` and `usr/lib/<triplet>`, those that there are. */
async function libraryFolders(root: string): Promise<string[]> {
  const found: string[] = [];
  for (const parent of ['lib', 'usr/lib']) {
    const names = await readdir(join(root, parent)).catch(() => []);
    found.push(...names.filter((name) => name.endsWith('-linux-gnu')).map((name) => join(root, parent, name)));
  }
  return found;
}
