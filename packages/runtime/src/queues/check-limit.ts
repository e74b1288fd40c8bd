import type { LimitWish } from '@baton/core';
import { RATE_WINDOW_MS } from '@baton/protocols';
import { checkField, rules } from '../client/rules.ts';
import { InvalidArgumentError } from '../errors.ts';

/** Throws InvalidArgumentError for how many that cannot be. `within`: before the names of fields, with its dot. */
export const checkMost = (
  { concurrency, rate, whenFull }: Pick<LimitWish, 'concurrency' | 'rate' | 'whenFull'>,
  within = '',
): void => {
  checkField(`${within}whenFull`, whenFull, rules.whenFull);
  if (whenFull !== undefined && concurrency === undefined)
    throw new InvalidArgumentError(`${within}whenFull: needs a concurrency that can be full`);
  checkField(`${within}concurrency`, concurrency, rules.queueCount);
  checkField(`${within}rate.units`, rate?.units, rules.queueCount);
  const { least, most } = RATE_WINDOW_MS;
  const windowMs = rate?.windowMs;
  if (rate !== undefined && !(Number.isFinite(windowMs) && rate.windowMs >= least && rate.windowMs <= most))
    throw new InvalidArgumentError(`${within}rate.window: is ${least / 1_000} s to ${most / 3_600_000} h`);
};
