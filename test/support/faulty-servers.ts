import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ensureNats } from '@baton/local';
import { eventually } from './eventually.ts';
import type { TestContext } from './test-body.ts';

type Defer = Pick<TestContext, 'defer'>;

const HOST = '127.0.0.1';

const listen = async (server: Server, port = 0): Promise<number> => {
  server.listen(port, HOST);
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
};

/** Serves every connection by `serve`; resolves with the port. Gone when the test is over. */
const tcpServer = async ({ defer }: Defer, serve: (socket: Socket) => void): Promise<number> => {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    socket.on('close', () => sockets.delete(socket));
    serve(socket);
  });
  const port = await listen(server);
  defer(async () => {
    for (const socket of sockets) socket.destroy();
    server.close();
    await once(server, 'close');
  });
  return port;
};

/** Says that it is a NATS server of that version, and answers pings. */
export const fakeNats = async (context: Defer, version: string): Promise<string> => {
  const port: number = await tcpServer(context, (socket) => {
    const info = { server_id: 'FAKE', version, proto: 1, headers: true, max_payload: 1_048_576, host: HOST, port };
    socket.write(`INFO ${JSON.stringify(info)}\r\n`);
    socket.on('data', (data) => {
      if (data.includes('PING')) socket.write('PONG\r\n');
    });
  });
  return `nats://${HOST}:${port}`;
};

/** Takes connections and never says a word. */
export const silentServer = async (context: Defer): Promise<number> => tcpServer(context, () => {});

/** A port nobody listens on. */
export const closedPort = async (): Promise<number> => {
  const server = createServer();
  const port = await listen(server);
  server.close();
  await once(server, 'close');
  return port;
};

/** A real nats-server with these arguments and no others of ours. */
export const rawNats = async ({ defer }: Defer, args: readonly string[]): Promise<string> => {
  const { path } = await ensureNats();
  const port = await closedPort();
  const folder = mkdtempSync(join(tmpdir(), 'baton-raw-nats-'));
  defer(() => rmSync(folder, { recursive: true, force: true }));
  const child = spawn(path, ['-a', HOST, '-p', String(port), '-sd', folder, ...args], { stdio: 'ignore' });
  const exited = once(child, 'exit');
  defer(async () => {
    child.kill('SIGKILL');
    await exited;
  });
  await eventually(() => accepts(port), { limitMs: 10_000 });
  return `nats://${HOST}:${port}`;
};

const accepts = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect(port, HOST, () => {
      socket.destroy();
      resolve(true);
    });
    socket.on('error', () => resolve(false));
  });

export type Gate = {
  readonly port: number;
  /** From now on connections are refused, and those that stood are cut. */
  readonly shut: () => Promise<void>;
  readonly open: () => Promise<void>;
};

/** A door in front of a server on this machine; shut at first. */
export const gateTo = async ({ defer }: Defer, target: number): Promise<Gate> => {
  const port = await closedPort();
  const sockets = new Set<Socket>();
  let server: Server | undefined;
  const shut = async (): Promise<void> => {
    const closing = server;
    server = undefined;
    for (const socket of sockets) socket.destroy();
    if (closing === undefined) return;
    closing.close();
    await once(closing, 'close');
  };
  const pass = (from: Socket): void => {
    const to = connect(target, HOST);
    for (const [one, other] of [
      [from, to],
      [to, from],
    ] as const) {
      sockets.add(one);
      one.on('error', () => other.destroy());
      one.on('close', () => {
        sockets.delete(one);
        other.destroy();
      });
      one.pipe(other);
    }
  };
  const open = async (): Promise<void> => {
    server = createServer(pass);
    await listen(server, port);
  };
  defer(shut);
  return { port, shut, open };
};
