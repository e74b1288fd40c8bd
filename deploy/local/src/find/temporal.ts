import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ServerUnavailableError } from '../errors.ts';
import { reportStep, silentReporter } from '../report.ts';
import { cacheFolder, cachedInstalls, installOnce } from './cache.ts';
import type { InstallContext, Installed } from './cache.ts';
import { findOnPath, runCommand } from './command.ts';
import { goInstall } from './go-install.ts';
import { takeFirst } from './search.ts';
import type { FindOptions, Way } from './search.ts';

const SERVER_VERSION = '1.30.4';
const CLIENT_VERSION = '1.24.0';

const CLIENT_PACKAGES = ['activity', 'client', 'common', 'worker', 'workflow'].map(
  (name) => `@temporalio/${name}@${CLIENT_VERSION}`,
);

const NPM_TIMEOUT_MS = 10 * 60_000;

export type FoundTemporal = {
  /** The server program. */
  readonly path: string;
  readonly version: string;
  /** Folder whose `node_modules` has the packages of its TypeScript client and worker. */
  readonly packages: string;
};

/**
 * Finds or installs Temporal, to compare with: the server built by Go, the packages for Node by npm, both in the cache. Not
 * among the dependencies of this workspace, since they are large and only this comparison needs them.
 */
export async function ensureTemporal(options: FindOptions = {}): Promise<FoundTemporal> {
  const env = options.env ?? process.env;
  const install = { env, cache: options.cache ?? cacheFolder(env), report: options.report ?? silentReporter };
  const ways: Way<Installed>[] = [
    { name: `cache ${install.cache}`, take: async () => (await cachedInstalls(install.cache, 'temporal-server'))[0] },
    { name: 'temporal-server by go', take: () => installServer(install) },
  ];
  const search = await takeFirst('temporal', ways, install.report);
  if (!search.found) {
    const advice = 'Install Go, which builds it.';
    throw new ServerUnavailableError('LOCAL_TEMPORAL_UNAVAILABLE', 'temporal-server', search.attempts, advice);
  }
  const { dir, version } = search.found;
  const packages = await installPackages(install);
  return { path: serverProgram(dir), version, packages: packages.dir };
}

const serverProgram = (dir: string): string => join(dir, 'server');

function installServer(install: InstallContext): Promise<Installed> {
  const { env, report } = install;
  return installOnce({
    ...install,
    name: `temporal-server-${SERVER_VERSION}-go`,
    server: 'temporal',
    fill: async (binDir) => {
      const module = `go.temporal.io/server/cmd/server@v${SERVER_VERSION}`;
      await goInstall({ module, binDir, env, server: 'temporal', report });
      return { program: 'temporal-server', version: SERVER_VERSION, way: 'go' };
    },
    check: async (dir) => void (await runCommand(serverProgram(dir), ['--version'], { timeoutMs: 10_000 })),
  });
}

function installPackages(install: InstallContext): Promise<Installed> {
  const { env, report } = install;
  return installOnce({
    ...install,
    name: `temporal-packages-${CLIENT_VERSION}-npm`,
    server: 'temporal',
    fill: async (dir) => {
      const npm = findOnPath('npm', env);
      if (npm === undefined) throw new Error('there is no `npm` on PATH');
      await mkdir(dir, { recursive: true });
      await reportStep(report, 'temporal', `npm install ${CLIENT_PACKAGES.join(' ')}`, () =>
        runCommand(
          npm,
          ['install', '--prefix', dir, '--no-audit', '--no-fund', '--ignore-scripts', ...CLIENT_PACKAGES],
          {
            timeoutMs: NPM_TIMEOUT_MS,
            env,
          },
        ),
      );
      return { program: 'temporal-packages', version: CLIENT_VERSION, way: 'npm' };
    },
    check: async (dir) => {
      await readFile(join(dir, 'node_modules/@temporalio/worker/package.json'));
    },
  });
}
