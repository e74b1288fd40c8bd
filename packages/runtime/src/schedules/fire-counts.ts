import { SKIP_WHY, type ScheduleEntry, type ScheduleRecord } from '@baton/core';
import type { Log } from '../log.ts';

/** How the history begins to say why a fire has no task, where that is found out as it is to be made. */
export const OVERLAP = 'overlap: ';
export const IN_DOUBT = 'nobody can tell any more whether it was started';

/** What became of fires, and of times that did not fire, since the start. */
export type FireCounts = {
  started: number;
  /** The task of an earlier one was not over. */
  overlap: number;
  /** Of days that are left out. */
  calendar: number;
  /** Nobody could fire in time, or so many waited already, or nobody can tell. */
  missed: number;
  /** Its task cannot be made, now or later. */
  refused: number;
  /** Tries of which nothing came yet. */
  again: number;
};

type Skipped = Extract<ScheduleEntry, { kind: 'skipped' }>;

type SkipOutcome = 'overlap' | 'calendar' | 'missed' | 'refused';

export type FireMeterParts = {
  readonly log: Log;
  readonly once: { readonly say: (key: string, say: () => void) => void };
};

/**
 * Counts and says what became of fires, from the writes of this process: each is stored by one, so the counts of all
 * supervisors add up.
 */
export class FireMeter {
  readonly counts: FireCounts = { started: 0, overlap: 0, calendar: 0, missed: 0, refused: 0, again: 0 };
  private readonly parts: FireMeterParts;

  constructor(parts: FireMeterParts) {
    this.parts = parts;
  }

  /** `after` was stored in the place of `before`, by this process. */
  readonly stored = (before: ScheduleRecord | undefined, after: ScheduleRecord): void => {
    const former = new Set(before?.history);
    const last = before?.history.at(-1);
    const grown = last !== undefined && !after.history.includes(last) ? last : undefined;
    for (const entry of after.history) {
      if (former.has(entry)) continue;
      if (entry.kind === 'started') this.started(after, entry.task);
      // Skips for one reason, one after the other, are one entry that grows.
      else if (entry.kind === 'skipped') this.skipped(after, entry, isSame(grown, entry) ? grown.count : 0);
    }
  };

  private started({ name }: ScheduleRecord, task: string): void {
    this.counts.started++;
    this.parts.log.debug({ schedule: name, task }, 'a schedule has fired');
  }

  private skipped({ name }: ScheduleRecord, { why, count }: Skipped, known: number): void {
    const outcome = skipOutcome(why);
    const skipped = count - known;
    this.counts[outcome] += skipped;
    const { log, once } = this.parts;
    const told = { schedule: name, why, count: skipped };
    if (outcome === 'overlap' || outcome === 'calendar') return log.debug(told, 'fires of a schedule are skipped');
    once.say(`fires ${outcome} ${name}`, () => log.warn(told, 'fires of a schedule come to nothing'));
  }
}

const isSame = (last: ScheduleEntry | undefined, { why, by }: Skipped): last is Skipped =>
  last?.kind === 'skipped' && last.why === why && last.by === by;

const MISSED: ReadonlySet<string> = new Set([SKIP_WHY.missed, SKIP_WHY.full, SKIP_WHY.paused, IN_DOUBT]);

const skipOutcome = (why: string): SkipOutcome => {
  if (why.startsWith(OVERLAP)) return 'overlap';
  if (why === SKIP_WHY.calendar) return 'calendar';
  return MISSED.has(why) ? 'missed' : 'refused';
};
