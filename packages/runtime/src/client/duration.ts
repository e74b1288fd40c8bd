import { DURATION_LIMIT_MS } from '@baton/protocols';
import { InvalidArgumentError } from '../errors.ts';

/** Seconds as a number, or text such as "250ms", "90s", "5m", "2h", "1d". */
export type Duration = number | string;

const UNITS_MS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

export const DURATION_SAYS = `is a number of seconds or text like "90s" or "5m", up to ${DURATION_LIMIT_MS / 86_400_000} days`;

/** Milliseconds; undefined for what is no duration, or too long a one. However short, what is more than 0 is not 0. */
export const parseDuration = (value: unknown): number | undefined => {
  const ms = typeof value === 'number' ? value * 1_000 : typeof value === 'string' ? textMs(value) : Number.NaN;
  if (!(ms >= 0 && ms <= DURATION_LIMIT_MS)) return undefined;
  return ms === 0 ? 0 : Math.max(1, Math.round(ms));
};

const textMs = (value: string): number => {
  const match = /^(\d{1,9}(?:\.\d{1,3})?)\s?(ms|s|m|h|d)$/.exec(value.trim());
  return Number(match?.[1]) * (UNITS_MS[match?.[2] ?? ''] ?? Number.NaN);
};

/** Milliseconds. Throws InvalidArgumentError for what is no duration; `what` names it in the message. */
export const durationMs = (value: Duration, what: string): number => {
  const ms = parseDuration(value);
  if (ms === undefined) throw new InvalidArgumentError(`${what}: ${DURATION_SAYS}`);
  return ms;
};
