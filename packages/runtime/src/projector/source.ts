import type { Clock, Entry, EventBatch, EventLog, EventReader } from '../ports.ts';
import { pause, type Patience } from './patience.ts';

/** Most events in one batch. More hold more of a task's life together, and more memory. */
const MOST_EVENTS = 4_000;
const LEAST_EVENTS = 32;

/** Bytes of records a batch aims at; three batches are in memory at a time. */
const AIM_BYTES = 8 * 1024 * 1024;

const IDLE_MS = 5_000;

export type Batch = Omit<EventBatch, 'ack'> & { readonly ack: () => Promise<void> };

type SourceParts = {
  readonly log: EventLog;
  readonly consumer: string;
  readonly clock: Clock;
  readonly patience: Patience;
  readonly signal: AbortSignal;
  /** How long events may gather when the projection keeps up. */
  readonly paceMs: number;
  /** How long one call waits for the first event when there is nothing to do. Default 5,000. */
  readonly idleMs?: number;
};

/**
 * Reads the log in batches that are worth a write. When it keeps up it lets events gather for the pace, so that the whole
 * life of a short task becomes one document; when it is behind it takes as much as it may hold.
 */
export class Source {
  private readonly parts: SourceParts;
  private reader: EventReader | undefined;
  private eventBytes = 1_024;

  constructor(parts: SourceParts) {
    this.parts = parts;
  }

  /** The next events; undefined when there were none for a while. Rejects with Stopped only. */
  async next(): Promise<Batch | undefined> {
    const first = await this.read(this.most(), this.parts.idleMs ?? IDLE_MS);
    if (isEmpty(first)) return undefined;
    const { clock, paceMs, signal } = this.parts;
    if (first.pending === 0 && paceMs > 0) await pause(clock, paceMs, signal);
    const batches = [first];
    for (let left = this.most() - sizeOf(first); left > 0;) {
      const more = await this.read(left, 0);
      if (isEmpty(more)) break;
      batches.push(more);
      left -= sizeOf(more);
      if (more.pending === 0) break;
    }
    return merged(batches);
  }

  async close(): Promise<void> {
    const { reader } = this;
    this.reader = undefined;
    await reader?.close();
  }

  /** Closes, and takes the reader's place in the log away: it was made for one reading. */
  async forget(): Promise<void> {
    const { reader } = this;
    this.reader = undefined;
    await reader?.close({ forget: true });
  }

  private async read(max: number, waitMs: number): Promise<EventBatch> {
    const batch = await this.parts.patience.until(async () => {
      this.reader ??= await this.parts.log.reader(this.parts.consumer);
      try {
        return await this.reader.next(max, waitMs);
      } catch (error) {
        // It may be over for good, its consumer deleted: the next try begins with a new one.
        await this.close().catch(() => {});
        throw error;
      }
    });
    this.measure(batch.entries);
    return batch;
  }

  private most(): number {
    return Math.min(MOST_EVENTS, Math.max(LEAST_EVENTS, Math.floor(AIM_BYTES / this.eventBytes)));
  }

  /** Follows growing events at once and shrinking ones slowly. */
  private measure(entries: readonly Entry[]): void {
    if (entries.length === 0) return;
    const mean = entries.reduce((sum, entry) => sum + entry.bytes.length, 0) / entries.length;
    this.eventBytes = Math.max(mean, this.eventBytes * 0.7, 64);
  }
}

const sizeOf = (batch: EventBatch): number => batch.entries.length + batch.unreadable.length;
const isEmpty = (batch: EventBatch): boolean => sizeOf(batch) === 0;

const merged = (batches: readonly EventBatch[]): Batch => ({
  entries: batches.flatMap((batch) => batch.entries),
  unreadable: batches.flatMap((batch) => batch.unreadable),
  pending: batches.at(-1)?.pending ?? 0,
  ack: async () => {
    await Promise.all(batches.map((batch) => batch.ack()));
  },
});
