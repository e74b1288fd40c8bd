import { InvalidArgumentError } from '@baton/runtime';

/** A date and a time of day with a zone: what a time without one means depends on where it is read. */
const INSTANT = /^(\d{4}-\d{2}-\d{2})T\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:\d{2})$/i;

/** Throws InvalidArgumentError, which names the option, for what is no time, or no day of the calendar. */
export const instantOf = (option: string, text: string): Date => {
  const day = INSTANT.exec(text)?.[1];
  const at = new Date(text);
  if (day !== undefined && !Number.isNaN(at.getTime()) && isDay(day)) return at;
  throw new InvalidArgumentError(`${option} is a time with a zone, such as 2030-01-31T18:00:00Z; got ${text}`);
};

/** `Date` takes the 30th of February for the 2nd of March. */
const isDay = (day: string): boolean => new Date(`${day}T00:00:00Z`).toISOString().startsWith(day);
