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
export const logSink = (parts: LogSinkParts): Sink => ({
  name: PROJECTIONS.log,
  write: async ({ entries }) => {
    const versions = newestOf(entries);
    for (let at = 0; at < versions.length; at += AT_ONCE) await appendAll(versions.slice(at, at + AT_ONCE), parts);
  },
});

const appendAll = async (versions: readonly Version[], parts: LogSinkParts): Promise<void> => {
  const { events, outageRetry, clock, counters } = parts;
  const since = clock.monotonic();
  let left = versions;
  await outageRetry.until(async () => {
    const results = await Promise.all(left.map((version) => events.append(version)));
    const failed = left.flatMap((version, i) => failureOf(version, results[i]));
    counters.logged += left.length - failed.length;
    const [first] = failed;
    if (first === undefined) return;
    // All of them: the log is at fault. Some of them, for long, and for good: they are.
    const isTheirs = failed.length < versions.length && clock.monotonic() - since >= HOPELESS_MS;
    const hopeless = isTheirs ? failed.filter(({ cause }) => cause.code === 'STORE_REFUSED') : [];
    leaveOut(hopeless, parts);
    left = failed.filter((one) => !hopeless.includes(one)).map(({ version }) => version);
    if (left.length > 0) throw first.cause;
  });
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
