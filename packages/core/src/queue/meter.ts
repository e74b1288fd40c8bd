import type { AppliedLimit } from './defined.ts';
import type { Rate } from './limit.ts';
import type { Place } from './places.ts';

/** Units that have started, and are counted until their window is over. */
export type Recent = { readonly until: number; readonly units: number; readonly meter: Meter };

/** What one limit has counted. */
export type Meter = {
  readonly limit: AppliedLimit;
  readonly place: Place;
  held: number;
  /** Units that are on their way to a start, or have started in the last window. */
  used: number;
  /** Of those that have started, oldest first. */
  readonly recent: Recent[];
};

/** What of a limit is full: the slots, the units, or both. */
export type FullLimit = {
  readonly limit: AppliedLimit;
  readonly concurrency?: { readonly most: number; readonly running: number };
  /** `opensInMs` from now, absent where it is not known. */
  readonly rate?: Rate & { readonly used: number; readonly opensInMs?: number };
};

/** `knownFrom`: what started before is not known, somebody else has counted it. */
export type Clock = { readonly now: number; readonly knownFrom: number };

const NOTHING: Pick<Meter, 'held' | 'used' | 'recent'> = { held: 0, used: 0, recent: [] };

/** No slot, or not so many units. */
export const isFull = (limit: AppliedLimit, meter: Meter | undefined, units: number, clock: Clock): boolean => {
  const { held, used } = meter ?? NOTHING;
  if (limit.concurrency !== undefined && held >= limit.concurrency) return true;
  return limit.rate !== undefined && !isOpen(limit.rate, used, units, clock);
};

/** One that takes more than all there is starts when nothing else has. */
const isOpen = (rate: Rate, used: number, units: number, { now, knownFrom }: Clock): boolean =>
  now >= knownFrom + rate.windowMs && (used === 0 || used + units <= rate.units);

/** How many more may start. */
export const roomIn = ({ concurrency, rate }: AppliedLimit, meter: Meter | undefined): number => {
  const { held, used } = meter ?? NOTHING;
  const slots = concurrency === undefined ? Number.POSITIVE_INFINITY : concurrency - held;
  const units = rate === undefined ? Number.POSITIVE_INFINITY : rate.units - used;
  return Math.max(0, Math.min(slots, units));
};

/** What is full for a task of so many units, for people; undefined: nothing. */
export const fullness = (
  limit: AppliedLimit,
  meter: Meter | undefined,
  units: number,
  clock: Clock,
): FullLimit | undefined => {
  if (!isFull(limit, meter, units, clock)) return undefined;
  const { held, used } = meter ?? NOTHING;
  const { concurrency: most, rate } = limit;
  const concurrency = most !== undefined && held >= most ? { concurrency: { most, running: held } } : {};
  if (rate === undefined || isOpen(rate, used, units, clock)) return { limit, ...concurrency };
  const at = opensAt(rate, meter, units, clock);
  const opens = at === undefined ? {} : { opensInMs: Math.ceil(Math.max(0, at - clock.now)) };
  return { limit, ...concurrency, rate: { ...rate, used, ...opens } };
};

/** When so many units are free; undefined: that hangs on what is on its way, which may start and may be given back. */
const opensAt = (
  rate: Rate,
  meter: Meter | undefined,
  units: number,
  { now, knownFrom }: Clock,
): number | undefined => {
  const { used, recent } = meter ?? NOTHING;
  const started = recent.reduce((sum, start) => sum + start.units, 0);
  const at = roomAt(recent, overIn(rate, started, units), now);
  if (at === undefined || at !== roomAt(recent, overIn(rate, used, units), now)) return undefined;
  return Math.max(at, knownFrom + rate.windowMs);
};

/** Units that are to come free before so many more may start. */
const overIn = (rate: Rate, used: number, units: number): number => Math.min(used, used + units - rate.units);

const roomAt = (recent: Meter['recent'], over: number, now: number): number | undefined => {
  let left = over;
  let at = now;
  for (const start of recent) {
    if (left <= 0) break;
    left -= start.units;
    at = start.until;
  }
  return left > 0 ? undefined : at;
};
