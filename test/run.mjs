// Runs tests: `node test/run.mjs [layer...] [part-of-a-path...] [--echo]`. See `--help`.
//
// Fails when a test fails, when a file runs no test, and when no file was found: a green run that ran nothing is the
// fault this file is here to prevent.
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { buildServices } from '../scripts/build.mjs';
import { requireInstalled } from '../scripts/install.mjs';
import { runMain } from '../scripts/say.mjs';
import { endWithLauncher } from '../scripts/launcher.mjs';
import { isMain, root } from '../scripts/workspace.mjs';
import { bundleTests, fixtureEntries } from './run.bundle.mjs';
import { runFile } from './run.child.mjs';
import { chooseFiles, isWhole, layerNames } from './run.files.mjs';
import { countRows, printRows } from './run.rows.mjs';
import { ensureTools, startServers } from './run.servers.mjs';
import { isStopping, stopLater, stopOnSignals } from './run.stop.mjs';

const usage = `node test/run.mjs [layer...] [part-of-a-path...] [--echo]

  layers: ${layerNames.join(', ')}; none named = all of them
  --echo  show what test files print while they run, not only when they fail
`;

/** Files that run at once: those that compute; with servers, by the company they bear, first those that bear any. */
const SIDE_BY_SIDE = 2;
const HANDS = { any: 3, pair: 2, alone: 1 };

/** The slow ones first, by what they say of themselves: one that comes last keeps the other hands idle. */
const slowFirst = (files) => files.toSorted((a, b) => b.limitMs - a.limitMs);

const seconds = (ms) => `${(ms / 1000).toFixed(1)} s`;

const printFile = (path, result) => {
  const total = result.passed + result.failed;
  const mark = result.failed === 0 ? 'ok  ' : 'FAIL';
  console.log(`${mark} ${path}  ${result.passed}/${total}  ${seconds(result.durationMs)}`);
  if (result.failed === 0) return;
  const output = result.output.trimEnd().split('\n');
  console.log(
    [...output, ...(result.reason ? [`The file ${result.reason}.`] : [])].map((line) => `     | ${line}`).join('\n'),
  );
};

/** So much of a failure stands at the end; all of it stands with its file. */
const FIRST_LINES = 8;
/** Of what a program said the end tells what failed. */
const LAST_LINES = 8;

const short = (reason) => {
  const lines = reason.trimEnd().split('\n');
  const isLong = lines.length > FIRST_LINES + LAST_LINES;
  const shown = isLong ? [...lines.slice(0, FIRST_LINES), '…', ...lines.slice(-LAST_LINES)] : lines;
  return shown.map((line) => `      ${line}`).join('\n');
};

/** At the end once more, in short: the end is what is looked at, and what services said may be long. */
const printFailures = (files) => {
  if (files.length === 0) return;
  console.log('\nFailed:');
  for (const { path, failures, reason } of files) {
    console.log(`  ${path}${reason ? `: the file ${reason}` : ''}`);
    for (const failure of failures) {
      console.log(`    ${failure.title}\n${short(failure.reason)}`);
    }
  }
};

/** Takes files from one queue with so many hands. */
const runAll = async (files, hands, run) => {
  const queue = [...files];
  const hand = async () => {
    for (let file = queue.shift(); file && !isStopping(); file = queue.shift()) await run(file);
  };
  await Promise.all(Array.from({ length: hands }, hand));
};

/**
 * @param {string[]} wanted layers and parts of paths
 * @param {{ echo?: boolean, built?: boolean }} options
 * @returns {Promise<{ passed: number, failed: number }>}
 */
export const runTests = async (wanted, { echo = false, built = false } = {}) => {
  const files = chooseFiles(wanted);
  const total = { passed: 0, failed: 0 };
  const failures = [];
  const tests = [];
  const withRows = isWhole('behaviour', wanted);
  if (files.length === 0) {
    console.log(`No test file matches: ${wanted.join(' ') || '(all layers)'}`);
    return { passed: 0, failed: 1 };
  }
  const withServers = files.some((file) => file.servers);
  if (withServers && !built) await buildServices(); // their tests start services as processes
  const bundleOf = await bundleTests(
    files.map((file) => file.path),
    {
      ...(withServers ? { servers: 'test/run.servers.ts', ...fixtureEntries() } : {}),
      ...(withRows ? { rows: 'test/behaviour/rows.ts' } : {}),
    },
  );
  const run = (env) => async (file) => {
    const result = await runFile(bundleOf(file.path), { limitMs: file.limitMs, env, cwd: root, echo });
    total.passed += result.passed;
    total.failed += result.failed;
    tests.push(...result.tests);
    if (result.failed > 0) failures.push({ path: file.path, ...result });
    printFile(file.path, result);
  };

  await runAll(
    files.filter((file) => !file.servers),
    SIDE_BY_SIDE,
    run({}),
  );
  if (withServers) {
    const local = pathToFileURL(bundleOf('servers')).href;
    await ensureTools(
      local,
      files.flatMap(({ tools }) => tools),
    );
    const servers = await startServers(local);
    const takeBack = stopLater(servers.stop);
    try {
      const withThem = files.filter((file) => file.servers);
      // They share the servers, each with names of its own.
      for (const [company, hands] of Object.entries(HANDS)) {
        const files = withThem.filter((file) => file.company === company);
        await runAll(slowFirst(files), hands, run(servers.env));
      }
    } finally {
      takeBack();
      if (!isStopping()) await servers.stop();
    }
  }
  if (withRows && !isStopping()) {
    const { ROWS } = await import(pathToFileURL(bundleOf('rows')).href);
    total.failed += printRows(countRows(ROWS, tests));
  }
  printFailures(failures);
  return total;
};

/** The closing line of every run, alone on its line. A run without a single test has failed. */
export const printTotal = ({ passed, failed }) => {
  console.log(`\n${passed} passed, ${failed} failed`);
  return passed > 0 && failed === 0 ? 0 : 1;
};

const main = async () => {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { echo: { type: 'boolean' }, help: { type: 'boolean' }, 'build-in': { type: 'string' } },
  });
  if (values.help) return console.log(usage);
  requireInstalled();
  endWithLauncher();
  stopOnSignals();
  return printTotal(await runTests(positionals, { echo: values.echo }));
};

if (isMain(import.meta.url)) await runMain(main);
