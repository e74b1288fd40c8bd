import { isTerminal } from '@baton/core';
import type { TaskRow } from '@baton/mongo';

/** What the GTF interface shows besides, by its names and in its types. */

/** Users are known by their ids alone; where a page shows names, that is what it has to show. */
const personOf = (id: string) => ({ id, first_name: id, last_name: '' });

export const gtfFields = (row: TaskRow, now: number) => ({
  // While it holds its key, what is the same for the same work; then its own.
  dedup_key: isTerminal(row.status) ? row._id : row.address.slice(row.address.lastIndexOf('.') + 1),
  changed_by: changerOf(row),
  created_on_delta_humanized: sinceText(now - row.created_at.getTime()),
});

export const subscribersJson = ({ subscribers }: Pick<TaskRow, 'subscribers'>) =>
  subscribers.map(({ user, subscribed_at }) => ({
    user_id: user,
    first_name: user,
    last_name: '',
    is_guest: false,
    label: null,
    subscribed_at: subscribed_at.toISOString(),
  }));

/** The last person who had a hand in it: who asked for its end, else its creator. */
const changerOf = ({ abort, created_by }: TaskRow) => {
  const asked = abort?.requested_by.startsWith('user:') ? abort.requested_by.slice('user:'.length) : created_by;
  return asked === null ? null : personOf(asked);
};

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const DAYS_A_MONTH = 30.5;
const DAYS_A_YEAR = 365;

/** "now", "a minute ago", "3 days ago", "1 year, 2 months ago": as Python's humanize says it. */
export const sinceText = (ms: number): string => {
  const past = Math.max(0, ms);
  if (past < SECOND) return 'now';
  return `${past < DAY ? withinADay(past) : inDays(Math.floor(past / DAY))} ago`;
};

const withinADay = (ms: number): string => {
  if (ms < MINUTE) return counted(Math.floor(ms / SECOND), 'a second', 'seconds');
  if (ms < HOUR) return counted(Math.floor(ms / MINUTE), 'a minute', 'minutes');
  return counted(Math.floor(ms / HOUR), 'an hour', 'hours');
};

const inDays = (all: number): string => {
  const years = Math.floor(all / DAYS_A_YEAR);
  const days = all % DAYS_A_YEAR;
  const months = Math.floor(days / DAYS_A_MONTH);
  if (years > 1) return `${years.toLocaleString('en-US')} years`;
  if (years === 0) return months === 0 ? counted(days, 'a day', 'days') : counted(months, 'a month', 'months');
  if (months > 0) return `1 year, ${counted(months, '1 month', 'months')}`;
  return days === 0 ? 'a year' : `1 year, ${counted(days, '1 day', 'days')}`;
};

const counted = (count: number, one: string, many: string): string => (count === 1 ? one : `${count} ${many}`);
