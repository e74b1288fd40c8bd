import { isTag, type Tag } from '../task/tags.ts';
import { SCOPES, type Scope, STATUSES, type Status } from '../task/task.ts';

export const SORTS = ['created_on', 'started_at', 'ended_at', 'status', 'task_type', 'scope'] as const;
export type SortBy = (typeof SORTS)[number];

/** What the list is narrowed by and how it is sorted. The address of the page holds it. */
export type ListQuery = {
  readonly status: readonly Status[];
  readonly type: readonly string[];
  readonly scope: readonly Scope[];
  readonly createdBy: readonly string[];
  readonly tag: readonly Tag[];
  readonly text: string;
  readonly sortBy: SortBy;
  readonly descending: boolean;
};

export const EVERYTHING: ListQuery = {
  status: [],
  type: [],
  scope: [],
  createdBy: [],
  tag: [],
  text: '',
  sortBy: 'created_on',
  descending: true,
};

const isStatus = (value: string): value is Status => (STATUSES as readonly string[]).includes(value);
const isScope = (value: string): value is Scope => (SCOPES as readonly string[]).includes(value);
const isSort = (value: string): value is SortBy => (SORTS as readonly string[]).includes(value);

/** From an address that anybody may have written: what is not understood is left out. */
export const parseQuery = (search: string): ListQuery => {
  const parameters = new URLSearchParams(search);
  const sortBy = parameters.get('order_by') ?? '';
  return {
    status: parameters.getAll('status').filter(isStatus),
    type: parameters.getAll('type'),
    scope: parameters.getAll('scope').filter(isScope),
    createdBy: parameters.getAll('created_by'),
    tag: parameters.getAll('tag').filter(isTag),
    text: parameters.get('text') ?? '',
    sortBy: isSort(sortBy) ? sortBy : EVERYTHING.sortBy,
    descending: parameters.get('order_direction') !== 'asc',
  };
};

/** For the address: each value a parameter of its own, since a type or a name may hold any sign; defaults are left out. */
export const searchOf = (query: ListQuery): string => {
  const parameters = new URLSearchParams();
  const { status, type, scope, createdBy, tag } = query;
  const lists = { status, type, scope, created_by: createdBy, tag };
  for (const [name, values] of Object.entries(lists)) for (const value of values) parameters.append(name, value);
  if (query.text !== '') parameters.set('text', query.text);
  if (query.sortBy !== EVERYTHING.sortBy) parameters.set('order_by', query.sortBy);
  if (!query.descending) parameters.set('order_direction', 'asc');
  const search = parameters.toString();
  return search === '' ? '' : `?${search}`;
};

export const isFiltered = ({ status, type, scope, createdBy, tag, text }: ListQuery): boolean =>
  text !== '' || [status, type, scope, createdBy, tag].some((values) => values.length > 0);
