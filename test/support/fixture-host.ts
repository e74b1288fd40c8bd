// A program of somebody else with a worker in it, which throws where no task is. Says what it hears on stdout.
import { connect, getContext, task, takeStrayError } from '@baton/sdk';

const { HOST_LISTENS, HOST_HANDLES } = process.env;

export const strayInHost = task({ name: 'host.stray' }, async () => {
  setTimeout(() => {
    throw new RangeError('in a task');
  }, 1);
  await new Promise((resolve) => getContext().signal.addEventListener('abort', resolve));
});

export const waitsInHost = task({ name: 'host.waits' }, () => new Promise(() => {}));

const start = async (): Promise<void> => {
  const baton = await connect({ user: { id: 'alice' } });
  await baton.startWorker({ tasks: [strayInHost, waitsInHost], handleStrayErrors: HOST_HANDLES === undefined });
  const waiting = await waitsInHost.schedule();
  const failed = await strayInHost.schedule();
  await failed.wait({ timeout: '45s' });
  console.log(`task: ${failed.status}, ${failed.error?.message}`);
  while (waiting.status !== 'in_progress') await waiting.refresh();
  console.log(`waiting: ${waiting.uuid} ${waiting.address}`);
  void Promise.reject(new Error('in the program'));
};

if (HOST_LISTENS !== undefined) {
  process.on('uncaughtException', (error) => {
    if (takeStrayError(error)) return;
    console.log(`the program heard: ${error.message}`);
    process.exit(42);
  });
}
if (process.argv[1]?.includes('fixture-host')) await start();
