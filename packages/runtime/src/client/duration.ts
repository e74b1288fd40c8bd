import { InvalidArgumentError } from '../errors.ts';

/** Seconds as a number, or text such as "250ms", "90s", "5m", "2h", "1d". */
export type Duration = number | string;

const UNITS_MS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** Milliseconds. Throws InvalidArgumentError for what is no duration; `what` names it in the message. */
export const durationMs = (value: Duration, what: string): number => {
  if (typeof value === 'number' && Number.isFinite(value) && value >= 0) return Math.round(value * 1_000);
  if (typeof value === 'string') {
    const match = /^(\d{1,9}(?:\.\d{1,3})?)\s?(ms|s|m|h|d)$/.exec(value.trim());
    const unit = UNITS_MS[match?.[2] ?? ''];
    if (match !== null && unit !== undefined) return Math.round(Number(match[1]) * unit);
  }
  throw new InvalidArgumentError(
    `${what} is a number of seconds or text like "90s" or "5m"; got ${JSON.stringify(value)}`,
  );
};
