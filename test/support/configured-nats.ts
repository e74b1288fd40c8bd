import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ensureNats } from '@baton/local';
import * as assert from 'uvu/assert';
import { eventually } from './eventually.ts';
import { freePort } from './free-port.ts';
import type { TestContext } from './test-body.ts';

export type ConfiguredNats = {
  readonly url: string;
  /** All it has logged so far. */
  readonly said: () => string;
};

/** A server with a configuration of its own, on a free port and in a new folder. */
export const startConfiguredNats = async (
  { defer }: Pick<TestContext, 'defer'>,
  configPath: string,
  env: Readonly<Record<string, string>> = {},
): Promise<ConfiguredNats> => {
  const { path } = await ensureNats();
  const port = await freePort();
  const folder = mkdtempSync(join(tmpdir(), 'baton-nats-'));
  const args = ['-c', configPath, '-a', '127.0.0.1', '-p', String(port)];
  const server = spawn(path, args, { env, cwd: folder, stdio: ['ignore', 'ignore', 'pipe'] });
  const ended = new Promise((done) => server.once('close', done));
  let said = '';
  server.stderr.on('data', (chunk: Buffer) => (said += chunk.toString()));
  defer(async () => {
    server.kill('SIGKILL');
    await ended;
    rmSync(folder, { recursive: true, force: true });
  });
  await eventually(() => assert.ok(said.includes('Server is ready'), said), { limitMs: 10_000 });
  return { url: `nats://127.0.0.1:${port}`, said: () => said };
};
