import type { Priority } from '@baton/core';
import { PRIORITIES, type Lane } from '@baton/protocols';

/**
 * Whose turn it is: how free slots are dealt out over lanes where something waits (behaviour X8).
 *
 * Higher priorities first, but each lower one that has work gets at least one start in `LOWER_SHARE`. Inside a priority
 * the queues take turns, whatever their number of types, and inside a queue its types. In turn means: who was served
 * longest ago is next, so that a lane that comes and goes neither loses its place nor gains one.
 */
export const LOWER_SHARE = 20;

/**
 * Messages of one lane that wait and were not asked for yet. `unseen`: something may wait there, nobody has looked, which
 * counts as being passed over. `held`: what waits in a higher lane is being looked at, so that this one goes only when it
 * is due: otherwise a busy worker, which has to look again for every slot, would never come to it.
 */
export type Demand = {
  readonly lane: number;
  readonly waiting: number;
  readonly unseen?: boolean;
  readonly held?: boolean;
};

/** `lane` is the index the rota knows it by. */
export type Grant = { readonly lane: number; readonly count: number };

type Turn = { lastServed: number };
type Member = Turn & { readonly priority: Priority; readonly queue: Turn };

export class Rota {
  private readonly members: readonly Member[];
  /** Starts given to others since this priority had one, while it had work. */
  private readonly passedOver: Record<Priority, number> = { high: 0, normal: 0, low: 0 };
  private served = 0;

  constructor(lanes: readonly Lane[]) {
    const queues = new Map<string, Turn>();
    this.members = lanes.map(({ queue, priority }) => {
      const name = `${priority} ${queue}`;
      const turn = queues.get(name) ?? { lastServed: 0 };
      queues.set(name, turn);
      return { priority, queue: turn, lastServed: 0 };
    });
  }

  /** Deals out at most `slots`; a lane never gets more than waits there. */
  deal(demands: readonly Demand[], slots: number): readonly Grant[] {
    if (slots <= 0) return [];
    const open = demands
      .filter(({ waiting }) => waiting > 0)
      .map(({ lane, waiting, held = false }) => ({ lane, waiting, held, count: 0 }));
    const unseen = demands.filter((demand) => demand.unseen);
    const [only] = open;
    if (only !== undefined && open.length === 1 && !only.held) {
      this.serve(only.lane, this.working([only, ...unseen]));
      return [{ lane: only.lane, count: Math.min(only.waiting, slots) }];
    }
    for (let left = slots; left > 0; left--) {
      const priority = this.choosePriority(open);
      if (priority === undefined) break;
      const working = this.working([...open, ...unseen]);
      const chosen = this.longestWaiting(
        open.filter(({ lane, waiting }) => waiting > 0 && this.at(lane).priority === priority),
      );
      chosen.waiting--;
      chosen.count++;
      this.serve(chosen.lane, working);
    }
    return open.filter(({ count }) => count > 0).map(({ lane, count }) => ({ lane, count }));
  }

  /** A start that was not dealt: its lane was idle and a message came to its standing credit. */
  took(lane: number, demands: readonly Demand[]): void {
    this.serve(lane, this.working(demands));
  }

  /** Whether `a` comes before `b` where slots are short. */
  isAbove(a: number, b: number): boolean {
    return PRIORITIES.indexOf(this.at(a).priority) < PRIORITIES.indexOf(this.at(b).priority);
  }

  private serve(lane: number, working: readonly Priority[]): void {
    const member = this.at(lane);
    this.served++;
    member.lastServed = this.served;
    member.queue.lastServed = this.served;
    for (const priority of PRIORITIES) {
      const waits = priority !== member.priority && working.includes(priority);
      this.passedOver[priority] = waits ? this.passedOver[priority] + 1 : 0;
    }
  }

  private working(demands: readonly Demand[]): readonly Priority[] {
    return PRIORITIES.filter((p) =>
      demands.some(({ lane, waiting, unseen = false }) => (waiting > 0 || unseen) && this.at(lane).priority === p),
    );
  }

  /** The highest, unless a lower one was passed over as often as it may be. Room is left for all that are due at once. */
  private choosePriority(open: readonly Demand[]): Priority | undefined {
    const working = this.working(open);
    const [highest] = this.working(open.filter(({ held }) => !held));
    const lower = working.slice(1);
    const mayPass = LOWER_SHARE - lower.length;
    const due = lower.filter((priority) => this.passedOver[priority] >= mayPass);
    return due.toSorted((a, b) => this.passedOver[b] - this.passedOver[a])[0] ?? highest;
  }

  private longestWaiting<T extends { lane: number }>(candidates: readonly T[]): T {
    const [first, ...others] = candidates;
    if (first === undefined) throw new Error('a priority with work has a lane with work');
    return others.reduce((best, next) => (this.isBefore(next.lane, best.lane) ? next : best), first);
  }

  private isBefore(a: number, b: number): boolean {
    const [left, right] = [this.at(a), this.at(b)];
    if (left.queue !== right.queue) return left.queue.lastServed < right.queue.lastServed;
    return left.lastServed < right.lastServed;
  }

  private at(lane: number): Member {
    const member = this.members[lane];
    if (member === undefined) throw new Error(`no lane ${lane}`);
    return member;
  }
}
