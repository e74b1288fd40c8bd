import type { Task } from '../task/task.ts';

/**
 * The newest version of what has changed lately. The list is read from a database that follows the events by a moment,
 * so a page that comes later may hold older versions than events that came before it.
 */
export type RecentChanges = {
  readonly note: (task: Task) => void;
  readonly forget: (uuid: string) => void;
  readonly clear: () => void;
  /** The newer of the two versions. */
  readonly newest: (task: Task) => Task;
  /** Noted tasks that were made after a time and are not in `known`. */
  readonly madeAfter: (atMs: number, known: ReadonlySet<string>) => readonly Task[];
};

export const createRecentChanges = (limit: number): RecentChanges => {
  const kept = new Map<string, Task>();
  return {
    note: (task) => {
      const before = kept.get(task.uuid);
      if (before !== undefined && before.revision >= task.revision) return;
      kept.delete(task.uuid); // to the end: the oldest change is the first to go
      kept.set(task.uuid, task);
      const [oldest] = kept.keys();
      if (kept.size > limit && oldest !== undefined) kept.delete(oldest);
    },
    forget: (uuid) => void kept.delete(uuid),
    clear: () => kept.clear(),
    newest: (task) => {
      const noted = kept.get(task.uuid);
      return noted !== undefined && noted.revision > task.revision ? noted : task;
    },
    madeAfter: (atMs, known) => [...kept.values()].filter((task) => task.createdAt > atMs && !known.has(task.uuid)),
  };
};
