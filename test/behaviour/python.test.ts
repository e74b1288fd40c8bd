// limit: 450s
// The Python package: built, installed as anybody would, and its own tests against real services.
import { spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { task } from '@baton/sdk';
import * as assert from 'uvu/assert';
import { createAuthority } from '../support/certificates.ts';
import { startConfiguredNats } from '../support/configured-nats.ts';
import { eventually } from '../support/eventually.ts';
import { startGateway } from '../support/page-fixture.ts';
import { startRolesServer } from '../support/roles.ts';
import { lineOf, startTracing, type SpanLine } from '../support/span-lines.ts';
import { stagedSuite } from '../support/stage.ts';
import { mainOf } from '../support/system-fixture.ts';
import { SystemProcess } from '../support/system-process.ts';

/** The same task as in `packages/python/tests/traced.py`, in TypeScript. */
const TRACED_TASKS = fileURLToPath(new URL('./fixture-traced.mjs', import.meta.url));

const test = stagedSuite('python', { supervisors: 2, workers: 0, tasks: [TRACED_TASKS] });

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
  async (stage, context) => {
    const python = await installed.python();
    const { url } = await startGateway(context, stage, { BATON_AUTH: 'dev' });
    const env = {
      NATS_URL: stage.natsUrl,
      BATON_NAMESPACE: stage.namespace,
      BATON_GATEWAY_URL: url,
      BATON_SCHEMAS: resolve('protocols/schemas'),
      ...QUIET,
    };
    const said = await ok(python, ['-m', 'pytest', '-p', 'no:cacheprovider', '--durations=5', '--tb=short'], env);
    console.log(said.trimEnd());
    assert.match(said, /\d{2,} passed/);
    assert.not.match(said, /skipped/);
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
    // What they do refuse is told at once, as that: nothing can have been stored.
    const refused = await ok(python, ['-c', SUBMITS], { ...server.env('remote_worker'), ...QUIET });
    assert.match(
      refused,
      /^PERMISSION_DENIED nats-server does not let these credentials publish to baton\.cmd\.submit\./m,
    );
  },
  { limitMs: 60_000 },
);

/** Submits; prints the code and the message of what comes of it. */
const SUBMITS = `
import asyncio, baton
async def main():
    async with baton.Client(user="alice") as client:
        try:
            await client.submit("py_report", [1])
        except baton.BatonError as error:
            print(error.code, error)
asyncio.run(main())
`;

/** Connects a client; prints that it is in, or the code and the message. */
const COMES_IN = `
import asyncio, baton
async def main():
    try:
        async with baton.Client():
            print("in")
    except baton.BatonError as error:
        print(error.code, error)
asyncio.run(main())
`;

