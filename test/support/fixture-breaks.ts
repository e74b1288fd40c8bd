// A program whose worker ends abnormally once it runs the tasks it is given: something throws where no task is.
import { connect, task } from '@baton/sdk';

export const waitsForEver = task({ name: 'breaks.waits' }, () => new Promise(() => {}));

const hostile = (): unknown => Object.assign(new Error('in the program'), { name: Symbol('hostile') });

const start = async (tasks: readonly string[]): Promise<void> => {
  const baton = await connect({ user: { id: 'alice' } });
  await baton.startWorker({ tasks: [waitsForEver] });
  for (const each of tasks) {
    const [uuid = '', address = ''] = each.split('@');
    const handle = await baton.open({ uuid, address });
    while (handle.status !== 'in_progress') await handle.refresh();
  }
  if (process.env['HOST_HOSTILE'] === undefined) void Promise.reject(new Error('in the program'));
  // oxlint-disable-next-line prefer-promise-reject-errors -- that is what is tried
  else void Promise.reject(hostile());
};

if (process.argv[1]?.includes('fixture-breaks')) await start(process.argv.slice(2));
