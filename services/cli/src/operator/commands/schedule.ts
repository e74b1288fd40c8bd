import { randomUUID } from 'node:crypto';
import type { CatchUp, Overlap, ScheduleEntry } from '@baton/core';
import type { ScheduleInfo, ScheduleOptions } from '@baton/sdk';
import { say } from '../../dev/terminal.ts';
import { durationOf } from '../duration-text.ts';
import { exitCodes } from '../exit-codes.ts';
import { instantOf } from '../instant.ts';
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

type Action = 'pause' | 'resume' | 'remove';

export const actOnSchedule = async (
  session: Session,
  action: Action,
  name: string,
  options: { readonly why?: string } = {},
): Promise<number> => {
  const { schedules } = await session.baton();
  const act = {
    pause: () => schedules.pause(name, options.why),
    resume: () => schedules.resume(name),
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
  remove: 'removed',
};

/** Whether it starts is decided a moment later, by whoever owns the schedule. */
const TRIGGER_LOOKS = 25;
const TRIGGER_LOOK_MS = 200;

/** Fires, and says what came of it: a task, or that the overlap policy let it pass. */
export const triggerSchedule = async (
  session: Session,
  name: string,
  { id = randomUUID() }: { readonly id?: string },
): Promise<number> => {
  const { schedules } = await session.baton();
  const fire = `trigger:${id}`;
  let info = await schedules.trigger(name, { id });
  const ours = () => info.record.waiting.find((one) => one.id === fire);
  const decidedAt = ours()?.decidedAt ?? 0;
  for (let looks = 0; ours() !== undefined && looks < TRIGGER_LOOKS; looks++) {
    await new Promise((resolve) => setTimeout(resolve, TRIGGER_LOOK_MS));
    info = await schedules.get(name);
  }
  const outcome = ours() === undefined ? outcomeOf(info.history, fire, decidedAt) : ({ kind: 'waits' } as const);
  if (session.json) sayJson({ ...jsonOf(info), fire: outcome });
  else say(`${name}  ${outcomeText(outcome)}, next ${nextText(info)}`);
  return exitCodes.ok;
};

type Outcome =
  | { readonly kind: 'started'; readonly task: string }
  | { readonly kind: 'skipped'; readonly why: string }
  | { readonly kind: 'waits' };

/** What was skipped stands there without the name of its fire: the first since it was decided is meant. */
const outcomeOf = (history: readonly ScheduleEntry[], fire: string, decidedAt: number): Outcome => {
  const own = history.find((entry) => entry.kind === 'started' && entry.fire === fire);
  if (own?.kind === 'started') return { kind: 'started', task: own.task };
  const [why] = history.flatMap((entry) => (entry.kind === 'skipped' && entry.at >= decidedAt ? [entry.why] : []));
  return { kind: 'skipped', why: why ?? 'what came of it is not in the history any more' };
};

const outcomeText = (outcome: Outcome): string => {
  switch (outcome.kind) {
    case 'started':
      return `started ${outcome.task}`;
    case 'skipped':
      return `not started: ${outcome.why}`;
    case 'waits':
      return 'triggered, and waits for the task of an earlier fire, or for a supervisor';
  }
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
  const range = { from: instantOf('--from', from), to: instantOf('--to', to) };
  const more = { ...(overlap === undefined ? {} : { overlap }), ...(id === undefined ? {} : { id }) };
  const info = await (await session.baton()).schedules.backfill(name, { ...range, ...more });
  if (session.json) sayJson(jsonOf(info));
  else say(`${name}  fires for its times between ${from} and ${to}: ${info.waiting} wait now`);
  return exitCodes.ok;
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
