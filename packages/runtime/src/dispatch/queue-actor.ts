import {
  limitsOf,
  type Displacement,
  Pace,
  TaskQueue,
  type HeldTask,
  type QueueSettings,
  type QueueView,
  type ReadyTask,
  type RecordBudget,
  type TaskOffer,
} from '@baton/core';
import type { Address } from '@baton/protocols';
import type { Clock } from '../ports/environment.ts';
import type { Credit, CreditAnswer, Dispatch } from '../ports/dispatch.ts';
import { partsOf } from './offer-parts.ts';
import { DISPATCH_TIMINGS } from './timings.ts';

export type QueueActorOptions = {
  readonly queue: string;
  /** The supervisor that hosts it. */
  readonly supervisor: string;
  readonly dispatch: Dispatch;
  readonly clock: Clock;
  /** Names what this actor offers, where slots are counted. */
  readonly nonce: string;
  /** What all queues of the supervisor share for the records of what waits. */
  readonly records: RecordBudget;
  /** False: the worker is gone, as far as is known here. True: it is told when it is (`workerGone`). */
  readonly admits: (worker: string) => boolean;
  /** Nothing of the type may start now. */
  readonly holdsBack: (type: string) => boolean;
  /** False: nothing may start now, since what is set for the queue is not known. */
  readonly mayStart: () => boolean;
  /** What is set for it is there, and cannot be read. */
  readonly isUnreadable: () => boolean;
  /** The same of a limited queue; see Tenure. */
  readonly isOpen: (opened: (clearAt: number) => void) => boolean;
  /** Of the record as it is stored, from the leader; undefined: there is none. */
  readonly revisionOf: (address: Address) => Promise<number | undefined>;
  /** Ends a task that waits, or tells one to stop that runs. False: not now. Never rejects. */
  readonly displace: (displacement: Displacement<Address>) => Promise<boolean>;
  /** Whether the record has ended, or is in another queue, as it is stored, from the leader. */
  readonly isOver: (address: Address) => Promise<boolean>;
  /** When this supervisor became the host, by the server's clock. */
  readonly hostSince: () => number;
};

/** Of those a group or key is full of, before one goes for them: the first, which began first and may end first. */
const BESIDE_LOOKED_AT = 64;

/** Of those that one deal displaces: each may read that many records, and writes one. */
const DISPLACED_AT_ONCE = 16;

