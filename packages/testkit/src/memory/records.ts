import { outcomeKeyOf, STORE_RESERVE, type Address } from '@baton/protocols';
import type { Entry, WriteOptions } from '@baton/runtime';

/** One write as it was stored. All of them, in order, are the history that checkers judge. */
export type StoredRecord = Entry & {
  readonly epoch: number;
  /** Which process wrote it. */
  readonly node: string;
  /** Wall clock of the server. */
  readonly at: number;
  readonly ttlMs?: number;
  /** The outcome of this task, kept beside the record at the address. */
  readonly outcomeOf?: string;
};

type Head = { readonly stored: StoredRecord; readonly expiresAt: number };

/** Whole seconds, one at least: what the server can do. */
const TTL_UNIT_MS = 1_000;

/** The bucket: one linear log of revisions, the last one under an address being its record. */
export class Records {
  private readonly now: () => number;
  private readonly monotonic: () => number;
  /** By address, and by the key of a kept outcome. */
  private readonly heads = new Map<string, Head>();
  private readonly listeners = new Set<(stored: StoredRecord) => void>();
  private stored: StoredRecord[] = [];
  private last = 0;
  private bytes = 0;
  private readonly maxBytes: number;
  private nextExpiry = Infinity;
  epoch: number;

  constructor(clock: { readonly now: () => number; readonly monotonic: () => number }, maxBytes: number) {
    this.maxBytes = maxBytes;
    this.now = () => clock.now();
    this.monotonic = () => clock.monotonic();
    this.epoch = clock.now();
  }

  /** The new revision; undefined when the last one is not `expected`. What takes no more room always has some. */
  write(
    address: Address,
    bytes: Uint8Array,
    expected: number,
    node: string,
    { ttlMs, outcomeOf }: WriteOptions = {},
  ): number | 'full' | undefined {
    this.expire();
    const key = keyOf(address, outcomeOf);
    const former = this.heads.get(key)?.stored;
    if ((former?.revision ?? 0) !== expected) return undefined;
    const more = bytes.length - (former?.bytes.length ?? 0);
    if (more > 0 && this.bytes + more > this.maxBytes) return 'full';
    this.bytes += more;
    const entry: Entry = { address, revision: ++this.last, bytes: bytes.slice() };
    const expiresAt =
      ttlMs === undefined ? Infinity : this.monotonic() + Math.max(1, Math.ceil(ttlMs / TTL_UNIT_MS)) * TTL_UNIT_MS;
    const stored = {
      ...entry,
      epoch: this.epoch,
      node,
      at: this.now(),
      ...(ttlMs === undefined ? {} : { ttlMs }),
      ...(outcomeOf === undefined ? {} : { outcomeOf }),
    };
    this.heads.set(key, { stored, expiresAt });
    this.nextExpiry = Math.min(this.nextExpiry, expiresAt);
    this.stored.push(stored);
    for (const listener of [...this.listeners]) listener(stored);
    return entry.revision;
  }

  /** As of now: time that passes is room that comes back. */
  get shortage(): string | undefined {
    this.expire();
    if (this.bytes < this.maxBytes * (1 - STORE_RESERVE)) return undefined;
    return `the records of the tasks take ${this.bytes} of ${this.maxBytes} bytes`;
  }

  read(address: Address, outcomeOf?: string): Entry | undefined {
    this.expire();
    return this.heads.get(keyOf(address, outcomeOf))?.stored;
  }

  /** Every record that is there, in the order of the last writes. */
  all(): readonly Entry[] {
    return this.after(0).filter(({ outcomeOf }) => outcomeOf === undefined);
  }

  /** Of every key that was written to behind `revision` the version that is there, kept outcomes too, in order. */
  after(revision: number): readonly StoredRecord[] {
    this.expire();
    return Array.from(this.heads.values(), ({ stored }) => stored)
      .filter((stored) => stored.revision > revision)
      .toSorted((a, b) => a.revision - b.revision);
  }

  /** Revision of the last write. */
  get lastRevision(): number {
    return this.last;
  }

  history(): readonly StoredRecord[] {
    return this.stored;
  }

  /** Called inside the write, before anybody else can write. */
  onWrite(listener: (stored: StoredRecord) => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  /** As if the bucket had been deleted and made again: empty, revisions from 1, a later epoch. The history stays. */
  recreate(): void {
    this.heads.clear();
    this.last = 0;
    this.bytes = 0;
    this.nextExpiry = Infinity;
    this.epoch = Math.max(this.now(), this.epoch + 1);
  }

  /** Expired records go without a word to anybody: the bucket leaves no markers. */
  private expire(): void {
    const now = this.monotonic();
    if (now < this.nextExpiry) return;
    this.nextExpiry = Infinity;
    for (const [key, { stored, expiresAt }] of this.heads) {
      if (expiresAt <= now) {
        this.heads.delete(key);
        this.bytes -= stored.bytes.length;
      } else this.nextExpiry = Math.min(this.nextExpiry, expiresAt);
    }
  }
}

const keyOf = (address: Address, outcomeOf: string | undefined): string =>
  outcomeOf === undefined ? address : outcomeKeyOf(address, outcomeOf);
