import type { Rate, TypeLimit, WhenFull } from '@baton/core';
import {
  checkField,
  checkMost,
  checkNames,
  InvalidArgumentError,
  optionNames,
  requireField,
  rules,
} from '@baton/runtime';
import { durationMs, type Duration } from './duration.ts';

/** How many run at once, or start in a time. */
export type MostOptions = {
  /** Tasks that run at once. */
  readonly concurrency?: number;
  /** Units that start in any window of this length; a task takes one, or what its `units` say. */
  readonly rate?: { readonly units: number; readonly window: Duration };
};

/** The same of a group or a key. */
export type ShareOptions = MostOptions & {
  /**
   * What becomes of those that find all slots taken (behaviour Q7): they `wait` (the default); `cancel_newest`: whoever comes is
   * cancelled; `cancel_running`: the newest run, and the oldest is told to stop for each that comes. What is cancelled ends
   * `aborted` with the cause `displaced`.
   */
  readonly whenFull?: 'wait' | WhenFull;
};

/**
 * What a definition says of how many of its tasks run at once, or start in a time, in the queue of the definition (behaviour
 * Q5, Q6). Kept with the queue, also while no worker serves the type; what is set at run time for the same counts first.
 */
export type TypeLimitOptions = MostOptions & {
  /** The same of the tasks of each `group`. */
  readonly perGroup?: ShareOptions;
  /** The same of the tasks of each `limitKey`: that of the call, or its task key. */
  readonly perKey?: ShareOptions;
};

export const TYPE_LIMIT_NAMES: Readonly<Record<keyof TypeLimitOptions, true>> = {
  concurrency: true,
  rate: true,
  perGroup: true,
  perKey: true,
};

/** Undefined: it is not limited. Throws InvalidArgumentError for what cannot be meant. */
export const typeLimitsOf = (options: TypeLimitOptions): readonly TypeLimit[] | undefined => {
  const { perGroup, perKey } = options;
  const limits = [
    ...limitOf('type', options, ''),
    ...(perGroup === undefined ? [] : limitOf('group', within(perGroup, 'perGroup'), 'perGroup.')),
    ...(perKey === undefined ? [] : limitOf('key', within(perKey, 'perKey'), 'perKey.')),
  ];
  return limits.length === 0 ? undefined : limits;
};

const SHARE_NAMES: readonly string[] = ['concurrency', 'rate', 'whenFull'];

/** A misspelt one would be no limit. */
const within = (options: ShareOptions, name: string): ShareOptions => {
  const isMap = typeof options === 'object' && options !== null;
  const unknown = isMap ? Object.keys(options).find((each) => !SHARE_NAMES.includes(each)) : undefined;
  if (isMap && unknown === undefined && (options.concurrency !== undefined || options.rate !== undefined))
    return options;
  throw new InvalidArgumentError(`${name}: is { concurrency }, { rate } or both`);
};

const limitOf = (of: TypeLimit['of'], options: ShareOptions, name: string): readonly TypeLimit[] => {
  const most = mostOf(options, name);
  if (most === undefined) return [];
  const { whenFull } = options;
  checkField(`${name}whenFull`, whenFull, rules.whenFull);
  const limit = { of, ...most, ...(whenFull === undefined || whenFull === 'wait' ? {} : { whenFull }) };
  checkMost(limit, name);
  return [limit];
};

const mostOf = (
  { concurrency, rate }: MostOptions,
  prefix: string,
): Pick<TypeLimit, 'concurrency' | 'rate'> | undefined => {
  if (concurrency === undefined && rate === undefined) return undefined;
  const most = {
    ...(concurrency === undefined ? {} : { concurrency }),
    ...(rate === undefined ? {} : { rate: rateOf(rate, prefix) }),
  };
  return most;
};

const RATE_NAMES = optionNames<NonNullable<MostOptions['rate']>>({ units: true, window: true });

/** Throws InvalidArgumentError. `prefix`: what stands before the names of fields in its words. */
export const rateOf = (rate: NonNullable<MostOptions['rate']>, prefix = ''): Rate => {
  checkNames(rate, RATE_NAMES, `${prefix}rate`);
  requireField(`${prefix}rate.units`, rate.units, rules.queueCount);
  return { units: rate.units, windowMs: durationMs(rate.window, `${prefix}rate.window`) };
};
