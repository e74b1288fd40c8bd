import { keyOf, type Leaving } from '../../dispatch/lanes.ts';
import { partitionOfAddress, type Address, type Lane } from '@baton/protocols';
import { holderOf, isSameRun, type Duties } from './duties.ts';
import type { Due } from './timer-heap.ts';

/** When and how a record was seen. */
export type Sight = {
  readonly revision: number;
  /** The reader that gave it; see `confirm`. */
  readonly generation: number;
  /** Monotonic, milliseconds. */
  readonly at: number;
  /** Own wall clock, milliseconds. */
  readonly wall: number;
  /** It was given as it was written; else it had been stored before the reader started, nobody knows how long. */
  readonly live: boolean;
  /** The record as it was given, where it is still here. */
  readonly bytes?: Uint8Array;
};

/** What is kept of one task. Little, since there is one for every task that has not ended; the record stays in the store. */
export type Watched = {
  readonly address: Address;
  revision: number;
  generation: number;
  duties: Duties;
  /** Waiting tasks: their place in line, the revision with which they became ready. */
  order: number;
  /** From when on it could begin, by the server's clock, milliseconds. */
  since: number;
  /** Transitions its record had: as long as it waits, joined or not, no more come. */
  transitions: number;
  /** An action for it is under way or queued. */
  busy: boolean;
  /** ActionRunner in a row that came to nothing. */
  failures: number;
  timer: TaskTimer | undefined;
  /** It runs and takes a slot of this lane's queue; undefined: it does not, or nobody has counted it. */
  slot: Lane | undefined;
  marks: Marks | undefined;
  /** Of the task; '': not known yet. A cancel may name it. */
  id: string;
};

/** What of a task a limit may go by beside its type; most have none of it. */
export type Marks = {
  readonly group?: string;
  readonly limitKey?: string;
  readonly units?: number;
  readonly begun?: true;
};

export type TaskTimer = Due & {
  readonly watched: Watched;
  /** End of the timeout or of the grace, monotonic. */
  limitAt: number;
  /** Of one that has not begun: when it may no more, by the server's clock. Those that wait in one line share their duties. */
  expiresAt?: number;
};

/** Tasks of one lane that wait for a worker: `waiting` of them. */
export type Line = { readonly lane: Lane; readonly duties: Duties; waiting: number };

/** Which task it is, and how far: versions between two that were seen may not have been. */
export type Life = {
  readonly id: string;
  readonly transitions: number;
  readonly since: number;
  /** It runs, and not for who called it inline: it takes a slot of its queue. */
  readonly slot?: Lane;
  readonly marks?: Marks;
};

const NOBODY: readonly string[] = [];
const NO_LIFE: Life = { id: '', transitions: 0, since: 0 };

export type IndexListener = {
  /** It waits for its queue to start it: newly, or in a newer version. `bytes`: its record, where it is here. */
  readonly ready: (watched: Watched, lane: Lane, bytes: Uint8Array | undefined) => void;
  /** It waits no more, as of its revision. */
  readonly gone: (watched: Watched, lane: Lane, how: Leaving) => void;
  /** It runs, and takes a slot of its queue. */
  readonly held: (watched: Watched, lane: Lane) => void;
  /** It does so no more, as of its revision. */
  readonly freed: (watched: Watched, lane: Lane, how: Leaving) => void;
  /** It is not watched any more. */
  readonly removed: (watched: Watched) => void;
};

/** Every task of the owned partitions that has duties, by address, by holder and by lane. */
export class TaskIndex {
  private readonly partitions = new Map<string, Map<Address, Watched>>();
  private readonly holders = new Map<string, Set<Watched>>();
  private readonly queues = new Map<string, Line>();
  private readonly byId = new Map<string, Watched>();
  /** Ids of those that wait behind a task, where any do: a cancel may name them. */
  private readonly behind = new Map<Watched, readonly string[]>();
  private count = 0;
  private readonly listener: IndexListener;
  /** The place in line that was given last, or a newer revision. */
  private lastOrder = 0;

  constructor(listener: IndexListener) {
    this.listener = listener;
  }

  get size(): number {
    return this.count;
  }

  get(address: Address): Watched | undefined {
    return this.partitions.get(partitionOfAddress(address))?.get(address);
  }

  /** Where the task with that id is, if it is watched here. */
  addressOf(id: string): Address | undefined {
    return this.byId.get(id)?.address;
  }

