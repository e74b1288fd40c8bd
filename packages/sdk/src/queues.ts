import {
  limitsOf,
  overruledBy,
  type Actor,
  type AppliedLimit,
  type Counted,
  type QueueSettings,
  type WhenFull,
} from '@baton/core';
import { changeSettings, loadSettings, type SettingsParts, type SettingsWish } from '@baton/runtime';
import type { Duration } from './duration.ts';
import { WrongRoleError } from './errors.ts';
import { rateOf } from './type-limits.ts';

/** The whole queue, or one type or one group of it. */
export type QueuePartOptions = { readonly type?: string; readonly group?: string };

export type PauseOptions = QueuePartOptions & {
  /** For whoever wonders later. */
  readonly why?: string;
};

export type LimitOptions = {
  /** What is counted together: all of the queue, or the tasks of one type, of one group, or of one `limitKey` (`key`). */
  readonly of: Counted;
  /** That type, group or key alone; of each that has no limit of its own when not set. */
  readonly name?: string;
  /** Of groups and keys: only their tasks of this type, counted apart from those of other types. */
  readonly type?: string;
  /** Tasks that run at once. Without it and without `rate` the limit is taken back. */
  readonly concurrency?: number;
  /** Units that start in any window of this length; a task takes one, or what its `units` say. */
  readonly rate?: { readonly units: number; readonly window: Duration };
  /** Of groups and keys: what becomes of those that find all slots taken; see `perGroup` of a definition. */
  readonly whenFull?: 'wait' | WhenFull;
  readonly why?: string;
};

/** A limit that holds. `insteadOf`: what the definition of the type says of the same. */
export type QueueLimitInfo = AppliedLimit & { readonly insteadOf?: AppliedLimit };

/** What is set for a queue, as it is stored now: at run time, and by the definitions of its types. */
export type QueueInfo = Omit<QueueSettings, 'limits' | 'defined'> & { readonly limits: readonly QueueLimitInfo[] };

/**
 * What admins set for queues at run time. It holds for all workers and outlives every process (behaviour Q5 to Q8).
 *
 * @hideconstructor
 */
export class Queues {
  private readonly parts: SettingsParts | undefined;
  private readonly actor: Actor;

  /** `parts` undefined: of a publisher, which writes no state. */
  constructor(parts: SettingsParts | undefined, actor: Actor) {
    this.parts = parts;
    this.actor = actor;
  }

  /** What is set for a queue. */
  async get(queue: string): Promise<QueueInfo> {
    return infoOf(await loadSettings(this.needed(), queue));
  }

  /** What runs goes on, and nothing more starts. Throws PermissionDeniedError for who is no admin. */
  async pause(queue: string, { why, ...part }: PauseOptions = {}): Promise<QueueInfo> {
    return this.change({ kind: 'pause', queue, part, ...(why === undefined ? {} : { why }) });
  }

  async resume(queue: string, { why, ...part }: PauseOptions = {}): Promise<QueueInfo> {
    return this.change({ kind: 'resume', queue, part, ...(why === undefined ? {} : { why }) });
  }

  /** Sets a limit in the place of the one that was; with neither concurrency nor rate takes it back. */
  async limit(queue: string, { rate, why, whenFull, ...limit }: LimitOptions): Promise<QueueInfo> {
    const windowed = rate === undefined ? {} : { rate: rateOf(rate) };
    return this.change({
      kind: 'limit',
      queue,
      limit: { ...limit, ...windowed, ...(whenFull === undefined || whenFull === 'wait' ? {} : { whenFull }) },
      ...(why === undefined ? {} : { why }),
    });
  }

  /** A group has so many turns for each turn of another one; 1 when not set. */
  async weigh(queue: string, group: string, weight: number): Promise<QueueInfo> {
    return this.change({ kind: 'weigh', queue, group, weight });
  }

  private async change(wish: SettingsWish): Promise<QueueInfo> {
    return infoOf(await changeSettings(this.needed(), this.actor, wish));
  }

  private needed(): SettingsParts {
    if (this.parts !== undefined) return this.parts;
    throw new WrongRoleError('a publisher sets nothing for queues: connect as a runtime, or ask the gateway');
  }
}

const infoOf = (settings: QueueSettings): QueueInfo => {
  const { defined: _, ...rest } = settings;
  const limits = limitsOf(settings).map((limit) => {
    const insteadOf = overruledBy(settings, limit);
    return insteadOf === undefined ? limit : { ...limit, insteadOf };
  });
  return { ...rest, limits };
};
