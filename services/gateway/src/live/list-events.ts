import type { Identity } from '../auth/identity.ts';
import { Problem } from '../http/problem.ts';
import type { ListFound } from '../tasks/task-reader.ts';
import { isAbout, matches, mayHaveMatched, type UserFilter } from '../tasks/matching.ts';
import { rowJson, type Looking } from '../tasks/task-json.ts';
import { changeText } from './change-text.ts';
import { readEventId, writeEventId } from './event-id.ts';
import type { EventStream } from './event-stream.ts';
import { eventText, feedText, KEEP_ALIVE } from './event-text.ts';
import type { LiveFeed } from './live-feed.ts';
import { newestOfEach, type Missed } from './missed-changes.ts';
import { ProgressEvents, type ProgressEventsParts } from './progress-events.ts';
import type { Change } from './recent-changes.ts';
import type { Watcher } from './watchers.ts';

export type ListEventsParts = {
  readonly identity: Identity;
  readonly filter: UserFilter;
  readonly feed: Pick<LiveFeed, 'since' | 'revision' | 'epoch' | 'isLive'>;
  /** The page the client begins with, and its cursor. */
  readonly firstPage: () => Promise<ListFound & { readonly cursor: string | null }>;
  readonly looking: () => Looking;
  /** Tasks whose live progress is told as well. */
  readonly progressOf: readonly string[];
  readonly progress: ProgressEventsParts;
};

/** Changes that may come while the beginning is told. */
const MOST_WAITING = 10_000;

/** The list as one client follows it: a page, then every change of what he may see and asked for. */
export class ListEvents implements Watcher {
  readonly identity: Identity;
  private readonly parts: ListEventsParts;
  private readonly progress: ProgressEvents;
  private stream: EventStream | undefined;
  /** What has changed since the beginning, while that is told. */
  private waiting: (() => void)[] | undefined;

  constructor(parts: ListEventsParts) {
    this.parts = parts;
    this.identity = parts.identity;
    this.progress = new ProgressEvents(parts.progress, (text) => this.stream?.write(text));
  }

  /** Must be called in the same turn in which the watcher was added: nothing may come in between. */
  async begin(stream: EventStream, lastEventId: string | undefined): Promise<void> {
    this.stream = stream;
    if (!this.parts.feed.isLive) this.live(false);
    await Promise.all([this.beginList(stream, lastEventId), ...this.parts.progressOf.map((id) => this.follow(id))]);
  }

  /** The connection is over. */
  close(): void {
    this.progress.close();
  }

  private async follow(taskId: string): Promise<void> {
    try {
      await this.progress.follow(taskId);
    } catch (error) {
      // What the user may not see says nothing, like what does not exist.
      if (!(error instanceof Problem && error.body.code === 'TASK_NOT_FOUND')) throw error;
    }
  }

  private async beginList(stream: EventStream, lastEventId: string | undefined): Promise<void> {
    const missed = lastEventId === undefined ? undefined : this.missedSince(lastEventId);
    // What changes from now on is told when the beginning has been.
    this.waiting = [];
    if (missed !== undefined) {
      for (const { change, isHidden } of missed) {
        if (isHidden) this.tellHidden(change);
        else this.tell(change);
        if (!(await stream.ready())) return;
      }
    } else {
      if (lastEventId !== undefined) stream.write(eventText('reset', { reason: 'resume' }));
      await this.tellFirstPage(stream);
    }
    await this.tellWaiting(stream);
  }

  private async tellFirstPage(stream: EventStream): Promise<void> {
    const { epoch, revision } = this.parts.feed;
    const { shown, cursor } = await this.parts.firstPage();
    const looking = this.parts.looking();
    const result = shown.map((one) => rowJson(one, looking));
    stream.write(eventText('snapshot', { result, next_cursor: cursor }, writeEventId({ epoch, revision })));
    // What comes behind it waits until it is read: it may be larger than what a client may leave unread.
    await stream.ready();
  }

  /** In its order; what comes meanwhile waits behind it. */
  private async tellWaiting(stream: EventStream): Promise<void> {
    for (let waiting = this.waiting ?? []; waiting.length > 0; waiting = this.waiting ?? []) {
      this.waiting = [];
      for (const tell of waiting) {
        tell();
        if (!(await stream.ready())) return;
      }
    }
    this.waiting = undefined;
  }

  readonly changed = (change: Change): void => {
    this.progress.changed(change.task.record);
    this.orLater(() => this.tell(change));
  };

  readonly hidden = (change: Change): void => {
    this.progress.stop(change.task.id);
    this.orLater(() => this.tellHidden(change));
  };

  readonly restarted = (): void => this.stream?.reset('restart');
  readonly live = (isLive: boolean): void => this.stream?.write(feedText(isLive));
  readonly expired = (): void => this.stream?.reset('expired');
  readonly keepAlive = (): void => this.stream?.write(KEEP_ALIVE);

  /** Undefined: nobody here knows what that was. */
  private missedSince(lastEventId: string): readonly Missed[] | undefined {
    const { feed, looking } = this.parts;
    const id = readEventId(lastEventId);
    const changes = id?.epoch === feed.epoch ? feed.since(id.revision) : undefined;
    return changes === undefined ? undefined : newestOfEach(changes, looking().actor);
  }

  private tell(change: Change): void {
    const { filter, looking } = this.parts;
    const { record } = change.task;
    if (matches(record, filter)) this.stream?.write(changeText(change, 'row', looking()));
    else if (isAbout(change, filter) && mayHaveMatched(change, filter)) this.leave(change, 'filter');
  }

  private tellHidden(change: Change): void {
    if (mayHaveMatched(change, this.parts.filter)) this.leave(change, 'hidden');
  }

  private leave({ task }: Change, reason: 'filter' | 'hidden'): void {
    this.stream?.write(eventText('leave', { uuid: task.id, revision: task.revision, reason }, writeEventId(task)));
  }

  private orLater(tell: () => void): void {
    if (this.waiting === undefined) return tell();
    this.waiting.push(tell);
    if (this.waiting.length > MOST_WAITING) this.stream?.reset('slow');
  }
}
