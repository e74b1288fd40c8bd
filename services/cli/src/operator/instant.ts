import { InvalidArgumentError, rules } from '@baton/runtime';

/** Throws InvalidArgumentError, which names the option, for what is no time with a zone, or no day of the calendar. */
export const instantOf = (option: string, text: string): Date => {
  if (rules.instant.holds(text)) return new Date(text);
  throw new InvalidArgumentError(`${option} ${rules.instant.says}; got ${text}`);
};
