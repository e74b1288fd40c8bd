import type { HeldTask, ReadyTask, Return, SubmitOutcome, TaskOffer } from '@baton/core';
import type { Address, Lane, NodeRole } from '@baton/protocols';
import type { Definitions } from './definitions/port.ts';
import type { BatonError } from './errors.ts';
import type { LeaseCounts, WriteCounts } from './metrics/counts.ts';
import type { QueueSettingsPort } from './queues/port.ts';
import type { Schedules } from './schedules/port.ts';
import type { WorkRequests } from './work/port.ts';

/** The narrow functions the runtime needs from the world. NATS and memory both provide them, under one contract suite. */

/** A record as it is stored. */
export type Entry = { readonly address: Address; readonly revision: number; readonly bytes: Uint8Array };

export type Subscription = { readonly close: () => void };

/**
 * What became of a write. `conflict` and `failed` are definite: nothing was stored. `unknown` is neither yes nor no: it
 * may have been stored and may still be.
 */
export type WriteResult =
  | { readonly kind: 'written'; readonly revision: number }
  | { readonly kind: 'conflict' }
  | { readonly kind: 'unknown'; readonly cause: BatonError }
  | { readonly kind: 'failed'; readonly cause: BatonError };

export interface RecordStore {
  /** Creation time of the bucket, milliseconds: the first part of every fence. */
  readonly epoch: number;
  /**
   * Why no new tasks are taken, for people; undefined: they are. What room is left is kept for the tasks that are there
   * (behaviour R8). As of a second ago; whoever makes a task asks, `write` does not.
   */
  readonly shortage: string | undefined;
  /**
   * Reads from the leader; with `outcomeOf` the outcome of that task, kept beside the record. Rejects with
   * NotConnectedError, StoreRefusedError, or a BatonError `STORE_TIMEOUT`.
   */
  load(address: Address, outcomeOf?: string): Promise<Entry | undefined>;
  /**
   * Compare-and-set: stores when the last revision under the address is `expected` (0: none). `ttlMs`: forgotten by the
   * server after that. `outcomeOf`: not the record at the address but, beside it, the outcome of that task. Never rejects.
   */
  write(address: Address, bytes: Uint8Array, expected: number, options?: WriteOptions): Promise<WriteResult>;
}

export type WriteOptions = { readonly ttlMs?: number; readonly outcomeOf?: string };

export type FeedListener = {
  readonly entry: (entry: Entry) => void;
  /** To who follows all partitions: how a task ended whose key was used anew before all projections had that. It comes before what takes its place. */
  readonly outcome?: (entry: Entry) => void;
  /** Everything that was stored when the reader started has been given. */
  readonly caughtUp: () => void;
  /** True: what is written now is not told, since its reader has lost the server. False: all of it has been told after all. */
  readonly stalled?: (isStalled: boolean) => void;
  /** The reader has ended and will give nothing more: start another. Told once. */
  readonly lost: (cause: BatonError) => void;
};

export interface RecordFeed {
  /** Latest record of every actor in `partitions`, then every change, in order per actor. Of two changes soon after each other the first may be passed by. */
  follow(partitions: readonly string[], listener: FeedListener): Promise<Subscription>;
  /** The same of one actor. */
  followActor(address: Address, listener: FeedListener): Promise<Subscription>;
}

/** Something in a stream that is no record; put aside by whoever reads. `reason` is for people. */
export type Unreadable = {
  readonly sequence: number;
  readonly subject: string;
  readonly bytes: Uint8Array;
  readonly reason: string;
};

/** A stored version of a record, as projections are given it. */
export type Version = Entry & {
  /** It is the outcome of this task, kept beside the record that has taken its place. */
  readonly outcomeOf?: string;
  /** It was written with a lifetime: an archive mark, which has nothing new to tell. */
  readonly isMark: boolean;
  /** When it was stored, by the server's clock, milliseconds. */
  readonly storedAt: number;
};

