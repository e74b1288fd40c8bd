import { limitsOf, type AppliedLimit } from './defined.ts';
import { isSameLimit, type Counted } from './limit.ts';
import { fullness, isFull, roomIn, type Clock, type FullLimit, type Meter } from './meter.ts';
import { byScope, keyOf, placesOf, scopeOf, type Limits, type Place, type Wants } from './places.ts';
import type { Pause, QueueSettings } from './settings.ts';
import { Windows } from './windows.ts';

/** What stands in the way of a task, and of all others of the same: a pause, or a limit that is full. */
export type Block = {
  readonly kind: 'paused' | 'full';
  readonly of: Counted;
  /** Of the group's tasks of its type alone. */
  readonly isOfType?: true;
};

/** Whoever has a slot. */
export type Holder = Wants & {
  /** It is counted. */
  holds: boolean;
  /** Its units are counted until a window after its start, which has come. */
  hasStarted: boolean;
};

/** `until`: a window after it, the longest of those that count it. */
type Start = Wants & { readonly at: number; readonly units: number; readonly until: number };

/** Starts that nothing counts any more are looked for once there are so many, and then whenever there are twice as many as were left. */
const STARTS_KEPT = 1_000;

const blocksOf = (kind: Block['kind']): Readonly<Record<Counted, Block>> => ({
  queue: { kind, of: 'queue' },
  type: { kind, of: 'type' },
  group: { kind, of: 'group' },
  key: { kind, of: 'key' },
});

const PAUSED = blocksOf('paused');

const FULL = blocksOf('full');

const GROUP_OF_TYPE_FULL: Block = { kind: 'full', of: 'group', isOfType: true };

/**
 * Pauses and limits of one queue (behaviour Q5, Q6, Q8): says what may start, and counts what has.
 *
 * A task takes a slot when it is offered, and has it until whoever watches its record says that it runs no more, or until
 * nobody can claim it any more. So the count is never below the truth. Units of a rate are counted from the offer until a
 * window after the moment at which its start was known, which is not before it: in no window start more.
 */
export class Gate {
  private settings: QueueSettings | undefined;
  private applied: readonly AppliedLimit[] = [];
  /** By scope. */
  private limits: ReadonlyMap<string, Limits> = new Map();
  private meters = new Map<string, Meter>();
  private starts: Start[] = [];
  private startsAt = STARTS_KEPT;
  private readonly windows = new Windows();
  private longestMs = 0;
  private crowded = false;
  /** Some limit of groups or keys counts the tasks of one type apart. */
  private perType = false;
  /** Changes whenever something may have become free, or was set anew. */
  version = 0;
  private now = 0;
  /** Of rates that held when this began to count: somebody else has counted what had started before. */
  private knownFrom = new Map<AppliedLimit, number>();

  /** False: nothing is to be asked or counted. */
  get isActive(): boolean {
    return this.limits.size > 0 || (this.settings?.pauses.length ?? 0) > 0;
  }

  get isLimited(): boolean {
    return this.limits.size > 0;
  }

  get longestWindowMs(): number {
    return this.longestMs;
  }

  /**
   * What had started before now is not known here: somebody else has counted it. Rates open when their window is over, but for
   * those that are set at `since` or later.
   */
  begin(now: number, since = Number.POSITIVE_INFINITY): void {
    this.version++;
    this.now = now;
    for (const limit of this.applied) if (limit.rate !== undefined && limit.at < since) this.knownFrom.set(limit, now);
  }

  /** Other settings, undefined: none. All that have a slot are counted anew. */
  set(settings: QueueSettings | undefined, holders: Iterable<Holder>, now: number): void {
    this.version++;
    this.settings = settings;
    const before = this.knownFrom;
    this.applied = limitsOf(settings);
    this.knownFrom = new Map(this.applied.flatMap((limit) => knownOf(limit, before)));
    this.now = now;
    this.limits = byScope(this.applied);
    this.perType = this.applied.some(({ type }) => type !== undefined);
    this.crowded = this.applied.some(({ whenFull }) => whenFull !== undefined);
    this.meters = new Map();
    this.windows.clear();
    this.longestMs = Math.max(0, ...this.applied.map(({ rate }) => rate?.windowMs ?? 0));
    this.forgetStarts(now);
    if (this.limits.size === 0) return;
    this.starts = this.starts.map((start) => this.countStart(start));
    for (const holder of holders) {
      const { holds } = holder;
      holder.holds = false;
      if (holds) this.take(holder);
    }
  }

  /** Some limit says that nobody waits for it. */
  get hasCrowds(): boolean {
    return this.crowded;
  }

  isPaused({ type, group }: Wants): boolean {
    return this.pauseOf(type, group) !== undefined;
  }

