import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { FoundMongod } from '../find/mongo.ts';
import { serverEnv } from './local-server.ts';
import type { LocalServer, ServerOptions } from './local-server.ts';
import { answersPing } from './mongo-ping.ts';
import type { ProcessSpec } from './server-process.ts';
import { startSingleProgram } from './single-program.ts';

export function startMongod(found: FoundMongod, options: ServerOptions): Promise<LocalServer> {
  const program = {
    name: 'mongo',
    version: `mongod ${found.version}`,
    way: found.way,
    urlOf: (port: number) => `mongodb://127.0.0.1:${port}/`,
    prepare: (dataDir: string, port: number) => prepare(found, dataDir, port),
    isReady: answersPing,
  } as const;
  return startSingleProgram(program, options);
}

async function prepare(found: FoundMongod, dataDir: string, port: number): Promise<ProcessSpec> {
  const dbPath = join(dataDir, 'mongod');
  await mkdir(dbPath, { recursive: true });
  return {
    program: 'mongod',
    command: found.path,
    args: ['--dbpath', dbPath, '--port', String(port), '--bind_ip', '127.0.0.1', '--nounixsocket'],
    env: serverEnv(),
    cwd: dataDir,
    logPath: join(dataDir, 'mongod.log'),
    politeSignal: 'SIGTERM',
  };
}
