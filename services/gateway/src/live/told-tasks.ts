import { hasTags, isTerminal, type TaskRecord, type Tags } from '@baton/core';

/** Tasks of which it is remembered what was told last. */
const MOST = 100_000;

const NOBODY: readonly string[] = [];

type Told = {
  readonly status: TaskRecord['status'];
  /** Transitions it had. */
  readonly moves: number;
  readonly name: string;
  readonly tags: Tags | undefined;
  /** Only a shared task can lose a subscriber. */
  readonly users: readonly string[];
  /** Of one that waits behind another: all that is shown of it. */
  readonly waiting: string | undefined;
};

/** A version beside the one that was told before it. */
export type Difference = {
  /** Undefined: none was, or too long ago. */
  readonly before: Pick<Told, 'status' | 'moves'> | undefined;
  /** Users who were subscribed before and are not any more. */
  readonly left: readonly string[];
  readonly renamed: boolean;
  /** Where it is not known what was told before, and there are tags, they may be others. */
  readonly retagged: boolean;
  /** It waits behind another task, each write of which carries it along, and shows nothing new. */
  readonly isSame: boolean;
};

/**
 * What the feed has told of tasks that have not ended. Not what this process knows of them: that may be newer, since it has
 * written it itself, and then nobody would be told.
 */
export class ToldTasks {
  private readonly known = new Map<string, Told>();
  private readonly most: number;

  constructor(most = MOST) {
    this.most = most;
  }

  /** `isWaiting`: it is told by the record of the task it waits behind. */
  tell(record: TaskRecord, isWaiting: boolean): Difference {
    const { id, status, name, tags } = record;
    const before = this.known.get(id);
    const now: Told = {
      ...{ status, moves: record.history.length, name, tags },
      users: record.scope === 'shared' ? record.subscribers.map(({ user }) => user) : NOBODY,
      waiting: isWaiting ? shownOf(record) : undefined,
    };
    this.known.delete(id);
    if (!isTerminal(status)) this.known.set(id, now);
    if (this.known.size > this.most) {
      const [oldest] = this.known.keys();
      if (oldest !== undefined) this.known.delete(oldest);
    }
    return {
      before,
      left: before === undefined ? NOBODY : before.users.filter((user) => !now.users.includes(user)),
      retagged: !(hasTags(before?.tags, tags) && hasTags(tags, before?.tags)),
      renamed: before !== undefined && before.name !== name,
      isSame: now.waiting !== undefined && before?.waiting === now.waiting,
    };
  }
}

const shownOf = ({ status, subscribers, dedupeCount, priority, name, tags, key, runAt }: TaskRecord): string =>
  JSON.stringify([status, subscribers, dedupeCount, priority, name, tags, key, runAt]);
