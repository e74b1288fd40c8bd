import type { Entry, Line, Server } from './entry.ts';

/** A worker that has refused so many of a type that wait is offered no more of it, as long as another one may take them. */
const REFUSALS = 32;

/** What workers have said they cannot run: for anybody else. */
export class Refusals<A extends string> {
  private readonly workers: ReadonlyMap<string, Server<A>>;

  constructor(workers: ReadonlyMap<string, Server<A>>) {
    this.workers = workers;
  }

  add(entry: Entry<A>, { refused, refusals }: Server<A>): void {
    if (refused.has(entry)) return;
    refused.add(entry);
    refusals.set(entry.type, (refusals.get(entry.type) ?? 0) + 1);
    entry.refused = true;
  }

  /** The task is gone. False: nobody has refused it. */
  forget(entry: Entry<A>): boolean {
    if (!entry.refused) return false;
    const { type } = entry;
    for (const { refused, refusals } of this.workers.values()) {
      if (!refused.delete(entry)) continue;
      const left = (refusals.get(type) ?? 1) - 1;
      if (left > 0) refusals.set(type, left);
      else refusals.delete(type);
    }
    return true;
  }

  /** Nothing of the type is for this worker now: it would be asked about one after the other. */
  isHopeless(worker: Server<A>, type: string): boolean {
    if (refusedBy(worker, type) < REFUSALS) return false;
    for (const other of this.workers.values())
      if (other.types.has(type) && refusedBy(other, type) < REFUSALS) return true;
    return false;
  }
}

const refusedBy = ({ refusals }: Server<string>, type: string): number => refusals.get(type) ?? 0;

/** Of what is open in each line, how many the worker has refused. */
export const refusedIn = <A extends string>({ refused }: Server<A>): ReadonlyMap<Line<A>, number> => {
  const counts = new Map<Line<A>, number>();
  for (const { inLine, aside, line, turn } of refused)
    if (inLine && !aside && !line.tasks.isParked(turn)) counts.set(line, (counts.get(line) ?? 0) + 1);
  return counts;
};
