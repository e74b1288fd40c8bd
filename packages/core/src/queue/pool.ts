import type { Stand, Turn } from './turn.ts';

type PooledLine = {
  readonly type: string;
  readonly tasks: { readonly advance: (turn: Turn) => void; readonly move: (pool: Pool) => void };
};

/**
 * Types that workers serve together: among their tasks groups take turns. What a group has of other types, whose workers are
 * others, costs it none here.
 */
export class Pool<L extends PooledLine = PooledLine> {
  readonly lines = new Set<L>();
  private readonly stands = new Map<Turn, Stand>();
  /** How far the one had come that was served last. */
  private reached = 0;
  private stamps = 0;

  standOf(turn: Turn): Stand {
    const known = this.stands.get(turn);
    if (known !== undefined) return known;
    const stand = { pass: this.reached, stamp: ++this.stamps };
    this.stands.set(turn, stand);
    return stand;
  }

  /**
   * A group that is new, or that nothing could start of for a while, begins where the others are: it owes nothing, and is owed
   * nothing.
   */
  catchUp(stand: Stand): void {
    if (stand.pass < this.reached) stand.pass = this.reached;
  }

  /** Where it stands once it has caught up. */
  passOf(turn: Turn): number {
    return Math.max(this.standOf(turn).pass, this.reached);
  }

  served(turn: Turn): void {
    const stand = this.standOf(turn);
    this.reached = Math.max(this.reached, stand.pass);
    stand.pass += 1 / turn.weight;
    stand.stamp = ++this.stamps;
  }

  /**
   * One of its turns led to no start: it stands where it stood, with the `stamp` it had. No further back than others have
   * come meanwhile: they are not to wait for all that it missed.
   */
  unserved(turn: Turn, stamp: number): void {
    const stand = this.standOf(turn);
    stand.pass = Math.min(stand.pass, Math.max(this.reached, stand.pass - 1 / turn.weight));
    stand.stamp = Math.min(stand.stamp, stamp);
    for (const { tasks } of this.lines) tasks.advance(turn);
  }

  /** Whether it would stand no further back, were it new, by more than the turn it has had last. */
  isAsNew(turn: Turn): boolean {
    const stand = this.stands.get(turn);
    return stand === undefined || stand.pass <= this.reached + 1 / turn.weight;
  }

  forget(turn: Turn): void {
    this.stands.delete(turn);
  }
}

/** Which types are served together in a queue, as far as its workers have said. */
export class Pools<L extends PooledLine> {
  private readonly byType = new Map<string, Pool<L>>();
  /** Of types that nobody has served. */
  private readonly unserved = new Pool<L>();

  of(type: string): Pool<L> {
    return this.byType.get(type) ?? this.unserved;
  }

  /** A worker serves these: from now on they are one pool, also when it is gone. False: they were. */
  join(types: ReadonlySet<string>): boolean {
    const known = new Set([...types].map((type) => this.of(type)));
    const [first] = known;
    if (first === undefined || (known.size === 1 && first !== this.unserved)) return false;
    const pool = [...known].find((each) => each !== this.unserved) ?? new Pool<L>();
    for (const [type, each] of this.byType) if (known.has(each)) this.byType.set(type, pool);
    for (const type of types) this.byType.set(type, pool);
    for (const each of known) {
      if (each === pool) continue;
      for (const line of each.lines) {
        if (this.of(line.type) !== pool) continue;
        each.lines.delete(line);
        pool.lines.add(line);
        line.tasks.move(pool);
      }
    }
    return true;
  }

  [Symbol.iterator](): Iterator<Pool<L>> {
    return new Set([this.unserved, ...this.byType.values()]).values();
  }
}