export type EntryBatch<E extends Entry> = {
  /** In the order they were stored. */
  readonly entries: readonly E[];
  readonly unreadable: readonly Unreadable[];
  /** Messages still waiting behind this batch. */
  readonly pending: number;
  /**
   * All up to here is done with, that of earlier batches too. Confirmed by the server; rejects with a BatonError when it
   * was not. What is not acknowledged comes again.
   */
  readonly ack: () => Promise<void>;
};

/** A durable reader of a stream: it goes on behind what was acknowledged under its name, in whatever process. */
export type EntryReader<E extends Entry> = {
  /**
   * Up to `max` messages; waits up to `waitMs` for the first, then takes what is there. Empty when there is none, and
   * while another process is served under the name. Rejects with a BatonError when the server cannot be asked.
   */
  readonly next: (max: number, waitMs: number) => Promise<EntryBatch<E>>;
  /** `forget`: its place in the stream goes too, as of a reader that was made for one reading. */
  readonly close: (options?: { readonly forget?: boolean }) => Promise<void>;
};

/** How far a projection has come. Revisions are the bucket's own: nothing can be 0 that stands still (behaviour P5). */
export type ProjectionProgress = {
  /** Everything up to this revision is projected. */
  readonly floor: number;
  /** The last revision of the bucket. */
  readonly last: number;
  /** Versions behind the floor; 0 only where none is left. */
  readonly behind: number;
  /** When the first of them was stored, by the server's clock, milliseconds. */
  readonly oldestAt?: number;
};

/**
 * What projections read: the bucket, each at its own pace, by a durable reader of its name. A version that was written over
 * before it was read is passed by.
 */
export interface Projections {
  /** Of several processes with one name one is given everything, until it asks no more for a time. */
  reader(projection: string): Promise<EntryReader<Version>>;
  /** Undefined: nobody has ever read under this name. Rejects with a BatonError while the server is away. */
  progress(projection: string): Promise<ProjectionProgress | undefined>;
}

export interface EventLog {
  /** Appends a version for whoever follows. The same one twice within half a minute is there once. Never rejects. */
  append(entry: Entry): Promise<WriteResult>;
  /** The durable reader of that name. Rejects with StoreRefusedError `STORE_MISSING` where there is no log. */
  reader(consumer: string): Promise<EntryReader<Entry>>;
}

/** What a worker tells the host of one of its queues: which tasks it takes, and how many. */
export type Credit = {
  readonly queue: string;
  readonly worker: string;
  /** Names the present dealings of the two; what belongs to other ones is not listened to. */
  readonly session: string;
  /** Grows with every credit of a session: an older one that comes late is nothing. */
  readonly turn: number;
  readonly types: readonly string[];
  /** So many offers of this session are taken, counted from its first. May be lowered, down to what was sent. */
  readonly limit: number;
  /** Offers that were not claimed, and why. */
  readonly returned: readonly {
    readonly address: Address;
    readonly revision: number;
    readonly how: Return;
    /** Under which it was offered, where the queue counts what runs. */
    readonly term?: string;
  }[];
  /** It serves other queues too: it wants to be told when tasks wait for which this one has no credit. */
  readonly shares?: true;
  /** It takes nothing more. */
  readonly leaving?: true;
};

export type CreditAnswer = {
  readonly supervisor: string;
  /** False: the queue is somebody else's, or nobody's yet. */
  readonly hosts: boolean;
  /** Offers of this session so far; all of them were sent before this answer. */
  readonly sent: number;
  /** The limit that holds now. */
  readonly limit: number;
  /** Tasks that wait and that the worker serves. */
  readonly waiting: number;
  /** Of a queue that counts what runs: what is offered under this term, and under no other, may be claimed. */
  readonly term?: string;
};

export type CreditReply =
  | { readonly kind: 'answered'; readonly answer: CreditAnswer }
  /** Nobody listens: there is no supervisor of that name, or none at all. */
  | { readonly kind: 'nobody' }
  | { readonly kind: 'silent' };

/** Tasks for one worker, in the order in which they are to start. */
export type OfferBatch = {
  readonly queue: string;
  readonly session: string;
  /** Offers of the session before these. A gap means that some were lost. */
  readonly from: number;
  readonly offers: readonly Omit<TaskOffer<Address>, 'term'>[];
  readonly waiting: number;
  /** See CreditAnswer. */
  readonly term?: string;
};

