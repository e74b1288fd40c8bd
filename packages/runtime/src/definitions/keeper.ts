import { chooseDefinition, type DefinitionConflict, type KeptDefinition, type ServedDefinition } from '@baton/core';
import type { Log } from '../log.ts';
import type { Clock, Link, Subscription } from '../ports/environment.ts';
import type { NodeInfo } from '../ports/presence.ts';
import type { Definitions } from '../ports/definitions.ts';
import type { LimitsOfTypes } from './limits-of-types.ts';

/** Everything is looked at again this often: a worker may have died, a write may have been in vain. */
const ROUND_MS = 5_000;

/** Who announces himself counts as alive for so long, also before his presence was seen. */
const NEWCOMER_MS = 10_000;

/** Turns of one write: whoever loses one decides anew. */
const TURNS = 5;

/** Types remembered. Workers are trusted; this bounds a mistake. */
const TYPES = 10_000;

export type KeeperParts = {
  readonly definitions: Definitions;
  readonly link: Link;
  readonly clock: Clock;
  readonly log: Log;
  /** What a watch of the bucket has, if it is up to date: saves a read where nothing is to be done. */
  readonly seen: (type: string) => KeptDefinition | undefined;
  /** Undefined while it is not known who is alive. */
  readonly liveWorkers: () => readonly NodeInfo[] | undefined;
  /** Where what definitions say of limits is kept. */
  readonly limits: Pick<LimitsOfTypes, 'heard' | 'isOpen' | 'isSet' | 'set' | 'forget'>;
};

type Heard = ServedDefinition & { readonly heardAt: number };

/**
 * Keeps the definitions that workers announce (behaviour D10). Every supervisor does, of all types: what is written is
 * decided by one pure rule and by compare-and-set, so several of them come to the same.
 */
export class DefinitionKeeper {
  private readonly parts: KeeperParts;
  /** By type, then by worker. */
  private readonly heard = new Map<string, Map<string, Heard>>();
  private readonly busy = new Map<string, Promise<void>>();
  private readonly again = new Set<string>();
  private readonly told = new Map<string, string>();
  private ties: readonly Subscription[] = [];
  private lookedAt = Number.NEGATIVE_INFINITY;
  private stopped = false;

  constructor(parts: KeeperParts) {
    this.parts = parts;
  }

  start(): void {
    const { definitions, link } = this.parts;
    this.ties = [definitions.onAnnounced((offers) => this.hear(offers)), link.onReconnect(() => definitions.ask())];
    definitions.ask();
  }

  async stop(): Promise<void> {
    this.stopped = true;
    for (const tie of this.ties) tie.close();
    await Promise.all(this.busy.values());
  }

  /** Called often. */
  look(): void {
    const { clock } = this.parts;
    if (clock.monotonic() - this.lookedAt < ROUND_MS) return;
    this.lookedAt = clock.monotonic();
    this.forget();
    for (const [type, workers] of this.heard) {
      const kept = this.parts.seen(type);
      const isDone = kept !== undefined && this.choose(type, kept) === undefined && this.isLimited(type, kept);
      if (!isDone) this.keep(type);
      else this.tell(kept);
      if (isDone && workers.size === 0) this.drop(type);
    }
  }

  private drop(type: string): void {
    this.heard.delete(type);
    this.parts.limits.forget(type);
  }

  /** As the definition says. */
  private isLimited(type: string, kept: KeptDefinition): boolean {
    const { limits } = this.parts;
    return !limits.isOpen(type) && limits.isSet(kept);
  }

  private choose(type: string, kept: KeptDefinition | undefined): KeptDefinition | undefined {
    return chooseDefinition(kept, this.offersOf(type), this.isComplete(type));
  }

  private hear(offers: readonly ServedDefinition[]): void {
    const heardAt = this.parts.clock.monotonic();
    for (const offer of offers) {
      const { type } = offer.definition;
      const workers = this.heard.get(type) ?? new Map<string, Heard>();
      if (workers.size === 0 && this.heard.size >= TYPES) continue;
      this.heard.set(type, workers);
      const isNews = workers.get(offer.worker)?.digest !== offer.digest;
      workers.set(offer.worker, { ...offer, heardAt });
      if (!isNews) continue;
      this.parts.limits.heard(offer);
      this.keep(type);
    }
  }

  /** The dead serve nothing; their types stay, to be looked at once more. */
  private forget(): void {
    const live = this.parts.liveWorkers();
    if (live === undefined) return;
    const ids = new Set(live.map(({ id }) => id));
    const since = this.parts.clock.monotonic() - NEWCOMER_MS;
    for (const workers of this.heard.values()) {
      for (const [worker, { heardAt }] of workers) if (!ids.has(worker) && heardAt < since) workers.delete(worker);
    }
  }

  /** One at a time for each type, and once more where something came meanwhile. */
  private keep(type: string): void {
    if (this.stopped) return;
    if (this.busy.has(type)) return void this.again.add(type);
    const work = this.turns(type)
      .catch((error: unknown) => {
        // Nothing is lost: the next look decides again.
        this.parts.log.debug({ err: error, type }, 'a definition cannot be kept now');
      })
      .finally(() => {
        this.busy.delete(type);
        if (this.again.delete(type)) this.keep(type);
      });
    this.busy.set(type, work);
  }

  private async turns(type: string): Promise<void> {
    const { definitions } = this.parts;
    for (let turn = 0; turn < TURNS && !this.stopped; turn++) {
      const stored = await definitions.load(type);
      const next = this.choose(type, stored?.kept);
      if (next === undefined) {
        if (stored === undefined) return;
        this.tell(stored.kept);
        // Where that was written, it was by a definition that may have changed meanwhile.
        if (await this.parts.limits.set(stored.kept)) continue;
        return;
      }
      const result = await definitions.write(next, stored?.revision ?? 0);
      if (result.kind === 'written') this.written(stored?.kept, next);
      else if (result.kind !== 'conflict') throw result.cause;
    }
  }

  private offersOf(type: string): readonly ServedDefinition[] {
    const workers = [...(this.heard.get(type)?.values() ?? [])];
    return workers.map(({ worker, since, digest, definition }) => ({ worker, since, digest, definition }));
  }

  /** Whether every live worker that serves the type has said by which definition. */
  private isComplete(type: string): boolean {
    const live = this.parts.liveWorkers();
    const heard = this.heard.get(type);
    return (
      live !== undefined && live.every(({ id, types }) => types?.includes(type) !== true || heard?.has(id) === true)
    );
  }

  private written(before: KeptDefinition | undefined, now: KeptDefinition): void {
    const { type } = now.definition;
    if (before?.digest !== now.digest) {
      const text = before === undefined ? `${type} is known from now on` : `${type} has another definition from now on`;
      this.parts.log.info({ type, worker: now.worker, digest: now.digest }, text);
    }
    this.tell(now);
  }

  /** Each conflict once, and its end. */
  private tell({ definition: { type }, worker, conflicts }: KeptDefinition): void {
    const now = conflicts.map(textOf).join('; ');
    const before = this.told.get(type) ?? '';
    if (now === before) return;
    this.told.set(type, now);
    if (now === '') this.parts.log.info({ type }, `all workers serve ${type} by the same definition again`);
    else {
      const text = `workers serve ${type} by different definitions, and share its tasks: that of ${worker} is applied; ${now}`;
      this.parts.log.warn({ type, worker, conflicts }, text);
    }
  }
}

const textOf = ({ worker, fields }: DefinitionConflict): string => `${worker} has another ${fields.join(', ')}`;
