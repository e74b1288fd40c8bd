// limit: 200s
// Every TypeScript block of the README compiles against the SDK, runs against real servers, and prints what it says.
import { randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import * as assert from 'uvu/assert';
import { bundlePrograms, checkPrograms, DOC_TSCONFIG } from '../support/doc-programs.ts';
import { eventually } from '../support/eventually.ts';
import { blocksIn, type Block } from '../support/readme-blocks.ts';
import { suite } from '../support/suite.ts';
import { deleteNamespace, mainOf, sharedServers } from '../support/system-fixture.ts';
import { SystemProcess } from '../support/system-process.ts';
import type { TestContext } from '../support/test-body.ts';

const test = suite('README.md');

const blocks = blocksIn(readFileSync('README.md', 'utf8'));
const nameOf = (block: Block): string => `line-${block.line}`;
const runnable = blocks.filter(({ words }) => !words.includes('no-run'));

const RUN_MS = 30_000;

/** In the workspace, where `@baton/sdk` resolves as it does for a user who has installed it. */
const folderOf = ({ defer }: TestContext): string => {
  const folder = resolve('test/.tmp', `readme-${process.pid}-${randomBytes(3).toString('hex')}`);
  mkdirSync(folder, { recursive: true });
  defer(() => rmSync(folder, { recursive: true, force: true }));
  for (const block of blocks) writeFileSync(join(folder, `${nameOf(block)}.ts`), `${block.code}export {};\n`);
  return folder;
};

test('it has an example that runs', () => {
  assert.ok(runnable.length > 0, 'no ```ts block is left to run');
});

test(
  'its blocks compile',
  async (context) => {
    const folder = folderOf(context);
    writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify(DOC_TSCONFIG));
    const began = performance.now();
    await checkPrograms(folder);
    console.log(`${blocks.length} blocks compiled in ${Math.round(performance.now() - began)} ms`);
  },
  { limitMs: 60_000 },
);

/** In a namespace of its own on the servers of the test run. */
const environment = ({ defer }: TestContext): Readonly<Record<string, string>> => {
  const { natsUrl, mongoUrl } = sharedServers();
  const namespace = `R${randomBytes(4).toString('hex').toUpperCase()}`;
  defer(() => deleteNamespace(natsUrl, namespace));
  return { NATS_URL: natsUrl, MONGODB_URL: mongoUrl, BATON_NAMESPACE: namespace };
};

for (const block of runnable) {
  test(
    `the block in line ${block.line} runs, ends by itself and prints what it says`,
    async (context) => {
      const folder = folderOf(context);
      await bundlePrograms(folder, [nameOf(block)]);
      const env = environment(context);
      const supervisor = new SystemProcess({
        name: 'supervisor',
        args: [mainOf('supervisor')],
        env,
        readyWhen: '"msg":"started"',
      });
      const example = new SystemProcess({
        name: nameOf(block),
        args: [join(folder, 'out', `${nameOf(block)}.mjs`)],
        env,
      });
      context.defer(() => Promise.all([example.destroy(), supervisor.destroy()]));
      await supervisor.start();
      const began = performance.now();
      await example.start();
      await eventually(() => assert.not.ok(example.isRunning, `it runs on; so far:\n${example.output}`), {
        limitMs: RUN_MS,
      });
      assert.is((await example.ended).code, 0, example.output);
      const printed = example.output.split('\n');
      for (const line of block.prints) assert.ok(printed.includes(line), `'${line}' is not in:\n${example.output}`);
      console.log(
        `line ${block.line}: ended after ${Math.round(performance.now() - began)} ms, printed ${block.prints.join(' | ')}`,
      );
    },
    { limitMs: RUN_MS + 30_000 },
  );
}

test.run();