  /** The ids by which a task can be found from now on: its own, and of those that wait behind it. */
  name(watched: Watched, id: string, behind: readonly string[]): void {
    const known = this.behind.get(watched) ?? NOBODY;
    const isSame = behind.length === known.length && behind.every((each, i) => each === known[i]);
    if (id === watched.id && isSame) return;
    this.unname(watched);
    watched.id = ownString(id);
    this.byId.set(watched.id, watched);
    if (behind.length === 0) return;
    const own = behind.map((each) => ownString(each));
    this.behind.set(watched, own);
    for (const each of own) this.byId.set(each, watched);
  }

  private unname(watched: Watched): void {
    this.unnameId(watched, watched.id);
    for (const each of this.behind.get(watched) ?? NOBODY) this.unnameId(watched, each);
    this.behind.delete(watched);
  }

  private unnameId(watched: Watched, id: string): void {
    if (this.byId.get(id) === watched) this.byId.delete(id);
  }

  held(holder: string): Iterable<Watched> {
    return this.holders.get(holder) ?? [];
  }

  isHolder(id: string): boolean {
    return this.holders.has(id);
  }

  lines(): readonly Line[] {
    return [...this.queues.values()];
  }

  /** Every task that waits, in no order. */
  *ready(): Iterable<{ readonly watched: Watched; readonly lane: Lane }> {
    for (const watched of this.all()) {
      const { duties } = watched;
      if (duties.stage === 'waiting') yield { watched, lane: duties.lane };
    }
  }

  /** Every task that runs and takes a slot. */
  *running(): Iterable<{ readonly watched: Watched; readonly lane: Lane }> {
    for (const tasks of this.holders.values())
      for (const watched of tasks) if (watched.slot !== undefined) yield { watched, lane: watched.slot };
  }

  /** Lanes of those that run and whose worker is dead, one for each. */
  *orphans(isDead: (holder: string) => boolean): Iterable<Lane> {
    for (const [holder, tasks] of this.holders)
      if (isDead(holder)) for (const { slot } of tasks) if (slot !== undefined) yield slot;
  }

  *all(): Iterable<Watched> {
    for (const tasks of this.partitions.values()) yield* tasks.values();
  }

  inPartition(partition: string): Iterable<Watched> {
    return this.partitions.get(partition)?.values() ?? [];
  }

  /** The reader of that generation has the task too. True when what it has is not newer than what is known. */
  confirm(address: Address, revision: number, generation: number): boolean {
    const watched = this.get(address);
    if (watched === undefined || revision > watched.revision) return false;
    watched.generation = Math.max(watched.generation, generation);
    return true;
  }

  /** Takes over what was seen of a task; undefined duties: it needs nothing any more. An older revision is nothing new. */
  apply(address: Address, sight: Sight, duties: Duties | undefined, life: Life = NO_LIFE): Watched | undefined {
    const known = this.get(address);
    if (known !== undefined && known.revision >= sight.revision) return known;
    this.lastOrder = Math.max(this.lastOrder, sight.revision);
    if (duties === undefined) {
      if (known !== undefined) known.revision = sight.revision;
      if (known !== undefined) this.remove(known);
      return undefined;
    }
    if (known === undefined) return this.add(address, sight, duties, life);
    known.marks = life.marks;
    known.revision = sight.revision;
    known.generation = sight.generation;
    known.failures = 0;
    const isSameWait = known.id !== '' && known.id === life.id && known.transitions === life.transitions;
    known.transitions = life.transitions;
    known.since = life.since;
    // Joined while it waits: it keeps its place. What waits anew, or another task of the key, comes behind the others.
    if (isSameWait && isSameLine(known.duties, duties)) {
      if (duties.stage === 'waiting') this.listener.ready(known, duties.lane, sight.bytes);
      return known;
    }
    const former = known.duties;
    // Of another queue it is another task of the key: of the one that was there nothing more is told.
    const goesOn = life.slot !== undefined && life.slot.queue === queueOf(known);
    const isTold = goesOn && known.slot !== undefined && isSameRun(former, duties);
    this.unlink(known, goesOn ? 'runs' : 'over');
    known.duties = duties;
    known.order = sight.revision;
    known.slot = life.slot;
    this.link(known, sight.bytes);
    if (life.slot !== undefined && !isTold) this.listener.held(known, life.slot);
    return known;
  }

