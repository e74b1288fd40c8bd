import type { Priority } from '@baton/core';
import type { Catalogue } from '../definitions/catalogue.ts';
import type { QueueHost, QueueSize } from '../dispatch/queue-host.ts';
import type { LeaseCounts } from '../metrics/counts.ts';
import type { Vouch } from '../metrics/task-meter.ts';
import type { Lease } from '../ports.ts';
import type { NodesWatch } from './nodes-watch.ts';
import type { Line } from './task-index.ts';

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
export const queueDepths = (lines: readonly Line[], isServed: (line: Line) => boolean): readonly QueueDepth[] => {
  const queues = new Map<string, Sum>();
  for (const line of lines) {
    const { queue, priority } = line.lane;
    const sum = queues.get(queue) ?? { queue, waiting: { high: 0, normal: 0, low: 0 }, unserved: 0 };
    queues.set(queue, sum);
    sum.waiting[priority] += line.waiting.size;
    if (!isServed(line)) sum.unserved += line.waiting.size;
    let oldest = sum.oldestSince ?? Number.POSITIVE_INFINITY;
    for (const { since } of line.waiting) if (since < oldest) oldest = since;
    if (oldest < Number.POSITIVE_INFINITY) sum.oldestSince = oldest;
  }
  return [...queues.values()];
};

/** What a supervisor tells monitoring, beside its stats. */
export type SupervisorReport = {
  readonly depths: readonly QueueDepth[];
  /** The queues it hosts; in these are tasks of the partitions of all supervisors. */
  readonly hosted: readonly QueueSize[];
  /** Queues that live workers serve. */
  readonly served: ReadonlySet<string>;
  /** Absent before it has started and after it has stopped. */
  readonly lease?: LeaseCounts;
};

export const reportOf = (
  lines: readonly Line[],
  nodes: Pick<NodesWatch, 'liveWorkers' | 'isServed'>,
  queues: Pick<QueueHost, 'sizes'>,
  lease: Lease | undefined,
): SupervisorReport => ({
  depths: queueDepths(lines, ({ lane }) => nodes.isServed(lane)),
  hosted: queues.sizes(),
  served: new Set(nodes.liveWorkers().flatMap((worker) => worker.queues ?? [])),
  ...(lease === undefined ? {} : { lease: lease.counts() }),
});

/** A type some worker has served, a queue some worker serves: nobody has made them up. */
export const vouchOf = (catalogue: Pick<Catalogue, 'seen'>, nodes: Pick<NodesWatch, 'liveWorkers'>): Vouch => ({
  type: (type) => catalogue.seen(type) !== undefined,
  queue: (queue) => nodes.liveWorkers().some(({ queues }) => queues?.includes(queue)),
});
