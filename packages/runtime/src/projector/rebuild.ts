import { allPartitions } from '@baton/protocols';
import { silentLog, type Log } from '../log.ts';
import type { Entry, Ports } from '../ports.ts';
import { takeIn } from './intake.ts';
import { Patience } from './patience.ts';
import { Source } from './source.ts';
import { zeroCounters } from './stats.ts';
import { readPartition } from './sweep.ts';
import type { TaskViews } from './views.ts';
import { Writer } from './writer.ts';

export type RebuildOptions = {
  readonly log?: Log;
  readonly signal?: AbortSignal;
  /** Called after every batch. `total` is what is known so far and may grow. */
  readonly onProgress?: (progress: {
    readonly phase: 'log' | 'bucket';
    readonly done: number;
    readonly total: number;
  }) => void;
};

export type RebuildReport = { readonly events: number; readonly documents: number; readonly aside: number };

/**
 * Projects all of the event log and then all of the bucket (behaviour P4), into a database that may be empty and whose
 * indexes exist. A projector may run meanwhile, and a rebuild that was broken off is simply begun again: nothing is
 * written twice or backwards. What was pruned in the days the log goes back to is there again afterwards.
 */
export const rebuildViews = async (
  ports: Pick<Ports, 'store' | 'log' | 'feed' | 'clock' | 'chance'>,
  views: TaskViews,
  options: RebuildOptions = {},
): Promise<RebuildReport> => {
  const { log = silentLog, signal = new AbortController().signal, onProgress = () => {} } = options;
  const { epoch } = ports.store;
  const { clock } = ports;
  const counters = zeroCounters();
  const writer = new Writer({
    views,
    patience: new Patience('MongoDB', ports, log, signal),
    clock,
    epoch,
    log,
    counters,
  });
  const project = async (entries: readonly Entry[]): Promise<void> => {
    const intake = takeIn(entries, { epoch, now: clock.now(), archived: 'take' });
    await writer.write(intake.found);
    await writer.putAside(intake.aside);
    counters.events += entries.length;
  };

  const source = new Source({
    log: ports.log,
    consumer: `rebuild-${ports.chance.uuid()}`,
    clock,
    patience: new Patience('the event log', ports, log, signal),
    signal,
    paceMs: 0,
    idleMs: 1_000,
  });
  try {
    for (let batch = await source.next(); batch !== undefined; batch = await source.next()) {
      await project(batch.entries);
      await batch.ack();
      onProgress({ phase: 'log', done: counters.events, total: counters.events + batch.pending });
    }
  } finally {
    await source.forget();
  }

  const partitions = allPartitions();
  for (const [done, partition] of partitions.entries()) {
    const entries: Entry[] = [];
    await readPartition(partition, { feed: ports.feed, clock, signal }, (entry) => entries.push(entry) > 0);
    await project(entries);
    onProgress({ phase: 'bucket', done: done + 1, total: partitions.length });
  }
  return {
    events: counters.events,
    documents: counters.documents,
    aside: counters.newer + counters.corrupt + counters.refused,
  };
};
