import type { Counted, Pause, QueueLimit, QueueSettings } from './settings.ts';

/** What of a task a limit can go by. `group`: '' for none. */
export type Wants = {
  readonly type: string;
  readonly group: string;
  /** Of a rate; 1 when absent. */
  readonly units?: number | undefined;
};

/** Why a task may not start now. */
export type Block =
  | { readonly kind: 'paused'; readonly pause: Pause }
  /** `name`: what is counted, the type or group; of a queue ''. */
  | { readonly kind: 'concurrency'; readonly limit: QueueLimit; readonly name: string; readonly held: number }
  /** `opensAt`: when room comes free at the earliest, on the clock of who asks; absent: when what is on offer has started. */
  | { readonly kind: 'rate'; readonly limit: QueueLimit; readonly name: string; readonly opensAt?: number };

/** Whoever has a slot. */
export type Holder = Wants & {
  /** It is counted. */
  holds: boolean;
  /** Its units are counted until a window after its start, which has come. */
  hasStarted: boolean;
};

type Start = { readonly at: number; readonly type: string; readonly group: string; readonly units: number };

/** What one limit has counted. */
type Meter = {
  readonly limit: QueueLimit;
  readonly name: string;
  held: number;
  /** Units that are on their way to a start, or have started in the last window. */
  used: number;
  /** Of those that have started, oldest first. */
  readonly recent: { readonly until: number; readonly units: number }[];
};

type Limits = { readonly each: QueueLimit | undefined; readonly named: ReadonlyMap<string, QueueLimit> };

const COUNTED: readonly Counted[] = ['queue', 'type', 'group'];

const NOTHING: Pick<Meter, 'held' | 'used' | 'recent'> = { held: 0, used: 0, recent: [] };

/**
 * Pauses and limits of one queue (behaviour Q5, Q6, Q8): says what may start, and counts what has.
 *
 * A task takes a slot when it is offered, and has it until whoever watches its record says that it runs no more, or until
 * nobody can claim it any more. So the count is never below the truth. Units of a rate are counted from the offer until a
 * window after the moment at which its start was known, which is not before it: in no window start more.
 */
export class Gate {
  private settings: QueueSettings | undefined;
  private limits: ReadonlyMap<Counted, Limits> = new Map();
  private meters = new Map<string, Meter>();
  private starts: Start[] = [];
  private longestMs = 0;
  private now = 0;
  private knownFrom = Number.NEGATIVE_INFINITY;

  /** False: nothing is to be asked or counted. */
  get isActive(): boolean {
    return this.limits.size > 0 || (this.settings?.pauses.length ?? 0) > 0;
  }

  get isLimited(): boolean {
    return this.limits.size > 0;
  }

  /** What had started before now is not known here: somebody else has counted it. Rates open when their window is over. */
  begin(now: number): void {
    this.now = now;
    this.knownFrom = now;
  }

  /** Other settings, undefined: none. All that have a slot are counted anew. */
  set(settings: QueueSettings | undefined, holders: Iterable<Holder>, now: number): void {
    this.settings = settings;
    this.now = now;
    const limits = new Map<Counted, Limits>();
    for (const of of COUNTED) {
      const mine = settings?.limits.filter((limit) => limit.of === of) ?? [];
      if (mine.length === 0) continue;
      const named = new Map(mine.flatMap((limit) => (limit.name === undefined ? [] : [[limit.name, limit] as const])));
      limits.set(of, { each: mine.find(({ name }) => name === undefined), named });
    }
    this.limits = limits;
    this.meters = new Map();
    this.longestMs = Math.max(0, ...(settings?.limits ?? []).map(({ rate }) => rate?.windowMs ?? 0));
    this.forgetStarts(now);
    if (limits.size === 0) return;
    for (const start of this.starts) this.countStart(start);
    for (const holder of holders) {
      const { holds } = holder;
      holder.holds = false;
      if (holds) this.take(holder);
    }
  }

  /** The pause of the queue or of the type that stands in the way of all of a line. */
  blockOfLine(type: string): Block | undefined {
    for (const pause of this.settings?.pauses ?? []) {
      if (pause.group === undefined && (pause.type === undefined || pause.type === type))
        return { kind: 'paused', pause };
    }
    return this.blockBy('queue', '', 1) ?? this.blockBy('type', type, 1);
  }

  /** The first thing that stands in the way of the task; undefined: it may start. */
  blockOf({ type, group, units = 1 }: Wants): Block | undefined {
    for (const pause of this.settings?.pauses ?? []) {
      if (pause.type !== undefined ? pause.type === type : pause.group === undefined || pause.group === group)
        return { kind: 'paused', pause };
    }
    return (
      this.blockBy('queue', '', units) ??
      this.blockBy('type', type, units) ??
      (group === '' ? undefined : this.blockBy('group', group, units))
    );
  }

  /** How many more of all or of a type may start, as far as that is limited at once. */
  room(type?: string): number {
    const of = type === undefined ? 'queue' : 'type';
    const limit = this.limitOf(of, type ?? '');
    if (limit === undefined) return Number.POSITIVE_INFINITY;
    const { held, used } = this.meters.get(`${of} ${type ?? ''}`) ?? NOTHING;
    const slots = limit.concurrency === undefined ? Number.POSITIVE_INFINITY : limit.concurrency - held;
    const units = limit.rate === undefined ? Number.POSITIVE_INFINITY : limit.rate.units - used;
    return Math.max(0, Math.min(slots, units));
  }

  /** It has a slot from now on, also where there is none: what runs, runs. */
  take(holder: Holder): void {
    if (holder.holds) return;
    holder.holds = true;
    const { units = 1 } = holder;
    for (const meter of this.metersOf(holder)) {
      meter.held++;
      if (!holder.hasStarted) meter.used += units;
    }
  }

