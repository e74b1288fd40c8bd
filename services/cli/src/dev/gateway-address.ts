import { createServer } from 'node:net';
import { readFileSync, writeFileSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { freePort } from '@baton/local';
import { BatonError, type Settings } from '@baton/runtime';
import { say } from './terminal.ts';

/**
 * How the gateway of this machine knows its users: with the switcher of users and no tokens, unless the environment names
 * another way.
 */
export const gatewayEnvironment = ({ auth }: Settings): Readonly<Record<string, string>> =>
  auth.mode === 'none' ? { BATON_AUTH: 'dev' } : {};

export type PagePort = {
  readonly port: number;
  /** Says that it is another one than before, and keeps it. Not before it is sure that the page will be there. */
  readonly keep: () => void;
};

/** Of several services on one machine, each tells its metrics on the port behind the one before. */
export const metricsEnvironment = ({ metrics }: Settings, index: number): Readonly<Record<string, string>> =>
  metrics.port === undefined ? {} : { BATON_METRICS_PORT: String(metrics.port === 0 ? 0 : metrics.port + index) };

/**
 * The port of the page. One that was asked for is taken or refused with BatonError `PORT_TAKEN`, before anything is
 * started. Else the one this data folder had last, then the default, then a free one, which is said and kept.
 */
export const choosePagePort = async (
  { httpPort, gateway }: Pick<Settings, 'httpPort' | 'gateway'>,
  dataDir: string,
): Promise<PagePort> => {
  const { host } = gateway;
  if (process.env['BATON_HTTP_PORT']) {
    if (await isFreeAt(httpPort, host)) return { port: httpPort, keep: asItWas };
    const text = `port ${httpPort} of ${host} is taken by another program: stop it, or set BATON_HTTP_PORT to a free port`;
    throw new BatonError('PORT_TAKEN', text);
  }
  const file = join(dataDir, 'page-port');
  const wanted = readPort(file) ?? httpPort;
  if (await isFreeAt(wanted, host)) return { port: wanted, keep: asItWas };
  const port = await freePort();
  const keep = (): void => {
    say(`port ${wanted} is taken by another program: the task list is at port ${port} from now on`);
    mkdirSync(dataDir, { recursive: true });
    writeFileSync(file, `${port}\n`);
  };
  return { port, keep };
};

const asItWas = (): void => {};

const readPort = (file: string): number | undefined => {
  try {
    const port = Number(readFileSync(file, 'utf8'));
    return Number.isInteger(port) && port > 0 && port < 65_536 ? port : undefined;
  } catch {
    return undefined;
  }
};

const isFreeAt = (port: number, host: string): Promise<boolean> =>
  new Promise((resolve) => {
    const probe = createServer();
    // Of any other fault the gateway itself speaks better.
    probe.once('error', (error: NodeJS.ErrnoException) => resolve(error.code !== 'EADDRINUSE'));
    probe.listen({ port, host }, () => probe.close(() => resolve(true)));
  });

/** Where the gateway says in its log that it listens. */
export const addressIn = (log: string): string | undefined => {
  const url = /"url":"(http:\/\/[^"]+)"/.exec(log)?.[1];
  return url === undefined ? undefined : `${url}/`;
};
