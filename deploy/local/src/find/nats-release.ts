import { chmod, rename, rm } from 'node:fs/promises';
import { arch, platform } from 'node:process';
import { join } from 'node:path';
import { reportStep } from '../report.ts';
import { installOnce } from './cache.ts';
import type { Installed } from './cache.ts';
import { runCommand } from './command.ts';
import { checkSha256, downloadFile, fetchText, probe } from './download.ts';
import { NATS_VERSION, checkNats, natsProgram } from './nats-program.ts';
import type { NatsInstall } from './nats-program.ts';

const RELEASE_BASE_URL = 'https://github.com/nats-io/nats-server/releases/download';
const BYTES_PER_MB = 1_000_000;

/** Name of the release's archive for a machine, without its ending. */
export function releaseName(version: string, os: string, cpu: string): string {
  const goArch = { x64: 'amd64', arm64: 'arm64', arm: 'arm7', ppc64: 'ppc64le', s390x: 's390x' }[cpu];
  if ((os !== 'linux' && os !== 'darwin') || goArch === undefined)
    throw new Error(`there is no release for ${os} on ${cpu}`);
  return `nats-server-v${version}-${os}-${goArch}`;
}

/** The official release, checked against the checksums published beside it. */
export async function installNatsRelease(install: NatsInstall, baseUrl: string = RELEASE_BASE_URL): Promise<Installed> {
  const name = releaseName(NATS_VERSION, platform, arch);
  const folderUrl = `${baseUrl}/v${NATS_VERSION}`;
  await probe(folderUrl);
  return installOnce({
    ...install,
    name: `nats-server-${NATS_VERSION}-download`,
    server: 'nats',
    fill: async (dir) => {
      await unpackRelease(install, folderUrl, name, dir);
      return { program: 'nats-server', version: NATS_VERSION, way: 'download' };
    },
    check: async (dir) => void (await checkNats(natsProgram(dir))),
  });
}

async function unpackRelease({ report }: NatsInstall, folderUrl: string, name: string, dir: string): Promise<void> {
  const archive = `${name}.tar.gz`;
  const path = join(dir, archive);
  await reportStep(report, 'nats', `downloading ${archive}`, async (progress) => {
    const sums = await fetchText(`${folderUrl}/SHA256SUMS`);
    await downloadFile({
      url: `${folderUrl}/${archive}`,
      to: path,
      onProgress: (done, total) =>
        progress('MB', done / BYTES_PER_MB, total === undefined ? undefined : total / BYTES_PER_MB),
    });
    await checkSha256(path, archive, sums);
  });
  await runCommand('tar', ['-xzf', path, '-C', dir, `${name}/nats-server`], { timeoutMs: 60_000 });
  await rename(join(dir, name, 'nats-server'), natsProgram(dir));
  await chmod(natsProgram(dir), 0o755);
  await tidy(dir, [archive, name]);
}

/** Leaves only the program. */
async function tidy(dir: string, names: readonly string[]): Promise<void> {
  for (const name of names) await rm(join(dir, name), { recursive: true, force: true });
}