/** What is known of one worker's session. */
type Session = {
  readonly worker: string;
  readonly name: string;
  types: readonly string[];
  /** Some of them are held back. */
  isHeldBack: boolean;
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
  /** Workers that are to say something to what they were told last, and when that was. */
  private readonly unanswered = new Map<string, number>();
  private timer: { readonly cancel: () => void } | undefined;
  private rateTimer: { readonly cancel: () => void; readonly at: number } | undefined;
  private settings: QueueSettings | undefined;
  private readonly pace = new Pace();
  /** What was not counted here has a window to pass since; `hostSince` of then. */
  private begunFor: number | undefined;
  private readonly looking = new Set<Address>();
  private dealing = false;
  private stopped = false;

  constructor(options: QueueActorOptions) {
    this.options = options;
    this.queue = options.queue;
    const { offerMs, voidMs } = DISPATCH_TIMINGS;
    this.tasks = new TaskQueue({ offerMs, voidMs, records: options.records, name: options.nonce });
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

  /** All are asked now what there is; see `settle`. */
  mark(): void {
    this.tasks.mark();
  }

  /** `source` has told all there was of these partitions at the last `mark`. False: it is to be asked again. */
  settle(source: string, its: (address: Address) => boolean): boolean {
    if (!this.tasks.isLimited) return true;
    this.tasks.at(this.options.clock.monotonic());
    this.dealSoon();
    return this.tasks.settle(source, its);
  }

  /** What is set for the queue, undefined: nothing. */
  set(settings: QueueSettings | undefined): void {
    if (settings === this.settings) return;
    this.settings = settings;
    this.tasks.set(settings, this.options.clock.monotonic());
    this.dealSoon();
  }

  /** Of those that were held back some may be so no more. */
  typesChanged(): void {
    for (const session of this.sessions.values()) if (session.isHeldBack) this.serve(session);
    this.dealSoon();
  }

  /** Something may have come free, or open. */
  look(): void {
    this.dealSoon();
  }

  /** Where the task stands, for whoever asks (behaviour Q9). `type` where it has not been heard of here. */
  standing(address: Address, type: string): QueueView<Address> {
    const now = this.options.clock.monotonic();
    const standing = this.tasks.standing(address, type, now);
    const halt = this.haltNow();
    const throughput = this.pace.over(now, this.tasks.starts, this.tasks.longestWindowMs);
    return {
      ...standing,
      ...(halt === undefined ? {} : { halt }),
      ...(throughput === undefined ? {} : { throughput }),
    };
  }

  /** Undefined: the session is not known here, and what has become of it neither; the worker begins another one. */
  credit(credit: Credit): CreditAnswer | undefined {
    const { worker, returned, leaving } = credit;
    const session = this.sessionOf(credit);
    if (session === undefined) return undefined;
    for (const { address, revision, how, term } of returned) this.tasks.returned(worker, address, revision, how, term);
    if (leaving) this.workerGone(worker);
    else if (credit.turn >= session.turn) {
      this.unanswered.delete(worker);
      session.turn = credit.turn;
      session.shares = credit.shares ?? false;
      session.limit = Math.max(session.sent, credit.limit);
      session.types = credit.types;
      this.serve(session);
      this.tasks.credit(worker, session.limit - session.sent);
    }
    this.deal();
    const { sent, limit } = session;
    const waiting = this.waitingFor(worker);
    session.nudged = waiting > 0;
    const term = this.confirm(worker);
    const answer = { supervisor: this.options.supervisor, hosts: true, sent, limit, waiting };
    return term === undefined ? answer : { ...answer, term };
  }

  /** What was offered to the worker is for others. */
  workerGone(worker: string): void {
    if (!this.sessions.delete(worker)) return;
    this.unanswered.delete(worker);
    this.tasks.leave(worker);
    this.dealSoon();
  }

  stop(): void {
    this.stopped = true;
    this.timer?.cancel();
    this.rateTimer?.cancel();
    this.tasks.close();
  }

  private serve(session: Session): void {
    const { worker, types } = session;
    const free = types.filter((type) => !this.options.holdsBack(type));
    session.isHeldBack = free.length < types.length;
    this.tasks.serve(worker, new Set(free));
  }

  private sessionOf({ worker, session: name, turn }: Credit): Session | undefined {
    const known = this.sessions.get(worker);
    if (known?.name === name) return known;
    // How many offers it has had is only known of one that begins; others were another host's, or of one that was gone.
    if (turn > 1 || !this.options.admits(worker)) return undefined;
    // It begins anew: whatever was under way to it is lost.
    this.tasks.leave(worker);
    const session: Session = {
      ...{ worker, name, types: [], isHeldBack: false, turn: 0, sent: 0, limit: 0, shares: false, nudged: false },
    };
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

  /** What is not open is no reason for anybody to keep a slot for it. */
  private waitingFor(worker: string): number {
    return this.mayStart() ? this.tasks.waitingFor(worker) : 0;
  }

  private mayStart(): boolean {
    const { mayStart, isOpen } = this.options;
    return mayStart() && (!this.tasks.isLimited || isOpen((clearAt) => this.opened(clearAt)));
  }

  /** Why nothing at all starts now, apart from what is set. */
  private haltNow(): QueueView['halt'] {
    if (this.options.isUnreadable()) return 'settings_unreadable';
    if (!this.options.mayStart()) return 'settings_unknown';
    return this.mayStart() ? undefined : 'taken_over';
  }

  /**
   * This supervisor was not the host when these limits were set: who was has counted what started then, by `clearAt`. Once
   * for as long as it is the host: it is opened again also after its process stood still, and has counted all since.
   */
  private opened(clearAt: number): void {
    const since = this.options.hostSince();
    if (since === this.begunFor) return;
    if (!limitsOf(this.settings).some(({ rate, at }) => rate !== undefined && at < since)) return;
    this.begunFor = since;
    this.tasks.begin(clearAt, since);
  }

  private deal(): void {
    if (this.stopped || !this.mayStart()) return;
    const { clock } = this.options;
    const now = clock.monotonic();
    const displaced = this.tasks.displaced();
    if (displaced.length > 0) void this.displaceAll(displaced);
    for (const [worker, offers] of this.tasks.deal(now)) this.send(worker, offers);
    if (this.pace.isDue(now)) this.pace.note(now, this.tasks.starts, this.tasks.isBusy);
    this.wakeWhenOpen();
    for (const session of this.sessions.values()) if (session.shares) this.nudge(session);
    if (this.tasks.size.offered > 0 || this.tasks.hasBound || this.unanswered.size > 0)
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

  /**
   * What is counted here may be behind, after a cut most of all, and nobody is to go for one that has ended: so those it is
   * full of are looked at. What may not go, cannot be told to stop yet or not be reached, is chosen anew a little later.
   */
  private async displaceAll(displacements: readonly Displacement<Address>[]): Promise<void> {
    for (let from = 0; from < displacements.length; from += DISPLACED_AT_ONCE) {
      // What was seen for those before is old by now.
      const looks = new Map<Address, Promise<boolean>>();
      const isOver = (address: Address): Promise<boolean> => {
        const known = looks.get(address) ?? this.options.isOver(address);
        looks.set(address, known);
        return known;
      };
      const some = displacements.slice(from, from + DISPLACED_AT_ONCE);
      await Promise.all(some.map((displacement) => this.displace(displacement, isOver)));
    }
  }

  private async displace(
    displacement: Displacement<Address>,
    isOver: (address: Address) => Promise<boolean>,
  ): Promise<void> {
    const { beside, most } = displacement;
    const over = await Promise.all(beside.slice(0, BESIDE_LOOKED_AT).map(isOver)).catch(() => undefined);
    if (this.stopped) return;
    const hasRoom = over !== undefined && beside.length - over.filter(Boolean).length < most;
    if (over !== undefined && !hasRoom && (await this.options.displace(displacement))) return;
    this.options.clock.after(hasRoom ? DISPATCH_TIMINGS.behindMs : DISPATCH_TIMINGS.displaceMs, () => {
      if (this.stopped) return;
      this.tasks.stays(displacement);
      this.deal();
    });
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
    const waiting = this.waitingFor(worker);
    session.nudged = waiting > 0;
    const term = offers[0]?.term;
    for (const part of partsOf(offers)) {
      const { queue } = this;
      const batch = { queue, session: session.name, from: session.sent, offers: part, waiting };
      this.options.dispatch.offer(worker, term === undefined ? batch : { ...batch, term });
      session.sent += part.length;
    }
  }

  /** A worker of several queues gives its slots to those where something waits: it is told. */
  private nudge(session: Session): void {
    if (session.nudged || session.limit > session.sent) return;
    const waiting = this.waitingFor(session.worker);
    if (waiting === 0) return;
    session.nudged = true;
    this.call(session, waiting);
  }

  /**
   * It has not claimed what was offered. It stands still, or the offer was lost: then it sees by the number of this message
   * that one is missing, and tells its credit anew.
   */
  private remind(worker: string): void {
    const session = this.sessions.get(worker);
    if (session !== undefined) this.call(session, 1);
  }

  /** It says something to this when it comes. Until it does, it is told again: this may be lost, too. */
  private call({ worker, name, sent }: Session, waiting: number): void {
    this.unanswered.set(worker, this.options.clock.monotonic());
    this.options.dispatch.offer(worker, { queue: this.queue, session: name, from: sent, offers: [], waiting });
  }

  private lookForLate(): void {
    this.timer = undefined;
    const now = this.options.clock.monotonic();
    for (const worker of this.tasks.expire(now)) this.remind(worker);
    for (const [worker, at] of this.unanswered) if (now - at >= DISPATCH_TIMINGS.offerMs) this.remind(worker);
    for (const doubt of this.tasks.doubts(now)) void this.resolve(doubt);
    this.deal();
  }
}
