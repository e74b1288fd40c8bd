import { problem } from '../http/problem.ts';

type Fields = Readonly<Record<string, unknown>>;

/**
 * The fields of rows that a list was asked for by `columns`; `changed_by.first_name` is one of a field's own. Where there is
 * nothing to choose from the whole of it stands. Throws a Problem `INVALID_ARGUMENT` for a name that no row has.
 */
export const chosenColumns = <T extends Fields>(
  rows: readonly T[],
  columns: readonly string[] | undefined,
  known: readonly string[],
): Partial<T>[] => {
  if (columns === undefined || columns.length === 0) return [...rows];
  const unknown = columns.find((column) => !known.includes(rootOf(column)));
  if (unknown !== undefined) {
    const faults = [{ field: 'q.columns', message: `no such column: ${unknown.slice(0, 60)}` }];
    throw problem('INVALID_ARGUMENT', 'the query cannot be used', { faults });
  }
  return rows.map((row) => {
    const chosen: Record<string, unknown> = {};
    for (const column of columns) {
      const root = rootOf(column);
      const value = row[root];
      const member = column.slice(root.length + 1);
      if (member === '' || !isFields(value)) chosen[root] = value;
      else chosen[root] = { ...(isFields(chosen[root]) ? chosen[root] : {}), [member]: value[member] ?? null };
    }
    return chosen as Partial<T>;
  });
};

const rootOf = (column: string): string => column.split('.', 1)[0] ?? '';

const isFields = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
