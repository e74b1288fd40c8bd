import type { Priority } from '../task.ts';
import { ReadyLine, type InLine } from './ready-line.ts';

/** A pending task whose time has come, as a queue hears of it. */
export type ReadyTask<A extends string = string> = {
  readonly address: A;
  /** Of the version it was ready in; a claim is decided on it. */
  readonly revision: number;
  /** Its place in line: the revision with which it became ready. Kept when somebody joins it. */
  readonly order: number;
  readonly priority: Priority;
  readonly type: string;
  /** Its record, where whoever tells still has it: saves the worker a read. */
  readonly bytes?: Uint8Array;
};

/** One task for one worker: a hint, the claim decides. */
export type TaskOffer<A extends string = string> = Pick<ReadyTask<A>, 'address' | 'revision' | 'bytes'>;

/** What a worker did with an offer it did not claim. */
export type Return =
  /** It goes, or has no use for it now: for anybody, at once. */
  | 'free'
  /** It cannot run it, since it cannot read the record or does not serve its type: for anybody else. */
  | 'refused'
  /** It found the task taken, changed or gone. Who watches the record says so as well, or the task is offered again. */
  | 'stale';

export type TaskQueueOptions = {
  /** An offer that was not claimed after this long goes to another worker; twice as long every further time. */
  readonly offerMs: number;
  /** Most bytes of records that are kept for offers; beyond it workers read them. */
  readonly bytesLimit: number;
};

/** At least one start in so many goes to each lower priority that has work (behaviour X8). */
export const LOWER_SHARE = 20;

/** Offers of one task double their time so often. */
const DOUBLINGS = 3;

const PRIORITIES: readonly Priority[] = ['high', 'normal', 'low'];

type Entry<A extends string> = InLine & {
  readonly address: A;
  revision: number;
  readonly order: number;
  line: Line<A>;
  source: string;
  bytes: Uint8Array | undefined;
  /** Who has it on offer. */
  worker: Server<A> | undefined;
  offeredAt: number;
  offers: number;
};

type Line<A extends string> = {
  readonly type: string;
  readonly priority: Priority;
  readonly tasks: ReadyLine<Entry<A>>;
  /** Number of the start it had last: who was served longest ago is next. */
  lastServed: number;
};

/** A worker as the queue knows it. */
type Server<A extends string> = {
  readonly id: string;
  types: ReadonlySet<string>;
  credit: number;
  readonly offered: Set<Entry<A>>;
  /** What it said it cannot run: for anybody else. */
  readonly refused: Set<Entry<A>>;
};

/**
 * What starts next in one queue, and where (behaviour Q1 to Q3).
 *
 * A task is ready (in line), on offer (a worker was told of it and has not claimed it yet), or gone. `ready` and `gone`
 * come from whoever watches the records and from nobody else, `serve` and `credit` from workers, and `deal` matches the two: high before normal
 * before low with a share for the lower ones, types of one priority in turn, inside a type first in first out, workers in
 * turn. Nothing here is the truth. An offer that was lost is made again after its time, one that was made twice is claimed
 * once, and one that is out of date is refused by the record.
 *
 * It keeps no clock and sends nothing: time comes in, offers go out.
 */
export class TaskQueue<A extends string = string> {
  private readonly options: TaskQueueOptions;
  private readonly entries = new Map<A, Entry<A>>();
  private readonly lines = new Map<string, Line<A>>();
  private readonly workers = new Map<string, Server<A>>();
  /** Workers with credit, in the order of their turns. */
  private readonly turns = new Set<Server<A>>();
  /** Starts given to others since this priority had one, while it had work. */
  private readonly passedOver: Record<Priority, number> = { high: 0, normal: 0, low: 0 };
  /** Returned as stale: until whoever watches the record says what became of it, or the time of the offer is over. */
  private readonly doubtful = new Set<Entry<A>>();
  private bytesHeld = 0;
  private served = 0;
  private offeredCount = 0;

  constructor(options: TaskQueueOptions) {
    this.options = options;
  }

  /** Tasks that wait, and those on offer or returned as stale. */
  get size(): { readonly waiting: number; readonly offered: number } {
    const offered = this.offeredCount + this.doubtful.size;
    return { waiting: this.entries.size - offered, offered };
  }

  /** Whether it has neither tasks nor workers. */
  get isEmpty(): boolean {
    return this.entries.size === 0 && this.workers.size === 0;
  }

