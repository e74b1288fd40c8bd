import { describeCounted, describeLimit, describePart } from '@baton/core';
import { InvalidArgumentError } from '@baton/runtime';
import type { QueueInfo, QueueLimitInfo, Queues } from '@baton/sdk';
import { say, styled } from '../../dev/terminal.ts';
import { durationOf } from '../duration-text.ts';
import { exitCodes } from '../exit-codes.ts';
import { sayJson, sayTable, timeText } from '../output.ts';
import type { Session } from '../session.ts';

export type PartOptions = { readonly type?: string; readonly group?: string; readonly why?: string };

export type LimitCommandOptions = PartOptions & {
  readonly key?: string;
  readonly eachType?: boolean;
  readonly eachGroup?: boolean;
  readonly eachKey?: boolean;
  readonly concurrency?: number;
  readonly whenFull?: 'wait' | 'cancel_newest' | 'cancel_running';
  readonly rate?: string;
  readonly none?: boolean;
};

/** What is set for a queue, and who set it. */
export const queue = async (session: Session, name: string): Promise<number> =>
  show(session, await (await queuesOf(session)).get(name));

export const pauseOrResume = async (
  session: Session,
  verb: 'pause' | 'resume',
  name: string,
  { type, group, why }: PartOptions,
): Promise<number> => {
  const part = {
    ...(type === undefined ? {} : { type }),
    ...(group === undefined ? {} : { group }),
    ...(why === undefined ? {} : { why }),
  };
  return show(session, await (await queuesOf(session))[verb](name, part));
};

export const limit = async (session: Session, name: string, options: LimitCommandOptions): Promise<number> => {
  const { concurrency, rate, why, whenFull, none = false } = options;
  const isNone = concurrency === undefined && rate === undefined;
  if (none !== isNone) throw new InvalidArgumentError('give --concurrency, --rate or both, or --none to take it back');
  const queues = await queuesOf(session);
  const made = await queues.limit(name, {
    ...countedBy(options),
    ...(concurrency === undefined ? {} : { concurrency }),
    ...(whenFull === undefined ? {} : { whenFull }),
    ...(rate === undefined ? {} : { rate: rateOf(rate) }),
    ...(why === undefined ? {} : { why }),
  });
  return show(session, made);
};

export const weigh = async (session: Session, name: string, group: string, weight: number): Promise<number> =>
  show(session, await (await queuesOf(session)).weigh(name, group, weight));

const queuesOf = async (session: Session): Promise<Queues> => (await session.baton()).queues;

/** A type beside groups or keys says of which tasks of theirs. */
const countedBy = ({ type, group, key, eachType, eachGroup, eachKey }: LimitCommandOptions) => {
  const within = type === undefined ? {} : { type };
  const chosen = [
    ...(group === undefined ? [] : [{ of: 'group', name: group, ...within } as const]),
    ...(key === undefined ? [] : [{ of: 'key', name: key, ...within } as const]),
    ...(eachGroup ? [{ of: 'group', ...within } as const] : []),
    ...(eachKey ? [{ of: 'key', ...within } as const] : []),
    ...(eachType ? [{ of: 'type', ...within } as const] : []),
  ];
  const [first] = chosen;
  if (chosen.length > 1 || (first?.of === 'type' && type !== undefined))
    throw new InvalidArgumentError(
      'choose one of --type, --group, --key, --each-type, --each-group and --each-key; --type goes with those of groups and keys',
    );
  if (first !== undefined) return first;
  return type === undefined ? ({ of: 'queue' } as const) : ({ of: 'type', name: type } as const);
};

/** `10/1m`: ten units in any minute. */
const rateOf = (text: string) => {
  const [units = '', window, more] = text.split('/');
  if (window === undefined || more !== undefined || !/^\d+$/.test(units))
    throw new InvalidArgumentError(`--rate is units and a window, such as 10/1m; got ${text}`);
  return { units: Number(units), window: durationOf(window) };
};

const show = (session: Session, settings: QueueInfo): number => {
  if (session.json) sayJson(settings);
  else {
    const { pauses, weights, changes } = settings;
    const rows = [
      ...pauses.map((pause) => ({ ...pause, what: `paused: ${describePart(pause)}` })),
      ...settings.limits.map((each) => ({ ...each, what: limitText(each) })),
      ...weights.map((each) => ({ ...each, why: undefined, what: `weight of group ${each.group}: ${each.weight}` })),
    ];
    sayTable(
      [
        { title: 'SET', text: ({ what }) => what, most: 120 },
        { title: 'BY', text: ({ by }) => by, most: 40 },
        { title: 'SINCE (UTC)', text: ({ at }) => timeText(new Date(at)) },
        { title: 'WHY', text: ({ why = '' }) => why, most: 80 },
      ],
      rows,
      `nothing is set for the queue ${settings.queue}`,
    );
    const last = changes.at(-1);
    if (last !== undefined) {
      const { what, by, at, why } = last;
      const reason = why === undefined ? '' : ` (${why})`;
      say(styled('dim', `last change: ${what}, by ${by}, ${timeText(new Date(at))} UTC${reason}`));
    }
  }
  return exitCodes.ok;
};

/** And where it comes from: what is set at run time stands in the place of what a definition says. */
const limitText = (limit: QueueLimitInfo): string => {
  const text = `limit of ${describeCounted(limit)}: ${describeLimit(limit)}`;
  if (limit.from === 'definition') return `${text} (its definition)`;
  const { insteadOf } = limit;
  return insteadOf === undefined ? text : `${text} (instead of ${describeLimit(insteadOf)} of its definition)`;
};
