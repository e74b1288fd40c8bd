// limit: 600s
// Every example, by the one command its README names, in one system.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import * as assert from 'uvu/assert';
import { openPage, screenshot, startChromium } from '../support/chromium.ts';
import { eventually } from '../support/eventually.ts';
import { freePort } from '../support/free-port.ts';
import { rowOf, waitForRow } from '../support/page-parts.ts';
import { stagedSuite, type Stage } from '../support/stage.ts';
import type { TestContext } from '../support/suite.ts';
import { SystemProcess } from '../support/system-process.ts';

const test = stagedSuite('examples', { workers: 0 });

const LIMIT = { limitMs: 180_000 };
const RUN_MS = 150_000;

/** `npm start` in its folder. */
const example = (stage: Stage, { defer }: TestContext, name: string, env: Readonly<Record<string, string>> = {}) => {
  const made = new SystemProcess({
    name,
    command: 'npm',
    args: ['start', '--silent', '--prefix', join('examples', name)],
    env: { ...stage.env, ...env },
  });
  defer(() => made.destroy());
  return made;
};

/** What it printed, line by line, when it has ended well. */
const run = async (stage: Stage, context: TestContext, name: string): Promise<readonly string[]> => {
  const program = example(stage, context, name);
  await program.start();
  await eventually(() => assert.not.ok(program.isRunning, `it runs on:\n${program.output}`), { limitMs: RUN_MS });
  assert.is((await program.ended).code, 0, program.output);
  console.log(program.output);
  return program.output.split('\n');
};

const has = (lines: readonly string[], ...wanted: readonly string[]): void => {
  for (const line of wanted) assert.ok(lines.includes(line), `'${line}' is not in:\n${lines.join('\n')}`);
};

test(
  'report-export: goes on where it broke, and leaves no file when it is cancelled',
  async (stage, context) => {
    const lines = await run(stage, context, 'report-export');
    has(lines, 'Sales of May: success after 2 attempts, 2000 rows in the file');
    has(lines, ' pending: retry after Error: the database went away', 'Everything: aborted, file left behind: false');
    assert.ok(lines.some((line) => line.startsWith('progress {"current":')));
  },
  LIMIT,
);

test(
  'media-pipeline: pictures from threads while the worker answers; what never ends is ended',
  async (stage, context) => {
    const lines = await run(stage, context, 'media-pipeline');
    has(
      lines,
      'pipeline: success',
      'large picture: success, a PNG: true, in the object store: true',
      'runaway: timed_out, by force: true',
    );
    assert.is(lines.filter((line) => /^ \d+ x \d+: \d+ bytes$/.test(line)).length, 3);
  },
  LIMIT,
);

test(
  'shared-dashboard: one task for two hundred users; the last who leaves stops it',
  async (stage, context) => {
    const lines = await run(stage, context, 'shared-dashboard');
    has(lines, '200 users, 1 task, created by 1, joined by 199', 'all have the same 5 charts: true');
    has(lines, 'ann leaves: unsubscribed', 'ben leaves: aborted', 'the refresh of stock is aborted');
    has(lines, '20 edits, rebuilt 1 time, with edit 20');
  },
  LIMIT,
);

test(
  'model-python: trained, refused and stopped in another language',
  async (stage, context) => {
    const lines = await run(stage, context, 'model-python');
    has(lines, 'trained: success, y = 3 x + 1', 'a run nobody waits for: aborted');
    has(lines, 'one point: failure after 1 attempt, two points or more make a line');
  },
  LIMIT,
);

test(
  'embedded-list: a customer presses the button, sees his export in the page of the shop, and stops it',
  async (stage, context) => {
    const [port, gatewayPort] = [await freePort(), await freePort()];
    const program = example(stage, context, 'embedded-list', { PORT: `${port}`, GATEWAY_PORT: `${gatewayPort}` });
    await program.start();
    await eventually(() => assert.match(program.output, 'the shop is open'), { limitMs: 30_000 });
    const browser = await startChromium(context);
    const { page, faults } = await openPage(browser);
    await page.goto(`http://127.0.0.1:${port}/`);
    await page.getByRole('button', { name: 'Export my orders' }).click();
    await waitForRow(page, 'Orders of alice', 'In Progress');
    await screenshot(page, 'example-embedded-list');
    await rowOf(page, 'Orders of alice').getByRole('button', { name: 'Cancel Orders of alice' }).click();
    await page.getByRole('dialog', { name: 'Cancel Task' }).getByRole('button', { name: 'Yes, Cancel' }).click();
    await waitForRow(page, 'Orders of alice', 'Aborted');
    assert.equal(faults, []);

    const other = await openPage(browser);
    const url = `http://127.0.0.1:${port}`;
    await other.page.context().addCookies([{ name: 'customer', value: 'bob', url }]);
    await other.page.goto(url);
    await other.page.getByRole('heading', { name: 'Orders of bob' }).waitFor();
    // What it shows then was read for him.
    await other.page.getByText('Live', { exact: true }).waitFor();
    assert.is(await other.page.getByText('Orders of alice').count(), 0, 'nobody sees the tasks of others');
    await program.stop();
  },
  LIMIT,
);

test('every example is tested here, is in the index and has its own README', () => {
  const folders = readdirSync('examples').filter((name) => existsSync(join('examples', name, 'package.json')));
  const index = readFileSync('examples/README.md', 'utf8');
  const tests = readFileSync('test/e2e/examples.test.ts', 'utf8');
  assert.ok(folders.length >= 5);
  for (const name of folders) {
    assert.ok(existsSync(join('examples', name, 'README.md')), name);
    assert.ok(index.includes(`](${name}/README.md)`), `${name} is not in the index`);
    assert.ok(tests.includes(`'${name}: `), `${name} is not tested`);
  }
});

test.run();
