// limit: 200s
// `watch` and `submit --wait` before the eyes of somebody at a terminal, and of somebody who reads a log.
import { spawn } from 'node:child_process';
import * as assert from 'uvu/assert';
import { runCli } from '../support/cli.ts';
import { eventually } from '../support/eventually.ts';
import { livingWith } from '../support/living-processes.ts';
import { stagedSuite, type Stage } from '../support/stage.ts';
import { steps } from '../support/fixture-tasks.ts';
import { mainOf } from '../support/system-fixture.ts';
import type { TestContext } from '../support/test-body.ts';

const test = stagedSuite('commands on a terminal');

const LIMIT = { limitMs: 60_000 };
const CTRL_C = '\u0003';

type Terminal = {
  readonly output: () => string;
  readonly type: (text: string) => void;
  /** The exit code. */
  readonly ended: Promise<number | null>;
};

/** On a terminal of its own, which `script` makes. */
const onTerminal = (
  { env }: Pick<Stage, 'env'>,
  { defer }: Pick<TestContext, 'defer'>,
  args: readonly string[],
): Terminal => {
  const command = [process.execPath, mainOf('cli'), ...args].map((word) => `'${word}'`).join(' ');
  const child = spawn('script', ['-qefc', command, '/dev/null'], { env: { ...process.env, ...env, COLUMNS: '120' } });
  defer(() => child.kill('SIGKILL'));
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => void (output += text));
  const ended = new Promise<number | null>((done, fail) => {
    child.once('error', fail);
    child.once('close', done);
  });
  return { output: () => output, type: (text) => void child.stdin.write(text), ended };
};

/** The last word on the cursor and on line wrap is that they are on. */
const assertRestored = (output: string): void => {
  for (const mode of ['25', '7']) {
    const taken = output.lastIndexOf(`\u001b[?${mode}l`);
    assert.ok(taken >= 0, `mode ${mode} was never taken: the test would show nothing`);
    assert.ok(output.lastIndexOf(`\u001b[?${mode}h`) > taken, `mode ${mode} is not given back`);
  }
};

test(
  'watch shows name, id and the ETA of the task; Ctrl-C gives the terminal back and says how to go on',
  async (stage, context) => {
    const call = steps.with({ taskKey: 'eta', taskName: 'Count slowly' });
    const handle = await stage.as('alice').within(() => call.schedule(300, 100));
    context.defer(() => handle.cancel({ force: true }).catch(() => {}));
    const share = async (): Promise<number> => {
      const { progress } = await handle.refresh();
      return progress !== undefined && 'current' in progress ? progress.current : 0;
    };
    await eventually(async () => assert.ok((await share()) >= 50), { limitMs: 30_000, everyMs: 200 });
    await stage.document(handle.uuid);
    const terminal = onTerminal(stage, context, ['watch', handle.uuid]);
    await eventually(() => assert.match(terminal.output(), /ETA/), { limitMs: 20_000 });
    assert.match(terminal.output(), 'Count slowly');
    assert.match(terminal.output(), handle.uuid);
    // Of 30 s at least a third is left, while the watching has taken a second.
    const eta = Number(/ETA (\d+)s/.exec(terminal.output())?.[1]);
    assert.ok(eta >= 10, `ETA ${eta} s`);
    terminal.type(CTRL_C);
    assert.is(await terminal.ended, 130);
    assertRestored(terminal.output());
    assert.match(terminal.output(), `baton watch ${handle.uuid}`);
  },
  LIMIT,
);

for (const signal of ['SIGTERM', 'SIGHUP'] as const) {
  test(
    `${signal} while a task is waited for gives the terminal back`,
    async (stage, context) => {
      const mark = `w${signal.toLowerCase()}`;
      const terminal = onTerminal(stage, context, ['submit', 'fx.hangs', '--wait', '--name', mark, '--user', 'alice']);
      const id = await eventually(
        () => {
          const found = /running/.test(terminal.output()) && /[0-9a-f-]{36}/.exec(terminal.output())?.[0];
          if (!found) throw new Error(terminal.output());
          return found;
        },
        { limitMs: 20_000 },
      );
      context.defer(() => runCli(stage, ['cancel', id]));
      const own = livingWith([`--name ${mark} `]).find(({ command }) => command.startsWith(process.execPath));
      assert.ok(own, 'the command is not among the processes');
      process.kill(own.pid, signal);
      await terminal.ended;
      assertRestored(terminal.output());
    },
    LIMIT,
  );
}

test(
  '--wait says why a task waits, also where there is no terminal',
  async (stage) => {
    const far = ['submit', 'fx.double', '1', '--queue', 'far', '--user', 'alice', '--wait', '--wait-timeout', '8s'];
    const { code, stderr } = await runCli(stage, far);
    assert.is(code, 8, stderr);
    assert.match(stderr, /no worker serves fx\.double in the queue far, but in default; start one: baton worker/);
    const later = ['submit', 'fx.double', '1', '--delay', '1h', '--user', 'alice', '--wait', '--wait-timeout', '3s'];
    assert.match((await runCli(stage, later)).stderr, /not before \d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC/);
  },
  LIMIT,
);

test.run();
