import type { Cause, Millis } from '../task.ts';
import type { Entry, Line, Server } from './entry.ts';
import type { Gate } from './gate.ts';
import type { Wants } from './places.ts';
import type { Stand, Turn } from './turn.ts';
import { LOWER_SHARE, PRIORITIES, type Lines } from './lines.ts';
import type { Throughput } from './pace.ts';
import type { Counted, QueueLimit, Rate, WhenFull } from './limit.ts';
import type { Slots } from './slots.ts';

/** A pause that speaks of the task. `name`: of the type or the group; absent of the whole queue. */
export type PauseInTheWay = {
  readonly kind: 'paused';
  readonly of: Counted;
  readonly name?: string;
  readonly by: Cause;
  readonly at: Millis;
  readonly why?: string;
};

/** A limit that is reached. Of the two only what is full is there. */
export type LimitInTheWay<A extends string = string> = {
  readonly kind: 'limit';
  readonly of: Counted;
  readonly name?: string;
  /** Of a group or a key: of its tasks of this type alone. */
  readonly type?: string;
  readonly by: Cause;
  readonly at: Millis;
  readonly why?: string;
  /** What is done about it where nobody waits for it. */
  readonly whenFull?: WhenFull;
  /** The definition of the type says so; absent: it was set at run time. */
  readonly from?: 'definition';
  readonly concurrency?: { readonly most: number; readonly running: number };
  /** `opensInMs`: when there is room for the task, as far as it is known: what is on its way to a start has no time yet. */
  readonly rate?: Rate & { readonly used: number; readonly opensInMs?: Millis };
  /** Some of those that have a slot of it. */
  readonly holders: readonly A[];
};

export type InTheWay<A extends string = string> = PauseInTheWay | LimitInTheWay<A>;

/** Where a task stands in its queue, and what stands in its way (behaviour Q9). */
export type Standing<A extends string = string> = {
  readonly state:
    | 'waiting'
    /** A worker was told of it a moment ago. */
    | 'offered'
    /** It may have been claimed by a worker that is not heard of; that is found out within seconds. */
    | 'unsettled'
    | 'running'
    /** The queue has not heard of it. */
    | 'unheard';
  /**
   * Tasks that start before it as things stand: those that cannot start now are not among them. Exact in a queue of one
   * type without groups; where types, groups and priorities take turns, about so many.
   */
  readonly ahead: number;
  /** Tasks that wait in the queue altogether. */
  readonly waiting: number;
  readonly inTheWay: readonly InTheWay<A>[];
  readonly workers: {
    /** That serve the queue. */
    readonly queue: number;
    /** Of these, those that take the type. */
    readonly type: number;
    /** Of these, those that take something more now. */
    readonly free: number;
    /** Of those that take the type, those that said they cannot run this one. */
    readonly refused: number;
  };
};

/** The same, with what its host knows besides. */
export type QueueView<A extends string = string> = Standing<A> & {
  /** Nothing at all starts: what is set is not known or cannot be read, or the host is new and counts what runs first. */
  readonly halt?: 'settings_unknown' | 'settings_unreadable' | 'taken_over';
  /** Absent where nothing was seen that one could go by. */
  readonly throughput?: Throughput;
  /** Other queues in which workers take the type; asked where none does here. */
  readonly servedIn?: readonly string[];
  /** Of a task that has begun: the worker that has it is dead. */
  readonly isOrphan?: true;
};

/** What the parts of a queue know, for whoever asks where a task stands. */
export type StandingParts<A extends string> = {
  readonly lines: Lines<A>;
  readonly gate: Gate;
  readonly slots: Slots<A>;
  readonly workers: ReadonlyMap<string, Server<A>>;
  readonly waiting: number;
};

/** Of those that hold a limit so many are named. */
export const HOLDERS_SHOWN = 5;

