import { BatonError } from '../errors.ts';
import { silentLog, type Log } from '../log.ts';
import type { Clock } from '../ports/environment.ts';
import type { DataStore } from '../ports/data.ts';
import type { RecordStore } from '../ports/store.ts';
import type { EndedViews } from './ended-views.ts';
import { checkRule, prune, type PruneRule } from './prune.ts';
import { sweepObjects } from './sweep-objects.ts';

export type JanitorParts = {
  readonly views: EndedViews;
  readonly data: DataStore;
  readonly store: RecordStore;
  readonly clock: Clock;
};

export type JanitorOptions = {
  readonly log?: Log;
  /** What is pruned on the schedule; absent: nothing, documents stay for good. */
  readonly prune?: PruneRule;
  /** Between two prunes, of all processes together; an hour when not set. */
  readonly pruneEveryMs?: number;
  /** Between two looks for objects nobody refers to; a day when not set. */
  readonly sweepEveryMs?: number;
  /** Something is broken that is no outage; the janitor has ended. */
  readonly onBroken?: (error: unknown) => void;
};

export type Janitor = {
  /** Ends what is on its way between two batches. */
  readonly stop: () => Promise<void>;
};

const HOUR_MS = 3_600_000;
const LOOK_MS = 30_000;

/**
 * Prunes and sweeps on a schedule. Every process that hosts one asks whose turn it is; the turn is kept in the database,
 * so that one of them does it, and a restart is no reason to do it again. What fails is tried again at the next turn.
 */
export const startJanitor = (parts: JanitorParts, options: JanitorOptions = {}): Janitor => {
  const { log = silentLog, prune: rule, pruneEveryMs = HOUR_MS, sweepEveryMs = 24 * HOUR_MS } = options;
  if (rule !== undefined) checkRule(rule);
  const stopping = new AbortController();
  const { signal } = stopping;
  const { clock } = parts;

  const pruneNow = async (): Promise<void> => {
    if (rule === undefined) return;
    const { tasks, objects, tookMs, complete } = await prune(parts, { ...rule, signal });
    if (tasks > 0) log.info({ tasks, objects, tookMs: Math.round(tookMs), complete }, 'pruned ended tasks');
  };
  const sweepNow = async (): Promise<void> => {
    const objects = await sweepObjects({ ...parts, signal });
    if (objects > 0) log.info({ objects }, 'removed objects that nobody referred to');
  };
  const duties = [
    ...(rule === undefined ? [] : [{ name: 'prune', everyMs: pruneEveryMs, run: pruneNow }]),
    { name: 'sweep-objects', everyMs: sweepEveryMs, run: sweepNow },
  ];

  const round = async (): Promise<void> => {
    for (const { name, everyMs, run } of duties) {
      try {
        if (!signal.aborted && (await parts.views.takeTurn(name, everyMs, clock.now()))) await run();
      } catch (error) {
        if (!(error instanceof BatonError)) throw error;
        log.warn(
          { code: error.code, reason: error.message, duty: name },
          'not done this time; the next turn tries again',
        );
      }
    }
  };
  const live = async (): Promise<void> => {
    const lookMs = Math.min(LOOK_MS, pruneEveryMs, sweepEveryMs);
    while (!signal.aborted) {
      await round();
      await restUntil(clock, lookMs, signal);
    }
  };
  const ended = live().catch((error: unknown) => options.onBroken?.(error));
  return {
    stop: async () => {
      stopping.abort();
      await ended;
    },
  };
};

const restUntil = (clock: Clock, ms: number, signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const end = (): void => {
      timer.cancel();
      resolve();
    };
    const timer = clock.after(ms, () => {
      signal.removeEventListener('abort', end);
      resolve();
    });
    signal.addEventListener('abort', end, { once: true });
  });
