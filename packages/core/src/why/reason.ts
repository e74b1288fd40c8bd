import type { LimitInTheWay, PauseInTheWay } from '../queue/standing.ts';
import type { Throughput } from '../queue/pace.ts';
import type { Millis, Priority, Status, TaskId } from '../task.ts';

/** A task that has a slot the other one waits for, as whoever asks may see it. */
export type Holder = { readonly id: TaskId; readonly type: string; readonly key: string; readonly name: string };

/** Why a task has not started (behaviour Q9). */
export type WaitReason =
  /** `because`: it was asked for, an attempt failed and its back-off runs, or a debounced submit put it off. */
  | { readonly kind: 'starts_at'; readonly at: Millis; readonly because: 'delay' | 'retry' | 'debounce' }
  /** It has begun, and waits for a signal in nobody's slot, until then (behaviour G4). */
  | { readonly kind: 'signal'; readonly signal: string; readonly until: Millis }
  /** It has begun, and waits for children to end; those that have not, as far as its record knows, of so many. */
  | { readonly kind: 'children'; readonly tasks: readonly TaskId[]; readonly of: number; readonly until: Millis }
  /** The task of its key before it has not ended. */
  | { readonly kind: 'behind'; readonly task: TaskId }
  /** Tasks it waits for have not ended, as far as its record knows. */
  | { readonly kind: 'depends_on'; readonly tasks: readonly TaskId[] }
  /** The process that called it inline is about to run it. */
  | { readonly kind: 'inline' }
  | PauseInTheWay
  /** `hidden`: of those that hold it, who are others' and not shown, or not looked up. */
  | (Omit<LimitInTheWay, 'holders'> & { readonly holders: readonly Holder[]; readonly hidden: number })
  /** `queueWorkers`: that serve the queue, none of which takes the type; `servedIn`: queues in which some do. */
  | {
      readonly kind: 'no_worker';
      readonly queue: string;
      readonly type: string;
      readonly queueWorkers: number;
      readonly servedIn: readonly string[];
    }
  /** All workers that take the type say they cannot run this one. */
  | { readonly kind: 'refused'; readonly workers: number }
  | { readonly kind: 'workers_busy'; readonly workers: number }
  /** Workers are free, and it is on its way. */
  | { readonly kind: 'starting' }
  /** A worker it was offered to is not heard of: whether it has claimed the task is found out first. */
  | { readonly kind: 'unsettled' }
  /** Its worker is dead, and what it had begun elsewhere is to be cancelled first, by a worker that can (behaviour G7). */
  | { readonly kind: 'uncancelled' }
  /** The same, and a worker does that now. */
  | { readonly kind: 'cancelling' }
  | { readonly kind: 'taken_over' | 'settings_unknown' | 'settings_unreadable' }
  /** Its queue has not heard of it. */
  | { readonly kind: 'unheard' }
  /** Nobody answers for its queue. */
  | { readonly kind: 'unknown'; readonly because: 'nobody' | 'silent' };

export type Why = {
  readonly id: TaskId;
  readonly status: Status;
  /** It is pending: everything else speaks of that. */
  readonly waits: boolean;
  readonly type: string;
  readonly queue: string;
  readonly priority: Priority;
  readonly group?: string;
  /** When this was so, by the server's clock. */
  readonly asOf: Millis;
  /** Since when it could have begun, but for what is in its way. */
  readonly since?: Millis;
  /** 1: next. Where it stands in its queue; absent where it is in none, or nobody can tell. See `Standing.ahead`. */
  readonly position?: number;
  readonly ahead?: number;
  /** Tasks that wait in the queue altogether. */
  readonly queueWaits?: number;
  /** The weightiest first. Of one that has begun: what keeps it from going on. */
  readonly reasons: readonly WaitReason[];
  /**
   * When it starts if its queue goes on as fast as it was seen to (`measured`). Absent where that says nothing: something
   * other than those ahead is in its way, or too little was seen.
   */
  readonly expectedStart?: Millis;
  readonly measured?: Throughput;
  /** The same in words, a sentence for each reason. */
  readonly text: readonly string[];
};
