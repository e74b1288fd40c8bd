import { samePlain } from '../submit.ts';
import type { Cause, Millis } from '../task.ts';
import { isSameLimit, type LimitWish, type QueueLimit } from './limit.ts';

/** What the definition of a type says of how many of its tasks run at once, or start in a time: of all, or of each group or key. */
export type TypeLimit = Pick<QueueLimit, 'concurrency' | 'rate' | 'whenFull'> & {
  readonly of: 'type' | 'group' | 'key';
};

/** What the definition of a type says, as its queue keeps it: a limit outlives the workers it came from (behaviour Q5). */
export type DefinedLimits = {
  readonly type: string;
  readonly limits: readonly TypeLimit[];
  /** The worker whose definition it was. */
  readonly by: Cause;
  readonly at: Millis;
};

/** What is set for a queue, as far as it speaks of limits. */
type Said = { readonly limits: readonly QueueLimit[]; readonly defined?: readonly DefinedLimits[] };

/** A limit that holds. */
export type AppliedLimit = QueueLimit & {
  /** A definition says so; absent: it was set at run time. */
  readonly from?: 'definition';
};

/** Where a limit of a definition stands among those of its queue. */
export const placedLimit = (type: string, { of, ...most }: TypeLimit): LimitWish =>
  of === 'type' ? { of, name: type, ...most } : { of, type, ...most };

/** What definitions say, whether it holds or not. */
export const definedLimitsOf = (settings: Said | undefined): readonly AppliedLimit[] =>
  (settings?.defined ?? []).flatMap(({ type, limits, by, at }) =>
    limits.map((limit): AppliedLimit => ({ ...placedLimit(type, limit), by, at, from: 'definition' })),
  );

/** The limits that hold: what is set at run time stands in the place of what a definition says of the same (behaviour Q5). */
export const limitsOf = (settings: Said | undefined): readonly AppliedLimit[] => {
  const set = settings?.limits ?? [];
  const said = definedLimitsOf(settings).filter((limit) => !set.some((other) => isSameLimit(limit, other)));
  return said.length === 0 ? set : [...set, ...said];
};

export const isSameLimits = (a: readonly TypeLimit[], b: readonly TypeLimit[]): boolean =>
  a.length === b.length && a.every((limit, i) => samePlain(limit, b[i]));

/** What a definition says of the same, and does not hold because of this one. */
export const overruledBy = (settings: Said, limit: AppliedLimit): AppliedLimit | undefined =>
  limit.from === undefined ? definedLimitsOf(settings).find((said) => isSameLimit(said, limit)) : undefined;

/** Whether how many run, or start, has to be counted in the queue. */
export const isLimited = (settings: Said | undefined): boolean => limitsOf(settings).length > 0;
