import { byUser } from '../decision.ts';
import { bounded, WHY_LENGTH } from '../bounded.ts';
import type { Actor } from '../actor.ts';
import type { Cause, Millis } from '../task.ts';
import { definedLimitsOf, isSameLimits, placedLimit, type DefinedLimits, type TypeLimit } from './defined.ts';
import {
  describeCounted,
  describeLimit,
  isNone,
  isSameLimit,
  limitIn,
  type LimitWish,
  type QueueLimit,
} from './limit.ts';

/** What a pause speaks of: the whole queue, or one type or one group of it. */
export type QueuePart = { readonly type?: string; readonly group?: string };

export type Pause = QueuePart & { readonly by: Cause; readonly at: Millis; readonly why?: string };

/** Turns a group has for each turn of another one. */
export type Weight = { readonly group: string; readonly weight: number; readonly by: Cause; readonly at: Millis };

/** One change that was made, for people. */
export type SettingsChange = { readonly at: Millis; readonly by: Cause; readonly what: string; readonly why?: string };

/** What is set for one queue (behaviour Q5 to Q8): one record a queue. */
export type QueueSettings = {
  /** Version of this shape. */
  readonly v: number;
  readonly queue: string;
  readonly pauses: readonly Pause[];
  /** As they were set at run time; those that hold are in `limitsOf`. */
  readonly limits: readonly QueueLimit[];
  /** What the definitions of types say. */
  readonly defined?: readonly DefinedLimits[];
  readonly weights: readonly Weight[];
  /** The latest, newest last. */
  readonly changes: readonly SettingsChange[];
  readonly nonce?: string;
};

export const SETTINGS_VERSION = 1;

/** Changes that are remembered. */
export const CHANGES_KEPT = 20;

/** Entries of one kind in the settings of one queue. */
export const SETTINGS_ENTRIES = 500;

export type SettingsCommand = {
  readonly at: Millis;
  readonly actor: Actor;
  readonly queue: string;
  readonly why?: string;
} & (
  | { readonly kind: 'pause' | 'resume'; readonly part: QueuePart }
  /** With neither concurrency nor rate: there is none any more. */
  | { readonly kind: 'limit'; readonly limit: LimitWish }
  /** What the definition of a type says, which `worker` serves; no limits: nothing. */
  | {
      readonly kind: 'define';
      readonly type: string;
      readonly limits: readonly TypeLimit[];
      readonly worker: string;
    }
  /** 1: as every group has without being told. */
  | { readonly kind: 'weigh'; readonly group: string; readonly weight: number }
);

/** `nothing_set`: what was to be taken back is not there, nor is anything else. */
export type SettingsRefusal = 'admin_required' | 'settings_full' | 'nothing_set';

export type SettingsEvent = {
  readonly kind: 'changed';
  readonly at: Millis;
  readonly by: Cause;
  readonly command: SettingsCommand;
};

export type SettingsAnswer = { readonly kind: 'done' };

export type SettingsDecision =
  | { readonly ok: true; readonly events: readonly SettingsEvent[]; readonly answer: SettingsAnswer }
  | { readonly ok: false; readonly refusal: { readonly reason: SettingsRefusal } };

/** Only admins change what a queue does; what is so already is no change. */
export const decideSettings = (settings: QueueSettings | undefined, command: SettingsCommand): SettingsDecision => {
  if (!command.actor.admin) return { ok: false, refusal: { reason: 'admin_required' } };
  const { at, actor } = command;
  const answer = { kind: 'done' } as const;
  const by = command.kind === 'define' ? `worker:${command.worker}` : byUser(actor.user);
  const event: SettingsEvent = { kind: 'changed', at, by, command };
  if (isSo(settings, command))
    return settings === undefined
      ? { ok: false, refusal: { reason: 'nothing_set' } }
      : { ok: true, events: [], answer };
  const { pauses, limits, weights, defined = [] } = evolveSettings(settings, event);
  if (Math.max(pauses.length, limits.length, weights.length, defined.length) > SETTINGS_ENTRIES)
    return { ok: false, refusal: { reason: 'settings_full' } };
  return { ok: true, events: [event], answer };
};

