import { join } from 'node:path';
import { startLocalServers, terminalReporter, type Durability } from '@baton/local';
import { connectMongo } from '@baton/mongo';
import { inspectNats } from '@baton/nats';
import { BatonError, ConfigError, type Settings } from '@baton/runtime';
import { natsSettings } from '../operator/session.ts';

export type Servers = {
  readonly natsUrl: string;
  readonly mongoUrl: string;
  /** Started here, for this folder. */
  readonly isLocal: boolean;
  readonly stop: () => Promise<void>;
};

type Options = {
  readonly settings: Settings;
  readonly dataDir: string;
  readonly durability: Durability;
  readonly onUnexpectedExit: (what: string) => void;
};

/** Whether they are started here, in the data folder. */
export const usesLocalServers = ({ NATS_URL, MONGODB_URL }: NodeJS.ProcessEnv = process.env): boolean =>
  !NATS_URL && !MONGODB_URL;

/**
 * `NATS_URL` and `MONGODB_URL` where they are set; local servers otherwise. Throws ConfigError where only one is set: the
 * other half would be a server nobody meant. Servers of the reader's own are looked at first, so that what is wrong with
 * them is told here and not by services that wait for them.
 */
export const openServers = async (options: Options): Promise<Servers> => {
  const { NATS_URL, MONGODB_URL } = process.env;
  if (NATS_URL && MONGODB_URL) {
    try {
      await lookAtServers(options.settings);
    } catch (error) {
      if (!(error instanceof BatonError)) throw error;
      const why = 'They are used since NATS_URL and MONGODB_URL are set; unset both for servers of this machine.';
      throw new BatonError(error.code, `${error.message}\n${why}`, { cause: error });
    }
    return { natsUrl: NATS_URL, mongoUrl: MONGODB_URL, isLocal: false, stop: async () => {} };
  }
  if (NATS_URL || MONGODB_URL) {
    const [set, unset] = NATS_URL ? ['NATS_URL', 'MONGODB_URL'] : ['MONGODB_URL', 'NATS_URL'];
    throw new ConfigError([`${set} is set and ${unset} is not: set both, or neither for local servers`]);
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
    return { natsUrl, mongoUrl: withDatabase(mongoUrl), isLocal: true, stop: () => servers.stop() };
  } finally {
    report.close();
  }
};

const lookAtServers = async (settings: Settings): Promise<void> => {
  const looks = [
    inspectNats(natsSettings(settings)),
    connectMongo({ ...settings.mongo, appName: 'baton-dev' }).then((mongo) => mongo.close()),
  ];
  // Both are heard out: who has to mend two things wants to know of both.
  const faults = (await Promise.allSettled(looks)).flatMap((look) =>
    look.status === 'rejected' ? [look.reason as unknown] : [],
  );
  const [first, second] = faults;
  if (first instanceof BatonError && second instanceof BatonError)
    throw new BatonError(first.code, `${first.message}\n${second.code}: ${second.message}`, { cause: first });
  if (first !== undefined)
    throw first instanceof Error ? first : new Error('a server could not be looked at', { cause: first });
};

/** The database stands in the path; the local servers have none in theirs. */
const withDatabase = (url: string): string => {
  const parsed = new URL(url);
  if (parsed.pathname === '' || parsed.pathname === '/') parsed.pathname = '/baton';
  return parsed.href;
};
