// limit: 480s
// The handbook: its programs compile and run in one shared system and print what they say, and its commands end well.
import { randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { task } from '@baton/sdk';
import * as assert from 'uvu/assert';
import { runCli } from '../support/cli.ts';
import { bundlePrograms, checkPrograms, DOC_TSCONFIG } from '../support/doc-programs.ts';
import { eventually } from '../support/eventually.ts';
import { handbookPages, printsOf, sourceOf, wordsOf, type Program } from '../support/handbook.ts';
import { startGateway } from '../support/page-fixture.ts';
import { stagedSuite, type Stage } from '../support/stage.ts';
import { SystemProcess } from '../support/system-process.ts';

const test = stagedSuite('the handbook', { workers: 0 });

const pages = handbookPages();
const programs = pages.flatMap((page) => page.programs);
const RUN_MS = 90_000;
/** Programs that run at once: they wait more than they work. */
const SIDE_BY_SIDE = 2;

/** In the workspace, where packages resolve as they do for a user who has installed them. */
const folder = resolve('test/.tmp', `handbook-${process.pid}-${randomBytes(3).toString('hex')}`);
process.once('exit', () => rmSync(folder, { recursive: true, force: true }));

test(
  'its blocks compile',
  async () => {
    mkdirSync(join(folder, 'whole'), { recursive: true });
    for (const program of programs) {
      writeFileSync(join(folder, `${program.name}.ts`), sourceOf(program, false));
      writeFileSync(join(folder, 'whole', `${program.name}.ts`), sourceOf(program, true));
    }
    writeFileSync(join(folder, 'whole', 'tsconfig.json'), JSON.stringify(DOC_TSCONFIG));
    await checkPrograms(join(folder, 'whole'));
  },
  { limitMs: 60_000 },
);

const run = async (stage: Stage, program: Program, url: string): Promise<string> => {
  const child = new SystemProcess({
    name: program.name,
    args: [join(folder, 'out', `${program.name}.mjs`)],
    env: { ...stage.env, BATON_URL: url },
  });
  try {
    await child.start();
    await eventually(() => assert.not.ok(child.isRunning, `it runs on; so far:\n${child.output}`), { limitMs: RUN_MS });
    assert.is((await child.ended).code, 0, child.output);
    return child.output;
  } finally {
    await child.destroy();
  }
};

/** All of them, some at once; each with what it printed, or what went wrong. */
const runAll = async (stage: Stage, url: string): Promise<ReadonlyMap<string, string | Error>> => {
  await bundlePrograms(
    folder,
    programs.map(({ name }) => name),
  );
  const ended = new Map<string, string | Error>();
  const waiting = [...programs];
  const hand = async (): Promise<void> => {
    for (let program = waiting.shift(); program !== undefined; program = waiting.shift()) {
      ended.set(program.name, await run(stage, program, url).catch((error: Error) => error));
    }
  };
  await Promise.all(Array.from({ length: SIDE_BY_SIDE }, hand));
  return ended;
};

let ended: ReadonlyMap<string, string | Error> = new Map();

test(
  'all of its programs have been started',
  async (stage, context) => {
    const { url } = await startGateway(context, stage, { BATON_AUTH: 'dev' });
    ended = await runAll(stage, url);
    assert.is(ended.size, programs.length);
    assert.ok(programs.length >= 8, 'the handbook has programs');
  },
  { limitMs: 300_000 },
);

for (const program of programs) {
  test(`the program ${program.name} runs, ends by itself and prints what it says`, () => {
    const output = ended.get(program.name);
    if (output instanceof Error) throw output;
    const printed = output?.split('\n') ?? [];
    const prints = printsOf(program);
    assert.ok(prints.length > 0, 'it shows nothing');
    for (const line of prints) assert.ok(printed.includes(line), `'${line}' is not in:\n${output}`);
  });
}

test(
  'its commands end well',
  async (stage, context) => {
    await startGateway(context, stage, { BATON_AUTH: 'dev' });
    const sample = task({ name: 'mail' }, (what: string) => what);
    await stage.serve(context, [sample]);
    const handle = await stage.as('alice').within(() => sample.schedule('hello'));
    await handle.wait({ timeout: '60s' });
    await stage.document(handle.uuid, ({ status }) => status === 'success');
    for (const { path, commands } of pages) {
      for (const { line, text } of commands) {
        const words = wordsOf(text).map((word) => (word === '<id>' ? handle.uuid : word));
        const { code, stdout, stderr } = await runCli(stage, words.slice(2));
        assert.is(code, 0, `${path}:${line}: ${text}\n${stdout}${stderr}`);
      }
    }
  },
  { limitMs: 240_000 },
);

test('what it quotes stands there', () => {
  const quotes = pages.flatMap((page) => page.quotes.map((quote) => ({ path: page.path, ...quote })));
  assert.ok(quotes.length > 0);
  for (const { path, line, code, from } of quotes) {
    assert.ok(readFileSync(from, 'utf8').includes(code), `${path}:${line} is not in ${from}`);
  }
});

test.run();
