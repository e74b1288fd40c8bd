import type { Priority } from '../task.ts';
import type { Entry, Line, Server } from './entry.ts';
import { GroupLine, type Turn } from './group-line.ts';

/** At least one start in so many goes to each lower priority that has work (behaviour X8). */
export const LOWER_SHARE = 20;

const PRIORITIES: readonly Priority[] = ['high', 'normal', 'low'];

/** What is to become of a task whose turn it is. */
export type Verdict =
  | 'start'
  /** Nothing of its line may start now. */
  | 'not_its_line'
  /** Nothing of its group: it keeps its place, until the group is opened again. */
  | 'not_its_group'
  /** Nothing at all. */
  | 'nothing';

/**
 * Tasks that wait in one queue. High before normal before low with a share for the lower ones; inside a priority groups in
 * turn, and types in turn; inside a group and type first in first out.
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
    // A line that comes and goes gains nothing by it: it begins as one that was served just now.
    const line: Line<A> = { type, priority, tasks: new GroupLine(), lastServed: this.served };
    this.lines.set(key, line);
    return line;
  }

  push(entry: Entry<A>): void {
    entry.line = this.of(entry.line.priority, entry.line.type);
    entry.line.tasks.push(entry);
  }

  dropEmpty(line: Line<A>): void {
    if (line.tasks.size > 0) return;
    const key = `${line.priority} ${line.type}`;
    if (this.lines.get(key) === line) this.lines.delete(key);
  }

  reopen(turn: Turn): void {
    for (const { tasks } of this.lines.values()) tasks.reopen(turn);
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
      const entry = takeFor(worker, chosen.tasks);
      const verdict = entry === undefined ? 'not_its_line' : (judge?.(entry) ?? 'start');
      if (entry !== undefined && verdict === 'start') {
        this.serve(chosen, firsts);
        this.dropEmpty(chosen);
        return entry;
      }
      if (entry !== undefined) chosen.tasks.push(entry);
      if (verdict === 'nothing') return undefined;
      // All that waits there was refused by this worker before, or may not start; other types of the same priority may.
      if (verdict === 'not_its_line') (passed ??= new Set()).add(chosen);
    }
  }

  /** Of each priority the line whose turn it is, among those the worker serves and that are not `passed` whole. */
  private firstsFor(worker: Server<A>, passed?: ReadonlySet<Line<A>>): ReadonlyMap<Priority, Line<A>> {
    const firsts = new Map<Priority, Line<A>>();
    const best: { high?: Turn; normal?: Turn; low?: Turn } = {};
    for (const line of this.lines.values()) {
      if (line.tasks.size === 0 || !worker.types.has(line.type) || passed?.has(line) === true) continue;
      const turn = line.tasks.first();
      if (turn === undefined) continue;
      const known = firsts.get(line.priority);
      const former = best[line.priority];
      if (known !== undefined && former !== undefined) {
        const isLater =
          turn === former || turn.pass === former.pass ? line.lastServed >= known.lastServed : turn.pass > former.pass;
        if (isLater) continue;
      }
      best[line.priority] = turn;
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

  private serve(line: Line<A>, firsts: ReadonlyMap<Priority, Line<A>>): void {
    line.lastServed = ++this.served;
    for (const priority of PRIORITIES) {
      const waits = priority !== line.priority && firsts.has(priority);
      this.passedOver[priority] = waits ? this.passedOver[priority] + 1 : 0;
    }
  }
}

/** The first of a line that this worker has not refused; what it has refused keeps its place. */
const takeFor = <A extends string>({ refused }: Server<A>, line: GroupLine<Entry<A>>): Entry<A> | undefined => {
  if (refused.size === 0) return line.shift();
  const passed: Entry<A>[] = [];
  let entry = line.shift();
  for (; entry !== undefined && refused.has(entry); entry = line.shift()) passed.push(entry);
  for (const each of passed) line.push(each);
  return entry;
};
