import type { Lane } from '@baton/protocols';
import type { WaitingLine } from '../ports/dispatch.ts';

/** Why a task is where it was no more: it runs now, it is over or waits for something else, or it is not watched here. */
export type Leaving = 'runs' | 'over' | 'moved';

export const keyOf = (lane: Lane): string => `${lane.queue} ${lane.priority} ${lane.type}`;

/** What several supervisors have told of their partitions, as one. */
export const sumLines = (lines: readonly WaitingLine[]): readonly WaitingLine[] => {
  const sums = new Map<string, WaitingLine>();
  for (const line of lines) {
    const key = keyOf(line);
    sums.set(key, { ...line, waiting: line.waiting + (sums.get(key)?.waiting ?? 0) });
  }
  return [...sums.values()].filter(({ waiting }) => waiting > 0);
};
