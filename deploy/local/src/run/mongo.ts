import { ensureMongo } from '../find/mongo.ts';
import type { FindOptions } from '../find/search.ts';
import { startDocumentDb } from './documentdb.ts';
import type { LocalServer, ServerOptions } from './local-server.ts';
import { startMongod } from './mongod.ts';
import { choosePort } from './ports.ts';

export type MongoOptions = ServerOptions & { readonly find?: Omit<FindOptions, 'report'> };

export type MongoServer = LocalServer & { readonly kind: 'mongod' | 'documentdb' };

/** Finds or installs a MongoDB-compatible server and runs it, for this machine only. The URL names no database. */
export async function startMongo(options: MongoOptions = {}): Promise<MongoServer> {
  // A taken port is told at once, not after an install.
  if (options.port) await choosePort('mongo', options.port);
  const found = await ensureMongo({ ...options.find, ...(options.report ? { report: options.report } : {}) });
  return found.kind === 'mongod'
    ? { ...(await startMongod(found, options)), kind: 'mongod' }
    : { ...(await startDocumentDb(found, options)), kind: 'documentdb' };
}
