import { isLimited, isTerminal, type Displacement, type QueueView, type RecordBudget } from '@baton/core';
import { partitionOfAddress, readRecord, type Address } from '@baton/protocols';
import type { Log } from '../log.ts';
import type { Chance, Clock, Subscription } from '../ports/environment.ts';
import type {
  Credit,
  CreditAnswer,
  Dispatch,
  HostingState,
  ReadyMessage,
  StandingQuestion,
} from '../ports/dispatch.ts';
import type { RecordStore } from '../ports/store.ts';
import type { Kept, SettingsBook } from '../queues/settings-book.ts';
import type { Leaving } from './lanes.ts';
import { QueueActor } from './queue-actor.ts';
import { ReadyOutbox, type QueuedTask, type RunningTask } from './ready-outbox.ts';
import { ownerOf } from './rendezvous.ts';
import { Tenure } from './tenure.ts';
import { DISPATCH_TIMINGS, OFFER_BYTES_EACH, OFFER_BYTES_LIMIT } from './timings.ts';

export type QueueHostOptions = {
  /** The supervisor this is part of. */
  readonly supervisor: string;
  readonly dispatch: Dispatch;
  readonly store: Pick<RecordStore, 'load'>;
  readonly clock: Clock;
  readonly chance: Chance;
  readonly log: Log;
  /** Every task that is ready in the partitions of this supervisor. */
  readonly allReady: () => Iterable<QueuedTask>;
  /** The same of every one that runs and takes a slot of its queue. */
  readonly allRunning: () => Iterable<RunningTask>;
  /** Partitions this supervisor has read, and watches. */
  readonly partitions: () => readonly string[];
  /** Resolves when all that was stored before the call in those partitions has been told here: true. False: not now. */
  readonly sync: () => Promise<boolean>;
  /** Supervisors whose lease is not over, this one among them. */
  readonly leased: () => readonly string[];
  /** See QueueActor. */
  readonly admits: (worker: string) => boolean;
  /** Nothing of the type may start in the queue now: its definition has limits that are not set yet. */
  readonly holdsBack: (queue: string, type: string) => boolean;
  /** See QueueActor. */
  readonly displace: (displacement: Displacement<Address>) => Promise<boolean>;
  readonly settings: Pick<SettingsBook, 'isCurrent' | 'of' | 'all'>;
};

