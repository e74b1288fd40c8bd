import { createServer } from 'node:net';
import { PortTakenError } from '../errors.ts';

const HOST = '127.0.0.1';

/**
 * Below the range from which the system gives connections their own ports. In that range a client that tries to reach a
 * server that is down now and then takes the server's port itself, and the server can't come back.
 */
const LOWEST_PORT = 20_000;
const PORTS = 10_000;
const handedOut = new Set<number>();

/** The given port when it is free, else the clear refusal; without one, a port nobody listens on. */
export async function choosePort(server: string, given: number | undefined): Promise<number> {
  if (given === undefined || given === 0) return freePort();
  if (!(await isFree(given))) throw new PortTakenError(server, given);
  return given;
}

/** Never the same twice in one process. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = LOWEST_PORT + Math.floor(Math.random() * PORTS);
    // Two servers that start at the same time must not be sent to the same port before either listens.
    if (handedOut.has(port) || !(await isFree(port))) continue;
    handedOut.add(port);
    return port;
  }
}

/** Nobody listens on it now. */
export function isFree(port: number): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EADDRINUSE') resolve(false);
      else reject(error);
    });
    server.listen({ port, host: HOST, exclusive: true }, () => server.close(() => resolve(true)));
  });
}
