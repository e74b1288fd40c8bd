import { isTerminal, successorsOf, type TaskRecord } from '@baton/core';
import { allPartitions, ARCHIVE_TTL_MS, readRecord } from '@baton/protocols';
import type { BatonError, Clock, Entry, Log, RecordFeed, Subscription } from '@baton/runtime';
import { liveTaskIn, type LiveOrigin, type LiveTask } from './live-task.ts';
import type { Overlay } from './overlay.ts';
import { RecentChanges, type Change, type ChangeKind } from './recent-changes.ts';
import { ToldTasks, type Difference } from './told-tasks.ts';

export type LiveListener = {
  readonly change: (change: Change) => void;
  /** False: changes are not heard of from now on, and told later. */
  readonly live: (isLive: boolean) => void;
  /** Changes may have been missed: everything has to be read anew. */
  readonly restarted: () => void;
};

export type LiveFeedParts = {
  readonly feed: RecordFeed;
  readonly epoch: number;
  readonly clock: Clock;
  readonly log: Log;
  readonly overlay: Overlay;
};

const RECENT = { count: 10_000, bytes: 16 * 1024 * 1024 };

/** Tasks of which it is remembered that their end was told. Of those forgotten it is told twice. */
const MOST_ENDED = 100_000;

/** After a longer silence tasks may have been forgotten by the bucket whose end was not heard of. */
const LONG_SILENCE_MS = ARCHIVE_TTL_MS / 2;

const PAUSE_MS = 1_000;

/** One reading of the bucket for everybody: keeps the overlay, remembers the last changes, tells who listens. */
export class LiveFeed {
  readonly epoch: number;
  private readonly parts: LiveFeedParts;
  private readonly listeners = new Set<LiveListener>();
  private readonly ended = new Set<string>();
  private readonly told = new ToldTasks();
  private recent: RecentChanges | undefined;
  private subscription: Subscription | undefined;
  private retry: { readonly cancel: () => void } | undefined;
  private begun: (() => void) | undefined;
  private last = 0;
  private isStalled = false;
  private stalledAt = 0;
  private isStopped = false;
  private unreadable = 0;

  constructor(parts: LiveFeedParts) {
    this.parts = parts;
    this.epoch = parts.epoch;
  }

  /** The last revision that was read. */
  get revision(): number {
    return this.last;
  }

  /** Everything that was in the bucket at the beginning has been read, and changes are heard of as they happen. */
  get isLive(): boolean {
    return this.recent !== undefined && !this.isStalled;
  }

