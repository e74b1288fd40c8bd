import { compareFences, endOfForgotten, runOf, type Fence } from '@baton/core';
import { WORK_FORGOTTEN_MS, type Address } from '@baton/protocols';
import { UnreadableRecordError } from '../errors.ts';
import type { Kernel } from '../kernel.ts';
import type { Log } from '../log.ts';
import type { Clock } from '../ports/environment.ts';
import type { Watched } from '../supervisor/tasks/task-index.ts';
import type { RunFields } from './shapes.ts';

export type UnlistedRunsParts = {
  readonly kernel: Kernel;
  readonly clock: Clock;
  readonly log: Log;
  /** What the worker owns in the partitions of this supervisor. */
  readonly held: (worker: string) => Iterable<Pick<Watched, 'address' | 'duties'>>;
};

type Missed = { readonly fence: Fence; readonly since: number };

/**
 * Takes from a worker what it owns and does not run. The answer to a claim may be lost, with whoever gave it; the worker
 * lives on and never hears of the task. But it lists in every beat what it runs, and beats come to all supervisors, so each
 * sees to the tasks of its own partitions, and nobody has to remember what was claimed for whom.
 */
export class UnlistedRuns {
  private readonly parts: UnlistedRunsParts;
  private readonly missed = new Map<string, Map<Address, Missed>>();

  constructor(parts: UnlistedRunsParts) {
    this.parts = parts;
  }

  /** A beat of the worker came. */
  heard(worker: string, running: readonly RunFields[]): void {
    const listed = new Map<string, Fence>(running.map(({ address, fence }) => [address, fence]));
    const before = this.missed.get(worker);
    const missed = new Map<Address, Missed>();
    const now = this.parts.clock.monotonic();
    for (const { address, duties } of this.parts.held(worker)) {
      const fence = 'fence' in duties ? duties.fence : undefined;
      const told = listed.get(address);
      if (fence === undefined || (told !== undefined && compareFences(told, fence) === 0)) continue;
      const known = before?.get(address);
      const since = known !== undefined && compareFences(known.fence, fence) === 0 ? known.since : now;
      missed.set(address, { fence, since });
      if (now - since >= WORK_FORGOTTEN_MS) void this.end(worker, address, fence);
    }
    if (missed.size > 0) this.missed.set(worker, missed);
    else this.missed.delete(worker);
  }

  /** Of those that are not among these nothing more will be heard. */
  retain(workers: ReadonlySet<string>): void {
    for (const worker of this.missed.keys()) if (!workers.has(worker)) this.missed.delete(worker);
  }

  /** Workers that own something they have not listed. */
  get size(): number {
    return this.missed.size;
  }

  private async end(worker: string, address: Address, fence: Fence): Promise<void> {
    const { kernel, clock, log } = this.parts;
    try {
      const held = await kernel.load(address);
      const run = runOf(held?.record, worker, fence);
      if (held === undefined || run === undefined) return;
      const command = endOfForgotten(run, { at: clock.now(), fence });
      const asked = await kernel.ask(address, () => command, { from: held });
      if (asked.kind === 'done') log.info({ task: run.id, worker }, 'a task its worker does not know of is taken back');
    } catch (error) {
      // The next beat comes to the same.
      if (!(error instanceof UnreadableRecordError))
        log.debug({ err: error, address }, 'a task cannot be taken back yet');
    }
  }
}
