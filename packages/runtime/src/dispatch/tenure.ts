import { allPartitions, LEASE_MS, LEASE_RENEW_MS } from '@baton/protocols';
import type { Clock } from '../ports/environment.ts';
import type { HostingState } from '../ports/dispatch.ts';
import { DISPATCH_TIMINGS } from './timings.ts';

export type TenureOptions = {
  readonly self: string;
  readonly clock: Clock;
  /** Supervisors whose lease is not over, this one among them, also where they are not found. */
  readonly leased: () => readonly string[];
  /** Partitions this supervisor has read, and watches. */
  readonly partitions: () => readonly string[];
  /** All is to be told again. */
  readonly lapsed: () => void;
  readonly nonce: () => string;
  /** Each of those that are there, this one among them, is to say so (`synced`) once it has told all that is stored by now. */
  readonly sync: (question: string) => void;
};

/**
 * Since when this supervisor may start tasks in limited queues it is the host of (behaviour Q5).
 *
 * Two hosts for a moment do no harm where nothing is counted. Where something is, whoever takes a queue over has to know
 * that nobody else starts anything in it, and what runs:
 *
 * - All supervisors that are there have said that they see the same members, so that none of them sees itself as the host,
 *   and that time has passed since in which a worker may still begin what a former host had offered.
 * - Of those that are gone the lease is over, and that time has passed since, too.
 * - Every partition is watched by one of them that has told what runs in the queue.
 * - After all that they were asked once more, and have told what was stored by then. So what a former host had offered and
 *   was claimed is counted, however far behind a reader is.
 *
 * They are asked the same whenever partitions may have gone from one to another: what was told of them before, and is not
 * told by whoever has them now, is over only when he knows all that was known here.
 *
 * From then on it may, as long as it is the host without a break: as long as its process has not stood still, and holds its
 * lease.
 */
export class Tenure {
  private readonly options: TenureOptions;
  private members: readonly string[] = [];
  private limited: ReadonlySet<string> = new Set();
  private readonly states = new Map<string, HostingState>();
  /** Queues that are open. */
  private readonly open = new Set<string>();
  private agreedAt: number | undefined;
  private notBefore = Number.NEGATIVE_INFINITY;
  private tickedAt: number;
  private leaseLost = false;
  /** `left`: who has not answered it yet. */
  private question: { readonly text: string; readonly askedAt: number; readonly left: Set<string> } | undefined;
  /** Something has changed since the last one was asked. */
  private isUnsettled = false;
  /** When something changed last: what began before may not be known here. */
  private changedAt = Number.NEGATIVE_INFINITY;
  /** Since when it sees itself as the host of its queues, by the server's clock; undefined: not again yet. */
  private since: number | undefined;
  /** The same of queues that it became the host of later. */
  private readonly sinceOf = new Map<string, number>();
  /** When it may have become the host of others last: somebody had gone. */
  private gainedAt: number | undefined;

  constructor(options: TenureOptions) {
    this.options = options;
    this.tickedAt = options.clock.monotonic();
  }

  /** Called every `tickMs`. */
  tick(): void {
    const now = this.options.clock.monotonic();
    const stillMs = now - this.tickedAt;
    if (stillMs >= DISPATCH_TIMINGS.stallMs) this.lapse(stillMs >= LEASE_MS - LEASE_RENEW_MS);
    this.tickedAt = now;
    this.agree();
    if (this.limited.size > 0 && (this.isUnsettled || this.isOverdue(now))) this.ask(now);
  }

  /** Those that are there, sorted. */
  share(members: readonly string[]): void {
    if (this.members.some((member) => !members.includes(member))) this.gainedAt = this.options.clock.now();
    this.members = members;
    this.since ??= this.options.clock.now();
    for (const peer of this.states.keys()) if (!members.includes(peer)) this.states.delete(peer);
    this.agreedAt = undefined;
    this.unsettle();
    this.agree();
  }

  /** It has told all that was stored when it was asked that. False: something else was asked since, or it goes by other members. */
  synced(from: string, question: string): boolean {
    if (this.question?.text !== question) return false;
    if (from !== this.options.self && !isSame(this.states.get(from)?.members, this.members)) return false;
    this.question.left.delete(from);
    return true;
  }

  /** Something has changed, or somebody was told of something else while he was asked. */
  askAgain(): void {
    this.isUnsettled = true;
    this.changedAt = this.options.clock.monotonic();
  }

  /** All that is stored in the partitions of this supervisor is known, but not what has begun and ended before. */
  complete(): void {
    this.changedAt = this.options.clock.monotonic();
  }

  /** It is this one's from now on. */
  gain(queue: string): void {
    this.sinceOf.set(queue, this.options.clock.now());
  }

  /** Since when it is the host of a queue that is open, without a break, by the server's clock. */
  hostSince(queue: string): number {
    return Math.max(this.since ?? Number.POSITIVE_INFINITY, this.sinceOf.get(queue) ?? 0);
  }

