import type { Priority } from '../task.ts';
import type { Entry, Line, Server } from './entry.ts';
import { GroupLine, type First, type Turn } from './group-line.ts';

/** At least one start in so many goes to each lower priority that has work (behaviour X8). */
export const LOWER_SHARE = 20;

/** Highest first. */
export const PRIORITIES: readonly Priority[] = ['high', 'normal', 'low'];

/** What is to become of a task whose turn it is. */
export type Verdict =
  | 'start'
  /** Nothing of its line may start now. */
  | 'not_its_line'
  /** Nothing of its group: it keeps its place, until the group is opened again. */
  | 'not_its_group'
  /** Not this one: it lies aside from now on. */
  | 'not_this_one'
  /** Nothing at all. */
  | 'nothing';

/**
 * Tasks that wait in one queue. High before normal before low with a share for the lower ones; inside a priority groups in
 * turn, inside a group types in turn; inside both first in first out.
 */
export class Lines<A extends string> {
  private readonly lines = new Map<string, Line<A>>();
  /** Starts given to others since this priority had one, while it had work. */
  private readonly passedOver: Record<Priority, number> = { high: 0, normal: 0, low: 0 };
  private served = 0;

  [Symbol.iterator](): Iterator<Line<A>> {
    return this.lines.values();
  }

  of(priority: Priority, type: string): Line<A> {
    const key = `${priority} ${type}`;
    const known = this.lines.get(key);
    if (known !== undefined) return known;
    const line: Line<A> = { type, priority, tasks: new GroupLine(type) };
    this.lines.set(key, line);
    return line;
  }

  push(entry: Entry<A>): void {
    entry.line = this.of(entry.line.priority, entry.line.type);
    // What comes and goes gains nothing by it: it begins as if it had been served just now.
    entry.line.tasks.push(entry, this.served);
  }

  dropEmpty(line: Line<A>): void {
    if (line.tasks.size > 0) return;
    const key = `${line.priority} ${line.type}`;
    if (this.lines.get(key) === line) this.lines.delete(key);
  }

  /** Starts that higher ones have had since this priority had one, while it had work. */
  waitedFor(priority: Priority): number {
    return this.passedOver[priority];
  }

  reopen(turn: Turn): void {
    for (const { tasks } of this.lines.values()) tasks.reopen(turn);
  }

  /** The group's turn has come nearer. */
  advance(turn: Turn): void {
    for (const { tasks } of this.lines.values()) tasks.advance(turn);
  }

  /**
   * Takes the task out of its line that the worker is to have next; undefined: none that it serves and that may start.
   * `judge`, where not all may start, is asked of each whose turn it is.
   */
  next(worker: Server<A>, judge: ((entry: Entry<A>) => Verdict) | undefined): Entry<A> | undefined {
    let passed: Set<Line<A>> | undefined;
    for (;;) {
      const firsts = this.firstsFor(worker, passed);
      const chosen = this.choose(firsts);
      if (chosen === undefined) return undefined;
      const taken = takeFor(worker, chosen.tasks);
      const entry = taken?.entry;
      const verdict = entry === undefined ? 'not_its_line' : (judge?.(entry) ?? 'start');
      if (entry !== undefined && verdict === 'start') {
        this.serve(chosen, entry.turn, firsts);
        this.dropEmpty(chosen);
        return entry;
      }
      if (verdict === 'not_this_one') {
        this.dropEmpty(chosen);
        continue;
      }
      if (taken !== undefined) chosen.tasks.push(taken.entry, taken.lastServed);
      if (verdict === 'nothing') return undefined;
      // All that waits there was refused by this worker before, or may not start; other types of the same priority may.
      if (verdict === 'not_its_line') (passed ??= new Set()).add(chosen);
    }
  }

  /** Of each priority the line whose turn it is, among those the worker serves and that are not `passed` whole. */
  private firstsFor(worker: Server<A>, passed?: ReadonlySet<Line<A>>): ReadonlyMap<Priority, Line<A>> {
    const firsts = new Map<Priority, Line<A>>();
    const best: { high?: First; normal?: First; low?: First } = {};
    for (const line of this.lines.values()) {
      if (line.tasks.size === 0 || !worker.types.has(line.type) || passed?.has(line) === true) continue;
      const first = line.tasks.first();
      if (first === undefined) continue;
      const known = best[line.priority];
      if (known !== undefined && !isBefore(first, known)) continue;
      best[line.priority] = first;
      firsts.set(line.priority, line);
    }
    return firsts;
  }

  /** The highest, unless a lower one was passed over as often as it may be. Room is left for all that are due at once. */
  private choose(firsts: ReadonlyMap<Priority, Line<A>>): Line<A> | undefined {
    if (firsts.size <= 1) return firsts.values().next().value;
    const present = PRIORITIES.filter((priority) => firsts.has(priority));
    const mayPass = LOWER_SHARE - (present.length - 1);
    let chosen = present[0] as Priority;
    let most = mayPass - 1;
    for (const priority of present.slice(1)) {
      if (this.passedOver[priority] <= most) continue;
      chosen = priority;
      most = this.passedOver[priority];
    }
    return firsts.get(chosen);
  }

  private serve(line: Line<A>, turn: Turn, firsts: ReadonlyMap<Priority, Line<A>>): void {
    line.tasks.served(turn, ++this.served);
    for (const priority of PRIORITIES) {
      const waits = priority !== line.priority && firsts.has(priority);
      this.passedOver[priority] = waits ? this.passedOver[priority] + 1 : 0;
    }
  }
}

/** Groups in turn, and lines in turn that have something of the group whose turn it is. */
const isBefore = ({ turn, lastServed }: First, other: First): boolean => {
  if (turn === other.turn) return lastServed < other.lastServed;
  return turn.pass === other.turn.pass ? turn.stamp < other.turn.stamp : turn.pass < other.turn.pass;
};

/** As it was taken: to be put back as it was. */
type Taken<A extends string> = { readonly entry: Entry<A>; readonly lastServed: number };

/** The first of a line that this worker has not refused; what it has refused keeps its place. */
const takeFor = <A extends string>({ refused }: Server<A>, line: GroupLine<Entry<A>>): Taken<A> | undefined => {
  let taken = take(line);
  if (refused.size === 0) return taken;
  const passed: Taken<A>[] = [];
  for (; taken !== undefined && refused.has(taken.entry); taken = take(line)) passed.push(taken);
  for (const each of passed) line.push(each.entry, each.lastServed);
  return taken;
};

const take = <A extends string>(line: GroupLine<Entry<A>>): Taken<A> | undefined => {
  const lastServed = line.first()?.lastServed;
  const entry = lastServed === undefined ? undefined : line.shift();
  return entry === undefined || lastServed === undefined ? undefined : { entry, lastServed };
};
