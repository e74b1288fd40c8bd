import { parentPort, workerData } from 'node:worker_threads';
import { takeStrayError } from '../run/stray-error.ts';
import { taskErrorOf } from '../run/task-error.ts';
import { watchBuffers } from './buffer-watch.ts';
import { enterThread } from './inside.ts';
import type { FromThread, ThreadStart, ToThread } from './messages.ts';
import { ThreadSide } from './thread-side.ts';
import { passWarnings } from './warnings.ts';

/** A thread that runs bodies of isolated tasks, one at a time (behaviour T5). */

const port = parentPort;
if (port === null) throw new Error('task.thread is started as a worker thread');

const post = (message: FromThread): void => port.postMessage(message);

const breakDown = (thrown: unknown): void => {
  post({ kind: 'broken', error: taskErrorOf(thrown) });
  // Ends this thread only; what was posted before is delivered.
  process.exit(1);
};

const uncaught = (thrown: unknown): void => {
  if (!takeStrayError(thrown)) breakDown(thrown);
};
passWarnings((warning) => post({ kind: 'warning', warning }));
process.on('unhandledRejection', uncaught);
process.on('uncaughtException', uncaught);

const { module, memoryMb, stop } = workerData as ThreadStart;
watchBuffers(memoryMb, breakDown);
const inside = enterThread();
try {
  await import(module);
  inside.loading = false;
  const side = new ThreadSide({ definitions: inside.definitions, stop: new Int32Array(stop), post });
  port.on('message', (order: ToThread) => side.obey(order));
  post({ kind: 'loaded', types: inside.definitions.map((definition) => definition.type) });
} catch (thrown) {
  breakDown(thrown);
}