export const standingOf = <A extends string>(
  parts: StandingParts<A>,
  entry: Entry<A> | undefined,
  asked: { readonly address: A; readonly type: string },
): Standing<A> => {
  const { slots, workers, waiting } = parts;
  const type = entry?.type ?? asked.type;
  const serving = [...workers.values()].filter(({ types }) => types.has(type));
  const about = {
    waiting,
    workers: {
      queue: workers.size,
      type: serving.length,
      free: serving.filter(({ credit }) => credit > 0).length,
      refused: entry === undefined ? 0 : serving.filter(({ refused }) => refused.has(entry)).length,
    },
  };
  const nothing = { ahead: 0, inTheWay: [], ...about };
  if (entry === undefined) return { state: slots.running.has(asked.address) ? 'running' : 'unheard', ...nothing };
  if (slots.bound.has(entry)) return { state: 'unsettled', ...nothing };
  if (!entry.inLine && !entry.leaving) return { state: 'offered', ...nothing };
  return { state: 'waiting', ahead: aheadOf(parts, entry), inTheWay: inTheWayOf(parts, entry), ...about };
};

const inTheWayOf = <A extends string>(parts: StandingParts<A>, entry: Entry<A>): readonly InTheWay<A>[] => {
  const { gate, slots, workers } = parts;
  if (!gate.isActive) return [];
  const { pauses, full } = gate.obstaclesOf(entry, (of) => unitsBefore(parts, entry, of));
  return [
    ...pauses.map(({ type, group, by, at, why }): PauseInTheWay => {
      const name = type ?? group;
      const of = type === undefined ? (group === undefined ? 'queue' : 'group') : 'type';
      return { kind: 'paused', of, ...(name === undefined ? {} : { name }), by, at, ...reason(why) };
    }),
    ...full.map(({ limit, concurrency, rate }): LimitInTheWay<A> => {
      const { of, type, by, at, why, from, whenFull } = limit;
      return {
        kind: 'limit',
        of,
        ...(of === 'queue' ? {} : { name: nameOf(of, entry) }),
        ...(type === undefined ? {} : { type }),
        ...{ by, at },
        ...reason(why),
        ...(from === undefined ? {} : { from }),
        ...(concurrency === undefined || whenFull === undefined ? {} : { whenFull }),
        ...(concurrency === undefined ? {} : { concurrency }),
        ...(rate === undefined ? {} : { rate }),
        holders: concurrency === undefined ? [] : holdersOf(slots, workers.values(), limit, entry),
      };
    }),
  ];
};

/**
 * Units of the one that waits for room of that and holds it up: of those that lie aside for its key, of its group in its
 * line, or of all of its group once that is blocked for one of them; 0: none.
 */
const unitsBefore = <A extends string>(parts: StandingParts<A>, entry: Entry<A>, of: Counted): number => {
  const { gate, lines, slots } = parts;
  const unitsOf = (first: Entry<A> | undefined): number => {
    // For room of another key nobody waits but those that name it.
    if (first === undefined || (of === 'key' && first.limitKey !== entry.limitKey)) return 0;
    return gate.blockOf(first)?.of === of ? (first.units ?? 1) : 0;
  };
  if (entry.aside) return unitsOf(slots.aside.peek(entry));
  const { line, turn, type } = entry;
  const own = unitsOf(line.tasks.peek(turn));
  const isBlocked = of === 'group' && (turn.blocked || turn.blockedTypes?.has(type) === true);
  return isBlocked ? Math.max(own, ...[...lines].map(({ tasks }) => unitsOf(tasks.peek(turn)))) : own;
};

const reason = (why: string | undefined) => (why === undefined ? {} : { why });

const holdersOf = <A extends string>(
  { running, bound }: Slots<A>,
  workers: Iterable<Server<A>>,
  { of, type }: Pick<QueueLimit, 'of' | 'type'>,
  entry: Entry<A>,
): readonly A[] => {
  const isCounted = (holder: Wants): boolean =>
    (of === 'queue' || nameOf(of, holder) === nameOf(of, entry)) && (type === undefined || holder.type === type);
  const found: A[] = [];
  const take = (holder: Wants & { readonly address: A; holds: boolean }) => {
    if (found.length < HOLDERS_SHOWN && holder.holds && isCounted(holder)) found.push(holder.address);
    return found.length < HOLDERS_SHOWN;
  };
  for (const each of running.values()) if (!take(each)) return found;
  for (const { offered } of workers) for (const each of offered) if (!take(each)) return found;
  for (const each of bound) if (!take(each)) return found;
  return found;
};

const nameOf = (of: Exclude<Counted, 'queue'>, { type, group, limitKey }: Wants): string => {
  switch (of) {
    case 'type':
      return type;
    case 'group':
      return group;
    case 'key':
      return limitKey;
  }
};

