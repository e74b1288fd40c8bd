import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { isAlive, isProcessMark } from '@baton/local';

/**
 * A second start in the folder of a system that runs is refused before it builds or starts anything. `npm start` bundles this
 * file alone, so it imports nothing but marks of processes.
 */

/** Names of the servers, each with a lock of its own from its start to its end. */
const SERVERS = ['nats', 'mongo'] as const;

/** Where a system says of itself what others need in order to use it. */
export const systemFileIn = (dataDir: string): string => join(dataDir, 'system.json');

/** Why no system can be started in a data folder: one is there, or on its way. Undefined: none is. */
export const runsAlready = (dataDir: string): string | undefined => {
  const { process: announced, pageUrl } = readMap(systemFileIn(dataDir));
  const locks = SERVERS.map((name) => readMap(join(dataDir, 'servers', name, 'lock')));
  const [user] = [announced, ...locks].filter(isProcessMark).filter(isAlive);
  if (user === undefined) return undefined;
  const page = user === announced && typeof pageUrl === 'string' ? `, and its page is at ${pageUrl}` : '';
  return (
    `a system probably runs in ${dataDir} already: process ${user.pid} uses it${page}. ` +
    'Use that one, stop it with Ctrl-C in its terminal, or name another data folder with --data.'
  );
};

const readMap = (file: string): Readonly<Record<string, unknown>> => {
  try {
    const value: unknown = JSON.parse(readFileSync(file, 'utf8'));
    return typeof value === 'object' && value !== null ? (value as Readonly<Record<string, unknown>>) : {};
  } catch {
    // Not there, or half written by one that starts just now.
    return {};
  }
};
