import type { CatchUp, Overlap, ScheduleEntry } from '@baton/core';
import { InvalidArgumentError } from '@baton/runtime';
import type { ScheduleInfo, ScheduleOptions } from '@baton/sdk';
import { say } from '../../dev/terminal.ts';
import { durationOf } from '../duration-text.ts';
import { exitCodes } from '../exit-codes.ts';
import { sayFields, sayJson, sayTable, timeText } from '../output.ts';
import type { Session } from '../session.ts';
import { tagsOf } from '../tag-options.ts';
import { argumentsOf } from './submit.ts';

export type ScheduleSetOptions = {
  readonly args?: string;
  readonly cron?: readonly string[];
  readonly every?: string;
  readonly timezone?: string;
  readonly skipDate?: readonly string[];
  readonly overlap?: Overlap;
  readonly catchUp?: CatchUp;
  readonly catchUpWindow?: string;
  readonly jitter?: string;
  readonly queue?: string;
  readonly tag?: readonly string[];
  readonly scope?: 'private' | 'shared' | 'system';
};

/** Makes a schedule, or changes it. */
export const setSchedule = async (
  session: Session,
  name: string,
  type: string,
  texts: readonly string[],
  options: ScheduleSetOptions,
): Promise<number> => {
  const { cron, every, timezone, skipDate, overlap, catchUp, catchUpWindow, jitter, queue, tag, scope } = options;
  const schedule: ScheduleOptions = {
    task: type,
    args: argumentsOf(texts, options.args),
    ...(cron === undefined ? {} : { cron }),
    ...(every === undefined ? {} : { every: durationOf(every) }),
    ...(timezone === undefined ? {} : { timezone }),
    ...(skipDate === undefined ? {} : { skipDates: skipDate }),
    ...(overlap === undefined ? {} : { overlap }),
    ...(catchUp === undefined ? {} : { catchUp }),
    ...(catchUpWindow === undefined ? {} : { catchUpWindow: durationOf(catchUpWindow) }),
    ...(jitter === undefined ? {} : { jitter: durationOf(jitter) }),
    ...(queue === undefined ? {} : { queue }),
    ...(tag === undefined ? {} : { tags: tagsOf(tag) }),
    ...(scope === undefined ? {} : { scope }),
  };
  const info = await (await session.baton()).schedules.set(name, schedule);
  if (session.json) sayJson(jsonOf(info));
  else say(`${name}  ${info.outcome ?? ''}, next ${nextText(info)}`);
  return exitCodes.ok;
};

export const listSchedules = async (session: Session): Promise<number> => {
  const all = await (await session.baton()).schedules.list();
  if (session.json) sayJson(all.map(jsonOf));
  else
    sayTable<ScheduleInfo>(
      [
        { title: 'NAME', text: ({ name }) => name, most: 40 },
        { title: 'WHEN', text: whenText, most: 40 },
        { title: 'TYPE', text: ({ record }) => record.spec.task.type, most: 30 },
        { title: 'NEXT', text: nextText },
        { title: 'STARTED', text: ({ started }) => String(started), align: 'right' },
        { title: 'SKIPPED', text: ({ skipped }) => String(skipped), align: 'right' },
      ],
      all,
      'no schedules',
    );
  return exitCodes.ok;
};

export const showSchedule = async (session: Session, name: string): Promise<number> => {
  const info = await (await session.baton()).schedules.get(name);
  if (session.json) {
    sayJson(jsonOf(info));
    return exitCodes.ok;
  }
  const { spec, owner } = info.record;
  const { paused } = info;
  sayFields({
    name,
    when: whenText(info),
    type: spec.task.type,
    owner: owner.user,
    overlap: spec.overlap,
    'catch up': spec.catchUp,
    paused:
      paused === undefined
        ? undefined
        : `by ${paused.by} at ${timeText(paused.at)}${paused.why ? `: ${paused.why}` : ''}`,
    next: info.next.map(timeText).join(', '),
    started: info.started,
    skipped: info.skipped,
    waiting: info.waiting,
  });
  sayTable<ScheduleEntry>(
    [
      { title: 'AT', text: ({ at }) => timeText(new Date(at)) },
      { title: 'WHAT', text: (entry) => (entry.kind === 'skipped' ? `skipped ${entry.count}` : entry.kind) },
      { title: 'FOR', text: (entry) => ('due' in entry ? timeText(new Date(entry.due)) : '') },
      { title: 'BY', text: ({ by }) => by, most: 40 },
      { title: 'WHY, OR TASK', text: (entry) => ('task' in entry ? entry.task : (entry.why ?? '')) },
    ],
    info.history,
    'nothing has happened yet',
  );
  return exitCodes.ok;
};

type Action = 'pause' | 'resume' | 'trigger' | 'remove';

export const actOnSchedule = async (
  session: Session,
  action: Action,
  name: string,
  options: { readonly why?: string; readonly id?: string } = {},
): Promise<number> => {
  const { schedules } = await session.baton();
  const act = {
    pause: () => schedules.pause(name, options.why),
    resume: () => schedules.resume(name),
    trigger: () => schedules.trigger(name, options.id === undefined ? {} : { id: options.id }),
    remove: async () => {
      await schedules.remove(name);
      return undefined;
    },
  };
  const info = await act[action]();
  if (session.json) sayJson(info === undefined ? { name, removed: true } : jsonOf(info));
  else say(`${name}  ${SAID[action]}${info === undefined ? '' : `, next ${nextText(info)}`}`);
  return exitCodes.ok;
};

const SAID: Readonly<Record<Action, string>> = {
  pause: 'paused',
  resume: 'resumed',
  trigger: 'triggered',
  remove: 'removed',
};

export const backfillSchedule = async (
  session: Session,
  name: string,
  {
    from,
    to,
    overlap,
    id,
  }: { readonly from: string; readonly to: string; readonly overlap?: Overlap; readonly id?: string },
): Promise<number> => {
  const range = { from: dateOf('--from', from), to: dateOf('--to', to) };
  const more = { ...(overlap === undefined ? {} : { overlap }), ...(id === undefined ? {} : { id }) };
  const info = await (await session.baton()).schedules.backfill(name, { ...range, ...more });
  if (session.json) sayJson(jsonOf(info));
  else say(`${name}  fires for its times between ${from} and ${to}: ${info.waiting} wait now`);
  return exitCodes.ok;
};

const dateOf = (option: string, text: string): Date => {
  const at = new Date(text);
  if (Number.isNaN(at.getTime()))
    throw new InvalidArgumentError(`${option} is a time such as 2030-01-31T18:00:00Z; got ${text}`);
  return at;
};

const whenText = ({ record: { spec } }: ScheduleInfo): string => {
  const crons = spec.crons.length === 0 ? [] : [`${spec.crons.join(', ')} (${spec.timezone})`];
  return [...crons, ...(spec.everyMs === undefined ? [] : [`every ${spec.everyMs / 1_000} s`])].join(', ');
};

const nextText = ({ paused, next: [first] }: ScheduleInfo): string =>
  paused === undefined ? (first === undefined ? 'never' : timeText(first)) : 'paused';

const jsonOf = ({ record, ...info }: ScheduleInfo): object => {
  const { task, ...spec } = record.spec;
  const { args: _, ...rest } = task;
  return { ...info, ...spec, task: rest, owner: record.owner };
};
