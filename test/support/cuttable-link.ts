import { createServer, connect, type Server, type Socket } from 'node:net';

/**
 * A way to a server that can be cut. Bytes go through as they come; `cut` breaks all connections and takes no new ones,
 * `mute` keeps what the server says to itself, `freeze` takes and gives nothing any more and tells nobody, so that the
 * sender's buffers fill; `mend` ends all of these.
 */
export type CuttableLink = {
  /** `127.0.0.1:port`, for the client. */
  readonly address: string;
  readonly cut: () => void;
  readonly mute: () => void;
  readonly freeze: () => void;
  readonly mend: () => void;
  readonly close: () => Promise<void>;
};

export const openCuttableLink = async (target: string): Promise<CuttableLink> => {
  const { hostname, port } = new URL(target);
  const pairs = new Set<Pair>();
  let state: 'open' | 'cut' | 'muted' | 'frozen' = 'open';
  const server = createServer((client) => {
    if (state === 'cut') {
      client.destroy();
      return;
    }
    const pair = new Pair(client, connect(Number(port), hostname), () => pairs.delete(pair));
    pairs.add(pair);
    if (state === 'muted') pair.mute();
    if (state === 'frozen') pair.freeze();
  });
  const end = (): void => {
    for (const pair of [...pairs]) pair.end();
  };
  return {
    address: `127.0.0.1:${await listen(server)}`,
    cut: () => {
      state = 'cut';
      end();
    },
    mute: () => {
      state = 'muted';
      for (const pair of pairs) pair.mute();
    },
    freeze: () => {
      state = 'frozen';
      for (const pair of pairs) pair.freeze();
    },
    mend: () => {
      // A muted connection has lost what it was told: it can only be made anew.
      if (state !== 'open') end();
      state = 'open';
    },
    close: async () => {
      end();
      await new Promise((resolve) => server.close(resolve));
    },
  };
};

class Pair {
  private readonly sockets: readonly [client: Socket, server: Socket];
  private readonly onEnd: () => void;
  private isMuted = false;

  constructor(client: Socket, server: Socket, onEnd: () => void) {
    this.sockets = [client, server];
    this.onEnd = onEnd;
    client.on('data', (bytes) => server.write(bytes));
    server.on('data', (bytes) => {
      if (!this.isMuted) client.write(bytes);
    });
    for (const socket of this.sockets) {
      socket.setNoDelay(true);
      // A reset is an end like any other here.
      socket.on('error', () => this.end());
      socket.on('close', () => this.end());
    }
  }

  mute(): void {
    this.isMuted = true;
  }

  freeze(): void {
    for (const socket of this.sockets) socket.pause();
  }

  end(): void {
    for (const socket of this.sockets) socket.destroy();
    this.onEnd();
  }
}

const listen = (server: Server): Promise<number> =>
  new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      if (address === null || typeof address === 'string') reject(new Error('no port'));
      else resolve(address.port);
    });
  });
