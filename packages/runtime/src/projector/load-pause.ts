import type { Clock } from '../ports/environment.ts';
import { pause } from './outage-retry.ts';

/** A projection that shows tasks as they were longer ago, milliseconds, does not rest any more. */
const LATEST_MS = 8_000;

/** Fewer that came since the batch before, and to write them takes nothing from anybody. */
const RUSH_VERSIONS = 400;

/** Whether the rush is over is looked at this often. */
const LOOK_MS = 250;

/**
 * How many of a machine's processors had nothing to do a moment ago. The same for all who ask at one time: of projections
 * that rest none is to take what another does now for the rush that goes on.
 */
export type Idle = { readonly idle: number; readonly processors: number };

type LoadPauseParts = {
  readonly idleProcessors: () => Idle;
  readonly clock: Clock;
  readonly signal: AbortSignal;
};

/**
 * Where the projector shares a machine with what it reports about, tasks come first: documents are some seconds late in
 * a rush, and cheaper for it, since more of a task's life becomes one write. On a machine with a processor to spare it
 * never rests, nor does it when the rush is over.
 */
export class LoadPause {
  private readonly parts: LoadPauseParts;
  private waiting = 0;
  /** The rush was found to be over: what came in it is written before anybody rests again. */
  private isCalm = false;

  constructor(parts: LoadPauseParts) {
    this.parts = parts;
    parts.idleProcessors();
  }

  /** After a batch: leaves the processors to others for as long as that is right. Rejects with Stopped. */
  async rest({ versions, waiting, ageMs }: Written): Promise<void> {
    const { idleProcessors, clock, signal } = this.parts;
    const arrived = versions + waiting - this.waiting;
    this.waiting = waiting;
    const isRush = arrived >= Math.max(RUSH_VERSIONS, versions / 2);
    const wasShort = isShort(idleProcessors());
    const wasCalm = this.isCalm;
    this.isCalm = false;
    if (!isRush || !wasShort || wasCalm) return;
    const until = clock.monotonic() + LATEST_MS - ageMs;
    while (clock.monotonic() < until) {
      await pause(clock, Math.min(LOOK_MS, until - clock.monotonic()), signal);
      if (isShort(idleProcessors())) continue;
      this.isCalm = true;
      return;
    }
  }
}

/** Without one idle, or half of the only one, what a projection takes is taken from somebody. */
const isShort = ({ idle, processors }: Idle): boolean => idle < Math.min(1, processors / 2);

/** A batch that was written: its versions, and those that waited behind it when it was taken. */
export type Written = {
  readonly versions: number;
  readonly waiting: number;
  /** Of the newest version in it: whatever is behind it is younger. */
  readonly ageMs: number;
};
