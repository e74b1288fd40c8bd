import { describeDuration } from '../progress.ts';
import { describeLimit } from '../queue/limit.ts';
import type { Millis } from '../task.ts';
import type { WaitReason, Why } from './reason.ts';

/** Every door says it in these words. */
export const wordsOf = (why: Omit<Why, 'text'>): readonly string[] => {
  const { status, waits, reasons, expectedStart, measured, asOf } = why;
  const sentences = reasons.map((reason) => sentenceOf(reason, why));
  if (!waits) return sentences.length > 0 ? sentences : [NOT_WAITING[status] ?? 'It has ended.'];
  const line = placeOf(why);
  if (line !== undefined) sentences.push(line);
  if (expectedStart !== undefined && measured !== undefined) {
    const { starts, ms } = measured;
    sentences.push(
      `Expected to start in about ${describeDuration(expectedStart - asOf)}: ${starts} tasks of the queue started in the last ${describeDuration(ms)}.`,
    );
  }
  return sentences;
};

/** Of one that was stopped by a limit of which nobody waits. */
export const DISPLACED = 'It made room for another task: its group or key had all that may run at once.';

const NOT_WAITING: Readonly<Partial<Record<Why['status'], string>>> = {
  in_progress: 'It runs.',
  aborting: 'It runs, and was told to stop.',
};

const placeOf = ({ ahead, queueWaits, queue, priority }: Omit<Why, 'text'>): string | undefined => {
  if (ahead === undefined || queueWaits === undefined) return undefined;
  const others = Math.max(0, queueWaits - 1);
  const waiting = others === 0 ? 'nothing else waits' : `${tasks(others)} ${others === 1 ? 'waits' : 'wait'} beside it`;
  const place = ahead === 0 ? 'It is next' : `${tasks(ahead)} ${ahead === 1 ? 'starts' : 'start'} before it`;
  return `${place} in queue ${queue}, priority ${priority}; ${waiting}.`;
};

const sentenceOf = (reason: WaitReason, { queue, type }: Pick<Why, 'queue' | 'type'>): string => {
  switch (reason.kind) {
    case 'starts_at':
      return `It starts at ${timeText(reason.at)}: ${BECAUSE[reason.because]}.`;
    case 'signal':
      return `It waits for signal ${reason.signal}, until ${timeText(reason.until)}.`;
    case 'children': {
      const { tasks: open, of } = reason;
      const which = of === 1 ? 'a child' : open.length === of ? `${of} children` : `${open.length} of ${of} children`;
      return `It waits for ${which} to end, until ${timeText(reason.until)}: ${named(open)}.`;
    }
    case 'behind':
      return `It waits for the task before it of the same key, ${reason.task}, which has not ended.`;
    case 'depends_on': {
      const { tasks: open } = reason;
      if (open.length === 1) return `It waits for the task ${open[0]} to end.`;
      return `It waits for ${open.length} tasks to end: ${named(open)}.`;
    }
    case 'inline':
      return 'The process that called it is about to run it.';
    case 'paused': {
      const { of, name, by, at, why } = reason;
      const what =
        of === 'queue' ? `Queue ${queue} is` : `${of === 'type' ? 'Type' : 'Group'} ${name} of queue ${queue} is`;
      return `${what} paused by ${nameOf(by)} since ${timeText(at)}${why === undefined ? '' : `: ${why}`}.`;
    }
    case 'limit':
      return limitText(reason, queue);
    case 'no_worker': {
      const { queueWorkers, servedIn } = reason;
      const elsewhere = servedIn.length === 0 ? '' : ` Workers take that type from queue ${servedIn.join(', ')}.`;
      const here =
        queueWorkers === 0
          ? `No worker serves queue ${queue}.`
          : `${workers(queueWorkers)} queue ${queue}, and none of them takes type ${type}.`;
      return here + elsewhere;
    }
    case 'refused':
      return `Every worker that takes type ${type} (${reason.workers}) said it cannot run this task: it may need a newer version of Baton, or its arguments are more than a worker of the worker protocol is sent (700 KiB).`;
    case 'workers_busy':
      return reason.workers === 1
        ? `The only worker that takes type ${type} from queue ${queue} is busy.`
        : `All ${reason.workers} workers that take type ${type} from queue ${queue} are busy.`;
    case 'starting':
      return 'It is about to start.';
    case 'unsettled':
      return 'It was offered to a worker that is not heard of; it goes to another one once it is known that nobody has it.';
    case 'taken_over':
      return `Queue ${queue} has limits and another supervisor now, which counts what runs before it starts anything; that takes seconds.`;
    case 'settings_unknown':
      return `What is set for queue ${queue} is not known at the moment, so nothing starts in it.`;
    case 'settings_unreadable':
      return `What is set for queue ${queue} cannot be read by its supervisor, so nothing starts in it: it needs a newer version of Baton.`;
    case 'uncancelled':
      return `Its worker is gone. Before it goes on, what it had begun elsewhere is cancelled, by a worker that takes type ${type}.`;
    case 'cancelling':
      return 'Its worker is gone; another one cancels what it had begun elsewhere.';
    case 'unheard':
      return `Queue ${queue} has not heard of it yet; whoever watches its record tells it.`;
    case 'unknown':
      return reason.because === 'nobody'
        ? `Unknown: nobody answers for queue ${queue}; no supervisor is there.`
        : `Unknown: nobody answers for queue ${queue} just now.`;
  }
};

