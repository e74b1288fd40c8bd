// The runner and the suite must fail when they should: each case is a small test file, run by the real runner.
import { spawn } from 'node:child_process';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { text } from 'node:stream/consumers';
import * as assert from 'uvu/assert';
import { suite } from './suite.ts';

const test = suite('the runner');
const limitMs = 60_000;

/** Inside the workspace, where `uvu` resolves, and where other runs do not look. */
const folderOf = (name: string) => `test/.tmp/${process.pid}-${name}`;

const header = `import { suite } from '../../support/suite.ts';\nconst test = suite('case');\n`;

type Outcome = { code: number | null; output: string; lastLine: string };

/** Writes the test files, runs them, removes them. */
const run = async (name: string, ...files: string[]): Promise<Outcome> => {
  const folder = folderOf(name);
  mkdirSync(folder, { recursive: true });
  try {
    files.forEach((content, index) => writeFileSync(`${folder}/${index}.test.ts`, content));
    const args = ['test/run.mjs', folder];
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'], env: bareEnvironment() });
    const code = new Promise<number | null>((resolve) => child.on('close', resolve));
    const [out, err] = await Promise.all([text(child.stdout), text(child.stderr)]);
    return { code: await code, output: out + err, lastLine: out.trimEnd().split('\n').at(-1) ?? '' };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
};

const bareEnvironment = (): NodeJS.ProcessEnv => {
  const { BATON_TEST_REPORT: _, ...rest } = process.env;
  return rest;
};

const fails = (title: string, name: string, content: string, expected: RegExp, lastLine = '0 passed, 1 failed') =>
  test(
    title,
    async () => {
      const outcome = await run(name, content);
      assert.is(outcome.code, 1, outcome.output);
      assert.match(outcome.output, expected);
      assert.is(outcome.lastLine, lastLine, outcome.output);
    },
    { limitMs },
  );

test(
  'passes when every test of every file passed',
  async () => {
    const good = `${header}test('one', () => {});\ntest('two', async () => {});\ntest.run();\n`;
    const outcome = await run('good', good, good);
    assert.is(outcome.code, 0, outcome.output);
    assert.is(outcome.lastLine, '4 passed, 0 failed');
  },
  { limitMs },
);

const body = (code: string) => `${header}test('good', () => {});\ntest('bad', ${code});\ntest.run();\n`;
const oneOfTwo = '1 passed, 1 failed';

fails('a throwing body', 'throws', body(`() => { throw new Error('thrown here'); }`), /thrown here/, oneOfTwo);
fails('a thrown value that is no Error', 'value', body(`() => { throw undefined; }`), /not an Error/, oneOfTwo);
fails(
  'a rejecting body',
  'rejects',
  body(`async () => { throw new Error('rejected here'); }`),
  /rejected here/,
  oneOfTwo,
);
fails(
  'a test that hangs while the process lives',
  'hangs',
  `${header}test('bad', () => new Promise(() => {}), { limitMs: 50 });\ntest.run();\n`,
  /took over 50 ms/,
);
fails(
  'a test that waits for nothing, so that the process ends',
  'drained',
  `${header}test('bad', () => { process.removeAllListeners('x'); return new Promise(() => {}); }, { limitMs: 50 });\ntest.run();\n`,
  /took over 50 ms/,
);
fails(
  'a busy loop',
  'busy',
  `// limit: 2s\n${header}test('bad', () => { for (;;); });\ntest.run();\n`,
  /took over 2 s and was killed/,
);
fails('a forgotten run', 'forgotten', `${header}test('bad', () => {});\n`, /never finished: case: bad/);
fails('a file without a test', 'empty', `${header}test.run();\n`, /ran no test/);
fails('a file without the suite', 'bare', `export const x = 1;\n`, /left no report/);
fails('a file that throws when loaded', 'load', `${header}throw new Error('at load');\n`, /at load/);
fails('process.exit(0) inside a test', 'exit', body(`() => process.exit(0)`), /never finished: case: bad/, oneOfTwo);
fails(
  'two tests with one name',
  'twice',
  `${header}test('a', () => {});\ntest('a', () => {});\ntest.run();\n`,
  /one name/,
);
fails(
  'an unhandled rejection',
  'unhandled',
  body(`() => { setTimeout(() => void Promise.reject(new Error('nobody listens')), 50); }`),
  /nobody listens/,
  '2 passed, 1 failed',
);
fails(
  'a throwing cleanup, after which the others still run',
  'cleanup',
  body(`({ defer }) => {
    defer(() => console.log('first registered, last run'));
    defer(() => { throw new Error('cleanup broke'); });
  }`),
  /first registered, last run[^]*cleanup broke/,
  oneOfTwo,
);
fails(
  'a process held open after its last test',
  'held',
  body(`() => { setInterval(() => {}, 1000); }`).replace('bad', 'leaves a timer'),
  /held open by: .*Time/,
  '2 passed, 1 failed',
);

test(
  'a run that finds no file fails',
  async () => {
    const outcome = await run('none');
    assert.is(outcome.code, 1, outcome.output);
    assert.match(outcome.output, /No test file matches/);
  },
  { limitMs },
);

test('cleanups run last one first, after the body', async ({ defer }) => {
  const { underLimit } = await import('./test-body.ts');
  const order: string[] = [];
  await underLimit((inner) => {
    inner.defer(() => order.push('first'));
    inner.defer(async () => order.push('second'));
    order.push('body');
  }, 1000);
  assert.equal(order, ['body', 'second', 'first']);
  defer(() => order.splice(0));
});

test('the signal aborts when time is up', async () => {
  const { underLimit } = await import('./test-body.ts');
  let aborted = false;
  const run = underLimit(({ signal }) => {
    signal.addEventListener('abort', () => (aborted = true));
    return new Promise(() => {});
  }, 20);
  await run.then(
    () => assert.unreachable(),
    (error: Error) => assert.match(error.message, /took over 20 ms/),
  );
  assert.ok(aborted);
});

test.run();
