import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';

/** Runs a program to its end. */
const run = (command: string, args: readonly string[]): Promise<void> =>
  new Promise((resolve, reject) => {
    const child = spawn(command, args, { stdio: ['ignore', 'ignore', 'inherit'] });
    child.once('error', reject);
    child.once('close', (code) =>
      code === 0 ? resolve() : reject(new Error(`${command} ${args.join(' ')} ended with ${code}`)),
    );
  });

/** Python with the package in it: `BATON_PYTHON`, or an environment in `.venv` that is made once. */
export const pythonWithBaton = async (folder: string): Promise<string> => {
  const { BATON_PYTHON } = process.env;
  if (BATON_PYTHON) return BATON_PYTHON;
  const venv = join(folder, '.venv');
  const python = join(venv, 'bin', 'python');
  if (!existsSync(join(venv, 'ready'))) {
    await run('python3', ['-m', 'venv', venv]);
    const pip = ['-m', 'pip', '--disable-pip-version-check', '--quiet', 'install'];
    await run(python, [...pip, '--editable', join(folder, '../../packages/python')]);
    await run(python, ['-c', `open(${JSON.stringify(join(venv, 'ready'))}, "w").close()`]);
  }
  return python;
};

/** A worker in Python that serves `model.py`; resolves when it says that it does. */
export const startPythonWorker = async (folder: string): Promise<{ readonly stop: () => Promise<void> }> => {
  const python = await pythonWithBaton(folder);
  const child = spawn(python, ['-m', 'baton', 'worker', 'model'], {
    cwd: folder,
    env: { ...process.env, PYTHONDONTWRITEBYTECODE: '1' },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()));
  await serving(child);
  return {
    stop: async () => {
      child.kill('SIGTERM'); // drains
      await ended;
    },
  };
};

const serving = (child: ChildProcess): Promise<void> =>
  new Promise((resolve, reject) => {
    let said = '';
    const look = (text: Buffer): void => {
      said += text.toString();
      if (said.includes('serves train_model')) resolve();
    };
    child.stdout?.on('data', look);
    child.stderr?.on('data', look);
    child.once('error', reject);
    child.once('close', (code) => reject(new Error(`the worker ended with ${code}:\n${said}`)));
  });
