import { hasTags, isTerminal, type TaskRecord, type Tags } from '@baton/core';

/** Tasks whose tags are remembered. */
const MOST = 100_000;

/** The tags of tasks that have some and have not ended, to know whose have changed. */
export class KnownTags {
  private readonly known = new Map<string, Tags>();
  private readonly most: number;

  constructor(most = MOST) {
    this.most = most;
  }

  /** Whether they are others than when the task was looked at last; of one that was not, and has some, they may be. */
  changed({ id, status, tags }: Pick<TaskRecord, 'id' | 'status' | 'tags'>): boolean {
    const { known } = this;
    if (known.size === 0 && tags === undefined) return false;
    const before = known.get(id);
    known.delete(id);
    if (tags !== undefined && !isTerminal(status)) known.set(id, tags);
    if (known.size > this.most) {
      const [oldest] = known.keys();
      if (oldest !== undefined) known.delete(oldest);
    }
    return !(hasTags(before, tags) && hasTags(tags, before));
  }
}
