import * as assert from 'uvu/assert';
import { eventually } from '../../../../test/support/eventually.ts';
import { suite } from '../../../../test/support/suite.ts';
import { WatchedWorker } from './watched-worker.ts';
import type { ExitCode, WorkerProcess } from './worker-process.ts';

const test = suite('watched worker');

/** Worker processes that do nothing by themselves, and note in one list what they are asked. */
const stage = () => {
  const acts: string[] = [];
  const processes: { readonly load: (isLoaded: boolean) => void; readonly end: (code: ExitCode) => void }[] = [];
  const start = (): WorkerProcess => {
    const name = `w${processes.length + 1}`;
    let load: (isLoaded: boolean) => void = () => {};
    let end: (code: ExitCode) => void = () => {};
    const loaded = new Promise<boolean>((resolve) => (load = resolve));
    const ended = new Promise<ExitCode>((resolve) => (end = resolve));
    processes.push({ load, end });
    acts.push(`${name} starts`);
    const act = (what: string) => void acts.push(`${name} ${what}`);
    return { pid: processes.length, loaded, ended, serve: () => act('serves'), signal: (signal) => act(signal) };
  };
  const worker = new WatchedWorker({ start, say: (text) => void acts.push(text.split(':')[0] ?? '') });
  const nth = (n: number) => processes[n - 1] ?? assert.unreachable(`there is no process ${n}`);
  /** What was done since it was asked last; waits for it. */
  const done = (...expected: readonly string[]): Promise<void> =>
    eventually(() => {
      assert.equal(acts, expected);
      acts.length = 0;
    });
  return { worker, nth, done };
};

test('the next one serves when the present one has drained, and not before', async () => {
  const { worker, nth, done } = stage();
  void worker.reload();
  nth(1)?.load(true);
  await done('w1 starts', 'w1 serves');
  const reloaded = worker.reload();
  await done('w2 starts');
  nth(2)?.load(true);
  await done('the tasks have changed', 'w1 SIGTERM');
  nth(1)?.end(0);
  await reloaded;
  await done('w2 serves');
});

test('one that cannot load its tasks leaves the present one alone', async () => {
  const { worker, nth, done } = stage();
  void worker.reload();
  nth(1)?.load(false);
  await done('w1 starts', 'the tasks could not be loaded');
  void worker.reload();
  nth(2)?.load(true);
  await done('w2 starts', 'w2 serves');
  const reloaded = worker.reload();
  nth(3)?.load(false);
  await reloaded;
  await done('w3 starts', 'the tasks could not be loaded');
  assert.is(await stopped(worker, () => nth(2)?.end(0)), 0);
  await done('w2 SIGTERM');
});

test('what is saved last while the present one drains is what is served then, and it is told once', async () => {
  const { worker, nth, done } = stage();
  void worker.reload();
  nth(1)?.load(true);
  await done('w1 starts', 'w1 serves');
  const first = worker.reload();
  nth(2)?.load(true);
  await done('w2 starts', 'the tasks have changed', 'w1 SIGTERM');
  const second = worker.reload();
  nth(3)?.load(true);
  await done('w3 starts', 'w2 SIGTERM');
  nth(1)?.end(0);
  await Promise.all([first, second]);
  await done('w3 serves');
  const third = worker.reload();
  nth(4)?.load(true);
  await done('w4 starts', 'the tasks have changed', 'w3 SIGTERM');
  nth(3)?.end(0);
  await third;
  await done('w4 serves');
});

test('what cannot be loaded while the present one drains leaves the one that waits', async () => {
  const { worker, nth, done } = stage();
  void worker.reload();
  nth(1)?.load(true);
  await done('w1 starts', 'w1 serves');
  const first = worker.reload();
  nth(2)?.load(true);
  await done('w2 starts', 'the tasks have changed', 'w1 SIGTERM');
  const second = worker.reload();
  nth(3)?.load(false);
  await second;
  await done('w3 starts', 'the tasks could not be loaded');
  nth(1)?.end(0);
  await first;
  await done('w2 serves');
});

test('what is saved while the next one loads is loaded instead', async () => {
  const { worker, nth, done } = stage();
  const first = worker.reload();
  const second = worker.reload();
  nth(1)?.load(false);
  await first;
  nth(2)?.load(true);
  await second;
  await done('w1 starts', 'w1 SIGTERM', 'w2 starts', 'w2 serves');
});

test('a worker that ends by itself is told of, and the next change starts one', async () => {
  const { worker, nth, done } = stage();
  void worker.reload();
  nth(1)?.load(true);
  await done('w1 starts', 'w1 serves');
  nth(1)?.end(3);
  await done('the worker ended with code 3');
  void worker.reload();
  nth(2)?.load(true);
  await done('w2 starts', 'w2 serves');
});

const stopped = (worker: WatchedWorker, end: () => void): Promise<ExitCode> => {
  const code = worker.stop('SIGTERM');
  end();
  return code;
};

test('to stop it every process gets the signal, and the code is that of the one that served', async () => {
  const { worker, nth, done } = stage();
  void worker.reload();
  nth(1)?.load(true);
  await done('w1 starts', 'w1 serves');
  void worker.reload();
  await done('w2 starts');
  const code = await stopped(worker, () => {
    nth(2)?.end(143);
    nth(1)?.end(1);
  });
  assert.is(code, 1);
  await done('w1 SIGTERM', 'w2 SIGTERM');
  await worker.reload();
  await done();
});

test('stopped before anything is served, it ends well', async () => {
  const { worker, nth } = stage();
  void worker.reload();
  assert.is(await stopped(worker, () => nth(1)?.end(143)), 0);
});

test.run();
