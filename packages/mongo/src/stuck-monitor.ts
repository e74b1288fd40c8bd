import type { MongoClient } from 'mongodb';

export type MonitorLimits = {
  /** How long a connection may take to stand, and a server for an answer about itself, milliseconds. */
  readonly connectMs: number;
  /** How long a server may hold back an answer that waits for news. */
  readonly heartbeatMs: number;
};

/** Beyond what the driver's own settings allow. */
const MARGIN_MS = 2_000;
/** What has come while this process was held up is heard within it. */
const LAST_WORD_MS = 500;
const AGAIN_MS = 1_000;

/**
 * Connects anew when the driver has stopped looking for its server. It writes its question to a connection that was cut a
 * moment ago, before it has heard of that, and then waits for a `drain` that a destroyed socket never has: no call finds
 * the server again, however long it is back. So it is with servers that are asked anew every time (FerretDB, and all
 * that have no `topologyVersion`), when all connections are cut at one moment, as by a restart; mongodb 6 and 7. A look
 * that takes longer than its settings allow has met this, or something as bad.
 *
 * Returns what ends the watch.
 */
export const watchMonitors = (
  client: MongoClient,
  { connectMs, heartbeatMs }: MonitorLimits,
): (() => Promise<void>) => {
  const looks = new Map<string, NodeJS.Timeout>();
  let isOver = false;
  let revival: Promise<void> | undefined;

  const after = (ms: number, act: () => void): NodeJS.Timeout => setTimeout(act, ms).unref();
  const heard = (server: string): void => {
    clearTimeout(looks.get(server));
    looks.delete(server);
  };
  const forget = (): void => {
    for (const server of looks.keys()) heard(server);
  };
  const revive = async (): Promise<void> => {
    while (!isOver) {
      forget();
      try {
        await client.close();
        await client.connect();
        return;
      } catch {
        await new Promise<void>((resolve) => void after(AGAIN_MS, resolve));
      }
    }
  };
  const isStuck = (): void => {
    revival ??= revive().finally(() => (revival = undefined));
  };

  client.on('serverHeartbeatStarted', ({ connectionId: server, awaited }) => {
    heard(server);
    const limitMs = (awaited ? connectMs + heartbeatMs : 2 * connectMs) + MARGIN_MS;
    looks.set(
      server,
      after(limitMs, () => looks.set(server, after(LAST_WORD_MS, isStuck))),
    );
  });
  client.on('serverHeartbeatSucceeded', ({ connectionId }) => heard(connectionId));
  client.on('serverHeartbeatFailed', ({ connectionId }) => heard(connectionId));
  client.on('serverClosed', ({ address }) => heard(address));
  return async () => {
    isOver = true;
    forget();
    await revival;
  };
};
