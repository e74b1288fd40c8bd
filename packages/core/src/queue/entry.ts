import type { Priority } from '../task.ts';
import type { Holder } from './gate.ts';
import type { GroupLine, InGroup } from './group-line.ts';
import type { Kept } from './kept-records.ts';
import type { Stand, Turn } from './turn.ts';

/** A pending task whose time has come, as a queue hears of it. */
export type ReadyTask<A extends string = string> = {
  readonly address: A;
  /** Of the version it was ready in; a claim is decided on it. */
  readonly revision: number;
  /** Its place in line: the revision with which it became ready. Kept when somebody joins it. */
  readonly order: number;
  readonly priority: Priority;
  readonly type: string;
  /** What its group is; absent: it has none. */
  readonly group?: string;
  /** What it shares with others that are limited together; absent: it names none. */
  readonly limitKey?: string;
  /** It has run before, and waits to run again; told of tasks that name a group or a key. */
  readonly begun?: true;
  /** Units of a rate it takes, where that is not 1. */
  readonly units?: number;
  /** Its record, where whoever tells still has it: saves the worker a read. */
  readonly bytes?: Uint8Array;
};

/** A task of a limited queue that runs. */
export type HeldTask<A extends string = string> = Pick<
  ReadyTask<A>,
  'address' | 'revision' | 'type' | 'group' | 'limitKey' | 'units'
> & {
  /** Of its run: grows with each run that begins. */
  readonly since?: number;
};

/** One task for one worker: a hint, the claim decides. */
export type TaskOffer<A extends string = string> = Pick<ReadyTask<A>, 'address' | 'revision' | 'bytes'> & {
  /** The queue counts what runs: it is claimed in this revision alone, and under these terms (see `Terms`). */
  readonly term?: string;
};

/** What a worker did with an offer it did not claim. */
export type Return =
  /** It goes, or has no use for it now: for anybody, at once. */
  | 'free'
  /** It cannot run it, since it cannot read the record or does not serve its type: for anybody else. */
  | 'refused'
  /** It found the task taken, changed or gone. Who watches the record says so as well, or the task is offered again. */
  | 'stale';

/**
 * Under which a worker was offered something. It claims only what was offered under the terms its host has just confirmed;
 * so once they are others, and the last confirmation is too old, nothing that was offered under them can start any more.
 */
export type Term = { readonly id: string; voidAt: number };

/** What few tasks have. */
type Marks = {
  readonly limitKey: string;
  readonly units: number | undefined;
  readonly begun: boolean;
  readonly age: number | undefined;
};

const NO_MARKS: Marks = { limitKey: '', units: undefined, begun: false, age: undefined };

/**
 * `worker`: who has it on offer. `at`, `count`: of the last one, and of all there were. `stamp`: of its group's turn before
 * that was had for it; absent where it is not to be given back.
 */
type Offered<A extends string> = {
  worker: Server<A> | undefined;
  at: number;
  count: number;
  stamp: number | undefined;
};

const IN_LINE = 1;
const HOLDS = 2;
const HAS_STARTED = 4;
const ASIDE = 8;
const LEAVING = 16;
const REFUSED = 32;

/** What a queue knows of a task that is ready. There is one for every task that waits: what it can share it does not have. */
export class Entry<A extends string> implements InGroup, Holder, Kept {
  readonly address: A;
  revision: number;
  readonly order: number;
  line: Line<A>;
  readonly turn: Turn;
  /** See Told. */
  source: string;
  also: string | undefined;
  /** In which it was told last; see `TaskQueue.mark`. */
  round: number;
  /** See Kept. */
  slab: Kept['slab'] = undefined;
  at = 0;
  /** Terms under which its present revision may still be claimed; only where slots are counted. */
  terms: Term[] | undefined = undefined;
  private offered: Offered<A> | undefined = undefined;
  private readonly marks: Marks;
  private flags = 0;

  constructor(
    { address, revision, order, limitKey = '', units, begun }: ReadyTask<A>,
    place: { readonly line: Line<A>; readonly turn: Turn },
    told: { readonly source: string; readonly also: string | undefined; readonly round: number },
    age?: number,
  ) {
    this.address = address;
    this.revision = revision;
    this.order = order;
    this.line = place.line;
    this.turn = place.turn;
    this.source = told.source;
    this.also = told.also;
    this.round = told.round;
    this.marks =
      limitKey === '' && units === undefined && begun === undefined
        ? NO_MARKS
        : { limitKey, units, begun: begun ?? false, age: begun === true ? age : undefined };
  }

