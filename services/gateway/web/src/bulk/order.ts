import type { ListQuery } from '../list/query.ts';
import { type Priority, type Scope, type Status, STATUSES } from '../task/task.ts';

export const OPERATIONS = ['cancel', 'retry', 'change_priority', 'delete'] as const;
export type Operation = (typeof OPERATIONS)[number];

/** What is asked of the server (behaviour B1). */
export type BulkOrder = {
  readonly operation: Operation;
  readonly filter: BulkFilter;
  readonly priority?: Priority;
  readonly force?: true;
  readonly dry_run?: true;
};

export type BulkFilter = {
  readonly status: readonly Status[];
  readonly type?: readonly string[];
  readonly scope?: readonly Scope[];
  readonly created_by?: readonly string[];
  readonly tag?: readonly string[];
  readonly text?: string;
};

const ENDED: readonly Status[] = ['success', 'failure', 'timed_out', 'aborted'];

/** States in which there is something to do: where none is asked for the first ones, by name the others too. As the server has them. */
const STATES: Readonly<Record<Operation, { readonly usual: readonly Status[]; readonly others: readonly Status[] }>> = {
  cancel: { usual: ['pending', 'in_progress'], others: ['aborting'] },
  retry: { usual: ['failure', 'timed_out'], others: ['aborted', 'success'] },
  change_priority: { usual: ['pending'], others: [] },
  delete: { usual: ENDED, others: [] },
};

/** Of a list: `dropped` are states it shows and the operation is not for. */
export type StatusChoice = { readonly status: readonly Status[]; readonly dropped: readonly Status[] };

/** The states an operation is for in a list. None: it has nothing to do there. */
export const statusFor = (operation: Operation, { status }: Pick<ListQuery, 'status'>): StatusChoice => {
  const { usual, others } = STATES[operation];
  if (status.length === 0) return { status: usual, dropped: [] };
  const possible = STATUSES.filter((one) => usual.includes(one) || others.includes(one));
  return {
    status: status.filter((one) => possible.includes(one)),
    dropped: status.filter((one) => !possible.includes(one)),
  };
};

type Narrowing = Omit<ListQuery, 'status' | 'sortBy' | 'descending'>;

/** Each filter of the list by the server's name: one that is not here does not compile, and so is never left out. */
const NAMES = {
  type: 'type',
  scope: 'scope',
  createdBy: 'created_by',
  tag: 'tag',
  text: 'text',
} as const satisfies Record<keyof Narrowing, keyof BulkFilter>;

/** All that narrows the list, and the states of the operation. */
export const filterFor = (operation: Operation, query: ListQuery): BulkFilter => {
  const filter: Record<string, unknown> = { status: statusFor(operation, query).status };
  for (const [field, name] of Object.entries(NAMES) as [keyof Narrowing, string][]) {
    const value = query[field];
    const wanted = typeof value === 'string' ? value.trim() : name === 'tag' ? value : asListed(value);
    if (wanted.length > 0) filter[name] = wanted;
  }
  return filter as BulkFilter;
};

/** The list is asked with commas between values, so one that has a comma means two: here as there. */
const asListed = (values: readonly string[]): readonly string[] =>
  values.flatMap((value) => value.split(',')).filter((value) => value !== '');

/** Whether the list is narrowed: blanks are looked for by nobody. */
export const isNarrowed = (query: ListQuery): boolean =>
  query.status.length > 0 || Object.keys(filterFor('cancel', query)).length > 1;