  /** A delayed task whose time has come waits from now on, behind all others that wait. */
  startNow(watched: Watched, lane: Lane): void {
    this.unlink(watched, 'over');
    watched.duties = { stage: 'waiting', lane };
    this.lastOrder++;
    watched.order = this.lastOrder;
    this.link(watched);
  }

  /** `how`: `moved` where it goes on, and only somebody else watches it. */
  remove(watched: Watched, how: Leaving = 'over'): void {
    const partition = this.partitions.get(partitionOfAddress(watched.address));
    if (partition?.get(watched.address) !== watched) return;
    partition.delete(watched.address);
    this.count--;
    this.unname(watched);
    this.unlink(watched, how);
    this.listener.removed(watched);
  }

  /** Drops everything outside of these partitions. */
  keepOnly(partitions: ReadonlySet<string>): void {
    for (const [partition, tasks] of this.partitions) {
      if (partitions.has(partition)) continue;
      for (const watched of tasks.values()) this.remove(watched, 'moved');
      this.partitions.delete(partition);
    }
  }

  /** What the reader of that generation has not given, nor a later one. */
  unconfirmed(generation: number): readonly Watched[] {
    return [...this.all()].filter((watched) => watched.generation < generation);
  }

  private add(address: Address, sight: Sight, duties: Duties, { transitions, since, slot, marks }: Life): Watched {
    const own = ownString(address);
    const watched: Watched = {
      address: own,
      revision: sight.revision,
      generation: sight.generation,
      duties,
      order: sight.revision,
      since,
      transitions,
      busy: false,
      failures: 0,
      timer: undefined,
      slot,
      marks,
      id: '',
    };
    const partition = partitionOfAddress(own);
    const tasks = this.partitions.get(partition) ?? new Map<Address, Watched>();
    if (tasks.size === 0) this.partitions.set(ownString(partition), tasks);
    tasks.set(own, watched);
    this.count++;
    this.link(watched, sight.bytes);
    if (slot !== undefined) this.listener.held(watched, slot);
    return watched;
  }

  private link(watched: Watched, bytes?: Uint8Array): void {
    const { duties } = watched;
    if (duties.stage === 'waiting') {
      const line = this.lineOf(duties.lane);
      watched.duties = line.duties;
      line.waiting++;
      this.listener.ready(watched, line.lane, bytes);
      return;
    }
    const holder = holderOf(duties);
    if (holder === undefined) return;
    const tasks = this.holders.get(holder) ?? new Set<Watched>();
    if (tasks.size === 0) this.holders.set(ownString(holder), tasks);
    tasks.add(watched);
  }

  private unlink(watched: Watched, how: Leaving): void {
    const { duties, slot } = watched;
    if (slot !== undefined && how !== 'runs') {
      watched.slot = undefined;
      this.listener.freed(watched, slot, how);
    }
    if (duties.stage === 'waiting') {
      const key = keyOf(duties.lane);
      const line = this.queues.get(key);
      if (line !== undefined && --line.waiting === 0) this.queues.delete(key);
      this.listener.gone(watched, duties.lane, how);
      return;
    }
    const holder = holderOf(duties);
    if (holder === undefined) return;
    const tasks = this.holders.get(holder);
    tasks?.delete(watched);
    if (tasks?.size === 0) this.holders.delete(holder);
  }

  /** All waiting tasks of a lane share one `duties`, so that waiting costs no object of its own. */
  private lineOf(lane: Lane): Line {
    const key = keyOf(lane);
    const known = this.queues.get(key);
    if (known !== undefined) return known;
    const own: Lane = { queue: ownString(lane.queue), priority: lane.priority, type: ownString(lane.type) };
    const line: Line = { lane: own, duties: { stage: 'waiting', lane: own }, waiting: 0 };
    this.queues.set(key, line);
    return line;
  }
}

/** Where it has a slot, or waits for one. */
const queueOf = ({ slot, duties }: Watched): string | undefined =>
  slot?.queue ?? (duties.stage === 'waiting' ? duties.lane.queue : undefined);

const isSameLine = (a: Duties, b: Duties): boolean =>
  a.stage === 'waiting' && b.stage === 'waiting' && keyOf(a.lane) === keyOf(b.lane);

/** A copy. What comes off the wire is often a slice that keeps a whole message alive. */
const ownString = <T extends string>(text: T): T => Buffer.from(text, 'utf8').toString('utf8') as T;
