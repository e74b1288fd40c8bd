import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { silentReporter, type ServerName } from '../report.ts';
import type { ServerOptions } from './local-server.ts';
import { choosePort, isFree } from './ports.ts';

const fileIn = (dataDir: string): string => join(dataDir, 'port');

/**
 * The port of a server: the given one, else the one its data folder had last, else a free one. What was told to others,
 * exported or written into a configuration, so stays true from one start to the next.
 */
export async function portFor(server: ServerName, options: ServerOptions, dataDir: string): Promise<number> {
  if (options.port) return choosePort(server, options.port);
  const kept = await keptPort(dataDir);
  if (kept === undefined) return choosePort(server, undefined);
  if (await isFree(kept)) return kept;
  const port = await choosePort(server, undefined);
  const text = `port ${kept}, its port until now, is taken by another program: it is ${port} from now on`;
  (options.report ?? silentReporter)({ kind: 'note', server, text });
  return port;
}

/** Notes the port a server listens on, for its next start. */
export const keepPort = (dataDir: string, port: number): Promise<void> => writeFile(fileIn(dataDir), `${port}\n`);

async function keptPort(dataDir: string): Promise<number | undefined> {
  const text = await readFile(fileIn(dataDir), 'utf8').catch(() => '');
  const port = Number(text);
  return /^\d{1,5}\s*$/.test(text) && port > 0 && port < 65_536 ? port : undefined;
}
