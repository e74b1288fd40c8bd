import type { Clock } from '../ports.ts';
import type { QuarantineKind } from './views.ts';

/** Everything counted since the start. */
export type Counters = Record<QuarantineKind, number> & {
  events: number;
  batches: number;
  /** Documents written. */
  documents: number;
  /** Documents not written because what was there was as new. */
  stale: number;
  /** Archive marks written. */
  marked: number;
  /** Marks that were not confirmed; the sweep looks after them. */
  unmarked: number;
  sweeps: number;
};

export const zeroCounters = (): Counters => ({
  events: 0,
  batches: 0,
  documents: 0,
  stale: 0,
  newer: 0,
  corrupt: 0,
  refused: 0,
  foreign: 0,
  marked: 0,
  unmarked: 0,
  sweeps: 0,
});

/** How far the projection is behind (behaviour P5). */
export type Lag = {
  /** Events that are not projected: those in hand, and those that waited when the last ones were taken. */
  readonly events: number;
  /** Age of the oldest change in hand, milliseconds; 0 when there is none. */
  readonly ageMs: number;
};

/** Batches in hand: taken from the log and not yet written. */
export class LagMeter {
  private readonly clock: Clock;
  private readonly hands = new Set<Hand>();
  private waiting = 0;

  constructor(clock: Clock) {
    this.clock = clock;
  }

  taken(hand: Hand, waiting: number): void {
    this.hands.add(hand);
    this.waiting = waiting;
  }

  written(hand: Hand): void {
    this.hands.delete(hand);
  }

  lag(): Lag {
    let events = this.waiting;
    let oldestAt = Infinity;
    for (const hand of this.hands) {
      events += hand.events;
      oldestAt = Math.min(oldestAt, hand.oldestAt ?? Infinity);
    }
    return { events, ageMs: oldestAt === Infinity ? 0 : Math.max(0, this.clock.now() - oldestAt) };
  }
}

export type Hand = { readonly events: number; readonly oldestAt: number | undefined };
