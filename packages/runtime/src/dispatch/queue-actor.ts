import { TaskQueue, type HeldTask, type QueueSettings, type ReadyTask, type TaskOffer } from '@baton/core';
import type { Address } from '@baton/protocols';
import type { Clock, Credit, CreditAnswer, Dispatch } from '../ports.ts';
import { DISPATCH_TIMINGS, MESSAGE_BYTES, OFFER_BYTES_LIMIT } from './timings.ts';

export type QueueActorOptions = {
  readonly queue: string;
  /** The supervisor that hosts it. */
  readonly supervisor: string;
  readonly dispatch: Dispatch;
  readonly clock: Clock;
  /** Names what this actor offers, where slots are counted. */
  readonly nonce: string;
  /** False: nothing may start now, since what is set for the queue is not known. */
  readonly mayStart: () => boolean;
  /** The same of a limited queue; see Tenure. */
  readonly isOpen: (opened: () => void) => boolean;
  /** Of the record as it is stored, from the leader; undefined: there is none. */
  readonly revisionOf: (address: Address) => Promise<number | undefined>;
  /** When this supervisor became the host, by the server's clock. */
  readonly hostSince: () => number;
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
  private readonly tasks: TaskQueue<Address>;
  private readonly sessions = new Map<string, Session>();
  private timer: { readonly cancel: () => void } | undefined;
  private rateTimer: { readonly cancel: () => void; readonly at: number } | undefined;
  private settings: QueueSettings | undefined;
  private readonly looking = new Set<Address>();
  private dealing = false;
  private stopped = false;

  constructor(options: QueueActorOptions) {
    this.options = options;
    this.queue = options.queue;
    const { offerMs, voidMs } = DISPATCH_TIMINGS;
    this.tasks = new TaskQueue({ offerMs, voidMs, bytesLimit: OFFER_BYTES_LIMIT, name: options.nonce });
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
    if (this.tasks.isLimited) {
      this.tasks.at(this.options.clock.monotonic());
      this.dealSoon();
    }
    this.tasks.gone(address, revision, source);
  }

  /** Of a limited queue: it runs. */
  held(task: HeldTask<Address>, source: string): void {
    this.tasks.at(this.options.clock.monotonic());
    this.tasks.held(task, source);
  }

  forget(source: string): void {
    this.tasks.forget(source);
  }

  /** `source` has told all there is of these partitions. */
  settle(source: string, its: (address: Address) => boolean): void {
    if (!this.tasks.isLimited) return;
    this.tasks.at(this.options.clock.monotonic());
    this.tasks.settle(source, its);
    this.dealSoon();
  }

  /** What is set for the queue, undefined: nothing. */
  set(settings: QueueSettings | undefined): void {
    if (settings === this.settings) return;
    this.settings = settings;
    this.tasks.set(settings, this.options.clock.monotonic());
    this.dealSoon();
  }

  /** Something may have come free, or open. */
  look(): void {
    this.dealSoon();
  }

  credit(credit: Credit): CreditAnswer {
    const { worker, returned, leaving } = credit;
    const session = this.sessionOf(credit);
    for (const { address, revision, how, term } of returned) this.tasks.returned(worker, address, revision, how, term);
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
    const term = this.confirm(worker);
    const answer = { supervisor: this.options.supervisor, hosts: true, sent, limit, waiting };
    return term === undefined ? answer : { ...answer, term };
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
    this.rateTimer?.cancel();
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

  /** Under which the worker may claim what was offered to it; undefined: nothing is counted, or nothing may start now. */
  private confirm(worker: string): string | undefined {
    return this.tasks.isLimited && this.mayStart()
      ? this.tasks.confirm(worker, this.options.clock.monotonic())
      : undefined;
  }

  private mayStart(): boolean {
    const { mayStart, isOpen } = this.options;
    return mayStart() && (!this.tasks.isLimited || isOpen(() => this.opened()));
  }

  /** This supervisor was not the host when these limits were set: who was has counted what started then. */
  private opened(): void {
    const since = this.options.hostSince();
    if (this.settings?.limits.some(({ rate, at }) => rate !== undefined && at < since))
      this.tasks.begin(this.options.clock.monotonic());
  }

  private deal(): void {
    if (this.stopped || !this.mayStart()) return;
    const { clock } = this.options;
    for (const [worker, offers] of this.tasks.deal(clock.monotonic())) this.send(worker, offers);
    this.wakeWhenOpen();
    for (const session of this.sessions.values()) if (session.shares) this.nudge(session);
    if (this.tasks.size.offered > 0 || this.tasks.hasBound)
      this.timer ??= clock.after(DISPATCH_TIMINGS.lookMs, () => this.lookForLate());
  }

  /** Offers of it were lost, or whoever had them is: looks whether it was claimed. In vain: it is looked at again. */
  private async resolve({
    address,
    revision,
  }: {
    readonly address: Address;
    readonly revision: number;
  }): Promise<void> {
    if (this.looking.has(address)) return;
    this.looking.add(address);
    const stored = await this.options.revisionOf(address).catch(() => undefined);
    this.looking.delete(address);
    if (this.stopped || stored !== revision) return;
    this.tasks.unclaimed(address, revision, this.options.clock.monotonic());
    this.dealSoon();
  }

  /** A rate opens by the passing of time alone. */
  private wakeWhenOpen(): void {
    const at = this.tasks.opensAt;
    if (at === this.rateTimer?.at) return;
    this.rateTimer?.cancel();
    this.rateTimer = undefined;
    if (at === undefined) return;
    const { clock } = this.options;
    const { cancel } = clock.after(Math.max(1, at - clock.monotonic()), () => {
      this.rateTimer = undefined;
      this.deal();
    });
    this.rateTimer = { cancel, at };
  }

  private send(worker: string, offers: readonly TaskOffer<Address>[]): void {
    const session = this.sessions.get(worker);
    if (session === undefined) return;
    const waiting = this.tasks.waitingFor(worker);
    session.nudged = waiting > 0;
    const term = offers[0]?.term;
    for (const part of partsOf(offers)) {
      const { queue } = this;
      const batch = { queue, session: session.name, from: session.sent, offers: part, waiting };
      this.options.dispatch.offer(worker, term === undefined ? batch : { ...batch, term });
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

  private lookForLate(): void {
    this.timer = undefined;
    for (const worker of this.tasks.expire(this.options.clock.monotonic())) this.remind(worker);
    for (const doubt of this.tasks.doubts(this.options.clock.monotonic())) void this.resolve(doubt);
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