export const evolveSettings = (
  settings: QueueSettings | undefined,
  { at, by, command }: SettingsEvent,
): QueueSettings => {
  const before = settings ?? emptySettings(command.queue);
  const why = command.why === undefined ? {} : { why: bounded(command.why, WHY_LENGTH) };
  const change = { at, by, what: describeCommand(command), ...why };
  const changes = [...before.changes, change].slice(-CHANGES_KEPT);
  switch (command.kind) {
    case 'pause':
      return { ...before, changes, pauses: [...before.pauses, { ...partIn(command.part), by, at, ...why }] };
    case 'resume':
      return { ...before, changes, pauses: before.pauses.filter((pause) => !isSamePart(pause, command.part)) };
    case 'limit': {
      const others = before.limits.filter((limit) => !isSameLimit(limit, command.limit));
      if (isNone(command.limit) && others.length === before.limits.length)
        return withDefined(before, withoutSaid(before.defined ?? [], command.limit), changes);
      const limits = isNone(command.limit) ? others : [...others, { ...limitIn(command.limit), by, at, ...why }];
      return { ...before, changes, limits };
    }
    case 'define': {
      const { type, limits } = command;
      const others = (before.defined ?? []).filter((one) => one.type !== type);
      return withDefined(before, limits.length === 0 ? others : [...others, { type, limits, by, at }], changes);
    }
    case 'weigh': {
      const others = before.weights.filter(({ group }) => group !== command.group);
      const { group, weight } = command;
      return { ...before, changes, weights: weight === 1 ? others : [...others, { group, weight, by, at }] };
    }
  }
};

/** A record in which no definition says anything has no field for it. */
const withDefined = (
  { defined: _former, ...before }: QueueSettings,
  defined: readonly DefinedLimits[],
  changes: readonly SettingsChange[],
): QueueSettings => ({ ...before, changes, ...(defined.length === 0 ? {} : { defined }) });

/** What a definition said once that says so no more, as in a queue its type has left; a live one says it again. */
const withoutSaid = (defined: readonly DefinedLimits[], wish: LimitWish): readonly DefinedLimits[] =>
  defined.flatMap((one) => {
    const limits = one.limits.filter((limit) => !isSameLimit(placedLimit(one.type, limit), wish));
    return limits.length === 0 ? [] : [{ ...one, limits }];
  });

/** As in `limitIn`. */
const partIn = ({ type, group }: QueuePart): QueuePart => ({
  ...(type === undefined ? {} : { type }),
  ...(group === undefined ? {} : { group }),
});

export const emptySettings = (queue: string): QueueSettings => ({
  v: SETTINGS_VERSION,
  queue,
  pauses: [],
  limits: [],
  weights: [],
  changes: [],
});

const isSo = (settings: QueueSettings | undefined, command: SettingsCommand): boolean => {
  switch (command.kind) {
    case 'pause':
      return pauseOf(settings, command.part) !== undefined;
    case 'resume':
      return pauseOf(settings, command.part) === undefined;
    case 'limit': {
      const known = settings?.limits.find((limit) => isSameLimit(limit, command.limit));
      if (known === undefined)
        return isNone(command.limit) && !definedLimitsOf(settings).some((limit) => isSameLimit(limit, command.limit));
      const { concurrency, rate, whenFull } = command.limit;
      const isSameRate = known.rate?.units === rate?.units && known.rate?.windowMs === rate?.windowMs;
      return known.concurrency === concurrency && known.whenFull === whenFull && isSameRate;
    }
    case 'define':
      return isSameLimits(definedFor(settings, command.type)?.limits ?? [], command.limits);
    case 'weigh':
      return (settings?.weights.find(({ group }) => group === command.group)?.weight ?? 1) === command.weight;
  }
};

/** What the definition of the type says of this queue, as far as that is kept. */
export const definedFor = (settings: QueueSettings | undefined, type: string): DefinedLimits | undefined =>
  settings?.defined?.find((one) => one.type === type);

/** The pause of exactly this part. */
export const pauseOf = (settings: QueueSettings | undefined, part: QueuePart): Pause | undefined =>
  settings?.pauses.find((pause) => isSamePart(pause, part));

const isSamePart = (a: QueuePart, b: QueuePart): boolean => a.type === b.type && a.group === b.group;

const describeCommand = (command: SettingsCommand): string => {
  switch (command.kind) {
    case 'pause':
    case 'resume':
      return `${command.kind} ${describePart(command.part)}`;
    case 'limit': {
      const { limit } = command;
      return `limit ${describeCounted(limit)}: ${isNone(limit) ? 'none' : describeLimit(limit)}`;
    }
    case 'define': {
      const { type, limits } = command;
      const each = limits.map((one) => `limit ${describeCounted(placedLimit(type, one))}: ${describeLimit(one)}`);
      return `definition of ${type}: ${each.length === 0 ? 'no limits' : each.join('; ')}`;
    }
    case 'weigh':
      return `weight of group ${command.group}: ${command.weight}`;
  }
};

export const describePart = ({ type, group }: QueuePart): string => {
  if (type !== undefined) return `type ${type}`;
  return group === undefined ? 'queue' : `group ${group}`;
};
