import { readSettings } from '@baton/runtime';
import { heldWorker, startWorker } from '@baton/worker';
import { endWithParent, runNamedService, runOwnedService } from '../commands/services.ts';
import { untilServing } from './held.ts';
import { isTypeScript, loaderFor } from './loader.ts';
import { watchFiles } from './watch-files.ts';
import { WatchedWorker } from './watched-worker.ts';
import { startWorkerProcess } from './worker-process.ts';

/** `baton worker`: in this process where it can import the tasks itself, else in one that can. Never returns. */
export const runWorker = async ({ watch }: { readonly watch: boolean }): Promise<never> => {
  const { taskModules } = readSettings();
  const isPlain = !watch && !taskModules.some(isTypeScript);
  if (isPlain || taskModules.length === 0) return runNamedService('worker');
  const loader = loaderFor(taskModules);
  if (watch) return runWatched(taskModules, loader);
  const child = startWorkerProcess(loader);
  onSignals((signal) => child.signal(signal));
  return process.exit(await child.ended);
};

/** The process that `runWorker` starts. Never returns. */
export const runWorkerProcess = ({ held }: { readonly held: boolean }): Promise<never> =>
  runOwnedService('worker', held ? heldWorker(untilServing) : startWorker);

/** Ends with the worker, when this process is asked to; what cannot be watched is an error at once. */
const runWatched = (modules: readonly string[], loader: readonly string[]): Promise<never> =>
  new Promise((_, fail) => {
    const worker = new WatchedWorker({ start: () => startWorkerProcess(loader, { held: true }), say });
    onSignals((signal) => void worker.stop(signal).then((code) => process.exit(code), fail));
    watchFiles(modules, () => void worker.reload().catch(fail)).catch(fail);
  });

/** A second one is passed on as well: it ends a worker at once. */
const onSignals = (pass: (signal: NodeJS.Signals) => void): void => {
  endWithParent();
  for (const signal of ['SIGHUP', 'SIGINT', 'SIGTERM'] as const) process.on(signal, pass);
};

const say = (text: string): void => void process.stderr.write(`baton worker: ${text}\n`);
