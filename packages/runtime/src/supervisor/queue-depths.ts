import type { Priority } from '@baton/core';
import type { Catalogue } from '../definitions/catalogue.ts';
import type { QueueHost, QueueSize } from '../dispatch/queue-host.ts';
import type { LeaseCounts } from '../metrics/counts.ts';
import type { Vouch } from '../metrics/task-meter.ts';
import type { Lease } from '../ports/presence.ts';
import type { SettingsBook } from '../queues/settings-book.ts';
import type { NodesWatch } from './nodes/nodes-watch.ts';
import type { Line, TaskIndex } from './tasks/task-index.ts';

/** What waits in one queue, as far as one supervisor sees it. */
export type QueueDepth = {
  readonly queue: string;
  /** Ready tasks in its own partitions: those of all supervisors add up to the depth of the queue. */
  readonly waiting: Readonly<Record<Priority, number>>;
  /** Of these, those that no live worker takes. */
  readonly unserved: number;
  /** From when on the oldest of them could begin, by the server's clock, milliseconds. */
  readonly oldestSince?: number;
};

type Sum = { queue: string; waiting: Record<Priority, number>; unserved: number; oldestSince?: number };

/** Looks at every task that waits: to be asked when somebody reads metrics, and not more often. */
export const queueDepths = (
  index: Pick<TaskIndex, 'lines' | 'ready'>,
  isServed: (line: Line) => boolean,
): readonly QueueDepth[] => {
  const queues = new Map<string, Sum>();
  for (const line of index.lines()) {
    const { queue, priority } = line.lane;
    const sum = queues.get(queue) ?? { queue, waiting: { high: 0, normal: 0, low: 0 }, unserved: 0 };
    queues.set(queue, sum);
    sum.waiting[priority] += line.waiting;
    if (!isServed(line)) sum.unserved += line.waiting;
  }
  for (const { watched, lane } of index.ready()) {
    const sum = queues.get(lane.queue);
    if (sum !== undefined && watched.since < (sum.oldestSince ?? Number.POSITIVE_INFINITY))
      sum.oldestSince = watched.since;
  }
  return [...queues.values()];
};

/** What of one queue nothing starts in. */
export type QueuePauses = {
  readonly queue: string;
  /** All of it: 0 or 1. */
  readonly whole: number;
  readonly types: number;
  readonly groups: number;
  /** What is set for it cannot be read, so nothing starts: 0 or 1. */
  readonly unreadable: number;
};

const pausesOf = (book: Pick<SettingsBook, 'all'>): readonly QueuePauses[] =>
  [...book.all()].map(([queue, kept]) => {
    if (kept === 'unreadable') return { queue, whole: 0, types: 0, groups: 0, unreadable: 1 };
    const { pauses } = kept.settings;
    const types = pauses.filter(({ type }) => type !== undefined).length;
    const groups = pauses.filter(({ group }) => group !== undefined).length;
    return { queue, whole: pauses.length - types - groups, types, groups, unreadable: 0 };
  });

/** What a supervisor tells monitoring, beside its stats. */
export type SupervisorReport = {
  readonly depths: readonly QueueDepth[];
  /** The queues it hosts; in these are tasks of the partitions of all supervisors. */
  readonly hosted: readonly QueueSize[];
  /** Of queues for which something is set. */
  readonly pauses: readonly QueuePauses[];
  /** What is set for queues is known; nothing starts while it is not. */
  readonly knowsSettings: boolean;
  /** Queues that live workers serve. */
  readonly served: ReadonlySet<string>;
  /** Absent before it has started and after it has stopped. */
  readonly lease?: LeaseCounts;
};

export const reportOf = (
  index: TaskIndex,
  nodes: Pick<NodesWatch, 'liveWorkers' | 'isServed'>,
  queues: Pick<QueueHost, 'sizes'>,
  book: Pick<SettingsBook, 'all' | 'isCurrent'>,
  lease: Lease | undefined,
): SupervisorReport => ({
  depths: queueDepths(index, ({ lane }) => nodes.isServed(lane)),
  hosted: queues.sizes(),
  pauses: pausesOf(book),
  knowsSettings: book.isCurrent,
  served: new Set(nodes.liveWorkers().flatMap((worker) => worker.queues ?? [])),
  ...(lease === undefined ? {} : { lease: lease.counts() }),
});

/** A type some worker has served, a queue some worker serves: nobody has made them up. */
export const vouchOf = (catalogue: Pick<Catalogue, 'seen'>, nodes: Pick<NodesWatch, 'liveWorkers'>): Vouch => ({
  type: (type) => catalogue.seen(type) !== undefined,
  queue: (queue) => nodes.liveWorkers().some(({ queues }) => queues?.includes(queue)),
});
