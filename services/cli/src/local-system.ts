import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { isAlive, isProcessMark, markOf, type ProcessMark } from '@baton/local';
import { systemFileIn } from './dev/running-system.ts';

/**
 * How a command in a second terminal finds the system that `baton dev` runs here: a file in its data folder, which counts
 * while the process that wrote it lives. Only for servers of its own, which have no secrets.
 */
export type LocalSystem = {
  readonly natsUrl: string;
  readonly mongoUrl: string;
  readonly namespace: string;
};

/** Name of the data folder, unless `--data` names another. */
export const DATA_FOLDER = '.baton';

/** Returns the way to take it back. */
export const announceSystem = (dataDir: string, system: LocalSystem & { readonly pageUrl?: string }): (() => void) => {
  mkdirSync(dataDir, { recursive: true });
  writeFileSync(systemFileIn(dataDir), `${JSON.stringify({ ...system, process: markOf(process.pid) })}\n`, {
    mode: 0o600,
  });
  return () => rmSync(systemFileIn(dataDir), { force: true });
};

/** The system whose data folder is here or further up. */
export const findSystem = (from: string = process.cwd()): LocalSystem | undefined => {
  for (const folder of upwards(from)) {
    const found = readSystem(join(folder, DATA_FOLDER));
    if (found !== undefined) return found;
  }
  return undefined;
};

const upwards = (from: string): readonly string[] => {
  const parent = dirname(from);
  return parent === from ? [from] : [from, ...upwards(parent)];
};

const readSystem = (dataDir: string): LocalSystem | undefined => {
  try {
    const found = JSON.parse(readFileSync(systemFileIn(dataDir), 'utf8')) as LocalSystem & {
      readonly process: ProcessMark;
    };
    const { natsUrl, mongoUrl, namespace, process: mark } = found;
    const isWhole = [natsUrl, mongoUrl, namespace].every((text) => typeof text === 'string') && isProcessMark(mark);
    return isWhole && isAlive(mark) ? { natsUrl, mongoUrl, namespace } : undefined;
  } catch {
    // Not there, or half written by one that starts just now.
    return undefined;
  }
};

/** Sets the variables of the running local system where none of them is set. */
export const useLocalSystem = (): void => {
  const { env } = process;
  if (env['NATS_URL'] || env['MONGODB_URL']) return;
  const system = findSystem();
  if (system === undefined) return;
  env['NATS_URL'] = system.natsUrl;
  env['MONGODB_URL'] = system.mongoUrl;
  env['BATON_NAMESPACE'] ||= system.namespace;
};

/** For errors of servers that cannot be reached: which variable was not set, and what to do. */
export const unsetAdvice = (code: string): string | undefined => {
  const { NATS_URL, MONGODB_URL } = process.env;
  const isUnset = { NOT_CONNECTED: !NATS_URL, MONGO_UNAVAILABLE: !MONGODB_URL }[code] ?? false;
  if (!isUnset) return undefined;
  if (!NATS_URL && !MONGODB_URL)
    return 'neither NATS_URL nor MONGODB_URL is set, and no local system runs here: run `npx baton dev` in another terminal, or set both';
  return `${NATS_URL ? 'MONGODB_URL' : 'NATS_URL'} is not set: its default was tried`;
};