  /** Resolves when all that is stored has been read. */
  async start(): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.begun = resolve;
      this.follow().catch(reject);
    });
  }

  stop(): void {
    this.isStopped = true;
    this.retry?.cancel();
    this.subscription?.close();
  }

  listen(listener: LiveListener): Subscription {
    this.listeners.add(listener);
    return { close: () => this.listeners.delete(listener) };
  }

  /** Every change from this revision on; undefined when some after it may not be known here. */
  since(revision: number): readonly Change[] | undefined {
    return this.recent?.since(revision);
  }

  /** What a write of this process has just stored, before the feed tells of it. */
  put(entry: Pick<Entry, 'address' | 'revision'>, record: TaskRecord): void {
    const from = this.originOf({ ...entry, size: 1_024 });
    for (const id of idsIn(record)) this.keep(liveTaskIn(record, id, from));
  }

  private async follow(): Promise<void> {
    const subscription = await this.parts.feed.follow(allPartitions(), {
      entry: (entry) => this.take(entry),
      outcome: (entry) => this.take(entry, true),
      stalled: (isStalled, silentMs) => this.stall(isStalled, silentMs),
      caughtUp: () => {
        this.isStalled = false;
        this.restart();
        // Also where its first reader was lost before that.
        this.begun?.();
      },
      lost: (cause) => this.lose(cause),
    });
    if (this.isStopped) subscription.close();
    else this.subscription = subscription;
  }

  private lose(cause: BatonError): void {
    if (this.isStopped) return;
    this.parts.log.warn({ code: cause.code, reason: cause.message }, 'the record feed ended; it is begun again');
    this.stall(true);
    this.recent = undefined;
    this.again();
  }

  private stall(isStalled: boolean, silentMs = 0): void {
    if (this.isStalled === isStalled) return;
    this.isStalled = isStalled;
    const now = this.parts.clock.monotonic();
    if (isStalled) this.stalledAt = now - silentMs;
    else if (now - this.stalledAt >= LONG_SILENCE_MS && this.recent !== undefined) return this.restart();
    for (const listener of this.listeners) listener.live(!isStalled);
  }

  /** What was told before is not all that has happened since. */
  private restart(): void {
    this.recent = new RecentChanges(RECENT, this.last + 1);
    for (const listener of this.listeners) listener.restarted();
  }

  private again(): void {
    this.retry = this.parts.clock.after(PAUSE_MS, () => {
      if (this.isStopped) return;
      this.follow().catch((error: unknown) => {
        this.parts.log.warn({ err: error }, 'the record feed cannot be begun yet');
        this.again();
      });
    });
  }

  /** `isKept`: an end that was kept, since the key is used anew. */
  private take(entry: Entry, isKept = false): void {
    this.last = Math.max(this.last, entry.revision);
    // A copy: what is kept would keep all that came with it.
    const reading = readRecord(new Uint8Array(entry.bytes));
    if (reading.kind !== 'record') return this.leaveOut(entry, reading.kind);
    const { record } = reading;
    const from = this.originOf({ ...entry, size: entry.bytes.length });
    for (const id of idsIn(record)) {
      const task = liveTaskIn(record, id, from);
      if (task !== undefined) this.takeTask(task, record, isKept);
    }
  }

  private takeTask(task: LiveTask, actor: TaskRecord, isKept: boolean): void {
    const { before, left, retagged, renamed, isSame } = this.told.tell(task.record, task.id !== actor.id);
    // An end comes once more when it is kept for projections, since its key is used anew, and when it is archived. That says
    // nothing that anybody would see, unless the version that ended it was written over before it was read here.
    const wasTold = this.wasTold(task);
    if (task.record.archived) this.parts.overlay.settle(task.id, task);
    else this.keep(task);
    if (wasTold && (isKept || task.record.archived)) return;
    if (isSame || this.recent === undefined) return;
    const kind = kindOf(task.record, before);
    const isNew = kind === 'created';
    const change: Change = {
      ...{ revision: task.revision, kind, task, left },
      ...(retagged && !isNew ? { retagged } : {}),
      ...(renamed && !isNew ? { renamed } : {}),
    };
    this.recent.push(change);
    for (const listener of this.listeners) listener.change(change);
  }

  /** Whether the end of the task was told before. */
  private wasTold({ id, record }: LiveTask): boolean {
    const { ended } = this;
    const wasTold = ended.delete(id);
    if (!isTerminal(record.status)) return wasTold;
    ended.add(id);
    if (ended.size > MOST_ENDED) {
      const [oldest] = ended;
      if (oldest !== undefined) ended.delete(oldest);
    }
    return wasTold;
  }

  private keep(task: LiveTask | undefined): void {
    if (task !== undefined) this.parts.overlay.put(task);
  }

  private originOf({ address, revision, size }: Pick<LiveOrigin, 'address' | 'revision' | 'size'>): LiveOrigin {
    return { address, revision, size, epoch: this.epoch, seenAt: this.parts.clock.monotonic() };
  }

  /** Said at the first and then at every power of two. */
  private leaveOut({ address }: Entry, kind: string): void {
    const count = ++this.unreadable;
    if ((count & (count - 1)) === 0) this.parts.log.warn({ address, kind, count }, 'a record cannot be read here');
  }
}

const idsIn = (record: TaskRecord): readonly string[] => [
  record.id,
  ...successorsOf(record).map(({ spec }) => spec.id),
];

/** By the version that was told before where that is known; else by whether the last transition is as new as the last change. */
const kindOf = (record: TaskRecord, before: Difference['before']): ChangeKind => {
  const fresh = record.history.length === 1 && record.status === 'pending' && record.attempt === 0;
  if (before === undefined && fresh && record.changedAt === record.createdAt) return 'created';
  if (before === undefined) return record.history.at(-1)?.at === record.changedAt ? 'status' : 'update';
  return before.status !== record.status || before.moves !== record.history.length ? 'status' : 'update';
};
