import { BatonError } from '../errors.ts';
import { silentLog, type Log } from '../log.ts';
import type { Entry } from '../ports/store.ts';
import type { EntryReader } from '../ports/projections.ts';
import type { Ports } from '../ports.ts';
import { acknowledge } from './acknowledge.ts';
import { zeroCounters } from './counters.ts';
import { foreign, takeIn } from './intake.ts';
import { OutageRetry } from './outage-retry.ts';
import { Source } from './source.ts';
import type { TaskViews } from './views.ts';
import { Writer } from './writer.ts';

export type RebuildOptions = {
  readonly log?: Log;
  readonly signal?: AbortSignal;
  /** Called after every batch. `total`: what was there when it began. */
  readonly onProgress?: (progress: {
    readonly phase: 'log' | 'bucket';
    readonly done: number;
    readonly total: number;
  }) => void;
};

export type RebuildReport = { readonly versions: number; readonly documents: number; readonly aside: number };

/**
 * Projects all of the event log, where there is one, and then all of the bucket (behaviour P4), into a database that may be empty and whose
 * indexes exist. A projector may run meanwhile, and a rebuild that was broken off is simply begun again: nothing is
 * written twice or backwards. What was pruned in the days the log goes back to is there again afterwards.
 */
export const rebuildViews = async (
  ports: Pick<Ports, 'store' | 'log' | 'projections' | 'clock' | 'chance'>,
  views: TaskViews,
  options: RebuildOptions = {},
): Promise<RebuildReport> => {
  const { log = silentLog, signal = new AbortController().signal, onProgress = () => {} } = options;
  const { epoch } = ports.store;
  const { clock } = ports;
  const counters = zeroCounters();
  const outageRetry = (what: string) => new OutageRetry(what, ports, log, signal);
  const writer = new Writer({ views, outageRetry: outageRetry('MongoDB'), clock, epoch, log, counters });

  const readAll = async (phase: 'log' | 'bucket', open: () => Promise<EntryReader<Entry>>): Promise<void> => {
    const source = new Source({ open, clock, outageRetry: outageRetry(`the ${phase}`), signal, paceMs: 0 });
    let done = 0;
    let total: number | undefined;
    let place = 0;
    let read = 0;
    try {
      for (let batch = await source.next(); batch !== undefined; batch = await source.next()) {
        const now = clock.now();
        const { found, aside } = takeIn(batch.entries, { epoch, now });
        await writer.write(found);
        await writer.putAside([...aside, ...batch.unreadable.map((message) => foreign(message, now))]);
        const isAcknowledged = await acknowledge(batch, log, name);
        // Somebody has taken its consumer away: all of it comes again.
        if (batch.last <= place) [done, total] = [0, undefined];
        place = batch.last;
        const size = batch.entries.length + batch.unreadable.length;
        done += size;
        read += size;
        // What comes meanwhile is for projectors: on a busy system it would never end.
        total ??= done + batch.pending;
        onProgress({ phase, done: Math.min(done, total), total });
        if (batch.pending === 0 || done >= total) break;
        // It comes again, with more behind it maybe.
        if (!isAcknowledged) [done, total] = [0, undefined];
      }
    } finally {
      // Where its place stays the server forgets it by itself, and what ended the reading is what is told.
      await source
        .close({ forget: true })
        .catch((error: unknown) => log.debug({ err: error }, 'a reader was not taken away'));
    }
    counters.versions += read;
  };

  const name = `rebuild-${ports.chance.uuid()}`;
  if (await hasLog(ports.log, name)) await readAll('log', () => ports.log.reader(name, ONCE));
  await readAll('bucket', () => ports.projections.reader(name, ONCE));
  return {
    versions: counters.versions,
    documents: counters.documents,
    aside: counters.newer + counters.corrupt + counters.refused + counters.foreign,
  };
};

const ONCE = { once: true } as const;

const hasLog = async (log: Ports['log'], name: string): Promise<boolean> => {
  try {
    await (await log.reader(name, ONCE)).close();
    return true;
  } catch (error) {
    if (error instanceof BatonError && error.code === 'STORE_MISSING') return false;
    throw error;
  }
};
