import { byUser } from '../decision.ts';
import { bounded, WHY_LENGTH } from '../bounded.ts';
import type { Actor } from '../command.ts';
import type { Cause, Millis } from '../task.ts';

/** What a pause speaks of: the whole queue, or one type or one group of it. */
export type QueuePart = { readonly type?: string; readonly group?: string };

export type Pause = QueuePart & { readonly by: Cause; readonly at: Millis; readonly why?: string };

/** What is counted together: all of the queue, or the tasks of one type, or of one group. */
export type Counted = 'queue' | 'type' | 'group';

export type Rate = { readonly units: number; readonly windowMs: Millis };

export type QueueLimit = {
  readonly of: Counted;
  /** Of this one alone; absent: of each that has none of its own. A queue has one. */
  readonly name?: string;
  /** Tasks that run at once. */
  readonly concurrency?: number;
  /** Units that start in any window of this length. */
  readonly rate?: Rate;
  readonly by: Cause;
  readonly at: Millis;
};

/** Turns a group has for each turn of another one. */
export type Weight = { readonly group: string; readonly weight: number; readonly by: Cause; readonly at: Millis };

/** One change that was made, for people. */
export type SettingsChange = { readonly at: Millis; readonly by: Cause; readonly what: string; readonly why?: string };

/** What is set for one queue at run time (behaviour Q5 to Q8): one record a queue. */
export type QueueSettings = {
  /** Version of this shape. */
  readonly v: number;
  readonly queue: string;
  readonly pauses: readonly Pause[];
  readonly limits: readonly QueueLimit[];
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

export type LimitWish = Omit<QueueLimit, 'by' | 'at'>;

export type SettingsCommand = {
  readonly at: Millis;
  readonly actor: Actor;
  readonly queue: string;
  readonly why?: string;
} & (
  | { readonly kind: 'pause' | 'resume'; readonly part: QueuePart }
  /** With neither concurrency nor rate: there is none any more. */
  | { readonly kind: 'limit'; readonly limit: LimitWish }
  /** 1: as every group has without being told. */
  | { readonly kind: 'weigh'; readonly group: string; readonly weight: number }
);

export type SettingsRefusal = 'admin_required' | 'settings_full';

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
  const event: SettingsEvent = { kind: 'changed', at, by: byUser(actor.user), command };
  if (isSo(settings, command)) return { ok: true, events: [], answer };
  const { pauses, limits, weights } = evolveSettings(settings, event);
  if (Math.max(pauses.length, limits.length, weights.length) > SETTINGS_ENTRIES)
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
      return { ...before, changes, pauses: [...before.pauses, { ...command.part, by, at, ...why }] };
    case 'resume':
      return { ...before, changes, pauses: before.pauses.filter((pause) => !isSamePart(pause, command.part)) };
    case 'limit': {
      const others = before.limits.filter((limit) => !isSameLimit(limit, command.limit));
      const limits = isNone(command.limit) ? others : [...others, { ...command.limit, by, at }];
      return { ...before, changes, limits };
    }
    case 'weigh': {
      const others = before.weights.filter(({ group }) => group !== command.group);
      const { group, weight } = command;
      return { ...before, changes, weights: weight === 1 ? others : [...others, { group, weight, by, at }] };
    }
  }
};

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
      if (known === undefined) return isNone(command.limit);
      const { concurrency, rate } = command.limit;
      const isSameRate = known.rate?.units === rate?.units && known.rate?.windowMs === rate?.windowMs;
      return known.concurrency === concurrency && isSameRate;
    }
    case 'weigh':
      return (settings?.weights.find(({ group }) => group === command.group)?.weight ?? 1) === command.weight;
  }
};

/** The pause of exactly this part. */
export const pauseOf = (settings: QueueSettings | undefined, part: QueuePart): Pause | undefined =>
  settings?.pauses.find((pause) => isSamePart(pause, part));

const isSamePart = (a: QueuePart, b: QueuePart): boolean => a.type === b.type && a.group === b.group;

const isSameLimit = (a: LimitWish, b: LimitWish): boolean => a.of === b.of && a.name === b.name;

const isNone = ({ concurrency, rate }: LimitWish): boolean => concurrency === undefined && rate === undefined;

/** Whether how many run, or start, has to be counted in the queue. */
export const isLimited = (settings: QueueSettings | undefined): boolean => (settings?.limits.length ?? 0) > 0;

const describeCommand = (command: SettingsCommand): string => {
  switch (command.kind) {
    case 'pause':
    case 'resume':
      return `${command.kind} ${describePart(command.part)}`;
    case 'limit': {
      const { limit } = command;
      return `limit ${describeCounted(limit)}: ${isNone(limit) ? 'none' : describeLimit(limit)}`;
    }
    case 'weigh':
      return `weight of group ${command.group}: ${command.weight}`;
  }
};

export const describePart = ({ type, group }: QueuePart): string => {
  if (type !== undefined) return `type ${type}`;
  return group === undefined ? 'queue' : `group ${group}`;
};

export const describeCounted = ({ of, name }: Pick<QueueLimit, 'of' | 'name'>): string => {
  if (of === 'queue') return 'queue';
  return name === undefined ? `each ${of}` : `${of} ${name}`;
};

export const describeLimit = ({ concurrency, rate }: LimitWish): string =>
  [
    ...(concurrency === undefined ? [] : [`${concurrency} at once`]),
    ...(rate === undefined ? [] : [`${rate.units} in ${rate.windowMs / 1_000} s`]),
  ].join(', ');