  /** `source` names who tells it: what is told by one is taken back by the same (`gone`, `forget`), and by no worker. */
  ready(task: ReadyTask<A>, source: string): void {
    const known = this.entries.get(task.address);
    if (known === undefined) return this.add(task, source);
    if (task.revision < known.revision) return;
    known.source = source;
    if (task.revision === known.revision) return;
    if (known.line.type !== task.type || known.line.priority !== task.priority || known.order !== task.order) {
      this.remove(known);
      return this.add(task, source);
    }
    // Somebody joined it. What is on offer stays so: the claim reads what is there.
    known.revision = task.revision;
    this.keepBytes(known, task.bytes);
    if (this.doubtful.has(known)) this.readyAgain(known);
  }

  /** It is not ready any more as of `revision`. */
  gone(address: A, revision: number, source: string): void {
    const known = this.entries.get(address);
    if (known !== undefined && known.source === source && known.revision <= revision) this.remove(known);
  }

  /** Nothing that `source` told counts any more. */
  forget(source: string): void {
    for (const entry of this.entries.values()) if (entry.source === source) this.remove(entry);
  }

  /** The worker takes tasks of these types. */
  serve(worker: string, types: ReadonlySet<string>): void {
    const known = this.workers.get(worker);
    if (known === undefined)
      this.workers.set(worker, { id: worker, types, credit: 0, offered: new Set(), refused: new Set() });
    else known.types = types;
  }

  /** So many more tasks may be offered to the worker. */
  credit(worker: string, count: number): void {
    const known = this.workers.get(worker);
    if (known === undefined) return;
    known.credit = count;
    if (count > 0) this.turns.add(known);
    else this.turns.delete(known);
  }

  /** The worker is gone, or begins anew: what it has on offer is ready again. */
  leave(worker: string): void {
    const known = this.workers.get(worker);
    if (known === undefined) return;
    this.workers.delete(worker);
    this.turns.delete(known);
    for (const entry of [...known.offered]) this.readyAgain(entry);
  }

  /** The worker has not claimed what was offered to it. */
  returned(worker: string, address: A, revision: number, how: Return): void {
    const entry = this.entries.get(address);
    if (entry === undefined || entry.worker?.id !== worker) return;
    if (how === 'refused') entry.worker.refused.add(entry);
    // What was offered is out of date, it says; where a newer version is known, that one counts.
    if (how !== 'stale' || entry.revision > revision) return this.readyAgain(entry);
    this.withdraw(entry);
    this.doubtful.add(entry);
  }

  /** Offers whose time is over are ready again. The workers that had them. */
  expire(now: number): ReadonlySet<string> {
    const late = new Set<string>();
    for (const entry of this.doubtful) if (this.isLate(entry, now)) this.readyAgain(entry);
    for (const worker of this.workers.values()) {
      for (const entry of worker.offered) {
        if (!this.isLate(entry, now)) continue;
        // It has not said anything for so long: what it may still be told is for others until it does.
        this.credit(worker.id, 0);
        this.readyAgain(entry);
        late.add(worker.id);
      }
    }
    return late;
  }

  /** What is to be offered now, by worker. */
  deal(now: number): ReadonlyMap<string, readonly TaskOffer<A>[]> {
    const dealt = new Map<string, TaskOffer<A>[]>();
    // One for each worker a round; who gets nothing keeps its place, who gets something goes to the end.
    for (let open = [...this.turns]; open.length > 0; open = open.filter(({ credit }) => credit > 0)) {
      open = open.filter((worker) => {
        const entry = this.next(worker);
        if (entry === undefined) return false;
        this.offer(entry, worker, now);
        const offers = dealt.get(worker.id);
        if (offers === undefined) dealt.set(worker.id, [offerOf(entry)]);
        else offers.push(offerOf(entry));
        return true;
      });
    }
    return dealt;
  }

  /** Tasks that wait and that the worker serves and has not refused. */
  waitingFor(worker: string): number {
    const known = this.workers.get(worker);
    if (known === undefined) return 0;
    const { types, refused } = known;
    let waiting = 0;
    for (const line of this.lines.values()) if (types.has(line.type)) waiting += line.tasks.size;
    for (const { inLine, line } of refused) if (inLine && types.has(line.type)) waiting--;
    return waiting;
  }

  private add(task: ReadyTask<A>, source: string): void {
    const line = this.lineOf(task.priority, task.type);
    const entry: Entry<A> = {
      address: task.address,
      revision: task.revision,
      order: task.order,
      inLine: false,
      line,
      source,
      bytes: undefined,
      worker: undefined,
      offeredAt: 0,
      offers: 0,
    };
    this.keepBytes(entry, task.bytes);
    this.entries.set(entry.address, entry);
    line.tasks.push(entry);
  }

