import type { TaskSpec } from './task.ts';

/** What a later submit may put in place of what a task that has not begun was submitted with (behaviour Q10). */
export const REPLACED = [
  'args',
  'group',
  'limitKey',
  'units',
  'tags',
  'runAt',
  'latestRunAt',
  'expiresAt',
] as const satisfies readonly (keyof TaskSpec)[];

/** The task stays who it is, with its id, key, scope and creator; what is to be done, and how, is the newer one's. */
export const withNewer = <T extends TaskSpec>(task: T, newer: TaskSpec): T => {
  const next: { -readonly [K in keyof TaskSpec]: TaskSpec[K] } & T = { ...task };
  for (const field of REPLACED) delete next[field];
  const { name, queue, priority, policy, args, group, limitKey, units, tags, runAt, latestRunAt, expiresAt } = newer;
  const others = present({ args, group, limitKey, units, tags, runAt, latestRunAt, expiresAt });
  return Object.assign(next, { name, queue, priority, policy }, others);
};

const present = (fields: object): object =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
