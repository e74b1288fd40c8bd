// limit: 300s
// The Python package: built, installed as anybody would, and its own tests against real services.
import { spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { task } from '@baton/sdk';
import * as assert from 'uvu/assert';
import { startRolesServer } from '../support/roles.ts';
import { stagedSuite } from '../support/stage.ts';
import { mainOf } from '../support/system-fixture.ts';
import { SystemProcess } from '../support/system-process.ts';

const test = stagedSuite('python', { supervisors: 2, workers: 0 });

const PACKAGE = resolve('packages/python');
const QUIET = { PYTHONDONTWRITEBYTECODE: '1' };

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

/** An environment with the package in it, as its users have it: made by the first test, for all of this file. */
const installed = (() => {
  let folder: string | undefined;
  const make = async (): Promise<string> => {
    const made = (folder = mkdtempSync(join(tmpdir(), 'baton-python-')));
    // Python 3.11 or newer with venv; `.ci/run` installs it where it is missing.
    await ok('python3', ['-m', 'venv', join(made, 'venv')]);
    const python = join(made, 'venv', 'bin', 'python');
    const pip = ['-m', 'pip', '--disable-pip-version-check', '--quiet'];
    await ok(python, [...pip, 'wheel', '--no-deps', '--wheel-dir', made, PACKAGE]);
    const wheel = readdirSync(made).find((name) => name.endsWith('.whl'));
    assert.ok(wheel !== undefined);
    await ok(python, [...pip, 'install', `${join(made, wheel)}[test]`]);
    await ok(python, ['-m', 'mypy', '--cache-dir', join(made, 'mypy')]);
    return python;
  };
  let python: Promise<string> | undefined;
  return {
    python: () => (python ??= make()),
    remove: () => folder !== undefined && rmSync(folder, { recursive: true, force: true }),
  };
})();

process.once('exit', installed.remove);

test(
  'O3 the wheel is built and installed, its types hold, and its tests pass against real services',
  async (stage) => {
    const python = await installed.python();
    const env = { NATS_URL: stage.natsUrl, BATON_NAMESPACE: stage.namespace, ...QUIET };
    const said = await ok(python, ['-m', 'pytest', '-p', 'no:cacheprovider', '--durations=5', '--tb=short'], env);
    console.log(said.trimEnd());
    assert.match(said, /\d{2,} passed/);
  },
  { limitMs: 240_000 },
);

test(
  'O3 its example runs under the roles of deploy/nats, which refuse it nothing',
  async (_stage, context) => {
    const python = await installed.python();
    const server = await startRolesServer(context);
    const service = (
      name: string,
      command: string | undefined,
      args: readonly string[],
      env: object,
      readyWhen: string,
    ) => {
      const made = new SystemProcess({
        name,
        ...(command === undefined ? {} : { command }),
        args,
        env: { ...env, ...QUIET },
        readyWhen,
      });
      context.defer(() => made.destroy());
      return made.start();
    };
    await service('supervisor', undefined, [mainOf('supervisor')], server.env('supervisor'), '"msg":"started"');
    const examples = join(PACKAGE, 'examples');
    const far = { ...server.env('remote_worker'), PYTHONPATH: examples };
    await service('worker', python, ['-m', 'baton', 'worker', 'report'], far, 'serves py_report');
    const said = await ok(python, [join(examples, 'submit_report.py')], { ...server.env('publisher'), ...QUIET });
    assert.match(said, "success {'pages': 10}");
    assert.match(said, 'aborted');
    assert.equal(server.violations(), []);
  },
  { limitMs: 60_000 },
);

test(
  'F1 a reader with the vectors and the schemas alone submits, follows the events and reads the record',
  async (stage, context) => {
    const python = await installed.python();
    const upper = task({ name: 'foreign.upper' }, async (text: string) => text.toUpperCase());
    await stage.serve(context, [upper]);
    const env = { NATS_URL: stage.natsUrl, BATON_NAMESPACE: stage.namespace, ...QUIET };
    const said = await ok(python, [resolve('protocols/examples/reader.py'), 'foreign.upper', 'words'], env);
    const seen = JSON.parse(said) as Readonly<Record<string, unknown>>;
    const { events, vectors } = seen;
    assert.equal(seen, {
      ...{ vectors, events, status: 'success', result: 'WORDS' },
      history: ['pending', 'in_progress', 'success'],
    });
    assert.ok(Number(vectors) >= 13 && Number(events) >= 1);
  },
  { limitMs: 60_000 },
);

test.run();