/** What one supervisor tells another about the queues that one hosts. */
export type ReadyMessage = {
  readonly from: string;
  /** Names the sender's present telling; each of its messages has the next number, from 1. */
  readonly session: string;
  readonly number: number;
  /** What was told before does not count any more: everything follows. */
  readonly begins?: true;
  /** Tell me everything from the start. Has no number. */
  readonly ask?: true;
  readonly ready: readonly (ReadyTask<Address> & { readonly queue: string })[];
  readonly gone: readonly { readonly queue: string; readonly address: Address; readonly revision: number }[];
  /** Tasks of limited queues that run. */
  readonly held?: readonly (HeldTask<Address> & { readonly queue: string })[];
  /** All that was told before this, and nothing else, is so. */
  readonly state?: HostingState;
};

/** How a supervisor sees who hosts what, and what it has told whoever it sees as the host. */
export type HostingState = {
  /** Supervisors that are there, by which hosts are found; sorted. */
  readonly members: readonly string[];
  /** Partitions it has read, and watches. */
  readonly partitions: readonly string[];
  /** Queues it knows to be limited: what runs in them it has told. */
  readonly limited: readonly string[];
};

/** Tasks of one line that wait for a worker. */
export type WaitingLine = Lane & { readonly waiting: number };

/**
 * Between workers, queue actors and supervisors (behaviour Q). All of it is hint, at most once: whatever is lost costs a
 * moment, and only the claim decides.
 */
export interface Dispatch {
  /** To the supervisor `to`, or to all of them: only the host of the queue answers then. Never rejects. */
  credit(credit: Credit, to: string | undefined, timeoutMs: number): Promise<CreditReply>;
  /** Undefined as the answer: none. `toAll`: it may be meant for another supervisor. */
  onCredit(supervisor: string, listener: (credit: Credit, toAll: boolean) => CreditAnswer | undefined): Subscription;
  /** To all workers: queues may have another host now. */
  rehosted(): void;
  onRehosted(listener: () => void): Subscription;
  offer(worker: string, batch: OfferBatch): void;
  onOffer(worker: string, listener: (batch: OfferBatch) => void): Subscription;
  tell(supervisor: string, message: ReadyMessage): void;
  /** Also answers `ping`. */
  onTold(supervisor: string, listener: (message: ReadyMessage) => void): Subscription;
  /** Whether the supervisor is there: its connection, and its event loop. Never rejects. */
  ping(supervisor: string, timeoutMs: number): Promise<'there' | 'nobody' | 'silent'>;
  /** What waits, by all supervisors that answer in this time; undefined: none has. Never rejects. */
  waiting(timeoutMs: number): Promise<readonly WaitingLine[] | undefined>;
  onWaiting(listener: () => readonly WaitingLine[]): Subscription;
}

/** A record that has little room left, its bytes as stored. */
export type FullRecord = { readonly task: string; readonly bytes: number };

export type NodeState = 'ready' | 'draining' | 'blocked';

export type NodeInfo = {
  readonly role: NodeRole;
  readonly id: string;
  readonly host: string;
  readonly pid: number;
  readonly startedAt: number;
  readonly state: NodeState;
  readonly queues?: readonly string[];
  readonly types?: readonly string[];
  readonly concurrency?: number;
  readonly running?: number;
  /** Its machine's wall clock minus the server's when it started, milliseconds; absent where they agree to a second. */
  readonly clockAheadMs?: number;
  /** Of a supervisor: the fullest of the records it watches that are nearly full. */
  readonly fullRecords?: readonly FullRecord[];
};

/** What a node may say anew of itself while it lives. */
export type NodeChange = Partial<
  Pick<NodeInfo, 'state' | 'running' | 'queues' | 'types' | 'concurrency' | 'fullRecords'>
>;

