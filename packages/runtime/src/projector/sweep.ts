import { allPartitions } from '@baton/protocols';
import { BatonError } from '../errors.ts';
import type { Log } from '../log.ts';
import type { Clock, Entry, RecordFeed, Subscription } from '../ports.ts';
import { isMarkDue, takeIn, type Found } from './intake.ts';
import type { Marker } from './marker.ts';
import { pause } from './patience.ts';
import type { Writer } from './writer.ts';

/** A record that ended less than this ago is still on its way through the log. */
const SETTLED_MS = 10_000;

/** Most records taken from one reading of a partition; with more there is another reading. */
const MOST_RECORDS = 2_000;

/** A reading of one partition that takes longer is given up: a watch can fall silent without a word. */
const READ_LIMIT_MS = 30_000;

/** Between two partitions: the sweep is in no hurry. */
const PAUSE_MS = 20;

type SweepParts = {
  readonly feed: RecordFeed;
  readonly epoch: number;
  readonly clock: Clock;
  readonly writer: Writer;
  readonly marker: Marker;
  readonly log: Log;
  readonly signal: AbortSignal;
};

/**
 * So that nothing stays for ever: looks through the bucket for ended tasks that nobody marked, because a mark was lost or
 * their event never came, projects them and marks them.
 */
export const sweepBucket = async (parts: SweepParts): Promise<number> => {
  let swept = 0;
  for (const partition of allPartitions()) {
    for (;;) {
      const due = await dueIn(partition, parts);
      swept += due.length;
      await parts.marker.mark(await parts.writer.write(due));
      if (due.length < MOST_RECORDS) break;
    }
    await pause(parts.clock, PAUSE_MS, parts.signal);
  }
  if (swept > 0) parts.log.info({ tasks: swept }, 'ended tasks without an archive mark were projected and marked');
  return swept;
};

const dueIn = async (partition: string, parts: SweepParts): Promise<readonly Found[]> => {
  const now = parts.clock.now();
  const due: Found[] = [];
  const take = (entry: Entry): boolean => {
    const [found] = takeIn([entry], { epoch: parts.epoch, now, archived: 'skip' }).found;
    if (found !== undefined && isMarkDue(found) && found.record.changedAt <= now - SETTLED_MS) due.push(found);
    return due.length < MOST_RECORDS;
  };
  await readPartition(partition, parts, take);
  return due;
};

type ReadParts = Pick<SweepParts, 'feed' | 'clock' | 'signal'>;

/**
 * Gives every record of a partition that is there now, until `take` has had enough. Rejects with a BatonError when the
 * reading broke off, with Stopped when asked to stop.
 */
export const readPartition = async (
  partition: string,
  { feed, clock, signal }: ReadParts,
  take: (entry: Entry) => boolean,
): Promise<void> => {
  const over = new AbortController();
  const ending = new Promise<void>((resolve, reject) => {
    let open = true;
    const finish = (end: () => void): void => {
      open = false;
      over.abort();
      end();
    };
    const lost = (cause: BatonError): void => finish(() => reject(cause));
    const listener = {
      entry: (entry: Entry) => {
        if (open && !take(entry)) finish(resolve);
      },
      caughtUp: () => finish(resolve),
      lost,
    };
    void subscribe(feed, partition, listener, over.signal, lost);
    pause(clock, READ_LIMIT_MS, AbortSignal.any([signal, over.signal])).then(
      () =>
        lost(
          new BatonError(
            'FEED_SILENT',
            `the records of partition ${partition} did not come within ${READ_LIMIT_MS} ms`,
          ),
        ),
      (stopped: unknown) => finish(() => reject(stopped instanceof Error ? stopped : new Error(String(stopped)))),
    );
  });
  await ending;
};

const subscribe = async (
  feed: RecordFeed,
  partition: string,
  listener: Parameters<RecordFeed['follow']>[1],
  over: AbortSignal,
  lost: (cause: BatonError) => void,
): Promise<void> => {
  let subscription: Subscription;
  try {
    subscription = await feed.follow([partition], listener);
  } catch (error) {
    const cause = error instanceof BatonError ? error : new BatonError('FEED_FAILED', String(error), { cause: error });
    lost(cause);
    return;
  }
  if (over.aborted) subscription.close();
  else over.addEventListener('abort', () => subscription.close(), { once: true });
};