/** The first of them, and that there are others. */
const named = ([first, ...others]: readonly string[]): string =>
  others.length === 0 ? `${first}` : `${first}${others.length === 1 ? ` and ${others[0]}` : ' and others'}`;

const BECAUSE: Readonly<Record<Extract<WaitReason, { kind: 'starts_at' }>['because'], string>> = {
  delay: 'not before that time was asked for',
  retry: 'an attempt ended, and the next one waits that long',
  debounce: 'further submits put it off',
};

const NAMES = { type: 'Type', group: 'Group', key: 'Key' } as const;

const limitText = (limit: Extract<WaitReason, { kind: 'limit' }>, queue: string): string => {
  const { of, name, type, concurrency, whenFull, rate, holders, hidden, why, by, from } = limit;
  const within = type === undefined ? '' : ` of type ${type}`;
  const what = of === 'queue' ? `Queue ${queue}` : `${NAMES[of]} ${name}${within} of queue ${queue}`;
  const most = describeLimit({
    ...(concurrency === undefined ? {} : { concurrency: concurrency.most }),
    ...(whenFull === undefined ? {} : { whenFull }),
    ...(rate === undefined ? {} : { rate }),
  });
  const origin =
    from === 'definition' ? 'as its type is defined' : `set by ${nameOf(by)}${why === undefined ? '' : `: ${why}`}`;
  const set = `${what} is at its limit of ${most} (${origin})`;
  const named = holders.map(({ id, name: shown, type }) => `${shown === type ? type : `${shown} (${type})`} ${id}`);
  if (hidden > 0) named.push(holders.length === 0 ? tasks(hidden) : `${hidden} more`);
  const held =
    concurrency === undefined ? '' : `; held by ${named.length === 0 ? 'tasks that just started' : named.join(', ')}`;
  const opens =
    rate === undefined
      ? ''
      : rate.opensInMs === undefined
        ? '; it opens as those on their way have started and their time is over'
        : `; it opens in ${describeDuration(Math.max(1_000, rate.opensInMs))}`;
  return `${set}${held}${opens}.`;
};

const tasks = (count: number): string => `${count} ${count === 1 ? 'task' : 'tasks'}`;

const workers = (count: number): string => (count === 1 ? '1 worker serves' : `${count} workers serve`);

/** `user:alice` is alice. */
const nameOf = (cause: string): string => (cause.startsWith('user:') ? cause.slice('user:'.length) : cause);

const DAY_MS = 86_400_000;

/** `2030-01-31 12:00:00 UTC`. By the calendar's own sums: the core has no clock, and no `Date`. */
export const timeText = (at: Millis): string => {
  const days = Math.floor(at / DAY_MS);
  const seconds = Math.floor((at - days * DAY_MS) / 1_000);
  const clock = [Math.floor(seconds / 3_600), Math.floor(seconds / 60) % 60, seconds % 60].map(two).join(':');
  return `${dateText(days)} ${clock} UTC`;
};

/** Years are taken from March on, so that the day of a leap year is the last one; 400 of them have 146,097 days. */
const dateText = (sinceEpoch: number): string => {
  const days = sinceEpoch + 719_468;
  const era = Math.floor(days / 146_097);
  const day = days - era * 146_097;
  const year = Math.floor((day - Math.floor(day / 1_460) + Math.floor(day / 36_524) - Math.floor(day / 146_096)) / 365);
  const ofYear = day - (365 * year + Math.floor(year / 4) - Math.floor(year / 100));
  const month = Math.floor((5 * ofYear + 2) / 153);
  const date = ofYear - Math.floor((153 * month + 2) / 5) + 1;
  const isNext = month >= 10;
  return `${year + era * 400 + (isNext ? 1 : 0)}-${two(isNext ? month - 9 : month + 3)}-${two(date)}`;
};

const two = (value: number): string => String(value).padStart(2, '0');