/** A lease on being alive. Renewed apart from the event loop of its holder. */
export type Lease = {
  readonly counts: () => LeaseCounts;
  readonly update: (change: NodeChange) => void;
  /** Gives the lease back: the node is gone now, nobody needs to wait for its end. */
  readonly release: () => Promise<void>;
};

export type LeaseListener = {
  /** Not renewed for a whole lease: others may count this node as dead now. May be followed by `regained`. */
  readonly lost: () => void;
  readonly regained: () => void;
  /** The event loop turns again, after it did not for so many milliseconds: others saw this node as blocked. */
  readonly unblocked?: (afterMs: number) => void;
};

export type NodesListener = {
  /** The node was seen alive; called for every renewal. */
  readonly seen: (info: NodeInfo) => void;
  /** The node gave its lease back. */
  readonly left: (role: NodeRole, id: string) => void;
  readonly caughtUp: () => void;
  readonly lost: (cause: BatonError) => void;
};

export interface Presence {
  hold(info: NodeInfo, listener: LeaseListener): Promise<Lease>;
  /**
   * Renews, once, the lease of a node that cannot do so itself. Resolves when it is renewed for certain; rejects with a
   * BatonError when it may not be.
   */
  renewFor(info: NodeInfo): Promise<void>;
  /** Gives the lease of such a node back. Rejects as `renewFor` does. */
  releaseFor(role: NodeRole, id: string): Promise<void>;
  follow(listener: NodesListener): Promise<Subscription>;
}

/** The push path: at most once, so everything it tells can also be read from the store. */
export interface Signals {
  /** Tells a worker to look at one of its tasks now. */
  poke(worker: string, address: Address): void;
  onPoke(worker: string, listener: (address: Address) => void): Subscription;
  /** Tells whoever waits for the task what was stored: an end, an abort, a new beginning. */
  record(entry: Entry): void;
  /** What `record` tells of one actor. Resolves when the server knows of the interest. */
  onRecord(address: Address, listener: (entry: Entry) => void): Promise<Subscription>;
  progress(taskId: string, bytes: Uint8Array): void;
  onProgress(taskId: string, listener: (bytes: Uint8Array) => void): Promise<Subscription>;
}

/**
 * Where data lies that is too large for a record. Written before the record that refers to it, never written over. All
 * methods reject with a BatonError when it cannot be done; repeating any of them does no harm.
 */
export interface DataStore {
  /** Resolves when the bytes are stored durably. After a rejection they are not to be referred to. */
  put(name: string, bytes: Uint8Array): Promise<void>;
  /** Undefined: there is none of that name, or not all of it. */
  get(name: string): Promise<Uint8Array | undefined>;
  /** All that is left of it is gone; also fine when it was not there. */
  remove(name: string): Promise<void>;
  /** Names of all there are, in pages and in no order; what comes or goes meanwhile may be among them or not. */
  names(): AsyncIterable<readonly string[]>;
  /** When it was stored, by the server's clock, milliseconds; undefined: there is none. */
  storedAt(name: string): Promise<number | undefined>;
  /** Removes what a `put` left that began before `before` (milliseconds, server's clock) and never ended. How many. */
  removeUnfinished(before: number): Promise<number>;
}

/** What a submit with an operation id is going to make, and what became of it once that is known. */
export type Operation = {
  /** Id of the task: of the one that was going to be made, or once it is settled of the one it came to. */
  readonly id: string;
  readonly address: Address;
  readonly settled?: {
    readonly outcome: SubmitOutcome;
    readonly differs: boolean;
    /** The record as it was then, without what may be large. */
    readonly bytes: Uint8Array;
    readonly revision: number;
  };
};

/** Notes of operation ids, by hash, forgotten after a day. */
export interface Operations {
  /** Rejects as `RecordStore.load` does. */
  load(hash: string): Promise<{ readonly operation: Operation; readonly revision: number } | undefined>;
  /** `expected`: the last revision under the hash, 0 for none; absent: whatever is there. Never rejects. */
  write(hash: string, operation: Operation, expected?: number): Promise<WriteResult>;
}

export type CommandVerb = 'submit' | 'cancel';

