import { join } from 'node:path';
import type { Reporter } from '../report.ts';
import { runCommand } from './command.ts';
import { compareVersions, parseVersion } from './version.ts';

/** Older servers lack what Baton's streams need or lose acknowledged writes. */
export const OLDEST_NATS_VERSION = '2.14.5';

/** The version that is installed where none is there. */
export const NATS_VERSION = '2.15.2';

/** What every way to install it needs to know. */
export type NatsInstall = { readonly cache: string; readonly env: NodeJS.ProcessEnv; readonly report: Reporter };

export const natsProgram = (dir: string): string => join(dir, 'nats-server');

/** Runs the program and gives its version; throws when it does not run or is too old. */
export async function checkNats(path: string): Promise<string> {
  const { stdout } = await runCommand(path, ['--version'], { timeoutMs: 10_000 });
  const version = parseVersion(stdout);
  if (version === undefined) throw new Error(`${path} does not tell its version`);
  if (compareVersions(version, OLDEST_NATS_VERSION) >= 0) return version;
  throw new Error(`${path} is ${version}, which is too old (${OLDEST_NATS_VERSION} or newer is needed)`);
}