  /** Of the limits that count the task those that say that nobody waits for them. */
  *crowdsOf(wants: Wants): Iterable<{ readonly key: string; readonly limit: AppliedLimit; readonly name: string }> {
    if (!this.crowded) return;
    for (const place of placesOf(wants)) {
      const limit = this.limitOf(place.scope, place.name);
      if (limit?.whenFull !== undefined && limit.concurrency !== undefined)
        yield { key: keyOf(place), limit, name: place.name };
    }
  }

  /** What stands in the way of all of a line: of the queue, or of the type. */
  blockOfLine(type: string): Block | undefined {
    const pause = this.pauseOf(type, '');
    if (pause !== undefined) return pause;
    if (this.isFull('queue', '', 1)) return FULL.queue;
    return this.isFull('type', type, 1) ? FULL.type : undefined;
  }

  /** The first thing that stands in the way of the task; undefined: it may start. */
  blockOf({ type, group, limitKey, units = 1 }: Wants): Block | undefined {
    const pause = this.pauseOf(type, group);
    if (pause !== undefined) return pause;
    if (this.isFull('queue', '', units)) return FULL.queue;
    if (this.isFull('type', type, units)) return FULL.type;
    if (group !== '') {
      if (this.isFull('group', group, units)) return FULL.group;
      if (this.perType && this.isFull(scopeOf('group', type), group, units)) return GROUP_OF_TYPE_FULL;
    }
    if (limitKey === '') return undefined;
    if (this.isFull('key', limitKey, units)) return FULL.key;
    return this.perType && this.isFull(scopeOf('key', type), limitKey, units) ? FULL.key : undefined;
  }

  /**
   * All that stands in the way of the task as of the last `pass`, for people. Where there is room for its own units,
   * `unitsBefore` says how many one takes that goes first of what is counted so.
   */
  obstaclesOf(
    wants: Wants,
    unitsBefore: (of: Counted) => number,
  ): { readonly pauses: readonly Pause[]; readonly full: readonly FullLimit[] } {
    const { type, group, units = 1 } = wants;
    const isPaused = (pause: Pause): boolean =>
      pause.type === undefined ? pause.group === undefined || pause.group === group : pause.type === type;
    const full = [...placesOf(wants)].flatMap((place) => {
      const limit = this.limitOf(place.scope, place.name);
      if (limit === undefined) return [];
      const meter = this.meters.get(keyOf(place));
      const clock = this.clockOf(limit);
      const found = fullness(limit, meter, units, clock) ?? fullness(limit, meter, unitsBefore(place.of), clock);
      return found === undefined ? [] : [found];
    });
    return { pauses: (this.settings?.pauses ?? []).filter(isPaused), full };
  }

  /** Whether nothing of a line of the type may start, were the whole queue open. */
  isTypeBlocked(type: string): boolean {
    return this.pauseOf(type, '')?.of === 'type' || this.isFull('type', type, 1);
  }

  /** The same of what a group has of a type. */
  isGroupBlocked(group: string, type: string): boolean {
    if (group === '') return false;
    if (this.pauseOf('', group)?.of === 'group' || this.isFull('group', group, 1)) return true;
    return this.isFull(scopeOf('group', type), group, 1);
  }

  /** How many more of all or of a type may start, as far as that is limited at once. */
  room(type?: string): number {
    return this.roomOf(type === undefined ? 'queue' : 'type', type ?? '');
  }

  /** The same of those that name the key, and are of the type. */
  roomOfKey(limitKey: string, type: string): number {
    return Math.min(this.roomOf('key', limitKey), this.roomOf(scopeOf('key', type), limitKey));
  }

  /** It has a slot from now on, also where there is none: what runs, runs. */
  take(holder: Holder): void {
    if (holder.holds) return;
    holder.holds = true;
    const { units = 1 } = holder;
    for (const meter of this.metersOf(holder)) {
      meter.held++;
      if (!holder.hasStarted && meter.limit.rate !== undefined) meter.used += units;
    }
  }

  /** It has started, not after `now`. */
  started(holder: Holder, now: number): void {
    if (holder.hasStarted) return;
    holder.hasStarted = true;
    if (this.longestMs === 0) return;
    const { type, group, limitKey, units = 1 } = holder;
    let until = 0;
    for (const meter of this.metersOf(holder)) {
      const { rate } = meter.limit;
      if (rate === undefined) continue;
      if (!holder.holds) meter.used += units;
      this.windows.add(meter, rate.windowMs, now, units);
      until = Math.max(until, now + rate.windowMs);
    }
    if (until === 0) return;
    if (this.starts.length >= this.startsAt) this.forgetStarts(now);
    this.starts.push({ at: now, type, group, limitKey, units, until });
  }

  /** It has no slot any more. Units of what has not started are free again. */
  release(holder: Holder): void {
    if (!holder.holds) return;
    this.version++;
    holder.holds = false;
    const { units = 1 } = holder;
    for (const meter of this.metersOf(holder)) {
      meter.held--;
      if (!holder.hasStarted && meter.limit.rate !== undefined) meter.used -= units;
      this.dropIdle(meter);
    }
  }

