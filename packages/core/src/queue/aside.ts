import type { Entry } from './entry.ts';
import { ReadyLine } from './ready-line.ts';

/**
 * Tasks whose turn came while their key was full (behaviour Q5, Q6). They lie here, by key, until there may be room, so that
 * what waits for one key holds up nothing else and is not looked at again and again.
 *
 * Tasks of one key that differ in group, type or priority may be held up by other things than their key, and by different
 * ones: of each kind as many come back as there is room for.
 */
export class Aside<A extends string> {
  private readonly keys = new Map<string, Map<string, ReadyLine<Entry<A>>>>();
  private count = 0;

  get size(): number {
    return this.count;
  }

  push(entry: Entry<A>): void {
    const kinds = this.keys.get(entry.limitKey) ?? new Map<string, ReadyLine<Entry<A>>>();
    if (kinds.size === 0) this.keys.set(entry.limitKey, kinds);
    const kind = kindOf(entry);
    const line = kinds.get(kind) ?? new ReadyLine<Entry<A>>(true);
    if (line.size === 0) kinds.set(kind, line);
    line.push(entry);
    entry.aside = true;
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

  /** Others of its key and kind lie here that came before it: it goes behind them, also where it would fit. */
  isBefore(entry: Entry<A>): boolean {
    if (this.count === 0 || entry.limitKey === '') return false;
    const first = this.peek(entry);
    return first !== undefined && first.order < entry.order;
  }

  /** The one of its kind that is taken back first. */
  peek(entry: Entry<A>): Entry<A> | undefined {
    return this.keys.get(entry.limitKey)?.get(kindOf(entry))?.peek();
  }

  /** Takes back, of each kind of this key, as many as `roomFor` has room for; in the order they came. */
  take(limitKey: string, roomFor: (type: string) => number): readonly Entry<A>[] {
    const kinds = this.keys.get(limitKey);
    const taken: Entry<A>[] = [];
    for (const [kind, line] of kinds ?? []) {
      let room: number | undefined;
      for (let entry = line.shift(); entry !== undefined; entry = line.shift()) {
        room ??= roomFor(entry.type);
        if (room-- <= 0) {
          line.push(entry);
          break;
        }
        this.left(entry);
        taken.push(entry);
      }
      if (kinds !== undefined) this.tidy(limitKey, kinds, kind, line);
    }
    return taken;
  }

  /** All of them: other things are limited now. */
  takeAll(): readonly Entry<A>[] {
    return [...this.keys.keys()].flatMap((key) => this.take(key, () => Number.MAX_SAFE_INTEGER));
  }

  private left(entry: Entry<A>): void {
    entry.aside = false;
    this.count--;
  }

  private tidy(
    limitKey: string,
    kinds: Map<string, ReadyLine<Entry<A>>>,
    kind: string,
    line: ReadyLine<Entry<A>>,
  ): void {
    if (line.size > 0) return;
    kinds.delete(kind);
    if (kinds.size === 0) this.keys.delete(limitKey);
  }
}

/** A type has no space in its name. */
const kindOf = <A extends string>({ line, type, group }: Entry<A>): string => `${line.priority} ${type} ${group}`;
