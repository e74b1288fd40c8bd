import { connect } from 'node:net';

const PING_TIMEOUT_MS = 2_000;

/**
 * True when the server answers a question about a collection, which it can only do with its storage behind it. The driver
 * is asked only once something listens: it takes a second between its own attempts.
 */
export async function answersPing(port: number): Promise<boolean> {
  // Loaded while the server starts: that takes as long, and programs without a local server never need it.
  const driver = import('./mongo-driver.ts');
  if (!(await listens(port))) return false;
  const { MongoClient } = await driver;
  const client = new MongoClient(`mongodb://127.0.0.1:${port}/?directConnection=true`, {
    serverSelectionTimeoutMS: PING_TIMEOUT_MS,
    connectTimeoutMS: PING_TIMEOUT_MS,
    socketTimeoutMS: PING_TIMEOUT_MS,
    maxPoolSize: 1,
  });
  try {
    await client.db('admin').command({ ping: 1 });
    await client
      .db('admin')
      .collection('ready')
      .findOne({ _id: 'ready' as never });
    return true;
  } catch {
    return false;
  } finally {
    await client.close().catch(() => {});
  }
}

function listens(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port });
    const finish = (isOpen: boolean): void => {
      socket.destroy();
      resolve(isOpen);
    };
    socket.setTimeout(PING_TIMEOUT_MS, () => finish(false));
    socket.on('connect', () => finish(true));
    socket.on('error', () => finish(false));
  });
}