  /** Units whose window is over are free. What has room by it; `all`: anything may have. */
  pass(now: number): { readonly all: boolean; readonly opened: readonly Place[] } {
    const opened: Place[] = [];
    const opens = this.knownNext();
    this.now = now;
    const all = opens !== undefined && opens <= now;
    if (all) this.version++;
    for (const { meter, units } of this.windows.over(now)) {
      meter.used -= units;
      if (opened.at(-1) !== meter.place) opened.push(meter.place);
      this.dropIdle(meter);
    }
    if (opened.length > 0) this.version++;
    return { all, opened };
  }

  /** When units come free next, on the clock of `pass`; undefined: none that are counted now. */
  opensAt(): number | undefined {
    if (this.longestMs === 0) return undefined;
    const [known, next] = [this.knownNext(), this.windows.next()];
    return known === undefined || (next !== undefined && next < known) ? next : known;
  }

  /** When the next rate opens whose window began before this one counted; undefined: none does. */
  private knownNext(): number | undefined {
    let next: number | undefined;
    for (const [{ rate }, from] of this.knownFrom) {
      const at = from + (rate?.windowMs ?? 0);
      if (at > this.now && (next === undefined || at < next)) next = at;
    }
    return next;
  }

  private pauseOf(type: string, group: string): Block | undefined {
    for (const pause of this.settings?.pauses ?? []) {
      if (pause.type === type) return PAUSED.type;
      if (pause.type !== undefined) continue;
      if (pause.group === undefined) return PAUSED.queue;
      if (pause.group === group) return PAUSED.group;
    }
    return undefined;
  }

  private isFull(scope: string, name: string, units: number): boolean {
    const limit = this.limitOf(scope, name);
    if (limit === undefined) return false;
    return isFull(limit, this.meters.get(`${scope} ${name}`), units, this.clockOf(limit));
  }

  private clockOf(limit: AppliedLimit): Clock {
    return { now: this.now, knownFrom: this.knownFrom.get(limit) ?? Number.NEGATIVE_INFINITY };
  }

  private roomOf(scope: string, name: string): number {
    const limit = this.limitOf(scope, name);
    return limit === undefined ? Number.POSITIVE_INFINITY : roomIn(limit, this.meters.get(`${scope} ${name}`));
  }

  private limitOf(scope: string, name: string): AppliedLimit | undefined {
    const limits = this.limits.get(scope);
    return limits === undefined ? undefined : (limits.named.get(name) ?? limits.each);
  }

  /** Of all that is limited of it. */
  private metersOf({ type, group, limitKey }: Wants): readonly Meter[] {
    const found: Meter[] = [];
    this.meter(found, 'queue', 'queue', '');
    this.meter(found, 'type', 'type', type);
    if (group !== '') {
      this.meter(found, 'group', 'group', group);
      if (this.perType) this.meter(found, 'group', scopeOf('group', type), group);
    }
    if (limitKey === '') return found;
    this.meter(found, 'key', 'key', limitKey);
    if (this.perType) this.meter(found, 'key', scopeOf('key', type), limitKey);
    return found;
  }

  /** Takes the meter of that place with the others, where something is limited there. */
  private meter(found: Meter[], of: Counted, scope: string, name: string): void {
    const limit = this.limitOf(scope, name);
    if (limit === undefined) return;
    const key = `${scope} ${name}`;
    const known = this.meters.get(key);
    const meter: Meter = known ?? { limit, place: { of, scope, name }, held: 0, used: 0, recent: [] };
    if (known === undefined) this.meters.set(key, meter);
    found.push(meter);
  }

  /** There is one for each group and key that has anything; those that are gone would stay for ever. */
  private dropIdle({ place, held, used }: Meter): void {
    if (held === 0 && used === 0) this.meters.delete(keyOf(place));
  }

  private countStart(start: Start): Start {
    let until = start.at;
    for (const meter of this.metersOf(start)) {
      const { rate } = meter.limit;
      if (rate === undefined) continue;
      meter.used += start.units;
      this.windows.add(meter, rate.windowMs, start.at, start.units);
      until = Math.max(until, start.at + rate.windowMs);
    }
    return { ...start, until };
  }

  private forgetStarts(now: number): void {
    this.starts = this.starts.filter(({ until }) => until > now);
    this.startsAt = Math.max(STARTS_KEPT, 2 * this.starts.length);
  }
}

/** A rate is the one that held before, where its window is as long. */
const knownOf = (
  limit: AppliedLimit,
  before: ReadonlyMap<AppliedLimit, number>,
): readonly (readonly [AppliedLimit, number])[] => {
  for (const [known, from] of before)
    if (isSameLimit(known, limit) && known.rate?.windowMs === limit.rate?.windowMs) return [[limit, from]];
  return [];
};