test(
  'O3 by TLS it looks at certificates, and where TLS is asked for nothing is said without it',
  async (stage, context) => {
    const python = await installed.python();
    const { ca, issue } = createAuthority(context);
    const [served, own] = [issue('server', 'DNS:localhost'), issue('client')];
    const path = join(dirname(ca), 'nats.conf');
    const files = { cert_file: served.cert, key_file: served.key, ca_file: ca };
    const lines = Object.entries(files).map(([name, file]) => `${name}: ${JSON.stringify(file)}`);
    writeFileSync(path, `tls { ${lines.join(', ')}, verify: true }\n`);
    const nats = await startConfiguredNats(context, path);
    const secure = nats.url.replace('127.0.0.1', 'localhost');
    const certificate = { NATS_CERT: own.cert, NATS_KEY: own.key };
    const comesIn = async (env: NodeJS.ProcessEnv): Promise<string> =>
      ok(python, ['-c', COMES_IN], { ...env, ...QUIET });
    const [well, stranger, otherName, bare] = await Promise.all([
      comesIn({ NATS_URL: secure, NATS_CA: ca, ...certificate }),
      comesIn({ NATS_URL: secure, ...certificate }),
      comesIn({ NATS_URL: nats.url, NATS_CA: ca, ...certificate }),
      comesIn({ NATS_URL: stage.natsUrl.replace(/^nats:/, 'tls:') }),
    ]);
    assert.match(well, /^in$/m);
    assert.match(stranger, /^TLS_FAILED .*NATS_CA/);
    assert.match(otherName, /^TLS_FAILED /);
    assert.match(bare, /^TLS_FAILED .*it has no TLS/);
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

test(
  'F2 a run in one language is linked to that of a dead worker in the other, and waits to the last one',
  async (stage, context) => {
    const python = await installed.python();
    const path = `${stage.effectsPath}.spans`;
    const traced = { BATON_TEST_SPANS: path };
    const begin = async (made: SystemProcess): Promise<SystemProcess> => {
      context.defer(() => made.destroy());
      await made.start();
      return made;
    };
    const inTypeScript = (queue: string) =>
      begin(stage.service('worker', `ts-${queue}`, { ...traced, BATON_QUEUES: queue }));
    const inPython = (queue: string) => {
      const at = { NATS_URL: stage.natsUrl, BATON_NAMESPACE: stage.namespace, PYTHONPATH: join(PACKAGE, 'tests') };
      const args = ['-m', 'baton', 'worker', 'traced', '--queue', queue, '--name', `py-${queue}`];
      const env = { ...at, ...traced, ...QUIET };
      return begin(new SystemProcess({ name: `py-${queue}`, command: python, args, env, readyWhen: 'serves traced' }));
    };
    const here: SpanLine[] = [];
    startTracing((span) => void here.push(lineOf(span)));
    const [pythonFirst, typeScriptFirst] = await Promise.all(
      ['one', 'other'].map((queue) => stage.baton.schedule('traced.mortal', [], { taskKey: queue, queue })),
    );
    assert.ok(pythonFirst !== undefined && typeScriptFirst !== undefined);
    const doomed = await Promise.all([inPython('one'), inTypeScript('other')]);
    // The one in Python tells its span by a beat.
    const dead = await Promise.all(
      [pythonFirst, typeScriptFirst].map((handle) =>
        eventually(async () => {
          const { runTrace } = (await handle.refresh()).record;
          assert.ok(runTrace !== undefined, 'its run has told no span yet');
          return runTrace.split('-')[2];
        }),
      ),
    );
    await Promise.all(doomed.map((each) => each.kill()));
    await Promise.all([inTypeScript('one'), inPython('other')]);
    await Promise.all([pythonFirst, typeScriptFirst].map((handle) => handle.wait({ timeout: '25s' })));

    const spans = await eventually(() => {
      const lines = readFileSync(path, 'utf8').split('\n').filter(Boolean);
      const runs = lines.map((line) => JSON.parse(line) as SpanLine).filter(({ name }) => name === 'run traced.mortal');
      assert.is(runs.length, 2, 'not exported yet');
      return runs;
    });
    for (const [i, handle] of [pythonFirst, typeScriptFirst].entries()) {
      assert.equal([handle.status, handle.result], ['success', 2]);
      const run = spans.find((span) => span.attributes['messaging.message.id'] === handle.uuid);
      const submit = here.find((span) => span.spanId === handle.record.traceparent?.split('-')[2]);
      assert.equal([run?.links, run?.parent, run?.traceId], [[dead[i]], submit?.spanId, submit?.traceId]);
      assert.equal([run?.attributes['baton.run.outcome'], run?.kind], ['success', 'CONSUMER']);
      assert.is(handle.record.runTrace?.split('-')[2], run?.spanId);
      const wait = here.find(({ name, links }) => name === 'wait traced.mortal' && links.includes(run?.spanId ?? ''));
      assert.equal(wait?.links, [submit?.spanId, run?.spanId]);
    }
    assert.is(new Set(spans.map(({ pid }) => pid)).size, 2);
  },
  { limitMs: 90_000 },
);

test.run();
