import type { Durability } from '@baton/local';
import { startRole } from './child.ts';
import { openNats, withUndo } from './run.ts';
import { startService } from './service-process.ts';

/** `kill -9` of the worker that runs a task: until another one runs it, seconds. */
export const runWorkerKill = (durability: Durability): Promise<number> =>
  withUndo(async (undo) => {
    const { env } = await openNats(undo, durability, {});
    const supervisor = await startService('supervisor', env);
    undo(() => supervisor.stop());
    const holders = ['a', 'b'].map(() => startRole('baton-holder', env));
    for (const holder of holders) undo(() => holder.stop());
    for (const holder of holders) await holder.next('ready');
    const [first, second] = holders;
    if (first === undefined || second === undefined) throw new Error('two holders');
    first.send('go');
    // Each is asked once: of two who wait for one message the wrong one may get it.
    const began = new Map([first, second].map((holder) => [holder, holder.next('done')]));
    const runner = await Promise.race([...began].map(([holder, done]) => done.then(() => holder)));
    const killedAt = performance.timeOrigin + performance.now();
    process.kill(runner.pid, 'SIGKILL');
    const { at = Number.NaN } = (await began.get(runner === first ? second : first)) ?? {};
    return (at - killedAt) / 1_000;
  });

/** `kill -9` of one of two supervisors, each in turn: the longest time in which no task began, seconds. */
export const runSupervisorKill = (durability: Durability): Promise<number> =>
  withUndo(async (undo) => {
    const { env } = await openNats(undo, durability, {});
    const start = async () => {
      const supervisor = await startService('supervisor', env);
      undo(() => supervisor.stop());
      return supervisor;
    };
    const supervisors = [await start(), await start()];
    const stream = startRole('baton-stream', env);
    undo(() => stream.stop());
    await stream.next('ready');
    let longest = 0;
    for (const { pid } of supervisors) {
      await pause(SETTLE_MS);
      stream.send('go');
      await pause(KILL_AFTER_MS);
      process.kill(pid, 'SIGKILL');
      const figures = await stream.next('done');
      longest = Math.max(longest, figures['longest'] ?? Number.NaN);
      await start();
    }
    return longest / 1_000;
  });

/** Who hosts what is settled by then. */
const SETTLE_MS = 5_000;
const KILL_AFTER_MS = 1_000;

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