/** What came from another supervisor so far. */
type Inbox = {
  session: string;
  number: number;
  askedAt: number;
  /** It is to be asked for everything, and was so a moment ago. */
  isDue: boolean;
};

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
  private readonly records: RecordBudget = { limit: OFFER_BYTES_LIMIT, each: OFFER_BYTES_EACH, used: 0 };
  private readonly outboxes = new Map<string, ReadyOutbox>();
  private readonly inboxes = new Map<string, Inbox>();
  /** Who has told what runs in a queue that was not known here to be limited, and knew it first. */
  private readonly early = new Set<string>();
  private members: readonly string[] = [];
  private readonly hosts = new Map<string, string>();
  private tie: Subscription | undefined;
  /** Workers are listened to once it is known who else is there: until then every queue would be this one's. */
  private credits: Subscription | undefined;
  private beatTimer: { readonly cancel: () => void } | undefined;
  private tickTimer: { readonly cancel: () => void } | undefined;
  private readonly tenure: Tenure;
  private limited: ReadonlySet<string> = new Set();

  constructor(options: QueueHostOptions) {
    this.options = options;
    this.members = [options.supervisor];
    const { supervisor: self, clock, leased, partitions, chance } = options;
    this.tenure = new Tenure({
      ...{ self, clock, leased, partitions },
      lapsed: () => this.askAll(),
      nonce: () => chance.nonce(),
      sync: (question) => this.askSync(question),
    });
  }

  start(): void {
    const { dispatch, supervisor } = this.options;
    this.tie = dispatch.onTold(supervisor, (message) => this.told(message));
    this.beat();
    this.tick();
  }

  stop(): void {
    this.beatTimer?.cancel();
    this.tickTimer?.cancel();
    for (const tie of [this.tie, this.credits]) tie?.close();
    for (const actor of this.actors.values()) actor.stop();
    this.actors.clear();
  }

  sizes(): readonly QueueSize[] {
    return [...this.actors.values()].map(({ queue, size, workers }) => ({ queue, ...size, workers }));
  }

  /** Of a task in a queue of which this supervisor is the host; undefined: another one is (behaviour Q9). */
  standing({ queue, address, type }: StandingQuestion): QueueView<Address> | undefined {
    if (this.credits === undefined) return undefined;
    return this.isHost(queue) ? (this.actors.get(queue)?.standing(address, type) ?? NOTHING_KNOWN) : undefined;
  }

  /** Another set of supervisors that are there, this one among them. */
  share(members: readonly string[]): void {
    const former = this.members;
    this.members = members;
    this.hosts.clear();
    this.noteHosts(former);
    for (const gone of former.filter((member) => !members.includes(member))) this.dropPeer(gone);
    for (const [queue, actor] of this.actors) {
      if (this.isHost(queue)) continue;
      actor.stop();
      this.actors.delete(queue);
    }
    this.tenure.share(members);
    // Whose queue was another's before is told everything, and what it is told twice is nothing new to it.
    for (const task of this.options.allReady()) {
      const host = this.hostOf(task.queue);
      if (host !== ownerOf(hostKey(task.queue), former)) this.route(host, task);
    }
    if (this.limited.size > 0) {
      for (const task of this.options.allRunning()) {
        const host = this.hostOf(task.queue);
        if (host !== ownerOf(hostKey(task.queue), former)) this.routeHeld(host, task);
      }
      this.tellState();
    }
    const { dispatch, supervisor } = this.options;
    this.credits ??= dispatch.onCredit(supervisor, (credit, toAll) => this.credit(credit, toAll));
    dispatch.rehosted();
    for (const peer of this.peers()) if (!former.includes(peer) || this.gained(former)) this.ask(peer);
  }

  /** In a partition of this supervisor. */
  ready(task: QueuedTask): void {
    this.route(this.hostOf(task.queue), task);
  }

  gone(queue: string, address: Address, revision: number, how: Leaving = 'over'): void {
    // Of a limited queue: that it runs is told next; whoever watches it now tells what becomes of it.
    if (how !== 'over' && this.limited.has(queue)) return;
    const host = this.hostOf(queue);
    if (host === this.options.supervisor) this.actors.get(queue)?.gone(address, revision, host);
    else this.outboxes.get(host)?.tellGone({ queue, address, revision });
  }

  /** Whether what runs in the queue is counted. */
  counts(queue: string): boolean {
    return this.limited.has(queue);
  }

  get countsAny(): boolean {
    return this.limited.size > 0;
  }

  /** In a partition of this supervisor, and takes a slot of its queue. */
  held(task: RunningTask): void {
    if (this.limited.has(task.queue)) this.routeHeld(this.hostOf(task.queue), task);
  }

  /** It does so no more. */
  freed(queue: string, address: Address, revision: number, how: Leaving): void {
    if (this.limited.has(queue)) this.gone(queue, address, revision, how);
  }

  /** What is set for these queues is other than it was; undefined: any may be. */
  settingsChanged(queues: ReadonlySet<string> | undefined): void {
    const { settings } = this.options;
    const before = this.limited;
    // One that cannot be read now is counted on: it starts nothing, and is right again once it can be read.
    const isCounted = (queue: string, kept: Kept): boolean =>
      kept === 'unreadable' ? before.has(queue) : isLimited(kept.settings);
    this.limited = new Set([...settings.all()].flatMap(([queue, kept]) => (isCounted(queue, kept) ? [queue] : [])));
    this.tenure.limit(this.limited);
    for (const actor of this.actors.values()) if (queues?.has(actor.queue) ?? true) this.setUp(actor);
    const fresh = new Set([...this.limited].filter((queue) => !before.has(queue)));
    if (fresh.size > 0) {
      for (const peer of this.early) this.ask(peer);
      this.early.clear();
      for (const task of this.options.allRunning())
        if (fresh.has(task.queue)) this.routeHeld(this.hostOf(task.queue), task);
    }
    if (before.size > 0 || this.limited.size > 0) this.tellState();
  }

  /** Types that were held back may be so no more. */
  typesChanged(): void {
    for (const actor of this.actors.values()) actor.typesChanged();
  }

  /** All that is stored in the partitions of this supervisor is known. */
  complete(): void {
    this.tenure.complete();
    if (this.limited.size > 0) this.tellState();
  }

  /** A supervisor is gone; see Tenure. */
  departed(how: 'left' | 'expired'): void {
    this.tenure.departed(how);
  }

  /** Whether others count this supervisor as alive. */
  lease(isHeld: boolean): void {
    this.tenure.lease(isHeld);
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
    // Whoever may ask why a task waits names any queue.
    if (this.hosts.size >= HOSTS_KEPT) this.hosts.clear();
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
    const actor: QueueActor = new QueueActor({
      ...{ queue, supervisor, dispatch, clock },
      nonce: this.options.chance.nonce(),
      records: this.records,
      admits: this.options.admits,
      holdsBack: (type) => this.options.holdsBack(queue, type),
      mayStart: () => this.options.settings.isCurrent && this.options.settings.of(queue) !== 'unreadable',
      isOpen: (opened) => this.tenure.isOpen(queue, opened),
      isUnreadable: () => this.options.settings.of(queue) === 'unreadable',
      revisionOf: async (address) => (await this.options.store.load(address))?.revision,
      displace: this.options.displace,
      isOver: async (address) => {
        const stored = await this.options.store.load(address);
        const reading = stored === undefined ? undefined : readRecord(stored.bytes);
        if (reading === undefined) return true;
        return reading.kind === 'record' && (isTerminal(reading.record.status) || reading.record.queue !== queue);
      },
      hostSince: () => this.tenure.hostSince(queue),
    });
    this.actors.set(queue, actor);
    this.setUp(actor);
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
    this.early.delete(peer);
    this.tenure.forget(peer);
    // Whoever has its partitions now tells what is still ready in them.
    for (const actor of this.actors.values()) actor.forget(peer);
  }

  private credit(credit: Credit, toAll: boolean): CreditAnswer | undefined {
    const { supervisor } = this.options;
    const isHost = this.isHost(credit.queue);
    if (toAll && !isHost) return undefined;
    const answer = isHost ? this.actorOf(credit.queue).credit(credit) : undefined;
    return answer ?? { supervisor, hosts: false, sent: 0, limit: 0, waiting: 0 };
  }

  private told(message: ReadyMessage): void {
    const { from, ask, sync, ready, gone, held, state } = message;
    if (from === this.options.supervisor) return;
    if (ask === true) return this.tellAll(from);
    if (sync !== undefined) return void this.answerSync(from, sync);
    // It is asked for everything once it is seen to be there.
    if (!this.members.includes(from) || !this.follows(message)) return;
    for (const task of ready) if (this.isHost(task.queue)) this.actorOf(task.queue).ready(task, from);
    for (const task of held ?? []) {
      if (!this.isHost(task.queue)) continue;
      if (this.limited.has(task.queue)) this.actorOf(task.queue).held(task, from);
      else this.early.add(from);
    }
    for (const { queue, address, revision } of gone) this.actors.get(queue)?.gone(address, revision, from);
    if (state !== undefined) this.heardState(from, state);
  }

  private heardState(from: string, state: HostingState): void {
    this.tenure.heard(from, state);
    if (state.synced !== undefined) this.heardSynced(from, state, state.synced);
  }

  private heardSynced(from: string, state: HostingState, question: string): void {
    if (this.inboxes.get(from)?.isDue === true || !this.tenure.synced(from, question)) return;
    this.settle(from, state);
    this.lookAtLimited();
  }

  private askSync(question: string): void {
    const { dispatch, supervisor } = this.options;
    for (const actor of this.actors.values()) actor.mark();
    for (const peer of this.peers())
      dispatch.tell(peer, { from: supervisor, session: '', number: 0, sync: question, ready: [], gone: [] });
    void this.options.sync().then((isIn) => {
      if (isIn) this.heardSynced(supervisor, this.state(), question);
    });
  }

  /** Says nothing where it is not up to date: it is asked again. */
  private async answerSync(from: string, question: string): Promise<void> {
    if ((await this.options.sync()) && this.members.includes(from))
      this.outboxTo(from).tellState({ ...this.state(), synced: question });
  }

  /**
   * Nothing else than the supervisor has told is in its partitions, of what was known here when it was asked. Of a queue that
   * it does not know to be limited it has not told what runs.
   */
  private settle(from: string, { partitions, limited }: HostingState): void {
    const read = new Set(partitions);
    for (const queue of limited) {
      const isAll = this.actors.get(queue)?.settle(from, (address) => read.has(partitionOfAddress(address)));
      if (isAll === false) this.tenure.askAgain();
    }
  }

  /** Whether the message is the next of its sender; where one is missing, everything is asked for. */
  private follows({ from, session, number, begins, ready, gone, held, state }: ReadyMessage): boolean {
    const inbox = this.inboxes.get(from);
    if (begins === true) {
      for (const actor of this.actors.values()) actor.forget(from);
      this.tenure.forget(from);
      this.inboxes.set(from, { session, number, askedAt: inbox?.askedAt ?? Number.NEGATIVE_INFINITY, isDue: false });
      return true;
    }
    const isBeat = ready.length === 0 && gone.length === 0 && held === undefined && state === undefined;
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
    if (this.limited.size === 0) return;
    for (const task of this.options.allRunning())
      if (this.limited.has(task.queue) && this.hostOf(task.queue) === peer) outbox.tellHeld(task);
    outbox.tellState(this.state());
  }

  private routeHeld(host: string, task: RunningTask): void {
    const { supervisor } = this.options;
    if (host === supervisor) this.actorOf(task.queue).held(task, supervisor);
    else this.outboxTo(host).tellHeld(task);
  }

  private setUp(actor: QueueActor): void {
    const kept = this.options.settings.of(actor.queue);
    if (kept !== 'unreadable') actor.set(kept?.settings);
    actor.typesChanged();
    actor.look();
  }

  private state(): HostingState {
    const { supervisor, partitions } = this.options;
    // What goes to others now is theirs to tell.
    const own = partitions().filter((partition) => ownerOf(partition, this.members) === supervisor);
    return { members: this.members, partitions: own, limited: [...this.limited] };
  }

  /** How this supervisor sees it, to all others and to its own queues. */
  private tellState(): void {
    const state = this.state();
    for (const peer of this.peers()) this.outboxTo(peer).tellState(state);
  }

  private askAll(): void {
    for (const peer of this.peers()) this.ask(peer);
  }

  private noteHosts(former: readonly string[]): void {
    const { supervisor } = this.options;
    for (const queue of this.limited) {
      if (!this.isHost(queue)) this.tenure.close(queue);
      else if (ownerOf(hostKey(queue), former) !== supervisor) this.tenure.gain(queue);
    }
  }

  /** Queues that are limited may open by the passing of time. */
  private tick(): void {
    for (const [peer, { isDue }] of this.inboxes) if (isDue) this.ask(peer);
    this.tenure.tick();
    this.lookAtLimited();
    this.tickTimer = this.options.clock.after(DISPATCH_TIMINGS.tickMs, () => this.tick());
  }

  private lookAtLimited(): void {
    for (const queue of this.limited) this.actors.get(queue)?.look();
  }

  private ask(peer: string): void {
    const { dispatch, supervisor, clock } = this.options;
    const inbox = this.inboxes.get(peer) ?? { session: '', number: 0, askedAt: Number.NEGATIVE_INFINITY, isDue: false };
    this.inboxes.set(peer, inbox);
    const now = clock.monotonic();
    inbox.isDue = now - inbox.askedAt < DISPATCH_TIMINGS.askMs;
    if (inbox.isDue) return;
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

/** Nothing waits in the queue, and nobody serves it. */
const NOTHING_KNOWN: QueueView<Address> = {
  ...{ state: 'unheard', ahead: 0, waiting: 0, inTheWay: [] },
  workers: { queue: 0, type: 0, free: 0, refused: 0 },
};

/** Hosts that are remembered rather than found again. */
const HOSTS_KEPT = 10_000;

/** Apart from the partitions, which are shared out by the same rule. */
const hostKey = (queue: string): string => `queue/${queue}`;
