import { decide, fold, type TaskRecord } from '@baton/core';
import { encodeRecord, PROJECTIONS } from '@baton/protocols';
import { settledOperation } from '../client/operations.ts';
import { lifeOfMarked } from '../kernel.ts';
import type { Log } from '../log.ts';
import type { Chance, Clock, Subscription } from '../ports/environment.ts';
import type { Operations } from '../ports/operations.ts';
import type { RecordStore, WriteResult } from '../ports/store.ts';
import type { Counters } from './counters.ts';
import { asideId, isMarkDue, takeIn, type Found } from './intake.ts';
import type { LagMeter } from './lag.ts';
import { pause, type OutageRetry } from './outage-retry.ts';
import { newestOf, type Sink } from './sink.ts';
import type { TaskViews } from './views.ts';
import { sideBySide } from '../side-by-side.ts';

/** Marks that are asked for at the same moment. Enough for the store to bundle them, few enough to hold in memory. */
const AT_ONCE = 256;

/** With so many versions in front of the others, tasks and documents come first ... */
const BUSY_VERSIONS = 1_000;

/** ... but not for longer than this: what is not forgotten takes room. */
const LATEST_MS = 30_000;

/** With these the store takes a write at no time. */
const FOR_GOOD: readonly string[] = ['STORE_REFUSED', 'PAYLOAD_TOO_LARGE'];

type ArchiveParts = {
  readonly store: RecordStore;
  readonly operations: Operations;
  readonly clock: Clock;
  readonly chance: Chance;
  readonly views: TaskViews;
  readonly outageRetry: OutageRetry;
  readonly viewsRetry: OutageRetry;
  readonly log: Log;
  readonly counters: Counters;
  readonly signal: AbortSignal;
  /** Of every projection that has to have a record before it is forgotten, and of this one. */
  readonly others: readonly LagMeter[];
  readonly own: LagMeter;
};

/**
 * Marks ended tasks that every projection has (behaviour P6): the record gets a lifetime, and the server forgets it. It
 * is a projection itself, so that no mark is forgotten with a process: what it has not marked is not acknowledged.
 *
 * What was put aside because the database refuses it keeps its record.
 */
export class ArchiveSink implements Sink {
  readonly name = PROJECTIONS.archive;
  private readonly parts: ArchiveParts;

  constructor(parts: ArchiveParts) {
    this.parts = parts;
  }

  /** There is something the others are past, and nothing hurries. */
  readonly ready = (): Promise<void> => {
    const { others, own } = this.parts;
    return this.until(() => {
      const isBusy = others.some((meter) => meter.lag().versions > BUSY_VERSIONS);
      return this.floor() > own.floor && (!isBusy || own.lag().ageMs > LATEST_MS);
    });
  };

  readonly write: Sink['write'] = async ({ entries }) => {
    const { clock, store } = this.parts;
    const last = entries.at(-1)?.revision ?? 0;
    await this.until(() => this.floor() >= last);
    const { found } = takeIn(newestOf(entries), { epoch: store.epoch, now: clock.now() });
    await this.mark(found);
  };

  /** Resolves when all are marked that have to be. Only once every projection has them, as `write` sees to. */
  async mark(found: readonly Found[]): Promise<void> {
    const { store, views, viewsRetry } = this.parts;
    const due = found.filter(isMarkDue);
    if (due.length === 0) return;
    const ids = due.map((one) => asideId(one, store.epoch));
    const aside = new Set(await viewsRetry.until(() => views.asideAmong(ids)));
    const rest = due.filter((one) => !aside.has(asideId(one, store.epoch)));
    await sideBySide(rest, AT_ONCE, (one) => this.markOne(one));
  }

  /** Up to here every projection has everything. */
  floor(): number {
    return Math.min(...this.parts.others.map((meter) => meter.floor));
  }

  /** Resolves when it holds, which is looked at whenever the meters have looked. Rejects with Stopped. */
  async until(holds: () => boolean): Promise<void> {
    while (!holds()) await this.nextLook();
  }

  private async nextLook(): Promise<void> {
    const { others, own, clock, signal } = this.parts;
    let ties: readonly Subscription[] = [];
    const looked = new Promise<void>((resolve) => {
      ties = [...others, own].map((meter) => meter.onLook(resolve));
    });
    const over = new AbortController();
    try {
      await Promise.race([looked, pause(clock, LATEST_MS, AbortSignal.any([signal, over.signal]))]);
    } finally {
      over.abort();
      for (const tie of ties) tie.close();
    }
  }

  private async markOne(found: Found): Promise<void> {
    const { store, chance, clock, counters } = this.parts;
    const { address, revision, record, outcomeOf } = found;
    const bytes = markOf(record, clock.now(), chance.nonce());
    if (bytes === undefined) return;
    const options = { ttlMs: keptFor(record, clock.now()), ...(outcomeOf === undefined ? {} : { outcomeOf }) };
    const noted = await this.settled(found, () => this.note(found));
    if (!noted) return;
    // A conflict: it is marked already, or another task by now, and comes again as that.
    const result = await this.settled(found, () => store.write(address, bytes, revision, options));
    if (result?.kind === 'written') counters.marked++;
  }

  /** Before a record may be forgotten, its operation id has to know what became of it (behaviour D7). */
  private async note({ address, revision, record }: Found): Promise<WriteResult> {
    if (record.operation === undefined) return { kind: 'written', revision };
    const operation = settledOperation(address, record, revision, { outcome: 'created', differs: false });
    return this.parts.operations.write(record.operation, operation);
  }

  /** Tries until it is known what became of it; undefined for what the store will never take. */
  private async settled(found: Found, attempt: () => Promise<WriteResult>): Promise<WriteResult | undefined> {
    const { outageRetry, counters, log } = this.parts;
    return outageRetry.until(async () => {
      const result = await attempt();
      if (!('cause' in result)) return result;
      if (result.kind === 'unknown' || !FOR_GOOD.includes(result.cause.code)) throw result.cause;
      counters.unmarked++;
      const { address } = found;
      log.warn({ address, reason: result.cause.message }, 'no archive mark could be written: the record stays');
      return undefined;
    });
  }
}

/** The last task of a key knows until when no other one is made: as long as that, it stays (behaviour Q10). */
const keptFor = (record: TaskRecord, now: number): number =>
  Math.max(lifeOfMarked(record), (record.throttledUntil ?? 0) - now);

/** The record with the mark; undefined when the decider sees none to write. */
const markOf = (record: TaskRecord, at: number, nonce: string): Uint8Array | undefined => {
  const decision = decide(record, { kind: 'archive', at, id: record.id });
  if (!decision.ok || decision.events.length === 0) return undefined;
  const folded = fold(record, decision);
  return folded === undefined ? undefined : encodeRecord(Object.assign(folded, { nonce }));
};
