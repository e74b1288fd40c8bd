// `npm test [-- part-of-a-path...]`: installs, builds, checks, and runs every layer of tests there is.
//
// The last line is `N passed, N failed`: tests and check steps together.
import { printTotal, runTests } from '../test/run.mjs';
import { stopOnSignals } from '../test/run.stop.mjs';
import { buildServices } from './build.mjs';
import { check } from './check.mjs';
import { ensureInstalled } from './install.mjs';
import { endWithLauncher } from './launcher.mjs';
import { runMain, say, seconds } from './say.mjs';

await runMain(async () => {
  const started = performance.now();
  endWithLauncher();
  await ensureInstalled();
  stopOnSignals();
  await buildServices();
  say('checking');
  const checks = await check();
  say('testing');
  const tests = await runTests(process.argv.slice(2), { built: true });
  say(`done in ${seconds(started)}`);
  const code = printTotal({ passed: checks.passed + tests.passed, failed: checks.failed + tests.failed });
  return tests.passed > 0 ? code : 1;
});
