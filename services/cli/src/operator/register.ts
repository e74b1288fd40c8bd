import {
  TERMINAL_STATUSES,
  type Priority,
  type Scope,
  type Status,
  type SubmitMode,
  type WhenAborting,
} from '@baton/core';
import { InvalidArgumentError as WrongOption, Option, type Command } from 'commander';
import { BULK_OPERATIONS, InvalidArgumentError, parseDuration, type BulkOperation } from '@baton/runtime';
import { bulk, changePriority, type BulkOptions } from './commands/bulk.ts';
import { cancel } from './commands/cancel.ts';
import { deadLetters, type DeadLettersOptions } from './commands/dead-letters.ts';
import { doctor } from './commands/doctor.ts';
import { get, type GetOptions } from './commands/get.ts';
import { history } from './commands/history.ts';
import { list, type ListOptions } from './commands/list.ts';
import { prune, type PruneOptions } from './commands/prune.ts';
import { limit, pauseOrResume, queue, weigh, type LimitCommandOptions, type PartOptions } from './commands/queues.ts';
import { rebuild } from './commands/rebuild.ts';
import { retry } from './commands/retry.ts';
import { signal, type SignalCommandOptions } from './commands/signal.ts';
import { stats } from './commands/stats.ts';
import { submit, type SubmitOptions } from './commands/submit.ts';
import { token, type TokenOptions } from './commands/token.ts';
import { watch } from './commands/watch.ts';
import { why } from './commands/why.ts';
import { workers } from './commands/workers.ts';
import { registerScheduleCommands } from './register-schedules.ts';
import { durationOf } from './duration-text.ts';
import { EXIT_CODE_HELP } from './exit-codes.ts';
import { leaveOnSignals } from './signals.ts';
import { withSession, type Session, type Who } from './session.ts';

const STATUSES: readonly Status[] = ['pending', 'in_progress', 'aborting', ...TERMINAL_STATUSES];
const SCOPES: readonly Scope[] = ['private', 'shared', 'system'];
const PRIORITIES: readonly Priority[] = ['high', 'normal', 'low'];
const WHEN_ABORTING: readonly WhenAborting[] = ['queue', 'join', 'reject'];

const MODES: readonly SubmitMode['kind'][] = ['join', 'reject', 'replace', 'coalesce', 'debounce', 'throttle'];

/** As options are written: with a hyphen. */
const hyphened = (operation: BulkOperation): string => operation.replace('_', '-');
const OPERATIONS = BULK_OPERATIONS.map(hyphened);

const MOST_LISTED = 1_000;

/** Read before anything is done: what is no time is to undo nothing. In seconds. */
const waitTime = (text: string): number => {
  const ms = parseDuration(durationOf(text));
  if (ms === undefined) throw new WrongOption('It is a time such as 90, 90s, 5m or 2h.');
  return ms / 1_000;
};

