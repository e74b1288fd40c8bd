import type { Actor } from '../actor.ts';
import { byUser } from '../decision.ts';
import { samePlain } from '../submit.ts';
import type { Cause, Millis, TaskId } from '../task.ts';
import {
  MISSED_AFTER_MS,
  SKIP_WHY,
  WAITING_FIRES,
  type Fire,
  type Overlap,
  type ScheduleEntry,
  type ScheduleRecord,
  type ScheduleSpec,
} from './schedule.ts';

export type ScheduleCommand =
  | {
      readonly kind: 'set';
      readonly at: Millis;
      readonly actor: Actor;
      readonly name: string;
      readonly spec: ScheduleSpec;
      /** Of the schedule, where none of the name is there. */
      readonly id: string;
    }
  | { readonly kind: 'pause'; readonly at: Millis; readonly actor: Actor; readonly why?: string }
  /** `missed`: times that passed while it was paused. */
  | { readonly kind: 'resume'; readonly at: Millis; readonly actor: Actor; readonly missed: number }
  | { readonly kind: 'remove'; readonly at: Millis; readonly actor: Actor }
  /** Fires now, paused or not. `fire` names it: the same one again does nothing. */
  | { readonly kind: 'trigger'; readonly at: Millis; readonly actor: Actor; readonly fire: string }
  | {
      readonly kind: 'backfill';
      readonly at: Millis;
      readonly actor: Actor;
      readonly id: string;
      readonly times: readonly Millis[];
      readonly overlap: Overlap;
    }
  | {
      readonly kind: 'tick';
      readonly at: Millis;
      readonly by: Cause;
      readonly id: string;
      /** Times behind the cursor that have come, in order. */
      readonly due: readonly Millis[];
      /** Among them were so many of days that are left out, the last at this time. */
      readonly left: { readonly count: number; readonly last: Millis };
      /** The first that has come behind these, where there are too many for one tick. */
      readonly next?: Millis;
    }
  | {
      readonly kind: 'settle';
      readonly at: Millis;
      readonly by: Cause;
      readonly id: string;
      readonly fire: string;
      readonly how: { readonly task: TaskId; readonly address: string } | { readonly skipped: string };
    };

export type ScheduleEvent =
  | {
      readonly kind: 'made';
      readonly at: Millis;
      readonly actor: Actor;
      readonly name: string;
      readonly id: string;
      readonly spec: ScheduleSpec;
    }
  | { readonly kind: 'changed'; readonly at: Millis; readonly by: Cause; readonly spec: ScheduleSpec }
  | { readonly kind: 'paused'; readonly at: Millis; readonly by: Cause; readonly why?: string }
  | { readonly kind: 'resumed'; readonly at: Millis; readonly by: Cause }
  | { readonly kind: 'removed'; readonly at: Millis }
  | { readonly kind: 'advanced'; readonly at: Millis; readonly cursor: Millis }
  | { readonly kind: 'decided'; readonly at: Millis; readonly fires: readonly Fire[] }
  | { readonly kind: 'noted'; readonly at: Millis; readonly entry: ScheduleEntry }
  | { readonly kind: 'settled'; readonly at: Millis; readonly fire: string; readonly entry: ScheduleEntry };

export type ScheduleAnswer = { readonly kind: 'created' | 'changed' | 'unchanged' | 'done' };

export type ScheduleRefusal =
  /** No such schedule, or none this actor may see. */
  | 'not_found'
  /** Only an admin changes what an admin may submit. */
  | 'admin_required'
  /** So many fires wait that no more are taken. */
  | 'too_many'
  | 'record_full';

export type ScheduleDecision =
  | { readonly ok: true; readonly events: readonly ScheduleEvent[]; readonly answer: ScheduleAnswer }
  | { readonly ok: false; readonly refusal: { readonly reason: ScheduleRefusal } };

const accept = (kind: ScheduleAnswer['kind'], ...events: readonly ScheduleEvent[]): ScheduleDecision => ({
  ok: true,
  events,
  answer: { kind },
});
const refuse = (reason: ScheduleRefusal): ScheduleDecision => ({ ok: false, refusal: { reason } });

