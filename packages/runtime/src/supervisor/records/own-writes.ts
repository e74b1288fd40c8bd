import type { Address } from '@baton/protocols';
import type { Clock } from '../../ports/environment.ts';
import type { Entry } from '../../ports/store.ts';

/** Writes waited for at the same time; more prove nothing more. */
const LIMIT = 1_000;

type Expected = { readonly revision: number; readonly until: number };

/** Own writes that have to come back through the feed. One that does not come proves that its reader has gone deaf. */
export class OwnWrites {
  private readonly clock: Clock;
  private readonly waitMs: number;
  private readonly expected = new Map<Address, Expected>();
  /** Newest revision that came through the reader there is. */
  private newest = 0;

  constructor(clock: Clock, waitMs: number) {
    this.clock = clock;
    this.waitMs = waitMs;
  }

  expect(address: Address, revision: number): void {
    // It came before its acknowledgement did.
    if (this.expected.size >= LIMIT || this.isGiven(revision)) return;
    this.expected.set(address, { revision, until: this.clock.monotonic() + this.waitMs });
  }

  arrived(entry: Entry): void {
    this.newest = Math.max(this.newest, entry.revision);
    if (this.expected.size === 0) return;
    const expected = this.expected.get(entry.address);
    if (expected !== undefined && entry.revision >= expected.revision) this.expected.delete(entry.address);
  }

  /** An own write that should have come by now. */
  overdue(): Address | undefined {
    const now = this.clock.monotonic();
    for (const [address, { until }] of this.expected) if (until <= now) return address;
    return undefined;
  }

  /** Whether the reader has given it, or what was written over it: it gives all in the order of the bucket. */
  isGiven(revision: number): boolean {
    return revision <= this.newest;
  }

  clear(): void {
    this.expected.clear();
  }

  /** Another reader, which begins anew. */
  readAnew(): void {
    this.clear();
    this.newest = 0;
  }
}
