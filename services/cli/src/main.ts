import { resolve } from 'node:path';
import { BatonError, settingsHelp } from '@baton/runtime';
import { Command, Option } from 'commander';
import { runNamedService } from './commands/services.ts';
import { exitCodeOf, exitCodes } from './operator/exit-codes.ts';
import { DATA_FOLDER, unsetAdvice, useLocalSystem } from './local-system.ts';
import { registerOperatorCommands } from './operator/register.ts';
import { VERSION } from './version.ts';
import { registerWorkerCommand } from './worker/register.ts';

const program = new Command('baton')
  .description('A distributed task runtime on NATS JetStream and MongoDB')
  .version(VERSION, '-V, --version', 'print the version')
  .showHelpAfterError();

// `dev` is the local system; everybody else uses it where nothing else is said.
program.hook('preAction', (_program, command) => {
  if (command.name() !== 'dev') useLocalSystem();
});

program
  .command('dev')
  .description('run servers and all services on this machine')
  .option('--quickstart', 'run the quick-start job', false)
  .option('--once', 'end after the quick start', false)
  .option('--data <folder>', 'where servers keep their data and services their logs', DATA_FOLDER)
  .addOption(
    new Option('--durability <setting>', 'when a write is acknowledged')
      .choices(['durable', 'lazy'])
      .default('durable'),
  )
  .action(async (options: { quickstart: boolean; once: boolean; data: string; durability: 'durable' | 'lazy' }) => {
    const { quickstart, once, data, durability } = options;
    const { runDev } = await import('./dev/dev.ts');
    process.exit(await runDev({ quickstart, once, dataDir: resolve(data), durability }));
  });

registerWorkerCommand(program);

for (const name of ['supervisor', 'projector', 'gateway'] as const) {
  program
    .command(name)
    .description(`run a ${name}; settings come from the environment`)
    .addHelpText('after', `\nEnvironment:\n${settingsHelp(name)}`)
    .action(() => runNamedService(name));
}

registerOperatorCommands(program);

/** Commander ends the process itself for a wrong call; it is told with which code. */
const withParts = (command: Command): readonly Command[] => [command, ...command.commands.flatMap(withParts)];
for (const command of withParts(program)) {
  command.exitOverride((error) => process.exit(error.exitCode === 0 ? exitCodes.ok : exitCodes.usage));
}

// `| head` has read enough: nobody is left to be told, and that is no failure.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
  process.exit(exitCodes.ok);
});

try {
  await program.parseAsync();
} catch (error) {
  if (!(error instanceof Error)) throw error;
  const code = error instanceof BatonError || 'code' in error ? String((error as { code?: unknown }).code) : 'FAILED';
  const advice = unsetAdvice(code);
  const message = advice === undefined ? error.message : `${error.message}\n${advice}`;
  const asJson = process.argv.includes('--json');
  process.stderr.write(`${asJson ? JSON.stringify({ error: { code, message } }) : `${code}: ${message}`}\n`);
  process.exit(exitCodeOf(error));
}