/** The commands of whoever operates or uses a system. They talk to NATS and MongoDB themselves, by the same settings. */
export const registerOperatorCommands = (program: Command): void => {
  const addTo = (parent: Command, usage: string, description: string): Command =>
    parent
      .command(usage)
      .description(description)
      .option('--user <id>', 'act for this user; without it you are the operator, who may all')
      .option('--admin', 'with --user: act as an admin')
      .option('--json', 'print JSON, for machines')
      .addHelpText('after', EXIT_CODE_HELP);
  const add = (usage: string, description: string): Command => addTo(program, usage, description);

  add('submit <type> [args...]', 'schedule a task; arguments are JSON, or text where they are no JSON')
    .option('--args <list>', 'all arguments as one JSON list')
    .option('--key <key>', 'deduplication key: an active task of this key is joined')
    .option('--name <name>', 'for people')
    .addOption(
      new Option('--scope <scope>', 'who sees it; another one than the type says takes an admin').choices(SCOPES),
    )
    .option('--queue <queue>', 'queue of the workers')
    .addOption(new Option('--priority <priority>', 'order inside the queue').choices(PRIORITIES))
    .option('--group <group>', 'whose task it is, of those that share the queue')
    .option('--limit-key <key>', 'what it shares with others that are limited together')
    .option('--units <number>', 'units of a rate it takes', Number)
    .option('--tag <name=value...>', 'what it is found by: tenant=acme order=17')
    .option('--timeout <time>', 'per attempt: seconds, or 90s, 5m, 2h')
    .option('--delay <time>', 'not before this long from now')
    .option('--run-at <time>', 'not before this moment, as 2030-01-31T18:00:00Z')
    .option('--max-attempts <number>', 'failures until it fails for good', Number)
    .option('--operation-id <id>', 'the same id again within a day never makes a second task')
    .addOption(new Option('--when-aborting <way>', 'when the last one of the key is aborting').choices(WHEN_ABORTING))
    .addOption(new Option('--mode <mode>', 'when a task of the key is there: join it, or ...').choices(MODES))
    .option('--window <time>', 'of debounce and throttle: 5s, 1m')
    .option('--max-wait <time>', 'of debounce: put off no longer than this; ten windows when not given')
    .option('--expires <time>', 'not started this long after it could be, it is aborted; 0: never')
    .option('--strict', 'refuse a type no worker has ever served')
    .option('--depends-on <id...>', 'not before these tasks have ended')
    .addOption(
      new Option('--on-failure <what>', 'what becomes of it where one of them fails; fail when not given').choices([
        ...['fail', 'continue', 'ignore'],
      ]),
    )
    .option('--wait', 'follow it to its end')
    .option('--wait-timeout <time>', 'wait no longer than this', waitTime)
    .action((type: string, args: readonly string[], options: SubmitOptions & Who) =>
      end(options, (session) => submit(session, type, args, options)),
    );

  add('list', 'tasks, newest first')
    .addOption(new Option('--status <status...>', 'only these').choices(STATUSES))
    .option('--type <type...>', 'only these types')
    .addOption(new Option('--scope <scope...>', 'only these').choices(SCOPES))
    .option('--created-by <user...>', 'only of these users')
    .option('--tag <name=value...>', 'only with these tags; of one name, one of them')
    .option('--text <text>', 'part of the name, the type or the key, or the id')
    .option('--limit <number>', 'most rows', wholeFrom(1, MOST_LISTED), 25)
    .option('--after <cursor>', 'the page after the one that ended with this')
    .action((options: ListOptions & Who) => end(options, (session) => list(session, options)));

  add('get <id>', 'all that is known of a task')
    .option('--result', 'only what it returned, as JSON')
    .option('--args', 'only its arguments, as JSON')
    .option('--output <file>', 'with one of these: write it into this file, whole')
    .action((id: string, options: Who & GetOptions) => end(options, (session) => get(session, id, options)));

  add('watch <id>', 'follow a task to its end, with a live bar')
    .option('--wait-timeout <time>', 'wait no longer than this', waitTime)
    .action((id: string, options: Who & { readonly waitTimeout?: number }) =>
      end(options, (session) => watch(session, id, options)),
    );

  add('cancel <id>', 'stop a task, or leave a shared one')
    .option('--force', 'for everyone, also what has not stopped when it was told (admins)')
    .action((id: string, options: Who & { readonly force?: boolean }) =>
      end(options, (session) => cancel(session, id, options)),
    );

  add(
    'signal <id> <name> [data]',
    'send a task a signal it waits for, or will; data is JSON, or text where it is no JSON',
  )
    .option('--operation-id <id>', 'sent again with the same id it is the same signal')
    .action((id: string, name: string, data: string | undefined, options: Who & SignalCommandOptions) =>
      end(options, (session) => signal(session, id, name, data, options)),
    );

  add('retry <id>', 'run an ended task again')
    .option('--wait', 'follow it to its end')
    .option('--wait-timeout <time>', 'wait no longer than this', waitTime)
    .action((id: string, options: Who & { readonly wait?: boolean; readonly waitTimeout?: number }) =>
      end(options, (session) => retry(session, id, options)),
    );

  add('priority <id> <priority>', 'give a task that waits another place in line: high, normal, low').action(
    (id: string, priority: string, options: Who) =>
      end(options, (session) => changePriority(session, id, oneOf('priority', PRIORITIES, priority))),
  );

  add('bulk <operation>', `one operation on all tasks that match, as a task of its own: ${OPERATIONS.join(', ')}`)
    .addOption(
      new Option('--status <status...>', 'only these; without it those the operation is for').choices(STATUSES),
    )
    .option('--type <type...>', 'only these types')
    .addOption(new Option('--scope <scope...>', 'only these').choices(SCOPES))
    .option('--created-by <user...>', 'only of these users')
    .option('--subscriber <user...>', 'only those these users wait for')
    .option('--tag <name=value...>', 'only with these tags; of one name, one of them')
    .option('--name <text>', 'part of the name')
    .option('--text <text>', 'part of the name, the type or the key, or the id')
    .addOption(new Option('--priority <priority>', 'of change-priority: the new one').choices(PRIORITIES))
    .option('--force', 'of cancel: for everyone, also what has not stopped when it was told (admins)')
    .option('--dry-run', 'only count what would be done')
    .option('--operation-id <id>', 'asked for again with the same id it is the same operation')
    .option('--no-wait', 'do not follow it to its end')
    .option('--wait-timeout <time>', 'wait no longer than this', waitTime)
    .action((operation: string, options: BulkOptions & Who) =>
      end(options, (session) => bulk(session, operationOf(operation), options)),
    );

  add('history <id>', 'every transition of a task: when, who, why').action((id: string, options: Who) =>
    end(options, (session) => history(session, id)),
  );

  add('why <id>', 'why a task waits: its place, pauses, limits and who holds them, missing workers').action(
    (id: string, options: Who) => end(options, (session) => why(session, id)),
  );

  add('prune', 'delete ended tasks and what they returned')
    .requiredOption('--days <number>', 'those that ended longer ago; 0: all that ended', wholeFrom(0))
    .option('--max-rows <number>', 'most tasks of this run, the oldest; 0: no limit', wholeFrom(0), 0)
    .option('--dry-run', 'only say how many')
    .action((options: PruneOptions & Who) => end(options, (session) => prune(session, options)));

  registerScheduleCommands(program, { add: addTo, end });
  add('queue <queue>', 'what is set for a queue: pauses, limits, weights; by whom and why').action(
    (name: string, options: Who) => end(options, (session) => queue(session, name)),
  );
  for (const verb of ['pause', 'resume'] as const) {
    const what = verb === 'pause' ? 'start nothing more of a queue; what runs goes on' : 'end a pause';
    add(`${verb} <queue>`, what)
      .option('--type <type>', 'only of this type')
      .option('--group <group>', 'only of this group')
      .option('--why <text>', 'for whoever wonders later')
      .action((name: string, options: PartOptions & Who) =>
        end(options, (session) => pauseOrResume(session, verb, name, options)),
      );
  }
  add('limit <queue>', 'how many tasks of a queue run at once, or start in a time')
    .option('--type <type>', 'count the tasks of this type; beside a group or a key: only those of it')
    .option('--group <group>', 'count the tasks of this group')
    .option('--key <key>', 'count the tasks that name this limit key')
    .option('--each-type', 'count the tasks of each type that has no limit of its own')
    .option('--each-group', 'count the tasks of each group that has no limit of its own')
    .option('--each-key', 'the same of each limit key')
    .option('--concurrency <number>', 'tasks at once', wholeFrom(1))
    .option('--when-full <what>', 'of groups and keys: wait, cancel_newest, cancel_running')
    .option('--rate <units/time>', 'units that start in any time of this length, such as 10/1m')
    .option('--none', 'take the limit back')
    .option('--why <text>', 'for whoever wonders later')
    .action((name: string, options: LimitCommandOptions & Who) =>
      end(options, (session) => limit(session, name, options)),
    );
  add('weight <queue> <group> <number>', 'turns of a group for each turn of another').action(
    (name: string, group: string, weight: string, options: Who) =>
      end(options, (session) => weigh(session, name, group, Number(weight))),
  );

  program
    .command('token <user>')
    .description('a token for the gateway, signed with BATON_JWT_SECRET')
    .option('--admin', 'of an admin, who may all')
    .option('--valid <time>', 'until it is over: 5m, 8h, up to 7d', '1h')
    .option('--json', 'print JSON, for machines')
    .addHelpText('after', EXIT_CODE_HELP)
    .action((user: string, options: TokenOptions) => token(user, options));

  add('stats', 'tasks by status, what waits, sizes, lag').action((options: Who) => end(options, stats));
  add('workers', 'who is there: workers, supervisors, projectors').action((options: Who) => end(options, workers));
  add('dead-letters', 'commands that were not carried out, the newest first; or all there is of one')
    .argument('[number]', 'of the one', wholeFrom(1))
    .option('--limit <number>', 'most rows', wholeFrom(1, MOST_LISTED), 25)
    .option('--before <number>', 'those before this one', wholeFrom(1))
    .action((number: number | undefined, options: DeadLettersOptions & Who) =>
      end(options, (session) => deadLetters(session, number, options)),
    );
  add('doctor', 'look at everything, change nothing, say what is wrong').action((options: Who) => end(options, doctor));
  add(
    'rebuild',
    'make the documents anew from the event log and the bucket, also of tasks that were pruned or deleted',
  ).action((options: Who) => end(options, rebuild));
};

const end = async (who: Who, run: (session: Session) => Promise<number>): Promise<void> => {
  leaveOnSignals();
  process.exitCode = await withSession(who, run);
};

const operationOf = (text: string): BulkOperation => {
  const name = oneOf('operation', OPERATIONS, text);
  return BULK_OPERATIONS.find((operation) => hyphened(operation) === name) ?? 'cancel';
};

const oneOf = <T extends string>(what: string, values: readonly T[], value: string): T => {
  const found = values.find((each) => each === value);
  if (found !== undefined) return found;
  throw new InvalidArgumentError(`${what}: is one of ${values.join(', ')}; got ${value}`);
};

const wholeFrom =
  (least: number, most: number = Number.MAX_SAFE_INTEGER) =>
  (value: string): number => {
    const number = Number(value);
    if (/^\d+$/.test(value) && number >= least && number <= most) return number;
    throw new WrongOption(`a whole number, ${least} ${most === Number.MAX_SAFE_INTEGER ? 'or more' : `to ${most}`}.`);
  };
