import type { Priority } from '../task.ts';
import type { Entry, Line, Server } from './entry.ts';
import { GroupLine, type First } from './group-line.ts';
import { Pools } from './pool.ts';
import { isAhead, type Turn } from './turn.ts';

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

type Rules<A extends string> = {
  /** Asked of each task whose turn it is. */
  readonly judge: (entry: Entry<A>) => Verdict;
  /** Its turn it was, and the worker has refused it before. */
  readonly skipped: (entry: Entry<A>) => void;
  /** Nothing of the type is for this worker now. */
  readonly isHopeless: (worker: Server<A>, type: string) => boolean;
};

/**
 * Tasks that wait in one queue. High before normal before low with a share for the lower ones; inside a priority groups in
 * turn, inside a group types in turn; inside both first in first out.
 */
export class Lines<A extends string> {
  readonly pools = new Pools<Line<A>>();
  private readonly lines = new Map<string, Line<A>>();
  private readonly rules: Rules<A>;
  private served = 0;

  constructor(rules: Rules<A>) {
    this.rules = rules;
  }

  [Symbol.iterator](): Iterator<Line<A>> {
    return this.lines.values();
  }

  of(priority: Priority, type: string): Line<A> {
    const key = `${priority} ${type}`;
    const known = this.lines.get(key);
    if (known !== undefined) return known;
    const pool = this.pools.of(type);
    const line: Line<A> = { type, priority, tasks: new GroupLine(type, pool), passedOver: 0 };
    this.lines.set(key, line);
    pool.lines.add(line);
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
    if (this.lines.get(key) !== line) return;
    this.lines.delete(key);
    this.pools.of(line.type).lines.delete(line);
  }

  /**
   * Takes the task out of its line that the worker is to have next; undefined: none that it serves and that may start.
   */
  next(worker: Server<A>): Entry<A> | undefined {
    const { rules } = this;
    let passed: Set<Line<A>> | undefined;
    for (;;) {
      const firsts = this.firstsFor(worker, passed);
      const chosen = choose(firsts);
      if (chosen === undefined) return undefined;
      const taken = takeFor(worker, chosen.tasks, rules.skipped);
      const entry = taken?.entry;
      const verdict = entry === undefined ? 'not_its_line' : rules.judge(entry);
      if (entry !== undefined && verdict === 'start') {
        this.serve(worker, chosen, entry.turn);
        this.dropEmpty(chosen);
        return entry;
      }
      if (verdict === 'not_this_one') {
        this.dropEmpty(chosen);
        continue;
      }
      if (taken !== undefined) chosen.tasks.push(taken.entry, taken.lastServed);
      if (verdict === 'nothing') return undefined;
      if (verdict !== 'not_its_line') continue;
      // All that waits there was refused by this worker before, or may not start; other types of the same priority may.
      (passed ??= new Set()).add(chosen);
      // Nor, where it is its turn, higher ones of its type, that would take what it waits for as it comes free.
      if (entry === undefined) continue;
      for (const line of this.lines.values()) if (line.type === chosen.type) passed.add(line);
    }
  }

  /** Of each priority the line whose turn it is, among those the worker serves and that are not `passed` whole. */
  private firstsFor(worker: Server<A>, passed: ReadonlySet<Line<A>> | undefined): Firsts<A> {
    const firsts: Firsts<A> = { high: undefined, normal: undefined, low: undefined };
    for (const line of this.linesFor(worker)) {
      if (line.tasks.size === 0 || !worker.types.has(line.type) || passed?.has(line) === true) continue;
      if (this.rules.isHopeless(worker, line.type)) continue;
      const first = line.tasks.first();
      if (first === undefined) continue;
      const known = firsts[line.priority];
      if (known === undefined) firsts[line.priority] = { line, first, passedOver: line.passedOver };
      else {
        known.passedOver = Math.max(known.passedOver, line.passedOver);
        if (!isBefore(first, known.first)) continue;
        known.line = line;
        known.first = first;
      }
    }
    return firsts;
  }

  /** Among these are all that it takes: they are in one pool. */
  private linesFor({ types }: Server<A>): Iterable<Line<A>> {
    const [one] = types;
    return one === undefined ? [] : this.pools.of(one).lines;
  }

  /** A lower priority that was passed over is due in its time, whichever workers have taken others meanwhile. */
  private serve(worker: Server<A>, chosen: Line<A>, turn: Turn): void {
    chosen.tasks.served(turn, ++this.served);
    for (const line of this.linesFor(worker)) {
      if (line.tasks.size === 0 || !worker.types.has(line.type)) continue;
      line.passedOver = line.priority === chosen.priority ? 0 : line.passedOver + 1;
    }
    chosen.passedOver = 0;
  }
}

/** Of one priority. `passedOver`: the most of its lines. */
type Candidate<A extends string> = { line: Line<A>; first: First; passedOver: number };

type Firsts<A extends string> = Record<Priority, Candidate<A> | undefined>;

/** Groups in turn, and lines in turn that have something of the group whose turn it is. */
const isBefore = ({ turn, stand, lastServed }: First, other: First): boolean => {
  if (turn === other.turn) return lastServed < other.lastServed;
  return isAhead(stand, other.stand);
};

/** The highest, unless a lower one was passed over as often as it may be. Room is left for all that are due at once. */
const choose = <A extends string>(firsts: Firsts<A>): Line<A> | undefined => {
  let chosen: Candidate<A> | undefined;
  let most = LOWER_SHARE - PRIORITIES.reduce((sum, priority) => sum + (firsts[priority] === undefined ? 0 : 1), 0);
  for (const priority of PRIORITIES) {
    const lower = firsts[priority];
    if (lower === undefined) continue;
    if (chosen !== undefined) {
      if (lower.passedOver <= most) continue;
      most = lower.passedOver;
    }
    chosen = lower;
  }
  return chosen?.line;
};

/** As it was taken: to be put back as it was. */
type Taken<A extends string> = { readonly entry: Entry<A>; readonly lastServed: number };

/** The first of a line that this worker has not refused; what it has refused keeps its place. */
const takeFor = <A extends string>(
  { refused }: Server<A>,
  line: GroupLine<Entry<A>>,
  skipped: (entry: Entry<A>) => void,
): Taken<A> | undefined => {
  let taken = take(line);
  if (refused.size === 0) return taken;
  const passed: Taken<A>[] = [];
  for (; taken !== undefined && refused.has(taken.entry); taken = take(line)) {
    passed.push(taken);
    skipped(taken.entry);
  }
  for (const each of passed) line.push(each.entry, each.lastServed);
  return taken;
};

const take = <A extends string>(line: GroupLine<Entry<A>>): Taken<A> | undefined => {
  const lastServed = line.first()?.lastServed;
  const entry = lastServed === undefined ? undefined : line.shift();
  return entry === undefined || lastServed === undefined ? undefined : { entry, lastServed };
};
