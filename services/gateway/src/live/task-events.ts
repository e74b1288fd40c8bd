import { canSee, isTerminal } from '@baton/core';
import type { Subscription } from '@baton/runtime';
import type { LiveProgress } from '@baton/sdk';
import type { Identity } from '../auth/identity.ts';
import type { FoundTask } from '../tasks/task-reader.ts';
import { taskJson, type Looking } from '../tasks/task-json.ts';
import { changeText } from './change-text.ts';
import { readEventId, writeEventId } from './event-id.ts';
import type { EventStream } from './event-stream.ts';
import { eventText, feedText, KEEP_ALIVE } from './event-text.ts';
import type { LiveFeed } from './live-feed.ts';
import { progressText } from './progress-events.ts';
import type { Change } from './recent-changes.ts';
import type { Watcher } from './watchers.ts';

export type TaskEventsParts = {
  readonly identity: Identity;
  readonly taskId: string;
  readonly feed: Pick<LiveFeed, 'since' | 'epoch' | 'isLive'>;
  /** The task as it is now. Rejects with the 404 Problem when the user may not see it. */
  readonly load: () => Promise<FoundTask>;
  /** Progress as it happens, between two writes of the record. */
  readonly followProgress: (found: FoundTask, listener: (live: LiveProgress) => void) => Promise<Subscription>;
  readonly looking: () => Looking;
};

/** Bytes of records that may wait while a client reads what came before them. */
const MOST_WAITING_BYTES = 8 * 1024 * 1024;

/** One task as one client follows it: as it is, then every change, until it has ended. */
export class TaskEvents implements Watcher {
  readonly identity: Identity;
  readonly taskId: string;
  private readonly parts: TaskEventsParts;
  private stream: EventStream | undefined;
  private progress: Subscription | undefined;
  private told = 0;
  private startedAt = 0;
  /** What has changed since, while the beginning is told. */
  private waiting: Change[] | undefined = [];
  private waitingBytes = 0;
  private wasHidden = false;

  constructor(parts: TaskEventsParts) {
    this.parts = parts;
    this.identity = parts.identity;
    this.taskId = parts.taskId;
  }

  /** After the watcher was added: a change that comes meanwhile waits. */
  load(): Promise<FoundTask> {
    return this.parts.load();
  }

  async begin(stream: EventStream, found: FoundTask, lastEventId: string | undefined): Promise<void> {
    this.stream = stream;
    if (!this.parts.feed.isLive) this.live(false);
    const { document } = found;
    this.startedAt = document.started_at?.getTime() ?? 0;
    const missed = this.missedSince(found, lastEventId);
    if (missed === undefined) {
      if (lastEventId !== undefined) stream.write(eventText('reset', { reason: 'resume' }));
      this.tellCurrent(found);
    }
    if (!(await this.catchUp(stream, missed ?? []))) return;
    if (this.wasHidden) return this.gone();
    if (document.terminal) this.finish();
    if (!stream.isOpen) return;
    const progress = await this.parts.followProgress(found, (live) => this.tellProgress(live));
    if (stream.isOpen) this.progress = progress;
    else progress.close();
  }

  /** Tells these and what has come since, as fast as the client reads. False: the stream is over. */
  private async catchUp(stream: EventStream, missed: readonly Change[]): Promise<boolean> {
    if (this.waitingBytes > MOST_WAITING_BYTES) {
      stream.reset('slow');
      return false;
    }
    this.waiting = [...missed, ...(this.waiting ?? [])];
    // More comes while it is told.
    for (let waiting = this.waiting; waiting.length > 0; waiting = this.waiting ?? []) {
      this.waiting = [];
      this.waitingBytes = 0;
      for (const change of waiting) {
        this.tell(change);
        if (!(await stream.ready())) return false;
      }
    }
    this.waiting = undefined;
    return stream.isOpen;
  }

  /** The connection is over. */
  close(): void {
    this.progress?.close();
  }

  readonly changed = (change: Change): void => {
    if (this.waiting === undefined) return this.tell(change);
    if (this.stream?.isOpen === false) return;
    this.waiting.push(change);
    this.waitingBytes += change.task.size;
    if (this.waitingBytes > MOST_WAITING_BYTES) this.stream?.reset('slow');
  };

  readonly hidden = (): void => {
    this.wasHidden = true;
    if (this.stream !== undefined) this.gone();
  };

  readonly restarted = (): void => this.stream?.reset('restart');
  readonly live = (isLive: boolean): void => this.stream?.write(feedText(isLive));
  readonly expired = (): void => this.stream?.reset('expired');
  readonly keepAlive = (): void => this.stream?.write(KEEP_ALIVE);

  /** Changes the client has not seen; undefined when that cannot be said, and the present state has to do. */
  private missedSince({ document }: FoundTask, lastEventId: string | undefined): readonly Change[] | undefined {
    const id = lastEventId === undefined ? undefined : readEventId(lastEventId);
    if (id === undefined || id.epoch !== document.epoch) return undefined;
    this.told = id.revision;
    if (id.revision === document.rev) return [];
    const { actor } = this.parts.looking();
    const all = id.epoch === this.parts.feed.epoch ? this.parts.feed.since(id.revision) : undefined;
    const mine = all?.filter(({ task }) => task.id === this.taskId && canSee(task.record, actor));
    const isWhole = mine !== undefined && (mine.at(-1)?.revision ?? id.revision) >= document.rev;
    return isWhole ? mine : undefined;
  }

  private tellCurrent({ document, record }: FoundTask): void {
    this.told = document.rev;
    const id = writeEventId({ epoch: document.epoch, revision: document.rev });
    const task = taskJson(document, this.parts.looking(), record);
    this.stream?.write(eventText('task', { change: 'current', task }, id));
  }

  private tell(change: Change): void {
    if (change.revision <= this.told) return;
    this.told = change.revision;
    const { record } = change.task;
    this.startedAt = record.startedAt ?? 0;
    this.stream?.write(changeText(change, 'task', this.parts.looking()));
    if (isTerminal(record.status)) this.finish();
  }

  private tellProgress(live: LiveProgress): void {
    const text = progressText(this.taskId, this.startedAt, live);
    if (text !== undefined) this.stream?.write(text);
  }

  private finish(): void {
    this.stream?.end(eventText('end', { uuid: this.taskId }));
  }

  private gone(): void {
    this.stream?.end(eventText('gone', { uuid: this.taskId }));
  }
}
