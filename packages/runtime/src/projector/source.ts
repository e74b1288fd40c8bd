import type { Clock } from '../ports/environment.ts';
import type { Entry } from '../ports/store.ts';
import type { EntryBatch, EntryReader } from '../ports/projections.ts';
import { pause, type OutageRetry } from './outage-retry.ts';

/** Most entries in one batch. More are cheaper to write, and more memory. */
const MOST_ENTRIES = 4_000;
const LEAST_ENTRIES = 32;

/** Bytes of records a batch aims at. */
const AIM_BYTES = 8 * 1024 * 1024;

const IDLE_MS = 5_000;

/** So many that wait have gathered. */
const GATHERED = 400;

type SourceParts<E extends Entry> = {
  readonly open: () => Promise<EntryReader<E>>;
  readonly clock: Clock;
  readonly outageRetry: OutageRetry;
  readonly signal: AbortSignal;
  /** How long entries may gather behind the first one. */
  readonly paceMs: number;
};

/**
 * Reads a stream in batches that are worth a write. It lets versions gather for the pace behind the first one, so that
 * the whole life of a short task is one version to read and one document to write; when it is behind it takes as much as
 * it may hold.
 */
export class Source<E extends Entry> {
  private readonly parts: SourceParts<E>;
  private reader: EntryReader<E> | undefined;
  private entryBytes = 1_024;
  /** What waited behind the last batch. */
  private pending = 0;

  constructor(parts: SourceParts<E>) {
    this.parts = parts;
  }

  /** Takes its place in the stream, from which on it is known how far behind it is. Rejects with Stopped only. */
  async open(): Promise<void> {
    await this.parts.outageRetry.until(() => this.opened());
  }

  /** The next entries; undefined when there were none for a while. Rejects with Stopped only. */
  async next(): Promise<EntryBatch<E> | undefined> {
    const { clock, paceMs, signal } = this.parts;
    const gathers = paceMs > 0 && this.pending < GATHERED;
    const first = await this.read(gathers ? 1 : this.most(), IDLE_MS);
    // What is nothing to read is passed by with the others.
    if (first.last === 0) return undefined;
    if (!gathers) return first;
    await pause(clock, paceMs, signal);
    const rest = await this.read(this.most(), 0);
    return rest.last === 0 ? first : merged(first, rest);
  }

  async close(options?: { readonly forget?: boolean }): Promise<void> {
    const { reader } = this;
    this.reader = undefined;
    await reader?.close(options);
  }

  private async read(max: number, waitMs: number): Promise<EntryBatch<E>> {
    const batch = await this.parts.outageRetry.until(async () => (await this.opened()).next(max, waitMs));
    this.measure(batch.entries);
    this.pending = batch.pending;
    return batch;
  }

  private async opened(): Promise<EntryReader<E>> {
    this.reader ??= await this.parts.open();
    return this.reader;
  }

  private most(): number {
    return Math.min(MOST_ENTRIES, Math.max(LEAST_ENTRIES, Math.floor(AIM_BYTES / this.entryBytes)));
  }

  /** Follows growing entries at once and shrinking ones slowly. */
  private measure(entries: readonly Entry[]): void {
    if (entries.length === 0) return;
    const mean = entries.reduce((sum, entry) => sum + entry.bytes.length, 0) / entries.length;
    this.entryBytes = Math.max(mean, this.entryBytes * 0.7, 64);
  }
}

/** The acknowledgement of the later one is that of both. */
const merged = <E extends Entry>(first: EntryBatch<E>, rest: EntryBatch<E>): EntryBatch<E> => ({
  ...rest,
  entries: [...first.entries, ...rest.entries],
  unreadable: [...first.unreadable, ...rest.unreadable],
});
