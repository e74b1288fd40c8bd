import { readRecord, type Address } from '@baton/protocols';
import type { Clock, Subscription } from '../../ports/environment.ts';
import type { Entry, RecordStore } from '../../ports/store.ts';
import type { RecordFeed } from '../../ports/feed.ts';
import { dutiesOf } from '../tasks/duties.ts';
import type { Intake } from '../tasks/intake.ts';
import type { TaskIndex } from '../tasks/task-index.ts';

/** What the live reader may take to give what a fresh one has given. */
const HEAD_START_MS = 2_000;

/** A probe that has not read its partition after this long is given up. */
const READ_LIMIT_MS = 30_000;

/** Differences kept of one partition, and absences looked up: one is proof enough. */
const KEPT = 1_000;
const LOOK_UPS = 16;

export type ProbeOptions = {
  readonly feed: RecordFeed;
  readonly store: RecordStore;
  readonly clock: Clock;
  readonly index: TaskIndex;
  readonly intake: Intake;
};

export type ProbeResult = {
  /** Newer than what the live reader has given although it had time to. */
  readonly missed: readonly Entry[];
  /** Watched, and no longer in the bucket. */
  readonly vanished: readonly Address[];
};

/**
 * Reads one partition afresh and compares it with what is known: the reconcile of that partition, and the canary of the
 * live reader. A watch can go silent without an end or an error (a stream that was made anew under it, a consumer that
 * is gone), and to see nothing looks the same as that nothing happens; only a second look tells them apart. What is
 * known already is not decoded. Undefined: it could not be read; the next one tries again.
 */
export const probe = async (partition: string, options: ProbeOptions): Promise<ProbeResult | undefined> => {
  const { index, intake, clock } = options;
  const before = new Map<Address, number>();
  for (const { address, revision } of index.inPartition(partition)) before.set(address, revision);
  const ahead = new Map<Address, Entry>();
  const read = await readOnce(partition, options, (entry) => {
    before.delete(entry.address);
    const known = Math.max(index.get(entry.address)?.revision ?? 0, intake.revisionOf(entry.address));
    if (entry.revision > known && ahead.size < KEPT && concerns(entry, known > 0))
      ahead.set(entry.address, { ...entry, bytes: new Uint8Array(entry.bytes) });
  });
  if (!read) return undefined;
  if (ahead.size > 0) await new Promise<void>((resolve) => void clock.after(HEAD_START_MS, resolve));
  const missed = [...ahead.values()].filter(
    ({ address, revision }) => revision > Math.max(index.get(address)?.revision ?? 0, intake.revisionOf(address)),
  );
  return {
    // One that ended meanwhile is not in the index any more, rightly.
    missed: await filterAsync(
      missed,
      async (entry) => (await options.store.load(entry.address))?.revision === entry.revision,
    ),
    vanished: await vanishedOf(before, options),
  };
};

/** Whether the live reader should have made something of it: it ended a task that is watched, or there is one to watch. */
const concerns = (entry: Entry, isKnown: boolean): boolean => {
  if (isKnown) return true;
  const reading = readRecord(entry.bytes);
  return reading.kind === 'record' && dutiesOf(reading.record) !== undefined;
};

const vanishedOf = async (absent: ReadonlyMap<Address, number>, options: ProbeOptions): Promise<readonly Address[]> => {
  const vanished: Address[] = [];
  let lookUps = 0;
  for (const [address, revision] of absent) {
    if (options.index.get(address)?.revision !== revision || lookUps++ >= LOOK_UPS) continue;
    if ((await options.store.load(address)) === undefined) vanished.push(address);
  }
  return vanished;
};

const filterAsync = async <T>(items: readonly T[], keep: (item: T) => Promise<boolean>): Promise<readonly T[]> => {
  const kept: T[] = [];
  for (const item of items) if (kept.length < LOOK_UPS && (await keep(item))) kept.push(item);
  return kept;
};

/** Everything there is in the partition now. False when the reader ended before, or took too long. */
const readOnce = async (
  partition: string,
  { feed, clock }: ProbeOptions,
  entry: (entry: Entry) => void,
): Promise<boolean> => {
  let subscription: Subscription | undefined;
  let over: (all: boolean) => void = () => {};
  const end = new Promise<boolean>((resolve) => {
    over = resolve;
  });
  const limit = clock.after(READ_LIMIT_MS, () => over(false));
  let open = true;
  const opening = feed
    .follow([partition], { entry: (e) => open && entry(e), caughtUp: () => over(true), lost: () => over(false) })
    .then((opened) => {
      subscription = opened;
      if (!open) opened.close();
    });
  // A failure to open ends it; what opens too late is closed above.
  opening.catch(() => over(false));
  const all = await end;
  open = false;
  limit.cancel();
  subscription?.close();
  return all;
};
