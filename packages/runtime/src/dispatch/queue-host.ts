import type { Address } from '@baton/protocols';
import type { Log } from '../log.ts';
import type { Chance, Clock, Credit, CreditAnswer, Dispatch, ReadyMessage, Subscription } from '../ports.ts';
import { QueueActor } from './queue-actor.ts';
import { ReadyOutbox, type QueuedTask } from './ready-outbox.ts';
import { ownerOf } from './rendezvous.ts';
import { DISPATCH_TIMINGS } from './timings.ts';

export type QueueHostOptions = {
  /** The supervisor this is part of. */
  readonly supervisor: string;
  readonly dispatch: Dispatch;
  readonly clock: Clock;
  readonly chance: Chance;
  readonly log: Log;
  /** Every task that is ready in the partitions of this supervisor. */
  readonly allReady: () => Iterable<QueuedTask>;
};

/** What came from another supervisor so far. */
type Inbox = { session: string; number: number; askedAt: number };

export type QueueSize = {
  readonly queue: string;
  readonly waiting: number;
  readonly offered: number;
  readonly workers: number;
};

/**
 * The queue actors of one supervisor. Each queue has one host: the supervisor rendezvous hashing gives it to, among those
 * that are there. Tasks that are ready come from the partitions of all supervisors, those of this one by a call, those of
 * the others by numbered messages; what one of them has lost is told again from the start.
 *
 * Whoever takes a queue over asks all others for what is ready; each of them tells it as soon as it sees the same host.
 */
export class QueueHost {
  private readonly options: QueueHostOptions;
  private readonly actors = new Map<string, QueueActor>();
  private readonly outboxes = new Map<string, ReadyOutbox>();
  private readonly inboxes = new Map<string, Inbox>();
  private members: readonly string[] = [];
  private readonly hosts = new Map<string, string>();
  private ties: readonly Subscription[] = [];
  private beatTimer: { readonly cancel: () => void } | undefined;

  constructor(options: QueueHostOptions) {
    this.options = options;
    this.members = [options.supervisor];
  }

  start(): void {
    const { dispatch, supervisor } = this.options;
    this.ties = [
      dispatch.onCredit(supervisor, (credit, toAll) => this.credit(credit, toAll)),
      dispatch.onTold(supervisor, (message) => this.told(message)),
    ];
    this.beat();
  }

  stop(): void {
    this.beatTimer?.cancel();
    for (const tie of this.ties) tie.close();
    this.ties = [];
    for (const actor of this.actors.values()) actor.stop();
    this.actors.clear();
  }

  sizes(): readonly QueueSize[] {
    return [...this.actors.values()].map(({ queue, size, workers }) => ({ queue, ...size, workers }));
  }

  /** Another set of supervisors that are there, this one among them. */
  share(members: readonly string[]): void {
    const former = this.members;
    this.members = members;
    this.hosts.clear();
    for (const gone of former.filter((member) => !members.includes(member))) this.dropPeer(gone);
    for (const [queue, actor] of this.actors) {
      if (this.isHost(queue)) continue;
      actor.stop();
      this.actors.delete(queue);
    }
    // Whose queue was another's before is told everything, and what it is told twice is nothing new to it.
    for (const task of this.options.allReady()) {
      const host = this.hostOf(task.queue);
      if (host !== ownerOf(hostKey(task.queue), former)) this.route(host, task);
    }
    this.options.dispatch.rehosted();
    for (const peer of this.peers()) if (!former.includes(peer) || this.gained(former)) this.ask(peer);
  }

  /** In a partition of this supervisor. */
  ready(task: QueuedTask): void {
    this.route(this.hostOf(task.queue), task);
  }

  gone(queue: string, address: Address, revision: number): void {
    const host = this.hostOf(queue);
    if (host === this.options.supervisor) this.actors.get(queue)?.gone(address, revision, host);
    else this.outboxes.get(host)?.tellGone({ queue, address, revision });
  }

  workerGone(worker: string): void {
    for (const actor of this.actors.values()) actor.workerGone(worker);
  }

  private gained(former: readonly string[]): boolean {
    return former.some((member) => !this.members.includes(member));
  }

