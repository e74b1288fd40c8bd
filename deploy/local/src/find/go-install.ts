import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { reportStep } from '../report.ts';
import type { Reporter, ServerName } from '../report.ts';
import { findOnPath, runCommand } from './command.ts';

const GO_INSTALL_TIMEOUT_MS = 15 * 60_000;
const HOMELESS = ['.go', '.go-build'] as const;

export type GoInstall = {
  /** Package and version as `go install` wants them. */
  readonly module: string;
  readonly binDir: string;
  readonly env: NodeJS.ProcessEnv;
  readonly server: ServerName;
  readonly report: Reporter;
};

/** Builds a Go program into `binDir`. Go itself checks what it downloads against the public checksum database. */
export async function goInstall({ module, binDir, env, server, report }: GoInstall): Promise<void> {
  const go = findOnPath('go', env);
  if (!go) throw new Error('there is no `go` on PATH');
  await mkdir(binDir, { recursive: true });
  await reportStep(report, server, `go install ${module}`, async (progress) => {
    let built = 0;
    await runCommand(go, ['install', '-v', module], {
      timeoutMs: GO_INSTALL_TIMEOUT_MS,
      env: { ...env, ...homeless(env, binDir), GOBIN: binDir, CGO_ENABLED: '0' },
      onErrorLine: (line) => {
        // `go: downloading …` lines come first; the rest is one line per package built.
        if (!line.startsWith('go:')) progress('packages', (built += 1));
      },
    });
    for (const name of HOMELESS) await rm(join(binDir, name), { recursive: true, force: true });
  });
}

/** Without a home folder Go has nowhere to keep what it downloads and builds; then that is beside the program meanwhile. */
function homeless(env: NodeJS.ProcessEnv, binDir: string): NodeJS.ProcessEnv {
  if (env['HOME'] || (env['GOPATH'] && env['GOCACHE'])) return {};
  return {
    GOPATH: join(binDir, HOMELESS[0]),
    GOCACHE: join(binDir, HOMELESS[1]),
    GOFLAGS: `${env['GOFLAGS'] ?? ''} -modcacherw`,
  };
}
