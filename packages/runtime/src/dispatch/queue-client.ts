import type { Return } from '@baton/core';
import type { Address } from '@baton/protocols';
import type { Chance, Clock } from '../ports/environment.ts';
import type { Credit, CreditAnswer, CreditReply, Dispatch, OfferBatch } from '../ports/dispatch.ts';
import { DISPATCH_TIMINGS } from './timings.ts';

/** What a worker is offered, and how it says that it does not claim it. */
export type OfferedTask = {
  readonly address: Address;
  readonly revision: number;
  /** The record of that revision, where it came along. */
  readonly bytes?: Uint8Array;
  /**
   * Whoever offered it counts what runs: it is claimed in this revision alone, and only where this says true before the claim
   * and after it (behaviour Q5). Absent: nothing is counted. At once where the host has said it lately, which is nearly always.
   */
  readonly confirm?: () => boolean | Promise<boolean>;
  /** It is not claimed. Not called: it is, or it is not known. */
  readonly giveBack: (how: Return) => void;
};

export type QueueClientOptions = {
  readonly queue: string;
  readonly worker: string;
  readonly types: readonly string[];
  readonly shares: boolean;
  readonly dispatch: Dispatch;
  readonly clock: Clock;
  readonly chance: Chance;
  readonly offered: (task: OfferedTask) => void;
  /** What is promised, or known to wait, has changed: slots may be shared anew. */
  readonly changed: () => void;
  /** Nobody has hosted the queue for a while; and somebody does again. */
  readonly unhosted: (is: boolean) => void;
};

/** What was asked, and what it was before. */
type Question = {
  readonly asked: number;
  readonly askedAt: number;
  readonly before: number;
  readonly returned: readonly Credit['returned'][number][];
};

/** Without a host for this long it is said. */
const UNHOSTED_MS = 5_000;

/**
 * A worker's side of one queue: finds its host, tells it the credit, and takes its offers.
 *
 * The worker counts offers of a session from its first and tells how many it takes at most. So a credit that is lost, or
 * comes twice or late, changes nothing; and since an answer comes behind all offers that were sent before it, it shows
 * which were lost. To take credit back takes an answer: until then offers may be on their way.
 */
export class QueueClient {
  readonly queue: string;
  private readonly options: QueueClientOptions;
  private session = '';
  private host: string | undefined;
  private turn = 0;
  /** Offers of this session that came, or are known to be lost. */
  private received = 0;
  /** Highest limit the host may go by. */
  private limit = 0;
  /** What the host is to go by, as a number of offers from now on. */
  private wanted = 0;
  private waitingThere = 0;
  /** The last batch that came while a question was under way. */
  private meanwhile: Pick<OfferBatch, 'from' | 'waiting'> | undefined;
  private returned: Credit['returned'][number][] = [];
  private asking = false;
  private silences = 0;
  /** What the host last said is claimed here, and when it was asked. */
  private term: { readonly id: string; readonly at: number } | undefined;
  /** They wait for an answer to a question that is still to be asked. */
  private waiters: (() => void)[] = [];
  private hellos = 0;
  private lostSince: number;
  private saidLost = false;
  private timer: { readonly cancel: () => void } | undefined;
  private soon = false;
  private closed = false;

  constructor(options: QueueClientOptions) {
    this.options = options;
    this.queue = options.queue;
    this.lostSince = options.clock.monotonic();
    this.begin();
  }

  /** Offers that may be on their way. */
  get promised(): number {
    return this.limit - this.received;
  }

  get waiting(): number {
    return this.waitingThere;
  }

  /** The host is not known: it can be promised nothing that it would hear of. */
  get isHosted(): boolean {
    return this.host !== undefined;
  }

  /** So many more offers are taken from now on. Fewer than before: once the host has agreed. */
  want(offers: number): void {
    if (offers === this.wanted && offers === this.promised) return;
    this.wanted = offers;
    this.askSoon();
  }

  /** Asks whether the host is still the host; at first, who it is, anew where that is asked: whoever is it now may not have heard it. */
  check(): void {
    if (this.asking && this.host === undefined) {
      this.begin();
      this.asking = false;
    }
    this.askSoon();
  }

  /** Of any session; one of a former session is left to its time. */
  take(batch: OfferBatch): void {
    if (batch.session !== this.session || this.closed) return;
    this.waitingThere = batch.waiting;
    this.meanwhile = batch;
    // Late, after they were counted as lost, or twice: their slots are given to others by now.
    if (batch.from < this.received) return this.giveBackAll(batch);
    const isReminder = batch.offers.length === 0;
    // Where some are missing they were lost, and are offered again in their time.
    this.received = batch.from + batch.offers.length;
    this.limit = Math.max(this.limit, this.received);
    this.wanted = Math.max(0, this.wanted - batch.offers.length);
    const { session, term } = batch;
    for (const { address, revision, bytes } of batch.offers) {
      this.options.offered({
        address,
        revision,
        ...(term === undefined ? {} : { confirm: () => this.confirm(session, term) }),
        ...(bytes === undefined ? {} : { bytes }),
        giveBack: (how) => this.giveBack(session, { address, revision, how, ...(term === undefined ? {} : { term }) }),
      });
    }
    // The host waits to hear of this worker before it offers anything more.
    if (isReminder) this.askSoon();
    this.options.changed();
  }

  /** Takes nothing more and says so; what comes still is given back. Resolves when it is told, or cannot be. */
  async close(): Promise<void> {
    this.closed = true;
    this.timer?.cancel();
    this.answerWaiters();
    if (this.host !== undefined) await this.send({ leaving: true });
  }

