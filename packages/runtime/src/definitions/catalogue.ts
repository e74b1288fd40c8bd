import { definitionDifferences, type KeptDefinition, type KnownType, type RunOptions } from '@baton/core';
import { BatonError, NotConnectedError } from '../errors.ts';
import type { Log } from '../log.ts';
import { openWatch } from '../open-watch.ts';
import type { Clock, Subscription } from '../ports/environment.ts';
import type { Definitions } from '../ports/definitions.ts';

/** After a watch that could not be opened, or ended: no other one before. */
const PAUSE_MS = 1_000;

export type CatalogueParts = { readonly definitions: Definitions; readonly clock: Clock; readonly log: Log };

/**
 * The definitions of types as one door sees them (behaviour D10). The bucket is watched from the first question on; as
 * long as the watch is not up to date, every question goes to the server itself. So an answer is never older than a
 * message on its way, and where it cannot be had that is said: no submit is carried out by a guess.
 */
export class Catalogue {
  private readonly parts: CatalogueParts;
  /** What this process serves itself: its own code is what runs. */
  private readonly own = new Map<string, readonly KnownType[]>();
  private readonly compared = new Set<string>();
  private readonly waiting: ((fault?: BatonError) => void)[] = [];
  private known = new Map<string, KeptDefinition | 'unreadable'>();
  private watch: Subscription | undefined;
  private state: 'idle' | 'opening' | 'current' = 'idle';
  private notBefore = Number.NEGATIVE_INFINITY;
  private isClosed = false;

  constructor(parts: CatalogueParts) {
    this.parts = parts;
  }

  /** From now on, until it is closed, this process serves the type. */
  serve(type: string, options: KnownType): Subscription {
    this.own.set(type, [...(this.own.get(type) ?? []), options]);
    return {
      close: () => {
        const left = (this.own.get(type) ?? []).filter((each) => each !== options);
        if (left.length > 0) this.own.set(type, left);
        else this.own.delete(type);
      },
    };
  }

  /**
   * How tasks of the type are run; undefined: no worker has ever served it. Rejects with a BatonError when that cannot be
   * known now.
   */
  of(type: string): KnownType | undefined | Promise<KnownType | undefined> {
    const own = this.own.get(type)?.at(-1);
    if (own !== undefined) return own;
    if (this.state === 'current') {
      const known = this.known.get(type);
      return known === 'unreadable' ? Promise.reject(unreadable(type)) : known?.definition;
    }
    this.open();
    return this.load(type);
  }

  /** All that are kept, by type. Rejects as `of` does. */
  async all(): Promise<readonly KeptDefinition[]> {
    await this.current();
    const kept = [...this.known.values()].filter((one) => one !== 'unreadable');
    return kept.toSorted((a, b) => (a.definition.type < b.definition.type ? -1 : 1));
  }

  /** As the watch has it, which is opened by this; undefined where there is none, or it is not up to date. */
  seen(type: string): KeptDefinition | undefined {
    this.open();
    const known = this.state === 'current' ? this.known.get(type) : undefined;
    return known === 'unreadable' ? undefined : known;
  }

  /** Says once for each type that the code at hand defines it otherwise than the workers that run it. */
  compare(type: string, definition: RunOptions, atHand: RunOptions): void {
    if (definition === atHand || this.compared.has(type)) return;
    this.compared.add(type);
    const fields = definitionDifferences(definition, atHand);
    if (fields.length === 0) return;
    this.parts.log.warn({ type, fields }, `this program defines ${type} otherwise than its workers: theirs is applied`);
  }

  close(): void {
    this.isClosed = true;
    this.state = 'idle';
    this.watch?.close();
    for (const tell of this.waiting.splice(0)) tell(closed());
  }

  private async load(type: string): Promise<KnownType | undefined> {
    return (await this.parts.definitions.load(type))?.kept.definition;
  }

  private current(): Promise<void> {
    if (this.state === 'current') return Promise.resolve();
    if (this.isClosed) return Promise.reject(closed());
    this.notBefore = Number.NEGATIVE_INFINITY;
    return new Promise((resolve, reject) => {
      this.waiting.push((fault) => (fault === undefined ? resolve() : reject(fault)));
      this.open();
    });
  }

  /** Does nothing while it is open, or was in vain a moment ago. */
  private open(): void {
    const { definitions, clock } = this.parts;
    if (this.isClosed || this.state !== 'idle' || clock.monotonic() < this.notBefore) return;
    const known = new Map<string, KeptDefinition | 'unreadable'>();
    this.state = 'opening';
    this.watch = openWatch(
      (listener) =>
        definitions.follow({
          kept: (kept) => void known.set(kept.definition.type, kept),
          gone: (type) => void known.delete(type),
          unreadable: (type) => void known.set(type, 'unreadable'),
          ...listener,
        }),
      { caughtUp: () => this.caughtUp(known), lost: (cause) => this.lost(cause) },
      (cause) => unreadable('all types', cause),
    );
  }

  private caughtUp(known: Map<string, KeptDefinition | 'unreadable'>): void {
    this.known = known;
    this.state = 'current';
    for (const tell of this.waiting.splice(0)) tell();
  }

  private lost(cause: BatonError): void {
    const { clock, log } = this.parts;
    this.state = 'idle';
    this.watch = undefined;
    this.notBefore = clock.monotonic() + PAUSE_MS;
    log.debug({ err: cause }, 'the definitions of types are not watched now; every submit asks for its own');
    for (const tell of this.waiting.splice(0)) tell(cause);
  }
}

const closed = (): BatonError => new NotConnectedError('the client was closed');

const unreadable = (type: string, cause?: unknown): BatonError => {
  const text = `the definition of ${type} cannot be read, or is of a newer version: upgrade this program`;
  return new BatonError('DEFINITION_UNREADABLE', text, { cause });
};
