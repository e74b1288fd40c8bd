import type { Definition } from '../api/tasks.ts';

/**
 * That live workers serve a type by different definitions (behaviour D10): which, and in what, as far as whoever looks is told;
 * undefined: they agree.
 */
export const conflictText = ({
  conflict,
  conflicts,
}: Pick<Definition, 'conflict' | 'conflicts'>): string | undefined => {
  if (!conflict) return undefined;
  const said = 'Workers serve this type by different definitions; the one shown here counts';
  const each = conflicts.map(({ worker, fields }) => `${worker} differs in ${fields.join(', ')}`);
  return each.length === 0 ? `${said}.` : `${said}: ${each.join('; ')}.`;
};
