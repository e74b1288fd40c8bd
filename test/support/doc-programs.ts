import { spawn } from 'node:child_process';
import { resolve } from 'node:path';

/** What a user's project has switched on, not our own house rules. */
export const DOC_TSCONFIG = {
  extends: resolve('tsconfig.base.json'),
  compilerOptions: {
    noEmit: true,
    noUnusedLocals: false,
    noUnusedParameters: false,
    noPropertyAccessFromIndexSignature: false,
  },
  include: ['*.ts'],
};

/** Runs a program to its end; resolves with what it printed, rejects with that when it fails. */
export const runToEnd = (command: string, args: readonly string[]): Promise<string> =>
  new Promise((done, fail) => {
    const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding('utf8').on('data', (chunk: string) => void (output += chunk));
    child.on('error', fail);
    child.on('close', (code) =>
      code === 0 ? done(output) : fail(new Error(`${command} ended with ${code}:\n${output}`)),
    );
  });

/** Bundled in a process of its own: the bundler's settings are plain JavaScript that finds itself by its place. */
const BUNDLE = `
import { build, stop } from 'esbuild';
import { testOptions, threadEntries } from './scripts/bundle.mjs';
const [folder, ...names] = process.argv.slice(1);
const entries = Object.fromEntries(names.map((name) => [name, folder + '/' + name + '.ts']));
await build(testOptions({ ...threadEntries(), ...entries }, folder + '/out'));
await stop();
`;

/** `<folder>/<name>.ts` becomes `<folder>/out/<name>.mjs`. */
export const bundlePrograms = async (folder: string, names: readonly string[]): Promise<void> => {
  await runToEnd(process.execPath, ['--input-type=module', '-e', BUNDLE, folder, ...names]);
};

/** Type checks `<folder>/*.ts`, with the settings that stand in its tsconfig.json. */
export const checkPrograms = async (folder: string): Promise<void> => {
  await runToEnd(resolve('node_modules/.bin/tsc'), ['-p', folder]);
};
