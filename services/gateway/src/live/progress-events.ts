import { describeProgress, etaMs, isTerminal, type TaskRecord } from '@baton/core';
import type { Subscription } from '@baton/runtime';
import type { LiveProgress } from '@baton/sdk';
import type { FoundTask } from '../tasks/task-reader.ts';
import { eventText } from './event-text.ts';

export type ProgressEventsParts = {
  /** Rejects with the 404 Problem when the user may not see it. */
  readonly load: (taskId: string) => Promise<FoundTask>;
  readonly followProgress: (found: FoundTask, listener: (live: LiveProgress) => void) => Promise<Subscription>;
};

type Followed = { startedAt: number; subscription?: Subscription };

/** Progress of a few tasks, as it happens between two writes of their records, for one client. */
export class ProgressEvents {
  private readonly parts: ProgressEventsParts;
  private readonly write: (text: string) => void;
  private readonly followed = new Map<string, Followed>();

  constructor(parts: ProgressEventsParts, write: (text: string) => void) {
    this.parts = parts;
    this.write = write;
  }

  /** Rejects with what broke; a task that cannot be seen, or has ended, is left out. */
  async follow(taskId: string): Promise<void> {
    if (this.followed.has(taskId)) return;
    const followed: Followed = { startedAt: 0 };
    this.followed.set(taskId, followed);
    try {
      const found = await this.parts.load(taskId);
      if (found.document.terminal) return this.stop(taskId);
      followed.startedAt = found.document.started_at?.getTime() ?? 0;
      const subscription = await this.parts.followProgress(found, (live) => this.tell(taskId, live));
      if (this.followed.get(taskId) === followed) followed.subscription = subscription;
      else subscription.close();
    } catch (error) {
      this.stop(taskId);
      throw error;
    }
  }

  /** What a newer version says: when its attempt began, and that nothing more comes. */
  changed({ id, status, startedAt = 0 }: TaskRecord): void {
    const followed = this.followed.get(id);
    if (followed === undefined) return;
    followed.startedAt = startedAt;
    if (isTerminal(status)) this.stop(id);
  }

  /** The user may not see it any more. */
  stop(taskId: string): void {
    this.followed.get(taskId)?.subscription?.close();
    this.followed.delete(taskId);
  }

  close(): void {
    for (const taskId of this.followed.keys()) this.stop(taskId);
  }

  private tell(taskId: string, live: LiveProgress): void {
    const followed = this.followed.get(taskId);
    if (followed !== undefined) this.write(progressText(taskId, followed.startedAt, live) ?? '');
  }
}

/** The event `progress`; nothing for an update without any. `startedAt` 0: not started, as far as is known. */
export const progressText = (taskId: string, startedAt: number, { at, progress }: LiveProgress): string | undefined => {
  if (progress === undefined) return undefined;
  const eta = startedAt === 0 ? undefined : etaMs(progress, Math.max(0, at.getTime() - startedAt));
  return eventText('progress', {
    uuid: taskId,
    at: at.toISOString(),
    progress,
    progress_text: describeProgress(progress),
    eta_seconds: eta === undefined ? null : eta / 1_000,
  });
};
