import { rules } from '@baton/runtime';
import { Option, type Command } from 'commander';
import {
  actOnSchedule,
  backfillSchedule,
  listSchedules,
  setSchedule,
  showSchedule,
  triggerSchedule,
  type ScheduleSetOptions,
} from './commands/schedule.ts';
import type { Session, Who } from './session.ts';

export type Adding = {
  /** A command with the options every command has. */
  readonly add: (parent: Command, usage: string, description: string) => Command;
  readonly end: (who: Who, run: (session: Session) => Promise<number>) => Promise<void>;
};

/** `baton schedule ...`: tasks at times of their own (behaviour H). */
export const registerScheduleCommands = (program: Command, { add, end }: Adding): void => {
  const group = program.command('schedule').description('tasks at times of their own: by cron, or every so long');
  const overlap = (otherwise: string): Option =>
    new Option(
      '--overlap <policy>',
      `while the task of an earlier fire is active; ${otherwise} when not given`,
    ).choices(rules.overlap.shape.options);

  add(group, 'set <name> <type> [args...]', 'make a schedule, or change it; the same again keeps its cadence')
    .option('--args <list>', 'all arguments as one JSON list')
    .option(
      '--cron <expression...>',
      '5 fields, or 6 with seconds first; several, and --every beside them: at the times of all',
    )
    .option('--every <time>', 'every so long: 90s, 5m, 2h')
    .option('--timezone <zone>', 'IANA name; UTC when not given')
    .option('--skip-date <date...>', 'days at which nothing fires: 2030-12-24')
    .addOption(overlap('skip'))
    .addOption(new Option('--catch-up <which>', 'of times that were missed').choices(rules.catchUp.shape.options))
    .option('--catch-up-window <time>', 'no further back than this; a day when not given')
    .option('--jitter <time>', 'each fire comes up to this much later')
    .option('--queue <queue>', 'queue of the workers')
    .option('--tag <name=value...>', 'what its tasks are found by: tenant=acme')
    .addOption(new Option('--scope <scope>', 'who sees its tasks').choices(rules.scope.shape.options))
    .action((name: string, type: string, args: readonly string[], options: ScheduleSetOptions & Who) =>
      end(options, (session) => setSchedule(session, name, type, args, options)),
    );
  add(group, 'list', 'all you may see').action((options: Who) => end(options, listSchedules));
  add(group, 'get <name>', 'its next ten times, and what happened last').action((name: string, options: Who) =>
    end(options, (session) => showSchedule(session, name)),
  );
  add(group, 'pause <name>', 'fire no more until it is resumed')
    .option('--why <text>', 'for people')
    .action((name: string, options: Who & { readonly why?: string }) =>
      end(options, (session) => actOnSchedule(session, 'pause', name, options)),
    );
  add(group, 'resume <name>', 'fire again from now on').action((name: string, options: Who) =>
    end(options, (session) => actOnSchedule(session, 'resume', name)),
  );
  add(group, 'trigger <name>', 'fire now, and say what came of it')
    .option('--id <id>', 'the same id again fires once')
    .action((name: string, options: Who & { readonly id?: string }) =>
      end(options, (session) => triggerSchedule(session, name, options)),
    );
  add(group, 'backfill <name>', 'fire for every time of a range')
    .requiredOption('--from <time>', 'as 2030-01-31T18:00:00Z')
    .requiredOption('--to <time>', 'not included')
    .addOption(overlap('buffer_all'))
    .option('--id <id>', 'the same id again fires once')
    .action((name: string, options: Who & Parameters<typeof backfillSchedule>[2]) =>
      end(options, (session) => backfillSchedule(session, name, options)),
    );
  add(group, 'remove <name>', 'what it has started goes on').action((name: string, options: Who) =>
    end(options, (session) => actOnSchedule(session, 'remove', name)),
  );
};
