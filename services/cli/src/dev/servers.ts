import { join } from 'node:path';
import { startLocalServers, terminalReporter, type Durability } from '@baton/local';

export type Servers = {
  readonly natsUrl: string;
  readonly mongoUrl: string;
  /** How to reach them, for people. */
  readonly described: string;
  readonly stop: () => Promise<void>;
};

type Options = {
  readonly dataDir: string;
  readonly durability: Durability;
  readonly onUnexpectedExit: (what: string) => void;
};

/** `NATS_URL` and `MONGODB_URL` where both are set; local servers otherwise. */
export const openServers = async (options: Options): Promise<Servers> => {
  const { NATS_URL, MONGODB_URL } = process.env;
  if (NATS_URL && MONGODB_URL) {
    return { natsUrl: NATS_URL, mongoUrl: MONGODB_URL, described: 'NATS_URL and MONGODB_URL', stop: async () => {} };
  }
  const report = terminalReporter();
  try {
    const servers = await startLocalServers({
      dataDir: join(options.dataDir, 'servers'),
      durability: options.durability,
      report,
      onUnexpectedExit: (exit) =>
        options.onUnexpectedExit(
          `${exit.program} ended with ${exit.signal ?? `code ${exit.exitCode}`}:\n${exit.logTail}`,
        ),
    });
    const { natsUrl, mongoUrl } = servers;
    return { natsUrl, mongoUrl: withDatabase(mongoUrl), described: 'local servers', stop: () => servers.stop() };
  } finally {
    report.close();
  }
};

/** The database stands in the path; the local servers have none in theirs. */
const withDatabase = (url: string): string => {
  const parsed = new URL(url);
  if (parsed.pathname === '' || parsed.pathname === '/') parsed.pathname = '/baton';
  return parsed.href;
};
