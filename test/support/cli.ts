import { spawn } from 'node:child_process';
import { mainOf, type System } from './system-fixture.ts';

export type CliResult = { readonly code: number | null; readonly stdout: string; readonly stderr: string };

/** Runs `baton <args>` of the built command line to its end, against a system. */
export const runCli = (
  { env }: Pick<System, 'env'>,
  args: readonly string[],
  more: Readonly<Record<string, string>> = {},
): Promise<CliResult> =>
  new Promise((resolve, reject) => {
    const { BATON_TEST_REPORT: _report, ...own } = process.env;
    const child = spawn(process.execPath, ['--enable-source-maps', mainOf('cli'), ...args], {
      env: { ...own, ...env, ...more },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const out = { stdout: '', stderr: '' };
    child.stdout.setEncoding('utf8').on('data', (chunk: string) => void (out.stdout += chunk));
    child.stderr.setEncoding('utf8').on('data', (chunk: string) => void (out.stderr += chunk));
    child.on('error', reject);
    child.on('close', (code) => resolve({ code, ...out }));
  });
