import type { Log } from '../log.ts';
import type { Clock } from '../ports/environment.ts';
import type { EntryBatch, Projections, Version } from '../ports/projections.ts';
import { acknowledge } from './acknowledge.ts';
import type { Counters } from './counters.ts';
import type { LoadPause } from './load-pause.ts';
import type { OutageRetry } from './outage-retry.ts';
import type { Sink } from './sink.ts';
import { Source } from './source.ts';

type ProjectionParts = {
  readonly projections: Projections;
  readonly clock: Clock;
  readonly outageRetry: OutageRetry;
  readonly loadPause: LoadPause;
  readonly log: Log;
  readonly counters: Counters;
  readonly signal: AbortSignal;
  readonly paceMs: number;
};

/**
 * One projection: reads versions, lets its sink write them, acknowledges. A batch is acknowledged only after it was
 * written, once for all of it, so that a crash anywhere brings it again, and again does no harm. While the sink's target
 * is away nothing is read: memory stays flat, and only this projection waits (behaviour P3, P6).
 */
export class Projection {
  private readonly sink: Sink;
  private readonly parts: ProjectionParts;
  private readonly source: Source<Version>;

  constructor(sink: Sink, parts: ProjectionParts) {
    this.sink = sink;
    this.parts = parts;
    const { projections, clock, outageRetry, signal, paceMs } = parts;
    this.source = new Source({ open: () => projections.reader(sink.name), clock, outageRetry, signal, paceMs });
  }

  /** Runs until it is stopped, then rejects with Stopped. */
  async run(): Promise<never> {
    const { counters } = this.parts;
    await this.source.open();
    for (;;) {
      await this.sink.ready?.();
      const batch = await this.source.next();
      if (batch === undefined) continue;
      counters.batches++;
      counters.versions += batch.entries.length + batch.unreadable.length;
      await this.sink.write(batch);
      await acknowledge(batch, this.parts.log, this.sink.name);
      await this.rest(batch);
    }
  }

  async close(): Promise<void> {
    const { log } = this.parts;
    await this.source.close().catch((error: unknown) => log.debug({ err: error }, 'a reader was not closed'));
  }

  private async rest({ entries, pending }: EntryBatch<Version>): Promise<void> {
    const { clock, loadPause } = this.parts;
    const newestAt = entries.at(-1)?.storedAt;
    const ageMs = newestAt === undefined ? 0 : clock.now() - newestAt;
    await loadPause.rest({ versions: entries.length, waiting: pending, ageMs });
  }
}
