// limit: 300s
// The Python package: built, installed as anybody would, and its own tests against real services.
import { spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import * as assert from 'uvu/assert';
import { stagedSuite } from '../support/stage.ts';

const test = stagedSuite('python', { supervisors: 2, workers: 0, projectors: 0 });

const PACKAGE = resolve('packages/python');

type Ran = { readonly code: number | null; readonly output: string };

const run = (command: string, args: readonly string[], env: NodeJS.ProcessEnv = {}, cwd = PACKAGE): Promise<Ran> =>
  new Promise((done, reject) => {
    const child = spawn(command, args, { cwd, env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding('utf8').on('data', (chunk: string) => (output += chunk));
    child.once('error', reject);
    child.once('close', (code) => done({ code, output }));
  });

const ok = async (...call: Parameters<typeof run>): Promise<string> => {
  const { code, output } = await run(...call);
  assert.is(code, 0, `${call[0]} ${call[1].join(' ')}\n${output}`);
  return output;
};

test(
  'O3 the wheel is built and installed, its types hold, and its tests pass against real services',
  async (stage, context) => {
    const folder = mkdtempSync(join(tmpdir(), 'baton-python-'));
    context.defer(() => rmSync(folder, { recursive: true, force: true }));
    await ok('python3', ['-m', 'venv', join(folder, 'venv')]);
    const python = join(folder, 'venv', 'bin', 'python');
    const pip = ['-m', 'pip', '--disable-pip-version-check', '--quiet'];
    // Away from the sources, so that what is tried is what is in the wheel.
    await ok(python, [...pip, 'wheel', '--no-deps', '--wheel-dir', folder, PACKAGE]);
    const wheel = readdirSync(folder).find((name) => name.endsWith('.whl'));
    assert.ok(wheel !== undefined);
    await ok(python, [...pip, 'install', `${join(folder, wheel)}[test]`]);
    await ok(python, ['-m', 'mypy', '--cache-dir', join(folder, 'mypy')]);
    const env = { NATS_URL: stage.natsUrl, BATON_NAMESPACE: stage.namespace, PYTHONDONTWRITEBYTECODE: '1' };
    const options = ['-p', 'no:cacheprovider', '--durations=5', '--tb=short'];
    const said = await ok(python, ['-m', 'pytest', ...options], env);
    console.log(said.trimEnd());
    assert.match(said, /\d{2,} passed/);
  },
  { limitMs: 240_000 },
);

test.run();
