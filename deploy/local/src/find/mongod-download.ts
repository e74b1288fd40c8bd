import { chmod, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { MongoBinary } from 'mongodb-memory-server-core';
import { reportStep } from '../report.ts';
import type { Reporter } from '../report.ts';
import { installOnce } from './cache.ts';
import type { Installed } from './cache.ts';
import { runCommand } from './command.ts';
import { probe } from './download.ts';
import { compareVersions, parseVersion } from './version.ts';

/** The oldest server the driver talks to. */
const OLDEST_MONGOD_VERSION = '4.4';
const DOWNLOAD_LIMIT_MS = 10 * 60_000;
const BYTES_PER_MB = 1_000_000;

export type MongodInstall = { readonly cache: string; readonly env: NodeJS.ProcessEnv; readonly report: Reporter };

export const mongodProgram = (dir: string): string => join(dir, 'mongod');

/** Runs the program and gives its version; throws when it does not run or is too old. */
export async function checkMongod(path: string): Promise<string> {
  const { stdout } = await runCommand(path, ['--version'], { timeoutMs: 10_000 });
  const version = parseVersion(stdout);
  if (version === undefined) throw new Error(`${path} does not tell its version`);
  if (compareVersions(version, OLDEST_MONGOD_VERSION) >= 0) return version;
  throw new Error(`${path} is ${version}, which is too old (${OLDEST_MONGOD_VERSION} or newer is needed)`);
}

/** The official build. mongodb-memory-server-core knows which archive fits which Linux, and checks and unpacks it. */
export async function installMongod(install: MongodInstall): Promise<Installed> {
  const { machine, url } = await chooseArchive();
  const { version } = machine;
  // The library tries for minutes where nothing answers, so its host is asked first.
  await probe(url);
  return installOnce({
    ...install,
    name: `mongod-${version}-download`,
    server: 'mongo',
    fill: async (dir) => {
      const step = `downloading mongod ${version}`;
      await reportStep(install.report, 'mongo', step, (progress) =>
        downloadMongod(dir, machine, (done, total) => progress('MB', done / BYTES_PER_MB, total / BYTES_PER_MB)),
      );
      return { program: 'mongod', version, way: 'download' };
    },
    check: async (dir) => void (await checkMongod(mongodProgram(dir))),
  });
}

/** Loaded only here: it takes a while, and a warm start never needs it. */
const loadLibrary = () => import('./mongod-library.ts');

type Machine = Parameters<typeof MongoBinary.download>[0];

async function chooseArchive(): Promise<{ machine: Machine; url: string }> {
  const { DryMongoBinary, MongoBinaryDownloadUrl } = await loadLibrary();
  const machine = { ...(await DryMongoBinary.generateOptions()), checkMD5: true };
  return { machine, url: await new MongoBinaryDownloadUrl(machine).getDownloadUrl() };
}

async function downloadMongod(
  dir: string,
  machine: Machine,
  onProgress: (doneBytes: number, totalBytes: number) => void,
): Promise<void> {
  const { MongoBinaryDownload } = await loadLibrary();
  class ReportingDownload extends MongoBinaryDownload {
    /** The library would write to standard output, which may be a caller's JSON. */
    override printDownloadProgress(chunk: { length: number }): void {
      this.dlProgress.current += chunk.length;
      onProgress(this.dlProgress.current, this.dlProgress.length);
    }
  }
  const downloadDir = join(dir, 'download');
  const download = withTlsChecked(() => new ReportingDownload({ ...machine, downloadDir }).getMongodPath());
  const late = new AbortController();
  const limit = sleep(DOWNLOAD_LIMIT_MS, undefined, { signal: late.signal }).then((): never => {
    throw new Error(`the download took longer than ${DOWNLOAD_LIMIT_MS / 60_000} min`);
  });
  try {
    await rename(await Promise.race([download, limit]), mongodProgram(dir));
  } finally {
    late.abort();
    limit.catch(() => {});
    download.catch(() => {});
  }
  await chmod(mongodProgram(dir), 0o755);
  await rm(downloadDir, { recursive: true, force: true });
}

/**
 * The library checks the server's certificate only when npm's `strict-ssl` is set in so many words, and the checksum
 * comes from the same host, so without this the program that is run could come from anybody on the way.
 */
async function withTlsChecked<T>(work: () => Promise<T>): Promise<T> {
  const name = 'npm_config_strict_ssl';
  const before = process.env[name];
  process.env[name] = 'true';
  try {
    return await work();
  } finally {
    if (before === undefined) delete process.env[name];
    else process.env[name] = before;
  }
}
