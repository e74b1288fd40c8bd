import { backoffDelayMs } from '@baton/core';
import { BatonError, OutcomeUnknownError } from '../../errors.ts';
import type { Chance, Clock, Subscription } from '../../ports/environment.ts';

/** Spread out and growing: watches that all come back at once after an outage have brought servers down before. */
const RESTART = { initialMs: 1_000, factor: 2, maxMs: 30_000, jitter: 0.5 };

/** After a reconnect the pause is cut short, to a random part of this: a whole fleet reconnects at the same moment. */
const HURRY_MS = 500;

/** One life of a subscription. What an earlier one still says is not listened to. */
export type Session = {
  readonly generation: number;
  readonly isCurrent: () => boolean;
  /** Something came; it is alive. */
  readonly active: () => void;
  readonly caughtUp: () => void;
  readonly lost: (cause: BatonError) => void;
};

export type FollowerOptions = {
  readonly open: (session: Session) => Promise<Subscription>;
  readonly caughtUp: (generation: number) => void;
  readonly ended: (why: string, restartMs: number, cause?: BatonError) => void;
  readonly clock: Clock;
  readonly chance: Chance;
  /** Longest time without anything before it has caught up. */
  readonly catchUpMs: number;
};

/** Keeps a subscription going: opened again with growing pauses when it ends, fails to open, or is found silent. */
export class Follower {
  private readonly options: FollowerOptions;
  private subscription: Subscription | undefined;
  private timer: { readonly cancel: () => void } | undefined;
  private generation = 0;
  private failures = 0;
  private activeAt = 0;
  private opening = false;
  private isCaughtUp = false;
  private restartCount = 0;

  constructor(options: FollowerOptions) {
    this.options = options;
  }

  get ready(): boolean {
    return this.isCaughtUp;
  }

  get restarts(): number {
    return this.restartCount;
  }

  /** Opens it now, in place of the one there is. */
  open(): void {
    this.stop();
    const generation = this.generation;
    this.opening = true;
    this.activeAt = this.options.clock.monotonic();
    this.options.open(this.session(generation)).then(
      (subscription) => {
        if (generation !== this.generation) return subscription.close();
        this.subscription = subscription;
      },
      (error: unknown) => {
        const cause = error instanceof BatonError ? error : new OutcomeUnknownError(String(error), { cause: error });
        if (generation === this.generation) this.restart('it did not open', cause);
      },
    );
  }

  /** Ends it and opens another one after a pause. */
  restart(why: string, cause?: BatonError): void {
    this.stop();
    this.restartCount++;
    const pauseMs = backoffDelayMs(RESTART, ++this.failures, this.options.chance.random());
    this.options.ended(why, pauseMs, cause);
    this.openIn(pauseMs);
  }

  /** The connection is back: no need to wait out a pause that grew while it was away. */
  hurry(): void {
    if (this.timer === undefined) return;
    this.failures = 0;
    this.openIn(HURRY_MS * this.options.chance.random());
  }

  stop(): void {
    this.generation++;
    this.opening = false;
    this.isCaughtUp = false;
    this.timer?.cancel();
    this.timer = undefined;
    this.subscription?.close();
    this.subscription = undefined;
  }

  /** Called often: gives up a life that gives nothing and does not say so. */
  check(): void {
    if (!this.opening || this.options.clock.monotonic() - this.activeAt < this.options.catchUpMs) return;
    this.restart('it gave nothing for too long');
  }

  private openIn(ms: number): void {
    this.timer?.cancel();
    this.timer = this.options.clock.after(ms, () => this.open());
  }

  private session(generation: number): Session {
    const isCurrent = (): boolean => generation === this.generation;
    return {
      generation,
      isCurrent,
      active: () => {
        if (this.opening && isCurrent()) this.activeAt = this.options.clock.monotonic();
      },
      caughtUp: () => {
        if (!isCurrent() || this.isCaughtUp) return;
        this.opening = false;
        this.isCaughtUp = true;
        this.failures = 0;
        this.options.caughtUp(generation);
      },
      lost: (cause) => {
        if (isCurrent()) this.restart('it ended', cause);
      },
    };
  }
}
