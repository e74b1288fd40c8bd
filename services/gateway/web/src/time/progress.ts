import { durationText } from './durations.ts';

/** As REST gives it (behaviour C1). */
export type Progress =
  | { readonly current: number; readonly total: number }
  | { readonly fraction: number }
  | { readonly count: number };

const DAY_SECONDS = 86_400;

/** Share done, 0 to 1; nothing where there is no end to compare with. */
export const fractionOf = (progress: Progress): number | undefined => {
  if ('fraction' in progress) return progress.fraction;
  if ('count' in progress || progress.total === 0) return undefined;
  return progress.current / progress.total;
};

/** `3 of 100 (3%)`, `50%`, `42 processed`. */
export const progressText = (progress: Progress): string => progressWords(progress).join(' ');

/** The same in its two parts: what may be cut where there is little room, and the share, which is what people read. */
export const progressWords = (progress: Progress): readonly string[] => {
  if ('count' in progress) return [`${numberText(progress.count)} processed`];
  const fraction = fractionOf(progress);
  const percent = fraction === undefined ? undefined : `${Math.floor(fraction * 100)}%`;
  if ('fraction' in progress) return percent === undefined ? [] : [percent];
  const counts = `${numberText(progress.current)} of ${numberText(progress.total)}`;
  return percent === undefined ? [counts] : [counts, `(${percent})`];
};

/**
 * Seconds left: elapsed / p * (1 - p). Nothing when p is 0 or 1 or the answer exceeds a day (behaviour C9).
 */
export const etaSeconds = (fraction: number | undefined, elapsedSeconds: number): number | undefined => {
  if (fraction === undefined || fraction <= 0 || fraction >= 1 || elapsedSeconds <= 0) return undefined;
  const left = (elapsedSeconds / fraction) * (1 - fraction);
  return left > DAY_SECONDS ? undefined : left;
};

/** `ETA: 1m 30s`. In whole seconds, at least one: an estimate with decimals would claim too much. */
export const etaText = (seconds: number): string => `ETA: ${durationText(Math.max(1, Math.round(seconds)))}`;

const NUMBER = new Intl.NumberFormat('en');
export const numberText = (value: number): string => NUMBER.format(value);
