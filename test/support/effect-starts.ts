import { readFileSync } from 'node:fs';

/** When the body of each task of `fixture-tasks.ts` began first, by its id: the wall clock of this machine. */
export const startsIn = (effectsPath: string): ReadonlyMap<string, number> => {
  const starts = new Map<string, number>();
  for (const line of readFileSync(effectsPath, 'utf8').split('\n')) {
    if (line === '') continue;
    const { kind, task, at } = JSON.parse(line) as {
      readonly kind: string;
      readonly task: string;
      readonly at: number;
    };
    if (kind === 'start' && !starts.has(task)) starts.set(task, at);
  }
  return starts;
};
