import { WORK_ANSWER_BYTES } from '@baton/protocols';
import type { Clock } from '../ports/environment.ts';
import type { WorkTask } from './answers.ts';

/**
 * A claim is open for so long at least. What waits is offered to it, and an offer takes a moment: a claim that waits for
 * nothing gets what there is all the same.
 */
const LEAST_WAIT_MS = 200;

/** The same from when its queues have answered that they know of it, which takes longer where nobody has asked before; at most. */
const REACH_MS = 1_000;

/** Where one task comes to stand in an answer. */
export type Place = { readonly claim: OpenClaim; readonly bytes: number; task: WorkTask | undefined };

/** A claim that waits for tasks. */
type OpenClaim = {
  readonly max: number;
  /** Tasks that are on their way to it: being claimed, or read. */
  pending: number;
  /** In the order in which they were offered, whichever is claimed first. */
  readonly places: Place[];
  bytes: number;
  /** It takes nothing more: its time is over, or the next task would not fit into its answer. */
  closed: boolean;
  timer: { readonly cancel: () => void };
  readonly settle: (tasks: readonly WorkTask[]) => void;
};

/**
 * The claims of one worker that wait, the oldest first. One is answered when its time is over, or as soon as it has a task
 * and none is on its way to it: whoever waits for more asks again.
 */
export class OpenClaims {
  private readonly clock: Clock;
  private readonly open = new Set<OpenClaim>();
  private readonly changed: () => void;
  private readonly isReached: () => boolean;

  /** `isReached`: the queues know of the room there is. */
  constructor(clock: Clock, changed: () => void, isReached: () => boolean) {
    this.clock = clock;
    this.changed = changed;
    this.isReached = isReached;
  }

  /** Tasks that can still be taken for them. */
  get room(): number {
    let room = 0;
    for (const claim of this.open) if (!claim.closed) room += roomOf(claim);
    return room;
  }

  /** Resolves with what came for it. */
  wait(max: number, waitMs: number): Promise<readonly WorkTask[]> {
    return new Promise((settle) => {
      const atLeast = Math.max(waitMs, LEAST_WAIT_MS);
      const timer = this.clock.after(atLeast, () => this.timeIsOver(claim, atLeast));
      const claim: OpenClaim = { max, pending: 0, places: [], bytes: 0, closed: false, timer, settle };
      this.open.add(claim);
      this.changed();
    });
  }

  /** Takes a place for a task of about so many bytes; undefined: there is none. It is given to `arrived` or `failed`. */
  reserve(bytes: number): Place | undefined {
    for (const claim of this.open) {
      if (claim.closed || roomOf(claim) === 0) continue;
      const isFirst = claim.places.length === 0;
      if (!isFirst && claim.bytes + bytes > WORK_ANSWER_BYTES) {
        this.closeClaim(claim);
        continue;
      }
      const place: Place = { claim, bytes, task: undefined };
      claim.pending++;
      claim.bytes += bytes;
      claim.places.push(place);
      return place;
    }
    return undefined;
  }

  arrived(place: Place, task: WorkTask): void {
    place.task = task;
    place.claim.pending--;
    this.answerWhenDone(place.claim);
  }

  failed(place: Place): void {
    const { claim } = place;
    claim.pending--;
    claim.bytes -= place.bytes;
    claim.places.splice(claim.places.indexOf(place), 1);
    // Its place is free again, where it still waits.
    if (!this.answerWhenDone(claim)) this.changed();
  }

  /** All are answered with what they have. */
  closeAll(): void {
    for (const claim of [...this.open]) this.closeClaim(claim);
  }

  private timeIsOver(claim: OpenClaim, waitedMs: number): void {
    if (waitedMs >= REACH_MS || this.isReached()) return this.closeClaim(claim);
    claim.timer = this.clock.after(LEAST_WAIT_MS, () => this.timeIsOver(claim, waitedMs + LEAST_WAIT_MS));
  }

  private closeClaim(claim: OpenClaim): void {
    claim.closed = true;
    this.answerWhenDone(claim);
  }

  /** Whether it was answered now. */
  private answerWhenDone(claim: OpenClaim): boolean {
    if (claim.pending > 0 || (claim.places.length === 0 && !claim.closed)) return false;
    if (!this.open.delete(claim)) return false;
    claim.closed = true;
    claim.timer.cancel();
    claim.settle(claim.places.flatMap(({ task }) => task ?? []));
    this.changed();
    return true;
  }
}

const roomOf = ({ max, places }: OpenClaim): number => max - places.length;