  private peers(): readonly string[] {
    return this.members.filter((member) => member !== this.options.supervisor);
  }

  private hostOf(queue: string): string {
    const known = this.hosts.get(queue);
    if (known !== undefined) return known;
    const host = ownerOf(hostKey(queue), this.members) ?? this.options.supervisor;
    this.hosts.set(queue, host);
    return host;
  }

  private isHost(queue: string): boolean {
    return this.hostOf(queue) === this.options.supervisor;
  }

  private route(host: string, task: QueuedTask): void {
    const { supervisor } = this.options;
    if (host === supervisor) this.actorOf(task.queue).ready(task, supervisor);
    else this.outboxTo(host).tellReady(task);
  }

  private actorOf(queue: string): QueueActor {
    const known = this.actors.get(queue);
    if (known !== undefined) return known;
    const { supervisor, dispatch, clock } = this.options;
    const actor = new QueueActor({ queue, supervisor, dispatch, clock });
    this.actors.set(queue, actor);
    return actor;
  }

  private outboxTo(peer: string): ReadyOutbox {
    const known = this.outboxes.get(peer);
    if (known !== undefined) return known;
    const outbox = new ReadyOutbox(peer, this.options.supervisor, this.options);
    this.outboxes.set(peer, outbox);
    return outbox;
  }

  private dropPeer(peer: string): void {
    this.outboxes.delete(peer);
    this.inboxes.delete(peer);
    // Whoever has its partitions now tells what is still ready in them.
    for (const actor of this.actors.values()) actor.forget(peer);
  }

  private credit(credit: Credit, toAll: boolean): CreditAnswer | undefined {
    if (this.isHost(credit.queue)) return this.actorOf(credit.queue).credit(credit);
    return toAll ? undefined : { supervisor: this.options.supervisor, hosts: false, sent: 0, limit: 0, waiting: 0 };
  }

  private told(message: ReadyMessage): void {
    const { from, ask, ready, gone } = message;
    if (from === this.options.supervisor) return;
    if (ask === true) return this.tellAll(from);
    if (!this.follows(message)) return;
    for (const task of ready) if (this.isHost(task.queue)) this.actorOf(task.queue).ready(task, from);
    for (const { queue, address, revision } of gone) this.actors.get(queue)?.gone(address, revision, from);
  }

  /** Whether the message is the next of its sender; where one is missing, everything is asked for. */
  private follows({ from, session, number, begins, ready, gone }: ReadyMessage): boolean {
    const inbox = this.inboxes.get(from);
    if (begins === true) {
      for (const actor of this.actors.values()) actor.forget(from);
      this.inboxes.set(from, { session, number, askedAt: inbox?.askedAt ?? Number.NEGATIVE_INFINITY });
      return true;
    }
    const isBeat = ready.length === 0 && gone.length === 0;
    if (inbox?.session === session && number === inbox.number + (isBeat ? 0 : 1)) {
      inbox.number = number;
      return true;
    }
    this.ask(from);
    return false;
  }

  private tellAll(peer: string): void {
    const outbox = this.outboxTo(peer);
    outbox.begin();
    for (const task of this.options.allReady()) if (this.hostOf(task.queue) === peer) outbox.tellReady(task);
  }

  private ask(peer: string): void {
    const { dispatch, supervisor, clock } = this.options;
    const inbox = this.inboxes.get(peer) ?? { session: '', number: 0, askedAt: Number.NEGATIVE_INFINITY };
    this.inboxes.set(peer, inbox);
    const now = clock.monotonic();
    if (now - inbox.askedAt < DISPATCH_TIMINGS.askMs) return;
    inbox.askedAt = now;
    dispatch.tell(peer, { from: supervisor, session: '', number: 0, ask: true, ready: [], gone: [] });
  }

  private beat(): void {
    for (const outbox of this.outboxes.values()) outbox.beat();
    for (const [queue, actor] of this.actors) {
      if (!actor.isIdle) continue;
      actor.stop();
      this.actors.delete(queue);
    }
    this.beatTimer = this.options.clock.after(DISPATCH_TIMINGS.beatMs, () => this.beat());
  }
}

/** Apart from the partitions, which are shared out by the same rule. */
const hostKey = (queue: string): string => `queue/${queue}`;
