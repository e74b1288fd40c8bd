import { settingsHelp } from '@baton/runtime';
import { InvalidArgumentError, type Command } from 'commander';
import { WORKER_PROCESS } from './worker-process.ts';

type WorkerCommandOptions = {
  readonly tasks?: readonly string[];
  readonly queues?: string;
  readonly concurrency?: number;
  readonly watch: boolean;
};

export const registerWorkerCommand = (program: Command): void => {
  program
    .command('worker')
    .description('run a worker that serves the tasks of these modules')
    .option('--tasks <modules...>', 'modules whose exported tasks are served, JavaScript or TypeScript (BATON_TASKS)')
    .option('--queues <names>', 'queues to serve, comma between (BATON_QUEUES)')
    .option('--concurrency <number>', 'tasks that run at once (BATON_CONCURRENCY)', wholeNumber)
    .option(
      '--watch',
      'serve what is saved: what runs is drained first, and what cannot be loaded changes nothing',
      false,
    )
    .addHelpText('after', HELP)
    .action(async ({ tasks, queues, concurrency, watch }: WorkerCommandOptions) => {
      const { env } = process;
      if (tasks !== undefined) env['BATON_TASKS'] = tasks.join(',');
      if (queues !== undefined) env['BATON_QUEUES'] = queues;
      if (concurrency !== undefined) env['BATON_CONCURRENCY'] = String(concurrency);
      const { runWorker } = await import('./run-worker.ts');
      await runWorker({ watch });
    });
  program
    .command(WORKER_PROCESS, { hidden: true })
    .option('--held', 'wait for the process that started it', false)
    .action(async (options: { readonly held: boolean }) => (await import('./run-worker.ts')).runWorkerProcess(options));
};

const HELP = `
Where neither NATS_URL nor MONGODB_URL is set, the system that \`baton dev\` runs in this folder is used. A supervisor has to run:
\`baton supervisor\`. TypeScript is read as it is, and its types are not checked.

Environment:
${settingsHelp('worker')}

Exit codes: 0 stopped as asked, 1 failed, 2 settings or tasks cannot be used, 3 a server is lost, 128 and a signal's number: ended by it`;

const wholeNumber = (value: string): number => {
  const number = Number(value);
  if (!Number.isSafeInteger(number) || number < 1) throw new InvalidArgumentError('a whole number, 1 or more.');
  return number;
};