/** See `Standing`. Costs a look at every group of the queue, and at the tasks of its own type and group. */
const aheadOf = <A extends string>(parts: StandingParts<A>, entry: Entry<A>): number => {
  const open = openLines(parts, entry.line);
  const rank = PRIORITIES.indexOf(entry.line.priority);
  const peers = open.filter(({ priority }) => priority === entry.line.priority);
  const { gate } = parts;
  const sizesIn = (isMeant: (rankOf: number) => boolean): ReadonlyMap<Turn, number> =>
    groupsOf(
      open.filter(({ priority }) => isMeant(PRIORITIES.indexOf(priority))),
      gate,
    );
  // What a group has of a higher priority starts first, and moves its turn on; the others are at its last one by then.
  const higherOf = sizesIn((other) => other < rank);
  const { pool } = entry.line.tasks;
  let reached = 0;
  for (const [turn, size] of higherOf) reached = Math.max(reached, pool.passOf(turn) + (size - 1) / turn.weight);
  const passOf = (turn: Turn): number => Math.max(reached, pool.passOf(turn) + (higherOf.get(turn) ?? 0) / turn.weight);
  const inOwnGroup = aheadInGroup(
    peers.filter(({ type }) => !gate.isActive || !gate.isGroupBlocked(entry.group, type)),
    entry,
  );
  const { turn, stand } = entry;
  const place = { pass: passOf(turn) + inOwnGroup / turn.weight, stamp: stand.stamp };
  let ahead = inOwnGroup;
  for (const [other, size] of groupsOf(peers, gate)) {
    if (other === turn) continue;
    const { stamp } = pool.standOf(other);
    ahead += Math.min(size, startsBefore(other, { pass: passOf(other), stamp }, place));
  }
  const share = LOWER_SHARE - 1;
  const untilIts = (ahead + 1) * share - entry.line.passedOver;
  const higher = Math.min(sumOf(higherOf), Math.max(0, untilIts));
  const lower = Math.min(sumOf(sizesIn((other) => other > rank)), Math.floor((ahead + higher) / share));
  return ahead + higher + lower;
};

const sumOf = (sizes: ReadonlyMap<Turn, number>): number => {
  let sum = 0;
  for (const size of sizes.values()) sum += size;
  return sum;
};

/** Lines something of which may start: of types that are served, and neither paused nor full. Its own is always there. */
const openLines = <A extends string>({ lines, gate, workers }: StandingParts<A>, own: Line<A>): readonly Line<A>[] => {
  const served = new Set<string>();
  for (const { types } of workers.values()) for (const type of types) served.add(type);
  const isOpen = ({ type, tasks }: Line<A>): boolean =>
    tasks.pool === own.tasks.pool && served.has(type) && !(gate.isActive && gate.isTypeBlocked(type));
  return [...lines].filter((line) => line === own || isOpen(line));
};

/** Types take turns inside a group: whoever was served longest ago is next. */
const aheadInGroup = <A extends string>(peers: readonly Line<A>[], entry: Entry<A>): number => {
  const own = entry.line.tasks.before(entry);
  let ahead = own;
  for (const line of peers) {
    if (line === entry.line) continue;
    const mayGoFirst = line.tasks.servedOf(entry.turn) < entry.line.tasks.servedOf(entry.turn) ? 1 : 0;
    ahead += Math.min(line.tasks.sizeOf(entry.turn), own + mayGoFirst);
  }
  return ahead;
};

/** How many wait in each group that may start something. */
const groupsOf = <A extends string>(lines: readonly Line<A>[], gate: Gate): ReadonlyMap<Turn, number> => {
  const sizes = new Map<Turn, number>();
  for (const { tasks, type } of lines)
    for (const [turn, size] of tasks.sizes())
      if (!gate.isActive || !gate.isGroupBlocked(turn.group, type)) sizes.set(turn, (sizes.get(turn) ?? 0) + size);
  return sizes;
};

/** So many of a group that has come as far as `pass` have their turn before one that stands at `place`. */
const startsBefore = ({ weight }: Turn, { pass, stamp }: Stand, place: Stand): number => {
  const turns = (place.pass - pass) * weight;
  if (turns < -1e-9) return 0;
  const whole = Math.floor(turns + 1e-9);
  // At the same place whoever has been there longer goes first.
  return turns - whole > 1e-9 || stamp < place.stamp ? whole + 1 : whole;
};
