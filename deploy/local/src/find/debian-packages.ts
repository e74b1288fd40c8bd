import { access, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { reportStep } from '../report.ts';
import type { Reporter, ServerName } from '../report.ts';
import { findOnPath, runCommand } from './command.ts';

const KEYRING = '/usr/share/keyrings/debian-archive-keyring.gpg';
const APT_TIMEOUT_MS = 10 * 60_000;
const UNPACK_TIMEOUT_MS = 2 * 60_000;
const UNPACK_AT_ONCE = 2;

/** Nothing a server needs to run; half the files and a fifth of the room. */
const LEFT_OUT = ['usr/share/doc', 'usr/share/locale', 'usr/share/man', 'usr/share/info', 'usr/share/lintian'];

export type DebianContext = { readonly env: NodeJS.ProcessEnv; readonly server: ServerName; readonly report: Reporter };

/** An `apt` of its own: it keeps everything in one folder and touches nothing of the machine's package state. */
export type PrivateApt = {
  readonly suite: string;
  /** Names of packages that match a regular expression. */
  readonly search: (pattern: string) => Promise<string[]>;
  /** Unpacks packages and all they depend on, down to the C library, into `root`. Gives each package's version. */
  readonly unpack: (packages: readonly string[], root: string) => Promise<Map<string, string>>;
  /** One package, without what it depends on. */
  readonly unpackAlone: (name: string, root: string) => Promise<Map<string, string>>;
};

/** Opens a suite of the Debian archive the machine itself uses. Needs no root. `workDir` may go when all is unpacked. */
export async function openPrivateApt(workDir: string, suite: string, context: DebianContext): Promise<PrivateApt> {
  const { env } = context;
  for (const tool of ['apt-get', 'apt-cache', 'dpkg-deb']) {
    if (!findOnPath(tool, env)) throw new Error(`there is no \`${tool}\` on PATH: this way needs a Debian-like Linux`);
  }
  await access(KEYRING).catch(() => {
    throw new Error(`${KEYRING} is missing: this way needs a machine that trusts the Debian archive`);
  });
  const aptEnv = {
    ...env,
    LC_ALL: 'C',
    DEBIAN_FRONTEND: 'noninteractive',
    APT_CONFIG: await writeConfig(workDir, suite, env),
  };
  await reportStep(context.report, context.server, `apt-get update (Debian ${suite})`, async () => {
    // AppStream data doubles what is fetched, and only desktops read it.
    const args = ['update', '-q', '-o', 'Acquire::IndexTargets::deb::DEP-11::DefaultEnabled=false'];
    await runCommand('apt-get', args, { timeoutMs: APT_TIMEOUT_MS, env: aptEnv });
  });
  return {
    suite,
    search: (pattern) => searchNames(pattern, aptEnv),
    unpack: async (packages, root) => {
      await download(packages, aptEnv, context);
      return unpackAll(join(workDir, 'cache', 'archives'), root, context);
    },
    unpackAlone: async (name, root) => {
      const archives = join(workDir, 'cache', 'archives');
      await reportStep(context.report, context.server, `downloading ${name}`, async () => {
        await runCommand('apt-get', ['download', '-q', name], {
          timeoutMs: APT_TIMEOUT_MS,
          env: aptEnv,
          cwd: archives,
        });
      });
      return unpackAll(archives, root, context);
    },
  };
}

async function writeConfig(workDir: string, suite: string, env: NodeJS.ProcessEnv): Promise<string> {
  const path = join(workDir, 'apt.conf');
  await mkdir(join(workDir, 'state', 'lists', 'partial'), { recursive: true });
  await mkdir(join(workDir, 'cache', 'archives', 'partial'), { recursive: true });
  await writeFile(join(workDir, 'state', 'status'), '');
  const source = `deb [signed-by=${KEYRING}] ${await debianAddress(env)} ${suite} main\n`;
  await writeFile(join(workDir, 'sources.list'), source);
  const settings = [
    ['Dir::State', join(workDir, 'state')],
    ['Dir::State::status', join(workDir, 'state', 'status')],
    ['Dir::Cache', join(workDir, 'cache')],
    ['Dir::Etc::sourcelist', join(workDir, 'sources.list')],
    ['Dir::Etc::sourceparts', '/dev/null'],
    ['Dir::Etc::preferencesparts', '/dev/null'],
    ['Dir::Etc::trustedparts', '/dev/null'],
    ['APT::Install-Recommends', 'false'],
    ['APT::Sandbox::User', ''],
    ['Debug::NoLocking', 'true'],
    ['Acquire::Languages', 'none'],
    ['Acquire::Retries', '2'],
    ['Acquire::http::Timeout', '15'],
  ];
  await writeFile(path, settings.map(([name, value]) => `${name} "${value}";\n`).join(''));
  return path;
}

/** Where the machine itself gets Debian from, so that a mirror or proxy someone has set up is used here too. */
async function debianAddress(env: NodeJS.ProcessEnv): Promise<string> {
  const targets = ['indextargets', '--format', '$(REPO_URI)', 'Created-By: Packages'];
  // A fresh container image has no package lists, and then `indextargets` is silent; the second question still works.
  const uris = ['update', '--print-uris', '-o', 'Debug::NoLocking=true'];
  for (const args of [targets, uris]) {
    const { stdout } = await runCommand('apt-get', args, { timeoutMs: 30_000, env }).catch(() => ({ stdout: '' }));
    const address = addressIn(stdout);
    if (address !== undefined) return address;
  }
  throw new Error('the package sources of this machine name no Debian archive');
}

/** The address that ends in `/debian/`, from either of apt's two answers. */
export function addressIn(aptOutput: string): string | undefined {
  for (const line of aptOutput.split('\n')) {
    const address = /^'?(\S+?\/debian\/)(?:dists\/\S*)?'?(?:\s|$)/.exec(line)?.[1];
    if (address !== undefined) return address;
  }
  return undefined;
}

async function searchNames(pattern: string, env: NodeJS.ProcessEnv): Promise<string[]> {
  const { stdout } = await runCommand('apt-cache', ['search', '--names-only', pattern], { timeoutMs: 60_000, env });
  return stdout.split('\n').flatMap((line) => line.split(' ', 1)[0] || []);
}

async function download(packages: readonly string[], env: NodeJS.ProcessEnv, context: DebianContext): Promise<void> {
  await reportStep(
    context.report,
    context.server,
    `downloading ${packages.join(', ')} and what they need`,
    async (progress) => {
      const args = ['install', '-y', '-q', '--download-only', '-o', 'APT::Status-Fd=3', ...packages];
      await runCommand('apt-get', args, {
        timeoutMs: APT_TIMEOUT_MS,
        env,
        onStatusLine: (line) => {
          const percent = /^dlstatus:\d+:([\d.]+):/.exec(line)?.[1];
          if (percent !== undefined) progress('%', Number(percent), 100);
        },
      });
    },
  );
}

async function unpackAll(archives: string, root: string, context: DebianContext): Promise<Map<string, string>> {
  const files = (await readdir(archives)).filter((name) => name.endsWith('.deb'));
  const waiting = [...files];
  await mkdir(root, { recursive: true });
  await reportStep(context.report, context.server, `unpacking ${files.length} packages`, async (progress) => {
    const unpackNext = async (): Promise<void> => {
      for (let file = waiting.shift(); file !== undefined; file = waiting.shift()) {
        await runCommand('dpkg-deb', ['-x', join(archives, file), root], {
          timeoutMs: UNPACK_TIMEOUT_MS,
          env: context.env,
        });
        progress('packages', files.length - waiting.length, files.length);
      }
    };
    await Promise.all(Array.from({ length: UNPACK_AT_ONCE }, unpackNext));
  });
  await Promise.all(LEFT_OUT.map((path) => rm(join(root, path), { recursive: true, force: true })));
  return new Map(files.map(versionIn));
}

/** `libc6_2.43-7_amd64.deb` -> libc6, 2.43-7; a colon in the version is written `%3a`. */
function versionIn(file: string): [string, string] {
  const [name = file, version = ''] = file.split('_');
  return [name, decodeURIComponent(version)];
}

/** The machine's own release, whose programs run with its own C library. */
export async function ownSuite(): Promise<string> {
  const release = await readFile('/etc/os-release', 'utf8').catch(() => '');
  const codename = /^VERSION_CODENAME=(\w+)$/m.exec(release)?.[1];
  return /^ID=debian$/m.test(release) && codename !== undefined ? codename : 'stable';
}
