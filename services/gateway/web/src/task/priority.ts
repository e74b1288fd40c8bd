import { type Priority, PRIORITIES } from './task.ts';

const WORDS: Readonly<Record<Priority, string>> = { high: 'High', normal: 'Normal', low: 'Low' };

/** Also one that only a newer version knows. */
export const priorityWord = (priority: string): string => {
  const known = PRIORITIES.find((one) => one === priority);
  return known === undefined ? priority : WORDS[known];
};
