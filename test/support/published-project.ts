import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';

/** What a program has said when it has ended. */
export type Ended = { readonly code: number | null; readonly stdout: string; readonly stderr: string };

export type RunOptions = { readonly cwd: string; readonly env?: Readonly<Record<string, string>> };

/** Runs a program to its end, outside of this workspace's npm settings; rejects when it fails, with all it said. */
export const runHere = (command: string, args: readonly string[], { cwd, env }: RunOptions): Promise<Ended> =>
  new Promise((done, fail) => {
    const child = spawn(command, args, { cwd, env: cleanEnvironment(env), stdio: ['ignore', 'pipe', 'pipe'] });
    const out = { stdout: '', stderr: '' };
    child.stdout.setEncoding('utf8').on('data', (chunk: string) => void (out.stdout += chunk));
    child.stderr.setEncoding('utf8').on('data', (chunk: string) => void (out.stderr += chunk));
    child.on('error', fail);
    child.on('close', (code) => {
      if (code === 0) done({ code, ...out });
      else fail(new Error(`${command} ${args.join(' ')} ended with ${code}:\n${out.stdout}${out.stderr}`));
    });
  });

/** npm tells what it runs about the project it was started in; another project is to hear nothing of it. */
const cleanEnvironment = (more: Readonly<Record<string, string>> = {}): NodeJS.ProcessEnv => {
  const own = Object.entries(process.env).filter(
    ([name]) => name !== 'BATON_TEST_REPORT' && (!name.startsWith('npm_') || name === 'npm_config_registry'),
  );
  return { ...Object.fromEntries(own), ...more };
};

/** Makes the tarballs of this checkout; resolves with their paths by the last part of their name. */
export const packTarballs = async (
  out: string,
  ...args: readonly string[]
): Promise<Readonly<Record<string, string>>> => {
  const script = resolve('scripts/pack.mjs');
  const { stdout } = await runHere(process.execPath, [script, '--out', out, ...args], { cwd: resolve('.') });
  return Object.fromEntries(
    stdout
      .trim()
      .split('\n')
      .map((path) => [/-(\w+)-\d+\.\d+\.\d+\.tgz$/.exec(path)?.[1] ?? path, path]),
  );
};

export type Project = {
  readonly folder: string;
  readonly write: (files: Readonly<Record<string, string>>) => void;
  readonly run: (command: string, ...args: readonly string[]) => Promise<Ended>;
  readonly remove: () => void;
};

/** An empty project outside of the workspace: nothing of it is found from there. */
export const emptyProject = (): Project => {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'baton-project-')));
  const write = (files: Readonly<Record<string, string>>): void => {
    for (const [name, text] of Object.entries(files)) {
      mkdirSync(dirname(join(folder, name)), { recursive: true });
      writeFileSync(join(folder, name), text);
    }
  };
  write({ 'package.json': JSON.stringify({ name: 'a-project', version: '1.0.0', private: true, type: 'module' }) });
  return {
    folder,
    write,
    run: (command, ...args) => runHere(command, args, { cwd: folder }),
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
};

/** As a user does it; what the registry gave before is taken from npm's cache. */
export const install = (project: Project, packages: readonly string[]): Promise<Ended> =>
  project.run('npm', 'install', '--no-audit', '--no-fund', '--prefer-offline', '--loglevel=error', ...packages);
