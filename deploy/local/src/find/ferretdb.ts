import { join } from 'node:path';
import { installOnce } from './cache.ts';
import type { Installed } from './cache.ts';
import { runCommand } from './command.ts';
import type { InstallContext } from './cache.ts';
import { goInstall } from './go-install.ts';

const FERRETDB_VERSION = '2.7.0';

export const ferretProgram = (dir: string): string => join(dir, 'ferretdb');

export function installFerretDb(install: InstallContext): Promise<Installed> {
  const { env, report } = install;
  return installOnce({
    ...install,
    name: `ferretdb-${FERRETDB_VERSION}-go`,
    server: 'mongo',
    fill: async (binDir) => {
      const module = `github.com/FerretDB/FerretDB/v2/cmd/ferretdb@v${FERRETDB_VERSION}`;
      await goInstall({ module, binDir, env, server: 'mongo', report });
      return { program: 'ferretdb', version: FERRETDB_VERSION, way: 'go' };
    },
    check: checkFerretDb,
  });
}

export async function checkFerretDb(dir: string): Promise<void> {
  await runCommand(ferretProgram(dir), ['--version'], { timeoutMs: 10_000 });
}
