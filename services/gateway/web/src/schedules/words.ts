import type { ScheduleEvent, ScheduleFigures } from '../api/schedules.ts';
import { durationText } from '../time/durations.ts';

/** `0 9 * * 1-5, Europe/Berlin`; `every 15m`. */
export const timesText = ({
  crons,
  everySeconds,
  timezone,
}: Pick<ScheduleFigures, 'crons' | 'everySeconds' | 'timezone'>): string => {
  if (everySeconds !== undefined) return `every ${durationText(everySeconds)}`;
  return `${crons.join(' and ')}, ${timezone}`;
};

/** What happened, without its task and its time. */
export const eventText = ({ kind, by, why, count }: ScheduleEvent): string => {
  const times = count > 1 ? `, ${count} times` : '';
  const because = why === undefined ? '' : `: ${why}`;
  switch (kind) {
    case 'started':
      return `Started${times}${because}`;
    case 'skipped':
      return `Skipped${times}${because}`;
    case 'set':
      return `Set by ${by}${because}`;
    case 'paused':
      return `Paused by ${by}${because}`;
    case 'resumed':
      return `Resumed by ${by}`;
    case 'backfilled':
      return `Backfilled by ${by}${because}`;
  }
};
