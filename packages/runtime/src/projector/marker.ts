import { ARCHIVE_TTL_MS } from '@baton/protocols';
import { settledOperation } from '../client/operations.ts';
import type { Kernel } from '../kernel.ts';
import type { Clock, Operations } from '../ports.ts';
import { isMarkDue, type Found } from './intake.ts';
import type { Counters } from './stats.ts';

/** Marks that are asked for at the same moment. Enough for the store to bundle them, few enough to hold in memory. */
const AT_ONCE = 256;

/** A mark that takes longer is left to the sweep: the log must not wait for it. */
const LIMIT_MS = 5_000;

type MarkerParts = {
  readonly operations: Operations;
  readonly kernel: Kernel;
  readonly clock: Clock;
  readonly counters: Counters;
};

/**
 * Tells the store that an outcome is projected: the record gets a lifetime and the server forgets it. Only for a record
 * that is still the one that was projected; the decider sees to that.
 */
export class Marker {
  private readonly parts: MarkerParts;

  constructor(parts: MarkerParts) {
    this.parts = parts;
  }

  /** Never rejects; resolves when all are answered or time is up. */
  async mark(found: readonly Found[]): Promise<void> {
    const due = found.filter(isMarkDue);
    if (due.length === 0) return;
    const over = this.timeLimit();
    let at = 0;
    const hand = async (): Promise<void> => {
      for (let one = due[at++]; one !== undefined && !over.passed(); one = due[at++]) await this.markOne(one);
    };
    const hands = Promise.all(Array.from({ length: Math.min(AT_ONCE, due.length) }, hand));
    await Promise.race([hands, over.reached]);
    over.cancel();
    this.parts.counters.unmarked += Math.max(0, due.length - at);
  }

  private async markOne({ address, revision, record }: Found): Promise<void> {
    const { kernel, clock, counters } = this.parts;
    if (!(await this.noted({ address, revision, record }))) {
      counters.unmarked++;
      return;
    }
    const command = () => ({ kind: 'archive', at: clock.now(), id: record.id }) as const;
    const asked = await kernel.ask(address, command, { from: { record, revision }, ttlMs: ARCHIVE_TTL_MS });
    if (asked.kind === 'done') counters.marked++;
    // Refused: it is another task by now, or a successor waits. Nobody needs the mark.
    else if (asked.kind !== 'refused') counters.unmarked++;
  }

  /** Before a record may be forgotten, its operation id has to know what became of it (behaviour D7). */
  private async noted({ address, revision, record }: Pick<Found, 'address' | 'revision' | 'record'>): Promise<boolean> {
    if (record.operation === undefined) return true;
    const operation = settledOperation(address, record, revision, { outcome: 'created', differs: false });
    return (await this.parts.operations.write(record.operation, operation)).kind === 'written';
  }

  private timeLimit() {
    let passed = false;
    let timer = { cancel: (): void => {} };
    const reached = new Promise<void>((resolve) => {
      timer = this.parts.clock.after(LIMIT_MS, () => {
        passed = true;
        resolve();
      });
    });
    return { reached, passed: () => passed, cancel: () => timer.cancel() };
  }
}