/** Who made it, and admins. One without a user is a service, and what services have made is of all of them. */
export const maySeeSchedule = ({ owner }: Pick<ScheduleRecord, 'owner'>, { user, admin }: Actor): boolean =>
  admin || user === owner.user;

/** Pure, as the decider of tasks: times and ids come in the command (behaviour H). */
export const decideSchedule = (record: ScheduleRecord | undefined, command: ScheduleCommand): ScheduleDecision => {
  const there = record === undefined || record.removed ? undefined : record;
  if (command.kind === 'set') return decideSet(there, command);
  if (there === undefined) return refuse('not_found');
  if ('actor' in command && !maySeeSchedule(there, command.actor)) return refuse('not_found');
  switch (command.kind) {
    case 'pause':
      return decidePause(there, command);
    case 'resume':
      return decideResume(there, command);
    case 'remove':
      return accept('done', { kind: 'removed', at: command.at });
    case 'trigger':
      return decideTrigger(there, command);
    case 'backfill':
      return decideBackfill(there, command);
    case 'tick':
      return decideTick(there, command);
    case 'settle':
      return decideSettle(there, command);
  }
};

type Of<K extends ScheduleCommand['kind']> = Extract<ScheduleCommand, { kind: K }>;

/** The same again changes nothing: a redeploy keeps the cadence (behaviour H4). */
const decideSet = (record: ScheduleRecord | undefined, command: Of<'set'>): ScheduleDecision => {
  const { at, actor, name, spec, id } = command;
  if (record === undefined) return accept('created', { kind: 'made', at, actor, name, id, spec });
  if (!maySeeSchedule(record, actor)) return refuse('not_found');
  // Its tasks are made with the rights of who has made it.
  if (record.owner.admin && !actor.admin) return refuse('admin_required');
  if (samePlain(bare(record.spec), bare(spec))) return accept('unchanged');
  return accept('changed', { kind: 'changed', at, by: byUser(actor.user), spec });
};

/** Bytes are compared as what they are. */
const bare = ({ task, ...spec }: ScheduleSpec): unknown => {
  const { args, ...rest } = task;
  return { ...spec, task: { ...rest, args: args instanceof Uint8Array ? args.join() : args } };
};

const decidePause = (record: ScheduleRecord, { at, actor, why }: Of<'pause'>): ScheduleDecision =>
  record.paused === undefined
    ? accept('done', { kind: 'paused', at, by: byUser(actor.user), ...(why === undefined ? {} : { why }) })
    : accept('done');

const decideResume = (record: ScheduleRecord, { at, actor, missed }: Of<'resume'>): ScheduleDecision => {
  if (record.paused === undefined) return accept('done');
  const by = byUser(actor.user);
  const skipped: readonly ScheduleEvent[] =
    missed === 0 ? [] : [skippedEvent({ at, by, due: at, count: missed, why: SKIP_WHY.paused })];
  return accept('done', ...skipped, { kind: 'resumed', at, by });
};

const decideTrigger = (record: ScheduleRecord, { at, actor, fire: id }: Of<'trigger'>): ScheduleDecision => {
  if (isKnown(record, id)) return accept('done');
  if (record.waiting.length >= WAITING_FIRES) return refuse('too_many');
  const by = byUser(actor.user);
  return accept('done', decided(at, [{ id, kind: 'trigger', at, decidedAt: at, by, overlap: record.spec.overlap }]));
};

const decideBackfill = (record: ScheduleRecord, command: Of<'backfill'>): ScheduleDecision => {
  const { at, actor, id, times, overlap } = command;
  const by = byUser(actor.user);
  const fires = times
    .map((time): Fire => ({ id: `${id}:${time}`, kind: 'backfill', at: time, decidedAt: at, by, overlap }))
    .filter((fire) => !isKnown(record, fire.id));
  if (record.waiting.length + fires.length > WAITING_FIRES) return refuse('too_many');
  if (fires.length === 0) return accept('done');
  const entry: ScheduleEntry = { kind: 'backfilled', at, by, why: `${fires.length} times` };
  return accept('done', { kind: 'noted', at, entry }, decided(at, fires));
};

