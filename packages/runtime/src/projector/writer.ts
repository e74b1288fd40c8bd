import { isTerminal } from '@baton/core';
import type { TaskDocument } from '@baton/protocols';
import { BatonError } from '../errors.ts';
import type { Log } from '../log.ts';
import type { Clock } from '../ports/environment.ts';
import type { Counters } from './counters.ts';
import { quarantined, toDocument, type Found } from './intake.ts';
import type { OutageRetry } from './outage-retry.ts';
import type { Fault, ProjectResult, Quarantined, TaskViews } from './views.ts';

/**
 * Documents that fail for this long on a server that answers are at fault themselves. Longer than a database takes to
 * start again, during which some of them blame every document.
 */
const HOPELESS_MS = 20_000;

/** Tasks that go on and are known to have a document. Beyond it the oldest are forgotten, and cost one try more. */
const MOST_SEEN = 200_000;

type WriterParts = {
  readonly views: TaskViews;
  readonly outageRetry: OutageRetry;
  readonly clock: Clock;
  readonly epoch: number;
  readonly log: Log;
  readonly counters: Counters;
};

/**
 * Brings records into the views. Waits as long as the database is away; only what the database blames on a single
 * document goes aside, so that one of them never holds up the others.
 */
export class Writer {
  private readonly parts: WriterParts;
  private readonly said = new Set<string>();
  private readonly seen = new Set<string>();

  constructor(parts: WriterParts) {
    this.parts = parts;
  }

  async write(found: readonly Found[]): Promise<void> {
    const { clock, counters } = this.parts;
    const byId = new Map(found.map((one) => [one.record.id, one]));
    const since = clock.monotonic();
    let documents = await this.documentsOf(byId);
    const likelyNew = new Set([...byId.keys()].filter((id) => !this.seen.has(id)));
    while (documents.length > 0) {
      const result = await this.project(documents, likelyNew, since);
      counters.documents += result.written;
      counters.stale += result.stale;
      const hopeless = clock.monotonic() - since >= HOPELESS_MS ? result.failed : [];
      await this.refuse([...result.refused, ...hopeless], byId);
      documents = hopeless.length > 0 ? [] : result.failed.map((fault) => fault.document);
    }
    for (const { record } of byId.values()) this.see(record.id, isTerminal(record.status));
  }

  private see(id: string, ended: boolean): void {
    if (ended) return void this.seen.delete(id);
    this.seen.add(id);
    if (this.seen.size <= MOST_SEEN) return;
    const [oldest] = this.seen;
    if (oldest !== undefined) this.seen.delete(oldest);
  }

  /** A record that cannot be shown as a document is poison as one that the database refuses is. */
  private async documentsOf(byId: Map<string, Found>): Promise<TaskDocument[]> {
    const { clock, epoch } = this.parts;
    const documents: TaskDocument[] = [];
    const poison: Quarantined[] = [];
    for (const [id, one] of byId) {
      try {
        documents.push(toDocument(one, epoch));
      } catch (error) {
        poison.push(quarantined(one, 'refused', `no document: ${String(error)}`, { epoch, now: clock.now() }));
        byId.delete(id);
      }
    }
    await this.putAside(poison);
    return documents;
  }

  /** Where not one document goes through, that counts as an outage, for a time. */
  private project(
    documents: readonly TaskDocument[],
    likelyNew: ReadonlySet<string>,
    since: number,
  ): Promise<ProjectResult> {
    const { outageRetry, views, clock } = this.parts;
    return outageRetry.until(async () => {
      const result = await views.project(documents, likelyNew);
      const [first] = result.failed;
      if (first !== undefined && result.failed.length === documents.length && clock.monotonic() - since < HOPELESS_MS) {
        throw new BatonError('VIEWS_FAILED', first.reason);
      }
      return result;
    });
  }

  /** Puts entries aside, and says so once for every kind of fault. */
  async putAside(entries: readonly Quarantined[]): Promise<void> {
    if (entries.length === 0) return;
    await this.parts.outageRetry.until(() => this.parts.views.quarantine(entries));
    for (const entry of entries) this.say(entry);
  }

  private async refuse(faults: readonly Fault[], byId: Map<string, Found>): Promise<void> {
    const now = this.parts.clock.now();
    const entries: Quarantined[] = [];
    for (const { document, reason } of faults) {
      const found = byId.get(document._id);
      if (found !== undefined) entries.push(quarantined(found, 'refused', reason, { epoch: this.parts.epoch, now }));
    }
    await this.putAside(entries);
    for (const { document } of faults) byId.delete(document._id);
  }

  private say(entry: Quarantined): void {
    this.parts.counters[entry.kind]++;
    const fault = entry.kind === 'newer' ? `newer ${entry.reason}` : `${entry.kind} ${entry.subject}`;
    // Bounded: whoever writes nonsense without end is told of by the counters.
    if (this.said.has(fault) || this.said.size >= 1_000) return;
    this.said.add(fault);
    const { id, kind, subject, reason } = entry;
    const text =
      kind === 'newer'
        ? 'records of a newer version are put aside until this program is upgraded'
        : 'put aside: it cannot be projected';
    this.parts.log.warn({ quarantine: id, kind, subject, reason }, text);
  }
}