  private remove(entry: Entry<A>): void {
    this.entries.delete(entry.address);
    this.keepBytes(entry, undefined);
    for (const { refused } of this.workers.values()) refused.delete(entry);
    if (entry.worker !== undefined) this.withdraw(entry);
    else if (!this.doubtful.delete(entry)) entry.line.tasks.remove(entry);
    this.dropEmpty(entry.line);
  }

  private isLate({ offers, offeredAt }: Entry<A>, now: number): boolean {
    return now - offeredAt >= this.options.offerMs * 2 ** Math.min(DOUBLINGS, offers - 1);
  }

  private readyAgain(entry: Entry<A>): void {
    this.doubtful.delete(entry);
    this.withdraw(entry);
    entry.line = this.lineOf(entry.line.priority, entry.line.type);
    entry.line.tasks.push(entry);
  }

  private withdraw(entry: Entry<A>): void {
    if (entry.worker === undefined) return;
    entry.worker.offered.delete(entry);
    entry.worker = undefined;
    this.offeredCount--;
  }

  private offer(entry: Entry<A>, worker: Server<A>, now: number): void {
    worker.credit--;
    this.turns.delete(worker);
    if (worker.credit > 0) this.turns.add(worker);
    worker.offered.add(entry);
    entry.worker = worker;
    entry.offeredAt = now;
    entry.offers++;
    this.offeredCount++;
  }

  /** Takes the task out of its line that the worker is to have next; undefined: none that it serves. */
  private next(worker: Server<A>): Entry<A> | undefined {
    let refused: Set<Line<A>> | undefined;
    for (;;) {
      const firsts = this.firstsFor(worker, refused);
      const chosen = this.choose(firsts);
      if (chosen === undefined) return undefined;
      const entry = takeFor(worker, chosen.tasks);
      if (entry !== undefined) {
        this.serveLine(chosen, firsts);
        this.dropEmpty(chosen);
        return entry;
      }
      // All that waits there was refused by this worker before; other types of the same priority were not.
      (refused ??= new Set()).add(chosen);
    }
  }

  /** Of each priority the line that was served longest ago, among those the worker serves and has not `refused` whole. */
  private firstsFor(worker: Server<A>, refused?: ReadonlySet<Line<A>>): ReadonlyMap<Priority, Line<A>> {
    const firsts = new Map<Priority, Line<A>>();
    for (const line of this.lines.values()) {
      if (line.tasks.size === 0 || !worker.types.has(line.type) || refused?.has(line) === true) continue;
      const best = firsts.get(line.priority);
      if (best === undefined || line.lastServed < best.lastServed) firsts.set(line.priority, line);
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

  private serveLine(line: Line<A>, firsts: ReadonlyMap<Priority, Line<A>>): void {
    line.lastServed = ++this.served;
    for (const priority of PRIORITIES) {
      const waits = priority !== line.priority && firsts.has(priority);
      this.passedOver[priority] = waits ? this.passedOver[priority] + 1 : 0;
    }
  }

  private lineOf(priority: Priority, type: string): Line<A> {
    const key = `${priority} ${type}`;
    const known = this.lines.get(key);
    if (known !== undefined) return known;
    // A line that comes and goes gains nothing by it: it begins as one that was served just now.
    const line: Line<A> = { type, priority, tasks: new ReadyLine(), lastServed: this.served };
    this.lines.set(key, line);
    return line;
  }

  private dropEmpty(line: Line<A>): void {
    if (line.tasks.size > 0) return;
    const key = `${line.priority} ${line.type}`;
    if (this.lines.get(key) === line) this.lines.delete(key);
  }

  private keepBytes(entry: Entry<A>, bytes: Uint8Array | undefined): void {
    this.bytesHeld -= entry.bytes?.length ?? 0;
    entry.bytes = bytes !== undefined && this.bytesHeld + bytes.length <= this.options.bytesLimit ? bytes : undefined;
    this.bytesHeld += entry.bytes?.length ?? 0;
  }
}

const offerOf = <A extends string>({ address, revision, bytes }: Entry<A>): TaskOffer<A> =>
  bytes === undefined ? { address, revision } : { address, revision, bytes };

/** The first of a line that this worker has not refused; what it has refused keeps its place. */
const takeFor = <A extends string>({ refused }: Server<A>, line: ReadyLine<Entry<A>>): Entry<A> | undefined => {
  const passed: Entry<A>[] = [];
  let entry = line.shift();
  for (; entry !== undefined && refused.has(entry); entry = line.shift()) passed.push(entry);
  for (const each of passed) line.push(each);
  return entry;
};
