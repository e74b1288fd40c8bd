import { describeCounted, describeLimit, describePart, type QueueSettings } from '@baton/core';
import { InvalidArgumentError } from '@baton/runtime';
import type { Queues } from '@baton/sdk';
import { say, styled } from '../../dev/terminal.ts';
import { durationOf } from '../duration-text.ts';
import { exitCodes } from '../exit-codes.ts';
import { sayJson, sayTable, timeText } from '../output.ts';
import type { Session } from '../session.ts';

export type PartOptions = { readonly type?: string; readonly group?: string; readonly why?: string };

export type LimitCommandOptions = PartOptions & {
  readonly eachType?: boolean;
  readonly eachGroup?: boolean;
  readonly concurrency?: number;
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
  const { concurrency, rate, why, none = false } = options;
  const isNone = concurrency === undefined && rate === undefined;
  if (none !== isNone) throw new InvalidArgumentError('give --concurrency, --rate or both, or --none to take it back');
  const queues = await queuesOf(session);
  const made = await queues.limit(name, {
    ...countedBy(options),
    ...(concurrency === undefined ? {} : { concurrency }),
    ...(rate === undefined ? {} : { rate: rateOf(rate) }),
    ...(why === undefined ? {} : { why }),
  });
  return show(session, made);
};

export const weigh = async (session: Session, name: string, group: string, weight: number): Promise<number> =>
  show(session, await (await queuesOf(session)).weigh(name, group, weight));

const queuesOf = async (session: Session): Promise<Queues> => (await session.baton()).queues;

const countedBy = ({ type, group, eachType, eachGroup }: LimitCommandOptions) => {
  const chosen = [
    ...(type === undefined ? [] : [{ of: 'type', name: type } as const]),
    ...(group === undefined ? [] : [{ of: 'group', name: group } as const]),
    ...(eachType ? [{ of: 'type' } as const] : []),
    ...(eachGroup ? [{ of: 'group' } as const] : []),
  ];
  if (chosen.length > 1) throw new InvalidArgumentError('choose one of --type, --group, --each-type and --each-group');
  return chosen[0] ?? ({ of: 'queue' } as const);
};

/** `10/1m`: ten units in any minute. */
const rateOf = (text: string) => {
  const [units = '', window, more] = text.split('/');
  if (window === undefined || more !== undefined || !/^\d+$/.test(units))
    throw new InvalidArgumentError(`--rate is units and a window, such as 10/1m; got ${text}`);
  return { units: Number(units), window: durationOf(window) };
};

const show = (session: Session, settings: QueueSettings): number => {
  if (session.json) sayJson(settings);
  else {
    const { pauses, limits, weights, changes } = settings;
    const rows = [
      ...pauses.map((pause) => ({ what: `paused: ${describePart(pause)}`, why: pause.why, ...whoOf(pause) })),
      ...limits.map((each) => ({
        what: `limit of ${describeCounted(each)}: ${describeLimit(each)}`,
        why: undefined,
        ...whoOf(each),
      })),
      ...weights.map((each) => ({
        what: `weight of group ${each.group}: ${each.weight}`,
        why: undefined,
        ...whoOf(each),
      })),
    ];
    sayTable(
      [
        { title: 'SET', text: ({ what }) => what, most: 80 },
        { title: 'BY', text: ({ by }) => by, most: 40 },
        { title: 'SINCE (UTC)', text: ({ at }) => timeText(new Date(at)) },
        { title: 'WHY', text: ({ why = '' }) => why, most: 80 },
      ],
      rows,
      `nothing is set for the queue ${settings.queue}`,
    );
    const last = changes.at(-1);
    if (last !== undefined)
      say(styled('dim', `last change: ${last.what}, by ${last.by}, ${timeText(new Date(last.at))} UTC`));
  }
  return exitCodes.ok;
};

const whoOf = ({ by, at }: { readonly by: string; readonly at: number }) => ({ by, at });
