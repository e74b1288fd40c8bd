import type { AppliedLimit } from './defined.ts';
import type { Entry, Running } from './entry.ts';
import type { Gate } from './gate.ts';
import type { Wants } from './places.ts';
import { describeCounted } from './limit.ts';

/** A task that is to make room for another one of its group or key (behaviour Q7). */
export type Displacement<A extends string = string> = {
  readonly address: A;
  /** Of the version in which it was seen to wait. */
  readonly revision: number;
  /** It runs, since this (see HeldTask); absent: it waits. */
  readonly since?: number;
  /** Those for which it is to go: it is full of them, as far as the queue knows. */
  readonly beside: readonly A[];
  /** So many of them at least are to be there, or there is room for it. */
  readonly most: number;
  /** For its history. */
  readonly why: string;
};

/** What a group or a key has that does not simply wait when it is full. */
type Crowd<A extends string> = {
  readonly limit: AppliedLimit;
  readonly name: string;
  readonly entries: Set<Entry<A>>;
  readonly running: Map<A, Running<A>>;
};

/**
 * Who makes room where a group or a key is full and its limit says that nobody waits. As many stay as may run at once: with
 * `cancel_newest` those that were first, with `cancel_running` those that came last. What has run before and waits to run
 * again neither goes nor drives others away.
 */
export class Crowds<A extends string> {
  private readonly gate: Gate;
  private readonly crowds = new Map<string, Crowd<A>>();
  private readonly changed = new Set<Crowd<A>>();

  constructor(gate: Gate) {
    this.gate = gate;
  }

  /** It came, or stands otherwise than before. */
  enter(entry: Entry<A>): void {
    for (const crowd of this.of(entry)) {
      crowd.entries.add(entry);
      this.changed.add(crowd);
    }
  }

  leave(entry: Entry<A>): void {
    this.each(entry, (crowd) => crowd.entries.delete(entry));
  }

  run(running: Running<A>): void {
    for (const crowd of this.of(running)) {
      crowd.running.set(running.address, running);
      this.changed.add(crowd);
    }
  }

  end(running: Running<A>): void {
    this.each(running, (crowd) => {
      if (crowd.running.get(running.address) === running) crowd.running.delete(running.address);
    });
  }

  /** Other limits, or other workers. */
  anew(entries: Iterable<Entry<A>>, running: Iterable<Running<A>>): void {
    this.crowds.clear();
    this.changed.clear();
    if (!this.gate.hasCrowds) return;
    for (const entry of entries) this.enter(entry);
    for (const one of running) this.run(one);
  }

  /** Who is to go now; they are said to be going until they are gone, or `stay`. */
  displaced(isServed: (type: string) => boolean): readonly Displacement<A>[] {
    if (this.changed.size === 0) return [];
    const found: Displacement<A>[] = [];
    for (const crowd of this.changed) {
      const { waiting, running } = choose(crowd, (entry) => isServed(entry.type) && !this.gate.isPaused(entry));
      const all = { why: whyOf(crowd), most: mostOf(crowd) };
      for (const { entry, beside } of waiting) {
        entry.leaving = true;
        found.push({ address: entry.address, revision: entry.revision, beside, ...all });
      }
      for (const { entry, beside } of running) {
        entry.leaving = true;
        found.push({ address: entry.address, revision: entry.revision, since: entry.since, beside, ...all });
      }
    }
    this.changed.clear();
    return found;
  }

  private *of(wants: Wants): Iterable<Crowd<A>> {
    for (const { key, limit, name } of this.gate.crowdsOf(wants)) {
      const known = this.crowds.get(key);
      const crowd: Crowd<A> = known ?? { limit, name, entries: new Set(), running: new Map() };
      if (known === undefined) this.crowds.set(key, crowd);
      yield crowd;
    }
  }

  private each(wants: Wants, leave: (crowd: Crowd<A>) => void): void {
    for (const { key } of this.gate.crowdsOf(wants)) {
      const crowd = this.crowds.get(key);
      if (crowd === undefined) continue;
      leave(crowd);
      if (crowd.entries.size > 0 || crowd.running.size > 0) this.changed.add(crowd);
      else {
        this.crowds.delete(key);
        this.changed.delete(crowd);
      }
    }
  }
}

type Going<A extends string, T> = { readonly entry: T; readonly beside: readonly A[] };

type Chosen<A extends string> = {
  readonly waiting: readonly Going<A, Entry<A>>[];
  readonly running: readonly Going<A, Running<A>>[];
};

const choose = <A extends string>(crowd: Crowd<A>, mayStart: (entry: Entry<A>) => boolean): Chosen<A> => {
  const most = mostOf(crowd);
  const waiting = [...crowd.entries]
    .filter(({ holds, begun, leaving }) => !holds && !begun && !leaving)
    .toSorted((a, b) => a.order - b.order);
  const running = [...crowd.running.values()];
  const offered = [...crowd.entries].filter(({ holds }) => holds);
  const held = running.length + offered.length;
  if (crowd.limit.whenFull === 'cancel_newest') {
    const room = Math.max(0, most - held);
    const beside = addressesOf(running, offered, waiting.slice(0, room));
    return { waiting: waiting.slice(room).map((entry) => ({ entry, beside })), running: [] };
  }
  const staying = running.filter(({ leaving }) => !leaving);
  const byAge = [...staying, ...offered, ...waiting].toSorted((a, b) => a.age - b.age);
  const newest = byAge.slice(Math.max(0, byAge.length - most));
  const isNewest = new Set(newest);
  const next = waiting.filter((entry) => isNewest.has(entry) && mayStart(entry));
  // What is on offer is about to run, and has its place among those that do; it is told once it does.
  const inSlots = byAge.filter((each) => !('order' in each) || each.holds);
  const surplus = Math.max(0, held + next.length - most - (running.length - staying.length));
  const newer = addressesOf(newest);
  const beside = addressesOf(inSlots.slice(surplus), next);
  return {
    waiting: waiting.filter((entry) => !isNewest.has(entry)).map((entry) => ({ entry, beside: newer })),
    running: inSlots.slice(0, surplus).flatMap((entry) => ('order' in entry ? [] : [{ entry, beside }])),
  };
};

const mostOf = ({ limit }: Pick<Crowd<string>, 'limit'>): number => limit.concurrency ?? Number.POSITIVE_INFINITY;

const addressesOf = <A extends string>(...parts: readonly (readonly { readonly address: A }[])[]): readonly A[] =>
  parts.flatMap((part) => part.map(({ address }) => address));

const whyOf = <A extends string>({ limit, name }: Crowd<A>): string =>
  `displaced: ${describeCounted({ ...limit, name })} has its ${limit.concurrency ?? 0} at once`;
