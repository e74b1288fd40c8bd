// limit: 400s
// Whoever of those that run `baton dev` is signalled, all of them end: npm, the shell it calls, the command, each service.
import { execFileSync } from 'node:child_process';
import { readFileSync, realpathSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import * as assert from 'uvu/assert';
import { dev, nothingLeft, ownServers, temporaryFolder, type Dev } from '../support/dev-process.ts';
import { eventually } from '../support/eventually.ts';
import { suite } from '../support/suite.ts';

const test = suite('signals to baton dev');

const START_MS = 60_000;
/** From the signal to the end of the last process. */
const END_MS = 25_000;
const LIMIT = { limitMs: START_MS + END_MS + 15_000 };

const BATON = resolve('scripts/baton.mjs');

const npmCli = (): string => realpathSync(execFileSync('sh', ['-c', 'command -v npm'], { encoding: 'utf8' }).trim());

/** How npm calls what it runs: `npx baton` leaves a shell between, the script of `npm start` has the shell replaced. */
const CALLS = { shell: `node ${BATON} dev`, exec: `exec node ${BATON} dev` } as const;

const runs = async ({ process: { output } }: Dev): Promise<void> => assert.match(output, /Services run on/);

const pidOf = (run: Dev, command: RegExp): number => {
  const found = run.living().find((each) => command.test(each.command));
  assert.ok(found, `no ${String(command)} among ${JSON.stringify(run.living())}`);
  return found.pid;
};

type Target = (run: Dev) => number;

const npm: Target = (run) => run.process.pid;
const shell: Target = (run) => pidOf(run, /^sh -c node /);
const command: Target = (run) => pidOf(run, /^node .*baton\.mjs dev/);
const service: Target = (run) => pidOf(run, /\.mjs supervisor/);

const ends = (call: keyof typeof CALLS, name: string, target: Target, signal: NodeJS.Signals) =>
  test(
    `${signal} to ${name} under npm (${call})`,
    async (context) => {
      const folder = temporaryFolder(context);
      writeFileSync(join(folder, 'package.json'), JSON.stringify({ scripts: { start: CALLS[call] } }));
      const program = [npmCli(), 'start', '--prefix', folder, '--'];
      const run = dev(context, folder, [], ownServers(context), program);
      await run.process.start();
      await eventually(() => runs(run), { limitMs: START_MS, everyMs: 50 });
      assert.ok(run.living().length >= 6, 'npm, the command and four services run');
      const began = performance.now();
      process.kill(target(run), signal);
      await eventually(() => assert.equal(run.living(), []), { limitMs: END_MS, everyMs: 100 });
      console.log(`${signal} to ${name} (${call}): all gone ${Math.round(performance.now() - began)} ms after it`);
    },
    LIMIT,
  );

ends('shell', 'npm', npm, 'SIGTERM');
ends('shell', 'npm', npm, 'SIGKILL');
ends('shell', 'the shell', shell, 'SIGHUP');
ends('shell', 'the shell', shell, 'SIGKILL');
ends('exec', 'npm', npm, 'SIGTERM');
ends('exec', 'npm', npm, 'SIGINT');
ends('exec', 'the command', command, 'SIGHUP');
ends('exec', 'a service', service, 'SIGHUP');

test('what npm runs for long replaces the shell', () => {
  const { scripts } = JSON.parse(readFileSync('package.json', 'utf8')) as {
    readonly scripts: Readonly<Record<string, string>>;
  };
  for (const name of ['start', 'test', 'bench']) assert.match(scripts[name] ?? '', /^exec node /, name);
});

test(
  'killed with -9 while a service is frozen: that one ends as well',
  async (context) => {
    const run = dev(context, temporaryFolder(context), [], ownServers(context));
    await run.process.start();
    await eventually(() => runs(run), { limitMs: START_MS, everyMs: 50 });
    process.kill(pidOf(run, /\.mjs worker/), 'SIGSTOP');
    await run.process.kill();
    await nothingLeft(run.living);
  },
  LIMIT,
);

test.run();