  get type(): string {
    return this.line.type;
  }

  /** How far its group has come. */
  get stand(): Stand {
    return this.line.tasks.pool.standOf(this.turn);
  }

  get group(): string {
    return this.turn.group;
  }

  get limitKey(): string {
    return this.marks.limitKey;
  }

  get units(): number | undefined {
    return this.marks.units;
  }

  /** See ReadyTask. */
  get begun(): boolean {
    return this.marks.begun;
  }

  /** The place in line of its first run, as far as that was seen; `order` is that of the next one. */
  get age(): number {
    return this.marks.age ?? this.order;
  }

  /** Who has it on offer. */
  get worker(): Server<A> | undefined {
    return this.offered?.worker;
  }

  /** When it was offered last. */
  get offeredAt(): number {
    return this.offered?.at ?? 0;
  }

  get offers(): number {
    return this.offered?.count ?? 0;
  }

  offerTo(worker: Server<A>, now: number): void {
    const offered = (this.offered ??= { worker, at: now, count: 0, stamp: this.holds ? undefined : this.stand.stamp });
    offered.worker = worker;
    offered.at = now;
    offered.count++;
  }

  /** Stamp of the turn that its group is given back where it does not start. */
  get turnBack(): number | undefined {
    return this.offered?.stamp;
  }

  /** It was given back, or is not to be. What is offered again and again has its turns as often, or would always be next. */
  keepTurn(): void {
    if (this.offered !== undefined) this.offered.stamp = undefined;
  }

  withdraw(): void {
    if (this.offered !== undefined) this.offered.worker = undefined;
  }

  get inLine(): boolean {
    return this.has(IN_LINE);
  }

  set inLine(is: boolean) {
    this.toggle(IN_LINE, is);
  }

  get holds(): boolean {
    return this.has(HOLDS);
  }

  set holds(is: boolean) {
    this.toggle(HOLDS, is);
  }

  get hasStarted(): boolean {
    return this.has(HAS_STARTED);
  }

  set hasStarted(is: boolean) {
    this.toggle(HAS_STARTED, is);
  }

  /** Its key is full: it lies aside with others of that (`Aside`). */
  get aside(): boolean {
    return this.has(ASIDE);
  }

  set aside(is: boolean) {
    this.toggle(ASIDE, is);
  }

  /** It is being displaced: it is in no line. */
  get leaving(): boolean {
    return this.has(LEAVING);
  }

  set leaving(is: boolean) {
    this.toggle(LEAVING, is);
  }

  /** Some worker said it cannot run it. */
  get refused(): boolean {
    return this.has(REFUSED);
  }

  set refused(is: boolean) {
    this.toggle(REFUSED, is);
  }

  private has(flag: number): boolean {
    return (this.flags & flag) !== 0;
  }

  private toggle(flag: number, is: boolean): void {
    this.flags = is ? this.flags | flag : this.flags & ~flag;
  }
}

export type Line<A extends string> = {
  readonly type: string;
  readonly priority: Priority;
  readonly tasks: GroupLine<Entry<A>>;
  /** Starts of other priorities since it, or another of its priority, had one by a worker that could have taken what waits in it. */
  passedOver: number;
};

/** A worker as the queue knows it. */
export type Server<A extends string> = {
  readonly id: string;
  types: ReadonlySet<string>;
  credit: number;
  readonly offered: Set<Entry<A>>;
  /** What it said it cannot run: for anybody else. */
  readonly refused: Set<Entry<A>>;
  /** Of those that still wait, how many of each type. */
  readonly refusals: Map<string, number>;
  term: Term;
  /** When its terms were confirmed to it last. */
  confirmedAt: number;
  /** State of the queue in which nothing could start for it. */
  idleAt: number;
};

/** A task that runs, as far as is known. */
export type Running<A extends string> = Holder & {
  readonly address: A;
  revision: number;
  /** See Told. */
  source: string;
  also: string | undefined;
  /** It was on offer when its watcher was lost: it may have been claimed under these. */
  readonly terms: Term[] | undefined;
  /** See HeldTask. */
  readonly since: number;
  /** See Entry. */
  readonly age: number;
  /** It is being displaced, or was told to stop for it. */
  leaving: boolean;
  /** See Entry. */
  round: number;
};
