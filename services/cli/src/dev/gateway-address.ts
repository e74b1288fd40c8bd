import { createServer } from 'node:net';
import { BatonError } from '@baton/runtime';

const DEFAULT_PORT = '8088';
const HOST = '127.0.0.1';

/**
 * How the gateway of this machine runs: with the switcher of users and no tokens, unless the environment names another
 * way to know them.
 */
export const gatewayEnvironment = (): Readonly<Record<string, string>> => {
  const { BATON_AUTH, BATON_JWT_SECRET, BATON_JWKS_URL } = process.env;
  return BATON_AUTH || BATON_JWT_SECRET || BATON_JWKS_URL ? {} : { BATON_AUTH: 'dev' };
};

/** Throws a BatonError `PORT_TAKEN` before anything is started: it would be a pity to find out at the end. */
export const requireFreePort = async (): Promise<void> => {
  const port = Number(process.env['BATON_HTTP_PORT'] || DEFAULT_PORT);
  const host = process.env['BATON_HTTP_HOST'] || HOST;
  await new Promise<void>((resolve, reject) => {
    const probe = createServer();
    probe.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EADDRINUSE') return resolve(); // the gateway itself will say it better
      const text = `port ${port} of ${host} is taken by another program: stop it, or set BATON_HTTP_PORT to a free port`;
      reject(new BatonError('PORT_TAKEN', text, { cause: error }));
    });
    probe.listen({ port, host }, () => probe.close(() => resolve()));
  });
};

/** Where the gateway says in its log that it listens. */
export const addressIn = (log: string): string | undefined => {
  const url = /"url":"(http:\/\/[^"]+)"/.exec(log)?.[1];
  return url === undefined ? undefined : `${url}/`;
};