/** What is asked for twice under one name is done once, as far as the history goes back. */
const isKnown = ({ waiting, history }: ScheduleRecord, id: string): boolean =>
  waiting.some((fire) => fire.id === id) || history.some((entry) => entry.kind === 'started' && entry.fire === id);

const decideTick = (record: ScheduleRecord, { at, by, id, due, left, next }: Of<'tick'>): ScheduleDecision => {
  // Of another schedule that had the name, or late: somebody else was faster.
  const fresh = due.filter((time) => time > record.cursor);
  const last = Math.max(fresh.at(-1) ?? 0, left.count > 0 ? left.last : 0);
  if (record.id !== id || record.paused !== undefined || last <= record.cursor) return accept('done');
  const events: ScheduleEvent[] = [{ kind: 'advanced', at, cursor: last }];
  if (left.count > 0) events.push(skippedEvent({ at, by, due: left.last, count: left.count, why: SKIP_WHY.calendar }));
  const { taken, missed } = sorted(record.spec, fresh, at, next);
  const room = Math.max(0, WAITING_FIRES - record.waiting.length);
  const lost = missed.at(-1);
  if (lost !== undefined) {
    events.push(skippedEvent({ at, by, due: lost, count: missed.length, why: SKIP_WHY.missed }));
  }
  const full = taken.slice(room);
  if (full.length > 0) {
    events.push(skippedEvent({ at, by, due: full.at(-1) ?? at, count: full.length, why: SKIP_WHY.full }));
  }
  const { overlap } = record.spec;
  const fires = taken
    .slice(0, room)
    .map((time): Fire => ({ id: String(time), kind: 'time', at: time, decidedAt: at, by, overlap }));
  if (fires.length > 0) events.push(decided(at, fires));
  return accept('done', ...events);
};

/** Which times are fired, and which were missed and are not made up for (behaviour H4). */
const sorted = (spec: ScheduleSpec, due: readonly Millis[], now: Millis, next: Millis | undefined) => {
  const { catchUp, catchUpMs, jitterMs } = spec;
  // It may come so much later, and is not late until then.
  const isLate = (time: Millis): boolean => now - time > MISSED_AFTER_MS + jitterMs;
  const late = due.filter(isLate);
  const inWindow = late.filter((time) => now - time <= catchUpMs);
  const isLast = next === undefined || !isLate(next);
  const madeUp = { none: [], last: isLast ? inWindow.slice(-1) : [], all: inWindow }[catchUp];
  const back = new Set(madeUp);
  return {
    taken: due.filter((time) => !isLate(time) || back.has(time)),
    missed: late.filter((time) => !back.has(time)),
  };
};

const decideSettle = (record: ScheduleRecord, { at, by, id, fire: fireId, how }: Of<'settle'>): ScheduleDecision => {
  const fire = record.waiting.find((one) => one.id === fireId);
  if (record.id !== id || fire === undefined) return accept('done');
  const { at: due } = fire;
  // Of a time it is who fired it, otherwise who has asked for it.
  const who = fire.kind === 'time' ? by : fire.by;
  const entry: ScheduleEntry =
    'task' in how
      ? { kind: 'started', at, fire: fireId, due, by: who, task: how.task, address: how.address }
      : { kind: 'skipped', at, due, by: who, why: how.skipped, count: 1 };
  return accept('done', { kind: 'settled', at, fire: fireId, entry });
};

const decided = (at: Millis, fires: readonly Fire[]): ScheduleEvent => ({ kind: 'decided', at, fires });

const skippedEvent = ({ at, ...rest }: Omit<Extract<ScheduleEntry, { kind: 'skipped' }>, 'kind'>): ScheduleEvent => ({
  kind: 'noted',
  at,
  entry: { kind: 'skipped', at, ...rest },
});
