// Runs a program to its end without leaving it behind when this process is told to end.
import { spawn } from 'node:child_process';

const signals = /** @type {const} */ ({ SIGHUP: 1, SIGINT: 2, SIGTERM: 15 });

/**
 * @param {string} command
 * @param {readonly string[]} args
 * @param {{ readonly cwd?: string }} [options]
 * @returns {Promise<{ readonly code: number | null, readonly stdout: string, readonly stderr: string, readonly error?: Error }>}
 */
export const runChild = (command, args, options = {}) =>
  new Promise((resolve) => {
    // A group of its own, so that what it starts in turn can be ended with it.
    const child = spawn(command, args, { ...options, detached: true, stdio: ['ignore', 'pipe', 'pipe'] });
    const out = { stdout: '', stderr: '' };
    child.stdout.setEncoding('utf8').on('data', (text) => (out.stdout += text));
    child.stderr.setEncoding('utf8').on('data', (text) => (out.stderr += text));
    const handlers = Object.entries(signals).map(([signal, number]) => {
      const end = () => {
        killGroup(child.pid);
        process.exit(128 + number);
      };
      process.once(signal, end);
      return () => process.off(signal, end);
    });
    const finish = (code, error) => {
      for (const forget of handlers) forget();
      resolve({ code, ...out, ...(error ? { error } : {}) });
    };
    child.on('error', (error) => finish(null, error));
    child.on('close', (code) => finish(code, undefined));
  });

const killGroup = (pid) => {
  try {
    if (pid !== undefined) process.kill(-pid, 'SIGTERM');
  } catch {
    // Ended meanwhile.
  }
};
