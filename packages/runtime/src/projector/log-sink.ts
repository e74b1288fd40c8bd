import { PROJECTIONS } from '@baton/protocols';
import type { Log } from '../log.ts';
import type { Clock } from '../ports/environment.ts';
import type { EventLog, Version } from '../ports/projections.ts';
import type { WriteResult } from '../ports/store.ts';
import type { Counters } from './counters.ts';
import type { OutageRetry } from './outage-retry.ts';
import { newestOf, type Sink } from './sink.ts';

/** A version the log refuses for this long, while it takes others, can never be in it. */
const HOPELESS_MS = 20_000;

/** Appends that are under way together: enough to keep the server busy, few enough to repeat. */
const AT_ONCE = 1_000;

type LogSinkParts = {
  readonly events: EventLog;
  readonly outageRetry: OutageRetry;
  readonly clock: Clock;
  readonly log: Log;
  readonly counters: Counters;
};

/**
 * The event log (behaviour E1): of every task the newest version read, as it is stored, without a look into it.
 * What is repeated after a crash is there twice; followers go by the revision.
 */
export const logSink = (parts: LogSinkParts): Sink => {
  const taken: Taken = {};
  return {
    name: PROJECTIONS.log,
    write: async ({ entries }) => {
      const versions = newestOf(entries);
      for (let at = 0; at < versions.length; at += AT_ONCE)
        await appendAll(versions.slice(at, at + AT_ONCE), parts, taken);
    },
  };
};

/** One that the log took last. */
type Taken = { last?: Version };

const appendAll = async (versions: readonly Version[], parts: LogSinkParts, taken: Taken): Promise<void> => {
  const { events, outageRetry, clock, counters } = parts;
  const since = clock.monotonic();
  let left = versions;
  await outageRetry.until(async () => {
    const results = await Promise.all(left.map((version) => events.append(version)));
    const failed = left.flatMap((version, i) => failureOf(version, results[i]));
    counters.logged += left.length - failed.length;
    const [first] = failed;
    const fine = left.find((version) => failed.every((one) => one.version !== version));
    if (fine !== undefined) taken.last = fine;
    if (first === undefined) return;
    const isLong = clock.monotonic() - since >= HOPELESS_MS;
    const hopeless = isLong ? await theirs(failed, failed.length < versions.length, parts, taken) : [];
    leaveOut(hopeless, parts);
    left = failed.filter((one) => !hopeless.includes(one)).map(({ version }) => version);
    if (left.length > 0) throw first.cause;
  });
};

/**
 * Those that are at fault themselves, for good: what is too large, and what is refused while the log takes others. Where it has
 * taken none of this batch it is asked to take one again that it took before, which is there twice then at most.
 */
const theirs = async (
  failed: readonly Failure[],
  takesOthers: boolean,
  { events }: LogSinkParts,
  { last }: Taken,
): Promise<readonly Failure[]> => {
  const tooLarge = failed.filter(({ cause }) => cause.code === 'PAYLOAD_TOO_LARGE');
  const refused = failed.filter(({ cause }) => cause.code === 'STORE_REFUSED');
  if (refused.length === 0) return tooLarge;
  const isTaking = takesOthers || (last !== undefined && (await events.append(last)).kind === 'written');
  return isTaking ? [...tooLarge, ...refused] : tooLarge;
};

type Failure = { readonly version: Version; readonly cause: Extract<WriteResult, { cause: unknown }>['cause'] };

const failureOf = (version: Version, result: WriteResult | undefined): readonly Failure[] =>
  result === undefined || !('cause' in result) ? [] : [{ version, cause: result.cause }];

const leaveOut = (failures: readonly Failure[], { log, counters }: LogSinkParts): void => {
  counters.unlogged += failures.length;
  for (const { version, cause } of failures) {
    const { address, revision } = version;
    log.warn({ address, revision, reason: cause.message }, 'left out of the event log, which does not take it');
  }
};
