import type { Cause, Millis } from '../task.ts';

/** What is counted together: all of the queue, or the tasks of one type, of one group, or that name one key. */
export type Counted = 'queue' | 'type' | 'group' | 'key';

export type Rate = { readonly units: number; readonly windowMs: Millis };

/** `cancel_newest`: what comes is cancelled, what is there stays. `cancel_running`: the newest stay, older ones are cancelled. */
export type WhenFull = 'cancel_newest' | 'cancel_running';

export type QueueLimit = {
  readonly of: Counted;
  /** Of this one alone; absent: of each that has none of its own. A queue has one. */
  readonly name?: string;
  /** Of groups and keys: only tasks of this type are counted; absent: all of the queue. */
  readonly type?: string;
  /** Tasks that run at once. */
  readonly concurrency?: number;
  /** What becomes of those that would have to wait for a slot of a group or a key; they wait when not set. */
  readonly whenFull?: WhenFull;
  /** Units that start in any window of this length. */
  readonly rate?: Rate;
  readonly by: Cause;
  readonly at: Millis;
  readonly why?: string;
};

export type LimitWish = Omit<QueueLimit, 'by' | 'at' | 'why'>;

/** A member that is there and undefined is as good as absent to who asks, and could not be read again. */
export const limitIn = ({ of, name, type, concurrency, whenFull, rate }: LimitWish): LimitWish => ({
  of,
  ...(name === undefined ? {} : { name }),
  ...(type === undefined ? {} : { type }),
  ...(concurrency === undefined ? {} : { concurrency }),
  ...(whenFull === undefined ? {} : { whenFull }),
  ...(rate === undefined ? {} : { rate: { units: rate.units, windowMs: rate.windowMs } }),
});

/** Whether the one stands in the place of the other. */
export const isSameLimit = (a: LimitWish, b: LimitWish): boolean =>
  a.of === b.of && a.name === b.name && a.type === b.type;

/** It says nothing: the one in its place is taken back. */
export const isNone = ({ concurrency, rate }: LimitWish): boolean => concurrency === undefined && rate === undefined;

export const describeCounted = ({ of, name, type }: Pick<QueueLimit, 'of' | 'name' | 'type'>): string => {
  if (of === 'queue') return 'queue';
  const within = type === undefined ? '' : ` of type ${type}`;
  return `${name === undefined ? `each ${of}` : `${of} ${name}`}${within}`;
};

const WHEN_FULL = { cancel_newest: 'cancel the newest', cancel_running: 'cancel the oldest' } as const;

export const describeLimit = ({
  concurrency,
  whenFull,
  rate,
}: Pick<LimitWish, 'concurrency' | 'rate' | 'whenFull'>): string =>
  [
    ...(concurrency === undefined
      ? []
      : [`${concurrency} at once${whenFull === undefined ? '' : `, then ${WHEN_FULL[whenFull]}`}`]),
    ...(rate === undefined ? [] : [`${rate.units} in ${rate.windowMs / 1_000} s`]),
  ].join(', ');
