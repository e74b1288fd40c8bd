import { keyOf } from '../supervisor/task-index.ts';
import type { WaitingLine } from '../ports.ts';

/** What several supervisors have told of their partitions, as one. */
export const sumLines = (lines: readonly WaitingLine[]): readonly WaitingLine[] => {
  const sums = new Map<string, WaitingLine>();
  for (const line of lines) {
    const key = keyOf(line);
    sums.set(key, { ...line, waiting: line.waiting + (sums.get(key)?.waiting ?? 0) });
  }
  return [...sums.values()].filter(({ waiting }) => waiting > 0);
};
