import { ConfigError, fileReason } from '@baton/runtime';
import { MongoClient, MongoError, type Db, type MongoClientOptions } from 'mongodb';
import { endWaitsOfCutConnections } from './cut-connections.ts';
import { guarded } from './errors.ts';

export type MongoOptions = {
  /** `mongodb://...`; the database stands in the path, `baton` where it has none. */
  readonly url: string;
  /** Shown by the server for its connections. */
  readonly appName?: string;
  /** How long a call looks for a server that answers. Default 5,000. */
  readonly selectMs?: number;
  /** How long a server may take for one answer. Default 30,000. */
  readonly answerMs?: number;
  /** Default 8. */
  readonly connections?: number;
};

/**
 * What kind of server it is, as far as it makes a difference. `documentdb`: MongoDB's interface on PostgreSQL (FerretDB and
 * its like), which does not read a compound index in the order of its second field.
 */
export type MongoKind = 'mongod' | 'documentdb';

export type Mongo = {
  readonly db: Db;
  readonly kind: MongoKind;
  /** Asks the server something small. */
  readonly ping: () => Promise<void>;
  /** Ends all connections, also busy ones. */
  readonly close: () => Promise<void>;
};

const DEFAULT_DATABASE = 'baton';
const SELECT_MS = 5_000;
const ANSWER_MS = 30_000;
const CONNECTIONS = 8;

/**
 * Connects and asks a question that needs the storage behind the server. Rejects with MongoUnavailableError or
 * MongoUnauthorizedError, with ConfigError for a URL that is none or names a file that cannot be read. Later on the driver finds its server again by itself.
 */
export const connectMongo = async (options: MongoOptions): Promise<Mongo> => {
  endWaitsOfCutConnections();
  const client = clientOf(options);
  const db = client.db(databaseOf(options.url));
  try {
    const kind = await guarded(async () => {
      await client.connect();
      await db.collection('tasks').findOne({}, { projection: { _id: 1 } });
      return kindOf(await db.command({ buildInfo: 1 }));
    });
    return {
      db,
      kind,
      ping: () => guarded(async () => void (await db.command({ ping: 1 }))),
      close: () => client.close(),
    };
  } catch (error) {
    await client.close();
    throw fileFault(error) ?? error;
  }
};

/** The driver reads the files of the URL's options (`tlsCAFile`) when it connects, and lets out what the file system says. */
const fileFault = (error: unknown): ConfigError | undefined => {
  if (!(error instanceof Error) || error instanceof MongoError) return undefined;
  const { syscall, path = 'a file' } = error as NodeJS.ErrnoException;
  if (syscall !== 'open' && syscall !== 'read') return undefined;
  return new ConfigError([`MONGODB_URL names ${path}, which cannot be read: ${fileReason(error)}`]);
};

/** The path of the URL. The driver's own reading of it falls back to `test`, which nobody means. */
export const databaseOf = (url: string): string => {
  const path = /^mongodb(?:\+srv)?:\/\/[^/?]*\/([^?]*)/.exec(url)?.[1] ?? '';
  return path === '' ? DEFAULT_DATABASE : decodeURIComponent(path);
};

const clientOf = (options: MongoOptions): MongoClient => {
  const { url, appName = 'baton', selectMs = SELECT_MS, answerMs = ANSWER_MS, connections = CONNECTIONS } = options;
  const settings: MongoClientOptions = {
    appName,
    serverSelectionTimeoutMS: selectMs,
    connectTimeoutMS: selectMs,
    socketTimeoutMS: answerMs,
    maxPoolSize: connections,
    // An acknowledged document must survive the fall of one server: only then is a record forgotten.
    writeConcern: { w: 'majority' },
  };
  try {
    return new MongoClient(url, settings);
  } catch (error) {
    // Nothing has been tried yet, so it can only be the address. The driver's message would quote it.
    if (error instanceof MongoError)
      throw new ConfigError(['MONGODB_URL is not an address the MongoDB driver understands']);
    throw error;
  }
};

/** Only mongod names its storage engines. */
const kindOf = (info: { readonly storageEngines?: unknown }): MongoKind =>
  Array.isArray(info.storageEngines) && info.storageEngines.length > 0 ? 'mongod' : 'documentdb';
