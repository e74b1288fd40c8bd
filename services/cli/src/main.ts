import { resolve } from 'node:path';
import { BatonError } from '@baton/runtime';
import { Command, InvalidArgumentError, Option } from 'commander';
import { runNamedService } from './commands/services.ts';
import { runDev } from './dev/dev.ts';

/** A failure that is explained; 2 as services use it for what cannot be started. */
const FAILED = 1;

const program = new Command('baton')
  .description('A distributed task runtime on NATS JetStream and MongoDB')
  .showHelpAfterError();

program
  .command('dev')
  .description('run servers and all services on this machine')
  .option('--quickstart', 'run the quick-start job', false)
  .option('--once', 'end after the quick start', false)
  .option('--data <folder>', 'where servers keep their data and services their logs', '.baton')
  .addOption(
    new Option('--durability <setting>', 'when a write is acknowledged')
      .choices(['durable', 'lazy'])
      .default('durable'),
  )
  .action(async (options: { quickstart: boolean; once: boolean; data: string; durability: 'durable' | 'lazy' }) => {
    const { quickstart, once, data, durability } = options;
    process.exit(await runDev({ quickstart, once, dataDir: resolve(data), durability }));
  });

program
  .command('worker')
  .description('run a worker that serves the tasks of these modules')
  .option('--tasks <modules...>', 'modules whose exported tasks are served')
  .option('--queues <names>', 'queues to serve, comma between')
  .option('--concurrency <number>', 'tasks that run at once', wholeNumber)
  .action(async (options: { tasks?: string[]; queues?: string; concurrency?: number }) => {
    if (options.tasks !== undefined) process.env['BATON_TASKS'] = options.tasks.join(',');
    if (options.queues !== undefined) process.env['BATON_QUEUES'] = options.queues;
    if (options.concurrency !== undefined) process.env['BATON_CONCURRENCY'] = String(options.concurrency);
    await runNamedService('worker');
  });

for (const name of ['supervisor', 'projector', 'gateway'] as const) {
  program
    .command(name)
    .description(`run a ${name}; settings come from the environment`)
    .action(() => runNamedService(name));
}

function wholeNumber(value: string): number {
  const number = Number(value);
  if (!Number.isSafeInteger(number) || number < 1) throw new InvalidArgumentError('a whole number, 1 or more.');
  return number;
}

try {
  await program.parseAsync();
} catch (error) {
  if (!(error instanceof Error)) throw error;
  const code = error instanceof BatonError || 'code' in error ? `${String((error as { code?: unknown }).code)}: ` : '';
  process.stderr.write(`${code}${error.message}\n`);
  process.exit(FAILED);
}