  heard(from: string, state: HostingState): void {
    const former = this.states.get(from);
    // It may answer now what it could not before.
    if (!isSame(former?.limited, state.limited) || !isSame(former?.partitions, state.partitions)) this.askAgain();
    this.states.set(from, state);
    this.agree();
  }

  /** What it said does not count any more. */
  forget(from: string): void {
    this.states.delete(from);
    this.askAgain();
    this.agree();
  }

  /** A supervisor is gone. It may have been the host of anything a moment ago. */
  departed(how: 'left' | 'expired'): void {
    const { clock } = this.options;
    const ms = how === 'left' ? DISPATCH_TIMINGS.voidMs : DISPATCH_TIMINGS.departedMs;
    this.notBefore = Math.max(this.notBefore, clock.monotonic() + ms);
  }

  limit(queues: ReadonlySet<string>): void {
    const before = this.limited;
    this.limited = queues;
    this.askAgain();
    for (const queue of this.open) if (!queues.has(queue)) this.open.delete(queue);
    for (const queue of this.sinceOf.keys()) if (!queues.has(queue)) this.sinceOf.delete(queue);
    // It may have been limited, and another's, before that was known here.
    if (this.gainedAt === undefined) return;
    for (const queue of queues) if (!before.has(queue)) this.sinceOf.set(queue, this.gainedAt);
  }

  /** It is another's. */
  close(queue: string): void {
    this.open.delete(queue);
    this.sinceOf.delete(queue);
  }

  /**
   * Others may see it otherwise since: as if this supervisor had just come. `wasGone`: its lease may have been over, without
   * which nobody else starts anything, so that what has started since is not known.
   */
  private lapse(wasGone: boolean): void {
    this.open.clear();
    this.states.clear();
    this.agreedAt = undefined;
    this.unsettle();
    if (wasGone) this.since = undefined;
    this.notBefore = Math.max(this.notBefore, this.options.clock.monotonic() + DISPATCH_TIMINGS.agreedMs);
    this.options.lapsed();
  }

  lease(isHeld: boolean): void {
    this.leaseLost = !isHeld;
    if (!isHeld) this.lapse(true);
  }

  /**
   * Of a queue of which this supervisor is the host: whether something may start now. `opened`: now for the first time; what
   * others have started began by `clearAt`, monotonic.
   */
  isOpen(queue: string, opened: (clearAt: number) => void): boolean {
    const now = this.options.clock.monotonic();
    // It stood still, and may be the host no more; or its timers are about to find that out.
    if (now - this.tickedAt >= DISPATCH_TIMINGS.stallMs || this.leaseLost) return false;
    if (this.open.has(queue)) return true;
    if (!this.mayOpen(queue, now)) return false;
    this.open.add(queue);
    opened(Math.max(this.letGoAt, this.changedAt));
    return true;
  }

  private get others(): readonly string[] {
    return this.members.filter((member) => member !== this.options.self);
  }

  /** Nothing that a former host had offered is claimed from then on. */
  private get letGoAt(): number {
    const waitMs = this.others.length === 0 ? 0 : DISPATCH_TIMINGS.agreedMs;
    return Math.max((this.agreedAt ?? Number.POSITIVE_INFINITY) + waitMs, this.notBefore);
  }

  private mayOpen(queue: string, now: number): boolean {
    const { others, letGoAt: from } = this;
    if (now < from) return false;
    if (this.options.leased().some((id) => !this.members.includes(id))) return false;
    if (!this.limited.has(queue)) return false;
    if (!others.every((member) => this.states.get(member)?.limited.includes(queue) ?? false)) return false;
    const read = new Set(this.options.partitions());
    for (const member of others) for (const each of this.states.get(member)?.partitions ?? []) read.add(each);
    return allPartitions().every((partition) => read.has(partition)) && this.isSynced(from, now);
  }

  /** All have answered what was asked after that. */
  private isSynced(from: number, now: number): boolean {
    if (this.question === undefined || this.question.askedAt < from || this.isOverdue(now)) this.ask(now);
    return this.question?.left.size === 0;
  }

  private isOverdue(now: number): boolean {
    if (this.question === undefined || this.question.left.size === 0) return false;
    return now - this.question.askedAt >= DISPATCH_TIMINGS.syncMs;
  }

  private ask(now: number): void {
    this.question = { text: this.options.nonce(), askedAt: now, left: new Set(this.members) };
    this.isUnsettled = false;
    this.options.sync(this.question.text);
  }

  private unsettle(): void {
    this.question = undefined;
    this.askAgain();
  }

  /** All see the same members, as of now. */
  private agree(): void {
    const { self, clock } = this.options;
    const same = this.members.every(
      (member) => member === self || isSame(this.states.get(member)?.members, this.members),
    );
    if (!same || this.members.length === 0) this.agreedAt = undefined;
    else if (this.agreedAt === undefined) {
      this.agreedAt = clock.monotonic();
      this.since ??= clock.now();
    }
  }
}

const isSame = (a: readonly string[] | undefined, b: readonly string[]): boolean =>
  a?.length === b.length && a.every((each, i) => each === b[i]);
