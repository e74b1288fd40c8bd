/** How far a group has come: each start moves it on by one over its weight, and whoever has come least far is next. */
export type Stand = {
  pass: number;
  /** Among those that have come equally far, the one that has been there longest is next: in all lines the same. */
  stamp: number;
};

export const isAhead = (a: Stand, b: Stand): boolean => a.pass < b.pass || (a.pass === b.pass && a.stamp < b.stamp);

type ParkingLine = { readonly limitKey: string; readonly reopen: (turn: Turn) => void };

/** One group in a queue; what it has come to is its `Stand` in each pool. Tasks without a group are one group among others. */
export type Turn = {
  readonly group: string;
  weight: number;
  /** Nothing of it may start now: its group is paused, or full. */
  blocked: boolean;
  /** The same of its tasks of these types alone. */
  blockedTypes: Set<string> | undefined;
  /** Lines that pass over it until it is opened. */
  parkedIn: Set<ParkingLine> | undefined;
  /** Tasks of it that are in the queue. */
  tasks: number;
  /** A turn was given back to it for a task that was refused, and nothing of it has started since. */
  forgiven: boolean;
};

/** Groups that wait for nothing are looked for once there are so many, and then whenever there are twice as many as were left. */
const IDLE_KEPT = 1_000;

/** Where groups stand in one pool. */
type Stands = { readonly isAsNew: (turn: Turn) => boolean; readonly forget: (turn: Turn) => void };

/** The groups of one queue. */
export class Turns {
  private readonly groups = new Map<string, Turn>();
  private readonly pools: Iterable<Stands>;
  private weights: ReadonlyMap<string, number> = new Map();
  private lookAt = IDLE_KEPT;

  constructor(pools: Iterable<Stands>) {
    this.pools = pools;
  }

  /** Of a group a task of which comes in. */
  enter(group: string): Turn {
    const known = this.groups.get(group);
    if (known !== undefined) {
      known.tasks++;
      return known;
    }
    if (this.groups.size > this.lookAt) this.forgetIdle();
    const turn: Turn = {
      group,
      weight: this.weights.get(group) ?? 1,
      blocked: false,
      blockedTypes: undefined,
      parkedIn: undefined,
      tasks: 1,
      forgiven: false,
    };
    this.groups.set(group, turn);
    return turn;
  }

  leave(turn: Turn): void {
    turn.tasks--;
  }

  get(group: string): Turn | undefined {
    return this.groups.get(group);
  }

  weigh(weights: ReadonlyMap<string, number>): void {
    this.weights = weights;
    for (const turn of this.groups.values()) turn.weight = weights.get(turn.group) ?? 1;
  }

  [Symbol.iterator](): Iterator<Turn> {
    return this.groups.values();
  }

  private forgetIdle(): void {
    const pools = [...this.pools];
    for (const [group, turn] of this.groups) {
      if (turn.tasks > 0 || !pools.every((pool) => pool.isAsNew(turn))) continue;
      this.groups.delete(group);
      for (const pool of pools) pool.forget(turn);
    }
    this.lookAt = Math.max(IDLE_KEPT, 2 * this.groups.size);
  }
}