/** A command of a publisher, as it came. */
export type CommandMessage = {
  /** Where it was sent. */
  readonly subject: string;
  /** What the subject says; may be none that is known. */
  readonly verb: string;
  /** What stands behind it: of a submit the type. May be no name. */
  readonly type?: string;
  /** All it came with; they go with it where it is put aside. */
  readonly headers: Readonly<Record<string, readonly string[]>>;
  readonly bytes: Uint8Array;
  readonly contentType?: string;
  /** Where the answer is to go: an inbox, and nothing else. */
  readonly replyTo?: string;
  /** A reply was asked for to a place where none is sent. */
  readonly badReply?: true;
  /** Where it is stored, and since when (milliseconds, server's clock): names it for good. */
  readonly sequence: number;
  readonly storedAt: number;
  /** 1: nobody was given it before. */
  readonly deliveries: number;
  /** It is carried out, or put aside. */
  readonly ack: () => void;
  /** It comes again, to somebody, after so long. */
  readonly again: (ms: number) => void;
};

export type CommandSent =
  | { readonly kind: 'answered'; readonly bytes: Uint8Array }
  /** It is stored and will be carried out; nobody has said so yet. */
  | { readonly kind: 'silent' }
  | { readonly kind: 'failed' | 'unknown'; readonly cause: BatonError };

/** Commands of those who may not write state, kept until somebody who may has carried them out. */
export interface Commands {
  /** MessagePack. Resolves when it is answered, or with `silent` after `timeoutMs`. Never rejects. */
  send(
    command: {
      readonly verb: CommandVerb;
      readonly type?: string;
      readonly bytes: Uint8Array;
      /** Besides those that every command has. */
      readonly headers?: Readonly<Record<string, string>>;
    },
    timeoutMs: number,
  ): Promise<CommandSent>;
  /** Gives commands, each to one of all who have opened, and again when it is not acknowledged in time. */
  open(take: (message: CommandMessage) => void, options: { readonly most: number }): Promise<Closing>;
  /** At most once. */
  reply(to: string, bytes: Uint8Array, contentType: string): void;
  /** Puts a command aside where people find it, with the reason it was not carried out. */
  bury(message: CommandMessage, code: string, reason: string): Promise<WriteResult>;
  /** Asks whoever watches the tasks where the one with the id is; undefined: nobody knows it now. */
  find(id: string, timeoutMs: number): Promise<Address | undefined>;
  onFind(where: (id: string) => Address | undefined): Subscription;
}

/** Something open that takes a moment to end. */
export type Closing = { readonly close: () => Promise<void> };

export interface Link {
  readonly connected: boolean;
  /** After every reconnect: what was pushed meanwhile is lost, so read again. */
  onReconnect(listener: () => void): Subscription;
  onDisconnect(listener: () => void): Subscription;
  /** The link is over for good, with the reason. */
  onClosed(listener: (cause: BatonError) => void): Subscription;
}

export interface Clock {
  /**
   * Wall clock of the server, as well as it is known here; milliseconds, UTC. All processes read the same one, so that
   * what one of them writes means the same to the others, whatever the clocks of their machines say.
   */
  now(): number;
  /** Monotonic, milliseconds: for leases and timeouts. */
  monotonic(): number;
  after(ms: number, run: () => void): { readonly cancel: () => void };
}

export interface Chance {
  uuid(): string;
  /** Unique, short, cheap. */
  nonce(): string;
  /** 0 up to 1. */
  random(): number;
}

export type Ports = {
  /** Absent where nothing is written to a server. */
  readonly writes?: WriteCounts;
  readonly store: RecordStore;
  readonly feed: RecordFeed;
  readonly projections: Projections;
  readonly log: EventLog;
  readonly data: DataStore;
  readonly operations: Operations;
  readonly commands: Commands;
  readonly definitions: Definitions;
  readonly schedules: Schedules;
  readonly queues: QueueSettingsPort;
  readonly dispatch: Dispatch;
  readonly presence: Presence;
  readonly signals: Signals;
  readonly work: WorkRequests;
  readonly link: Link;
  readonly clock: Clock;
  readonly chance: Chance;
};
