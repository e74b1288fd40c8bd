import type { Entry } from './entry.ts';
import { GroupLine } from './group-line.ts';
import { isAhead } from './turn.ts';

type AsideLine<A extends string> = GroupLine<Entry<A>>;

/**
 * Tasks whose turn came while their key was full (behaviour Q5, Q6). They lie here, by key, until there may be room, so that
 * what waits for one key holds up nothing else and is not looked at again and again.
 *
 * Tasks of one key that differ in type or priority may be held up by other things than their key: of each kind as many come
 * back as there is room for. Inside of a kind groups take turns, as in the lines.
 */
export class Aside<A extends string> {
  private readonly keys = new Map<string, Map<string, AsideLine<A>>>();
  private count = 0;

  get size(): number {
    return this.count;
  }

  push(entry: Entry<A>): void {
    const { limitKey, type } = entry;
    const kinds = this.keys.get(limitKey) ?? new Map<string, AsideLine<A>>();
    if (kinds.size === 0) this.keys.set(limitKey, kinds);
    const kind = kindOf(entry);
    const line: AsideLine<A> = kinds.get(kind) ?? new GroupLine(type, entry.line.tasks.pool, limitKey);
    if (line.size === 0) kinds.set(kind, line);
    entry.aside = true;
    line.push(entry, 0);
    this.count++;
  }

  /** False: it does not lie here. */
  remove(entry: Entry<A>): boolean {
    if (!entry.aside) return false;
    const kinds = this.keys.get(entry.limitKey);
    const line = kinds?.get(kindOf(entry));
    line?.remove(entry);
    this.left(entry);
    if (kinds !== undefined && line !== undefined) this.tidy(entry.limitKey, kinds, kindOf(entry), line);
    return true;
  }

  /**
   * Others of its key and kind lie here that go before it: of its group those that came first, and of another whose turn it is
   * one that `isHeldUp`, since it would wait for ever for what others take as it comes free.
   */
  isBefore(entry: Entry<A>, isHeldUp: (first: Entry<A>) => boolean): boolean {
    if (this.count === 0 || entry.limitKey === '') return false;
    const first = this.peek(entry);
    if (first === undefined) return false;
    if (first.turn === entry.turn) return first.order < entry.order;
    return isAhead(first.stand, entry.stand) && isHeldUp(first);
  }

  /** The one of its kind that is taken back first; undefined: none that may start. */
  peek(entry: Entry<A>): Entry<A> | undefined {
    const line = this.lineOf(entry);
    return line === undefined ? undefined : firstOf(line);
  }

  /** Takes back, of each kind of this key, as many as `roomFor` has room for. */
  take(limitKey: string, roomFor: (type: string) => number): readonly Entry<A>[] {
    const kinds = this.keys.get(limitKey);
    const taken: Entry<A>[] = [];
    for (const [kind, line] of kinds ?? []) {
      let room: number | undefined;
      for (let entry = firstOf(line); entry !== undefined; entry = firstOf(line)) {
        room ??= roomFor(entry.type);
        if (room-- <= 0) break;
        line.shift();
        this.left(entry);
        taken.push(entry);
      }
      if (kinds !== undefined) this.tidy(limitKey, kinds, kind, line);
    }
    return taken;
  }

  /** The next one of its kind: it is not what starts, whatever room there is. */
  takeFor(entry: Entry<A>): Entry<A> | undefined {
    const kinds = this.keys.get(entry.limitKey);
    const line = kinds?.get(kindOf(entry));
    const taken = line?.shift();
    if (kinds === undefined || line === undefined || taken === undefined) return undefined;
    this.left(taken);
    this.tidy(entry.limitKey, kinds, kindOf(entry), line);
    return taken;
  }

  /** All of them: other things are limited now. */
  takeAll(): readonly Entry<A>[] {
    const all = [...this.keys.values()].flatMap((kinds) => [...kinds.values()].flatMap((line) => [...line]));
    this.keys.clear();
    for (const entry of all) {
      entry.inLine = false;
      this.left(entry);
    }
    return all;
  }

  private lineOf(entry: Entry<A>): AsideLine<A> | undefined {
    return this.keys.get(entry.limitKey)?.get(kindOf(entry));
  }

  private left(entry: Entry<A>): void {
    entry.aside = false;
    this.count--;
  }

  private tidy(limitKey: string, kinds: Map<string, AsideLine<A>>, kind: string, line: AsideLine<A>): void {
    if (line.size > 0) return;
    kinds.delete(kind);
    if (kinds.size === 0) this.keys.delete(limitKey);
  }
}

const firstOf = <A extends string>(line: AsideLine<A>): Entry<A> | undefined => {
  const turn = line.first()?.turn;
  return turn === undefined ? undefined : line.peek(turn);
};

/** A type has no space in its name. */
const kindOf = <A extends string>({ line, type }: Entry<A>): string => `${line.priority} ${type}`;
