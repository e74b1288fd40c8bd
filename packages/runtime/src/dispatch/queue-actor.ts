import { TaskQueue, type ReadyTask, type TaskOffer } from '@baton/core';
import type { Address } from '@baton/protocols';
import type { Clock, Credit, CreditAnswer, Dispatch } from '../ports.ts';
import { DISPATCH_TIMINGS, MESSAGE_BYTES, OFFER_BYTES_LIMIT } from './timings.ts';

export type QueueActorOptions = {
  readonly queue: string;
  /** The supervisor that hosts it. */
  readonly supervisor: string;
  readonly dispatch: Dispatch;
  readonly clock: Clock;
};

/** What is known of one worker's session. */
type Session = {
  readonly worker: string;
  readonly name: string;
  turn: number;
  sent: number;
  limit: number;
  shares: boolean;
  /** It was told that tasks wait it has no credit for. */
  nudged: boolean;
};

/**
 * The queue actor: decides what starts next in one queue, and offers it to the workers that serve it.
 *
 * A task comes in as ready, is offered to one worker, and is gone when its record says so: claimed, cancelled, ended. What
 * is offered and not claimed in time is ready again. A worker comes with its first credit, has as many offers as its
 * credit allows, and goes when it says so, when it begins another session, or when it is found dead.
 *
 * The actor holds nothing that could not be made again: tasks from the records, which supervisors watch, and credit from
 * the workers, which tell it all the time. So it may vanish at any moment, and two of one queue do no harm.
 */
export class QueueActor {
  readonly queue: string;
  private readonly options: QueueActorOptions;
  private readonly tasks = new TaskQueue<Address>({ offerMs: DISPATCH_TIMINGS.offerMs, bytesLimit: OFFER_BYTES_LIMIT });
  private readonly sessions = new Map<string, Session>();
  private timer: { readonly cancel: () => void } | undefined;
  private dealing = false;
  private stopped = false;

  constructor(options: QueueActorOptions) {
    this.options = options;
    this.queue = options.queue;
  }

  get size(): { readonly waiting: number; readonly offered: number } {
    return this.tasks.size;
  }

  /** Workers that serve it now. */
  get workers(): number {
    return this.sessions.size;
  }

  /** Nothing is ready in it, and nobody serves it. */
  get isIdle(): boolean {
    return this.tasks.isEmpty;
  }

  /** `source`: the supervisor that tells it. */
  ready(task: ReadyTask<Address>, source: string): void {
    this.tasks.ready(task, source);
    this.dealSoon();
  }

  gone(address: Address, revision: number, source: string): void {
    this.tasks.gone(address, revision, source);
  }

  forget(source: string): void {
    this.tasks.forget(source);
  }

  credit(credit: Credit): CreditAnswer {
    const { worker, returned, leaving } = credit;
    const session = this.sessionOf(credit);
    for (const { address, revision, how } of returned) this.tasks.returned(worker, address, revision, how);
    if (leaving) this.workerGone(worker);
    else if (credit.turn >= session.turn) {
      session.turn = credit.turn;
      session.shares = credit.shares ?? false;
      session.limit = Math.max(session.sent, credit.limit);
      this.tasks.serve(worker, new Set(credit.types));
      this.tasks.credit(worker, session.limit - session.sent);
    }
    this.deal();
    const { sent, limit } = session;
    const waiting = this.tasks.waitingFor(worker);
    session.nudged = waiting > 0;
    return { supervisor: this.options.supervisor, hosts: true, sent, limit, waiting };
  }

  /** What was offered to the worker is for others. */
  workerGone(worker: string): void {
    if (!this.sessions.delete(worker)) return;
    this.tasks.leave(worker);
    this.dealSoon();
  }

  stop(): void {
    this.stopped = true;
    this.timer?.cancel();
  }

  private sessionOf({ worker, session: name }: Credit): Session {
    const known = this.sessions.get(worker);
    if (known?.name === name) return known;
    // It begins anew: whatever was under way to it is lost.
    this.tasks.leave(worker);
    const session: Session = { worker, name, turn: 0, sent: 0, limit: 0, shares: false, nudged: false };
    this.sessions.set(worker, session);
    return session;
  }

  /** Once for all that is told in one piece of the event loop, so that offers go out in batches. */
  private dealSoon(): void {
    if (this.dealing) return;
    this.dealing = true;
    queueMicrotask(() => {
      this.dealing = false;
      this.deal();
    });
  }

  private deal(): void {
    if (this.stopped) return;
    const { clock } = this.options;
    for (const [worker, offers] of this.tasks.deal(clock.monotonic())) this.send(worker, offers);
    for (const session of this.sessions.values()) if (session.shares) this.nudge(session);
    if (this.tasks.size.offered > 0) this.timer ??= clock.after(DISPATCH_TIMINGS.lookMs, () => this.look());
  }

  private send(worker: string, offers: readonly TaskOffer<Address>[]): void {
    const session = this.sessions.get(worker);
    if (session === undefined) return;
    const waiting = this.tasks.waitingFor(worker);
    session.nudged = waiting > 0;
    for (const part of partsOf(offers)) {
      const { queue } = this;
      this.options.dispatch.offer(worker, { queue, session: session.name, from: session.sent, offers: part, waiting });
      session.sent += part.length;
    }
  }

  /** A worker of several queues gives its slots to those where something waits: it is told once. */
  private nudge(session: Session): void {
    if (session.nudged || session.limit > session.sent) return;
    const waiting = this.tasks.waitingFor(session.worker);
    if (waiting === 0) return;
    session.nudged = true;
    const { name, sent, worker } = session;
    this.options.dispatch.offer(worker, { queue: this.queue, session: name, from: sent, offers: [], waiting });
  }

  /**
   * It has not claimed what was offered. It stands still, or the offer was lost: then it sees by the number of this message
   * that one is missing, and tells its credit anew.
   */
  private remind(worker: string): void {
    const session = this.sessions.get(worker);
    if (session === undefined) return;
    const { name, sent } = session;
    this.options.dispatch.offer(worker, { queue: this.queue, session: name, from: sent, offers: [], waiting: 1 });
  }

  private look(): void {
    this.timer = undefined;
    for (const worker of this.tasks.expire(this.options.clock.monotonic())) this.remind(worker);
    this.deal();
  }
}

/** Offers in messages that are not too large. */
function* partsOf(offers: readonly TaskOffer<Address>[]): Generator<readonly TaskOffer<Address>[]> {
  let part: TaskOffer<Address>[] = [];
  let bytes = 0;
  for (const offer of offers) {
    const size = offer.bytes?.length ?? 0;
    if (part.length > 0 && bytes + size > MESSAGE_BYTES) {
      yield part;
      part = [];
      bytes = 0;
    }
    part.push(offer);
    bytes += size;
  }
  if (part.length > 0) yield part;
}
