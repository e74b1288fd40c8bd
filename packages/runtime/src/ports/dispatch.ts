import type { HeldTask, QueueView, ReadyTask, Return, TaskOffer } from '@baton/core';
import type { Address, Lane } from '@baton/protocols';
import type { Subscription } from './environment.ts';

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
  /** False: the queue is somebody else's, or nobody's yet, or the host does not know the session: it begins anew. */
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
  /** Tell me your state, with this, once all is told that is stored by now. Has no number. */
  readonly sync?: string;
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
  /** Of the question it answers: all that was stored when it was asked has been told. */
  readonly synced?: string;
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
  /** Where a task stands, by the host of its queue; see `StandingReply`. Never rejects. */
  standing(question: StandingQuestion, timeoutMs: number): Promise<StandingReply>;
  /** Undefined as the answer: the queue is another one's. */
  onStanding(listener: (question: StandingQuestion) => QueueView<Address> | undefined): Subscription;
}

/** `type` where the queue has not heard of the task; `worker`: that runs it, of a task that has begun. */
export type StandingQuestion = {
  readonly queue: string;
  readonly address: Address;
  readonly type: string;
  readonly worker?: string;
};

export type StandingReply =
  | { readonly kind: 'answered'; readonly view: QueueView<Address> }
  /** No supervisor listens. */
  | { readonly kind: 'nobody' }
  /** Nobody says that the queue is his: it goes from one to another, he does not answer, or may not be asked. */
  | { readonly kind: 'silent' };
