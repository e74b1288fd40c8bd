import type { Millis, Progress } from './task.ts';

/** `[current, total]`, `{ current, total }`, `{ fraction }`, `{ count }`, or a bare number (behaviour C1). */
export type ProgressInput = readonly [current: number, total: number] | Progress | number;

export type ParsedProgress =
  | { readonly ok: true; readonly progress: Progress }
  | { readonly ok: false; readonly reason: string };

/** Longest ETA that is shown; beyond it a guess helps nobody (behaviour C9). */
const ETA_LIMIT_MS: Millis = 24 * 3_600_000;

/** Reads what a handler reports. Takes anything, since handlers pass anything; wrong input is a reason, not a throw. */
export const parseProgress = (input: unknown): ParsedProgress => {
  if (typeof input === 'number') return Number.isInteger(input) ? count(input) : fraction(input);
  if (Array.isArray(input)) {
    return input.length === 2 ? pair(input[0], input[1]) : bad('a pair is [current, total]');
  }
  if (typeof input !== 'object' || input === null) return bad(`progress is a number or a pair, not ${typeof input}`);
  if ('current' in input && 'total' in input) return pair(input.current, input.total);
  if ('fraction' in input) return fraction(input.fraction);
  if ('count' in input) return count(input.count);
  return bad('progress is { current, total }, { fraction } or { count }');
};

const bad = (reason: string): ParsedProgress => ({ ok: false, reason });

const isCount = (value: unknown): value is number =>
  typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;

const count = (value: unknown): ParsedProgress =>
  isCount(value) ? { ok: true, progress: { count: value } } : bad('a count is a whole number, 0 or more');

const fraction = (value: unknown): ParsedProgress =>
  typeof value === 'number' && value >= 0 && value <= 1
    ? { ok: true, progress: { fraction: value } }
    : bad('a fraction is a number from 0 to 1');

const pair = (current: unknown, total: unknown): ParsedProgress => {
  if (!isCount(current) || !isCount(total)) return bad('current and total are whole numbers, 0 or more');
  if (current > total) return bad('current is greater than total');
  return { ok: true, progress: { current, total } };
};

/** Share that is done, 0 to 1; undefined where there is none to tell (a count, or 0 of 0). */
export const fractionOf = (progress: Progress): number | undefined => {
  if ('fraction' in progress) return progress.fraction;
  if ('count' in progress || progress.total === 0) return undefined;
  return progress.current / progress.total;
};

/** "3 of 100 (3%)", "50%", "42 processed". */
export const describeProgress = (progress: Progress): string => {
  if ('count' in progress) return `${progress.count} processed`;
  // Rounded down, so that 100% means done; not through binary fractions, in which 29 of 100 is less than 29%.
  if ('fraction' in progress) return `${Math.floor(progress.fraction * 100 + 1e-9)}%`;
  const { current, total } = progress;
  const counts = `${current} of ${total}`;
  return total === 0 ? counts : `${counts} (${Math.floor((current * 100) / total)}%)`;
};

/** Expected time to the end; undefined where none can honestly be told. `elapsedMs` since the attempt began. */
export const etaMs = (progress: Progress, elapsedMs: Millis): Millis | undefined => {
  const share = fractionOf(progress);
  if (share === undefined || share <= 0 || share >= 1) return undefined;
  const eta = (elapsedMs / share) * (1 - share);
  return eta > ETA_LIMIT_MS ? undefined : Math.round(eta);
};

const UNITS: readonly (readonly [name: string, ms: number])[] = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['m', 60_000],
  ['s', 1_000],
];

/** "1m 30s": two units at most, whole seconds, "0s" below one. */
export const describeDuration = (ms: Millis): string => {
  let rest = Math.max(0, Math.round(ms / 1_000)) * 1_000;
  const parts: string[] = [];
  for (const [name, unit] of UNITS) {
    const n = Math.floor(rest / unit);
    rest -= n * unit;
    if (n > 0) parts.push(`${n}${name}`);
    else if (parts.length > 0) break;
    if (parts.length === 2) break;
  }
  return parts.length === 0 ? '0s' : parts.join(' ');
};