  /** Another one takes offers for the worker from here on, or nobody: nothing is said, and what comes still is let go. */
  abandon(): void {
    this.closed = true;
    this.timer?.cancel();
    this.answerWaiters();
  }

  /** Whether what was offered under that term may still be claimed, or begun. Asks the host where it has not said so lately. */
  private confirm(session: string, term: string): boolean | Promise<boolean> {
    if (this.isConfirmed(session, term)) return true;
    if (this.closed || session !== this.session) return false;
    return new Promise<void>((resolve) => {
      this.waiters.push(resolve);
      this.askSoon();
    }).then(() => this.isConfirmed(session, term));
  }

  private isConfirmed(session: string, term: string): boolean {
    const { term: said } = this;
    if (session !== this.session || said?.id !== term) return false;
    return this.options.clock.monotonic() - said.at < DISPATCH_TIMINGS.termMs;
  }

  private answerWaiters(waiters = this.waiters.splice(0)): void {
    for (const waiter of waiters) waiter();
  }

  private giveBackAll({ session, offers, term }: OfferBatch): void {
    const under = term === undefined ? {} : { term };
    for (const { address, revision } of offers) this.giveBack(session, { address, revision, how: 'free', ...under });
  }

  private giveBack(session: string, returned: Credit['returned'][number]): void {
    // A host that was left offers it again by itself.
    if (session !== this.session || this.closed) return;
    this.returned.push(returned);
    this.askSoon();
  }

  private begin(): void {
    this.session = this.options.chance.nonce();
    this.host = undefined;
    this.turn = 0;
    this.received = 0;
    this.limit = 0;
    this.waitingThere = 0;
    this.returned = [];
    this.silences = 0;
    this.term = undefined;
  }

  /** Once for all that changes in one piece of the event loop; one question at a time. */
  private askSoon(): void {
    if (this.soon || this.asking || this.closed) return;
    this.soon = true;
    queueMicrotask(() => {
      this.soon = false;
      if (!this.asking && !this.closed) void this.ask();
    });
  }

  private async ask(): Promise<void> {
    this.asking = true;
    this.timer?.cancel();
    const { session } = this;
    const waiters = this.waiters.splice(0);
    const askedAt = this.options.clock.monotonic();
    const asked = this.received + this.wanted;
    const before = this.limit;
    this.limit = Math.max(this.limit, asked);
    this.meanwhile = undefined;
    const returned = this.returned.splice(0);
    const reply = await this.send({ limit: asked, returned });
    // It was asked anew meanwhile.
    if (session !== this.session) return this.answerWaiters(waiters);
    this.asking = false;
    this.settle(session, reply, { asked, askedAt, before, returned });
    this.answerWaiters(waiters);
    if (this.waiters.length > 0) this.askSoon();
  }

  private settle(session: string, reply: CreditReply, { asked, askedAt, before, returned }: Question): void {
    if (this.closed || session !== this.session) return;
    switch (reply.kind) {
      case 'answered':
        this.answered(reply.answer, asked, askedAt);
        break;
      case 'nobody':
        this.lostHost();
        break;
      case 'silent':
        this.limit = Math.max(before, asked, this.received);
        this.returned.unshift(...returned);
        if (++this.silences >= 2 || this.host === undefined) this.lostHost();
        else this.askSoon();
    }
    this.options.changed();
  }

  private answered(answer: CreditAnswer, asked: number, askedAt: number): void {
    if (!answer.hosts) return this.lostHost();
    this.term = answer.term === undefined ? undefined : { id: answer.term, at: askedAt };
    this.silences = 0;
    this.hellos = 0;
    this.hosted();
    const isNew = this.host !== answer.supervisor;
    this.host = answer.supervisor;
    // What came behind the answer may be taken before it: an answer is waited for, an offer is not.
    const { meanwhile } = this;
    this.waitingThere = meanwhile !== undefined && meanwhile.from >= answer.sent ? meanwhile.waiting : answer.waiting;
    // All that was sent before this answer came before it, or never comes.
    this.received = Math.max(this.received, answer.sent);
    this.limit = Math.max(this.received, answer.limit);
    if (isNew || this.received + this.wanted !== asked || this.returned.length > 0) this.askSoon();
    else this.timer = this.options.clock.after(DISPATCH_TIMINGS.creditMs, () => this.askSoon());
  }

  private lostHost(): void {
    const { clock } = this.options;
    if (this.host !== undefined) this.lostSince = clock.monotonic();
    this.begin();
    if (!this.saidLost && clock.monotonic() - this.lostSince >= UNHOSTED_MS) {
      this.saidLost = true;
      this.options.unhosted(true);
    }
    const pauseMs = Math.min(DISPATCH_TIMINGS.helloMaxMs, DISPATCH_TIMINGS.helloMs * 2 ** Math.min(8, this.hellos++));
    this.timer = clock.after(pauseMs * (0.5 + this.options.chance.random() / 2), () => this.askSoon());
  }

  private hosted(): void {
    if (this.saidLost) this.options.unhosted(false);
    this.saidLost = false;
  }

  private send(parts: Partial<Credit>) {
    const { queue, worker, types, shares, dispatch } = this.options;
    const credit: Credit = {
      queue,
      worker,
      session: this.session,
      turn: ++this.turn,
      types,
      limit: 0,
      returned: [],
      ...(shares ? { shares: true } : {}),
      ...parts,
    };
    return dispatch.credit(credit, this.host, DISPATCH_TIMINGS.answerMs);
  }
}
