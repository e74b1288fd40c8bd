import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { profileArgs } from './child.ts';

export type ServiceProcess = { readonly pid: number; readonly stop: () => Promise<void> };

const START_LIMIT_MS = 20_000;

/** Starts a built service as it is shipped; resolves when it says that it has started. */
export const startService = async (name: string, env: Readonly<Record<string, string>>): Promise<ServiceProcess> => {
  const main = fileURLToPath(new URL(`../../../services/${name}/dist/main.mjs`, import.meta.url));
  const child = spawn(process.execPath, [...profileArgs(name), main], {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let seen = '';
  const exited = once(child, 'exit');
  await new Promise<void>((resolve, reject) => {
    const timer = setTimeout(() => {
      child.kill('SIGKILL');
      reject(new Error(`${name} has not started:\n${seen}`));
    }, START_LIMIT_MS);
    child.once('exit', (code) => reject(new Error(`${name} ended with code ${code}:\n${seen}`)));
    child.stdout.on('data', (chunk: Buffer) => {
      if (seen.length < 100_000) seen += chunk.toString();
      if (!seen.includes('"msg":"started"')) return;
      clearTimeout(timer);
      resolve();
    });
  });
  const stop = async (): Promise<void> => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    child.kill('SIGTERM');
    const timer = setTimeout(() => child.kill('SIGKILL'), 5_000);
    await exited;
    clearTimeout(timer);
  };
  return { pid: child.pid ?? 0, stop };
};
