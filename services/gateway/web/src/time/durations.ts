const UNITS = [
  { name: 'd', seconds: 86_400 },
  { name: 'h', seconds: 3_600 },
  { name: 'm', seconds: 60 },
  { name: 's', seconds: 1 },
] as const;

/** `1m 30s`, two units at most; below ten seconds with one decimal, below a second in milliseconds. */
export const durationText = (seconds: number): string => {
  if (!Number.isFinite(seconds) || seconds < 0) return '0s';
  if (seconds < 0.9995) return `${Math.round(seconds * 1_000)}ms`;
  if (seconds < 9.95) return `${(Math.round(seconds * 10) / 10).toString()}s`;
  return wholeUnits(Math.round(seconds));
};

/** As `durationText`, in whole seconds: what ticks must not flicker between two widths. */
export const tickingText = (seconds: number): string => wholeUnits(Math.max(0, Math.floor(seconds)));

const wholeUnits = (seconds: number): string => {
  const first = UNITS.findIndex((unit) => seconds >= unit.seconds);
  if (first === -1) return '0s';
  const parts: string[] = [];
  let rest = seconds;
  for (const unit of UNITS.slice(first, first + 2)) {
    const count = Math.floor(rest / unit.seconds);
    rest -= count * unit.seconds;
    if (count > 0) parts.push(`${count}${unit.name}`);
  }
  return parts.join(' ');
};

/** `3 minutes ago`, `in 2 hours`; `just now` within five seconds. */
export const relativeText = (atMs: number, nowMs: number): string => {
  const seconds = (atMs - nowMs) / 1_000;
  const size = Math.abs(seconds);
  if (size < 5) return 'just now';
  if (size < 60) return RELATIVE.format(Math.trunc(seconds), 'second');
  if (size < 3_600) return RELATIVE.format(Math.trunc(seconds / 60), 'minute');
  if (size < 86_400) return RELATIVE.format(Math.trunc(seconds / 3_600), 'hour');
  if (size < 30 * 86_400) return RELATIVE.format(Math.trunc(seconds / 86_400), 'day');
  return DAY.format(atMs);
};

const RELATIVE = new Intl.RelativeTimeFormat('en', { numeric: 'always', style: 'short' });
const DAY = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium' });
const EXACT = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'medium' });
const CLOCK = new Intl.DateTimeFormat(undefined, {
  hour: '2-digit',
  minute: '2-digit',
  second: '2-digit',
  fractionalSecondDigits: 3,
  hourCycle: 'h23',
});

/** In the reader's own time zone. */
export const exactText = (atMs: number): string => EXACT.format(atMs);

/** Hours to milliseconds: for a timeline, where tenths matter. */
export const clockText = (atMs: number): string => CLOCK.format(atMs);