  /** It has started, not after `now`. */
  started(holder: Holder, now: number): void {
    if (holder.hasStarted) return;
    holder.hasStarted = true;
    if (this.longestMs === 0) return;
    const { type, group, units = 1 } = holder;
    const start: Start = { at: now, type, group, units };
    this.starts.push(start);
    for (const meter of this.metersOf(holder)) {
      if (meter.limit.rate === undefined) continue;
      if (!holder.holds) meter.used += units;
      meter.recent.push({ until: now + meter.limit.rate.windowMs, units });
    }
  }

  /** It has no slot any more. Units of what has not started are free again. */
  release(holder: Holder): void {
    if (!holder.holds) return;
    holder.holds = false;
    const { units = 1 } = holder;
    for (const meter of this.metersOf(holder)) {
      meter.held--;
      if (!holder.hasStarted) meter.used -= units;
      this.dropIdle(meter);
    }
  }

  /** Units whose window is over are free. Groups that have room by it; `all`: any may have. */
  pass(now: number): { readonly all: boolean; readonly groups: readonly string[] } {
    const groups: string[] = [];
    const opens = this.knownNext();
    this.now = now;
    const all = opens !== undefined && opens <= now;
    if (this.longestMs === 0) return { all, groups };
    this.forgetStarts(now);
    for (const meter of this.meters.values()) {
      const before = meter.used;
      for (let first = meter.recent[0]; first !== undefined && first.until <= now; first = meter.recent[0]) {
        meter.recent.shift();
        meter.used -= first.units;
      }
      if (meter.used === before) continue;
      if (meter.limit.of === 'group') groups.push(meter.name);
      this.dropIdle(meter);
    }
    return { all, groups };
  }

  /** When units come free next, on the clock of `pass`; undefined: none that are counted now. */
  opensAt(): number | undefined {
    let first = this.knownNext();
    for (const { recent } of this.meters.values()) {
      const until = recent[0]?.until;
      if (until !== undefined && (first === undefined || until < first)) first = until;
    }
    return first;
  }

  /** When the next rate opens whose window began before this one counted; undefined: none does. */
  private knownNext(): number | undefined {
    const windows = (this.settings?.limits ?? []).flatMap(({ rate }) => (rate === undefined ? [] : [rate.windowMs]));
    const opens = windows.map((ms) => this.knownFrom + ms).filter((at) => at > this.now);
    return opens.length === 0 ? undefined : Math.min(...opens);
  }

  /** Every limit that counts something now, for people. */
  *counts(): Iterable<{
    readonly limit: QueueLimit;
    readonly name: string;
    readonly held: number;
    readonly used: number;
  }> {
    for (const { limit, name, held, used } of this.meters.values()) yield { limit, name, held, used };
  }

  private blockBy(of: Counted, name: string, units: number): Block | undefined {
    const limit = this.limitOf(of, name);
    if (limit === undefined) return undefined;
    const { held, used, recent } = this.meters.get(`${of} ${name}`) ?? NOTHING;
    if (limit.concurrency !== undefined && held >= limit.concurrency) return { kind: 'concurrency', limit, name, held };
    if (limit.rate === undefined) return undefined;
    const knownAt = this.knownFrom + limit.rate.windowMs;
    if (this.now < knownAt) return { kind: 'rate', limit, name, opensAt: knownAt };
    // One that takes more than all there is starts when nothing else has.
    if (used === 0 || used + units <= limit.rate.units) return undefined;
    const opensAt = this.opensFor(recent, used, units, limit.rate.units);
    return { kind: 'rate', limit, name, ...(opensAt === undefined ? {} : { opensAt }) };
  }

  private opensFor(recent: Meter['recent'], used: number, units: number, most: number): number | undefined {
    let left = used;
    for (const { until, units: freed } of recent) {
      left -= freed;
      if (left === 0 || left + units <= most) return until;
    }
    return undefined;
  }

  private limitOf(of: Counted, name: string): QueueLimit | undefined {
    const limits = this.limits.get(of);
    return limits === undefined ? undefined : (limits.named.get(name) ?? limits.each);
  }

  /** Undefined: it is not limited. */
  private meterOf(of: Counted, name: string): Meter | undefined {
    const limit = this.limitOf(of, name);
    if (limit === undefined) return undefined;
    const key = `${of} ${name}`;
    const known = this.meters.get(key);
    if (known !== undefined) return known;
    const meter: Meter = { limit, name, held: 0, used: 0, recent: [] };
    this.meters.set(key, meter);
    return meter;
  }

  private *metersOf({ type, group }: Wants): Iterable<Meter> {
    const meters = [
      this.meterOf('queue', ''),
      this.meterOf('type', type),
      group === '' ? undefined : this.meterOf('group', group),
    ];
    for (const meter of meters) if (meter !== undefined) yield meter;
  }

  /** There is one for each group that has anything; those of groups that are gone would stay for ever. */
  private dropIdle({ limit, name, held, used }: Meter): void {
    if (held === 0 && used === 0) this.meters.delete(`${limit.of} ${name}`);
  }

  private countStart({ at, type, group, units }: Start): void {
    for (const meter of this.metersOf({ type, group })) {
      if (meter.limit.rate === undefined) continue;
      meter.used += units;
      meter.recent.push({ until: at + meter.limit.rate.windowMs, units });
    }
  }

  private forgetStarts(now: number): void {
    let old = 0;
    while (old < this.starts.length && (this.starts[old] as Start).at + this.longestMs <= now) old++;
    if (old > 0) this.starts.splice(0, old);
  }
}
