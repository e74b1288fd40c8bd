import type { Order } from '@baton/mongo';
import { FILTER_TEXT } from '@baton/runtime';
import rison from 'rison';
import type { z } from 'zod';
import { faultsOf, problem } from '../http/problem.ts';
import { withoutOwn, type UserFilter } from './matching.ts';
import { ORDER_COLUMNS } from './order.ts';
import {
  DEFAULT_PAGE_SIZE,
  risonFilters,
  risonList,
  risonValues,
  type EventParameters,
  type ListParameters,
  type RisonList,
  type ValuesParameters,
} from './requests.ts';

/** What a list is asked for, whichever way it was said. */
export type ListQuery = {
  readonly filter: UserFilter;
  readonly order: Order;
  readonly size: number;
  readonly skip: number;
  readonly cursor?: string;
  /** Fields of a row that are wanted; absent: all. */
  readonly columns?: readonly string[];
};

/** Rows a numbered page may leave out: further on a cursor is the way. */
const SKIP_LIMIT = 2_000;

/** Throws a Problem `INVALID_ARGUMENT`. */
export const listQueryOf = (parameters: ListParameters): ListQuery => {
  const { q, cursor, order_by = 'created_on', order_direction = 'desc', page_size } = parameters;
  if (q !== undefined) {
    const others = Object.entries(parameters).filter(([name, value]) => name !== 'q' && value !== undefined);
    if (others.length > 0) throw invalid('q', 'cannot be mixed with other parameters');
    return risonQueryOf(parsed(risonList, decode(q), 'q'));
  }
  return {
    filter: withoutOwn(filterOf(parameters)),
    order: { field: ORDER_COLUMNS[order_by], direction: order_direction },
    size: page_size ?? DEFAULT_PAGE_SIZE,
    skip: 0,
    ...(cursor === undefined ? {} : { cursor }),
  };
};

export const filterOf = (parameters: Omit<EventParameters, 'page_size' | 'last_event_id' | 'progress'>): UserFilter => {
  const { status, type, scope, created_by, subscriber, tag, name, text } = parameters;
  return {
    ...(status === undefined ? {} : { status }),
    ...(type === undefined ? {} : { type }),
    ...(scope === undefined ? {} : { scope }),
    ...(created_by === undefined ? {} : { createdBy: created_by }),
    ...(subscriber === undefined ? {} : { subscribers: subscriber }),
    ...(tag === undefined ? {} : { tags: tag }),
    ...(name === undefined ? {} : { name }),
    ...(text === undefined ? {} : { text }),
  };
};

const risonQueryOf = (asked: RisonList): ListQuery => {
  const { filters = [], order_column = 'created_on', order_direction = 'desc', page = 0, page_size } = asked;
  const columns = [...(asked.columns ?? []), ...(asked.select_columns ?? [])];
  const size = page_size ?? DEFAULT_PAGE_SIZE;
  const skip = page * size;
  if (skip > SKIP_LIMIT) throw invalid('q.page', `leaves out more than ${SKIP_LIMIT} rows: go on by cursor`);
  const filter: { -readonly [K in keyof UserFilter]: UserFilter[K] } = {};
  for (const one of filters) Object.assign(filter, risonFilter(one, filter));
  const order = { field: ORDER_COLUMNS[order_column], direction: order_direction };
  return { filter: withoutOwn(filter), order, size, skip, ...(columns.length === 0 ? {} : { columns }) };
};

type RisonFilter = NonNullable<RisonList['filters']>[number];

const EQUAL = new Set(['eq', 'in', 'rel_o_m', 'rel_m_m']);
const CONTAINS = new Set(['ct', 'sw', 'title_or_slug', 'task_all_text', 'all_text']);

/** One column as upstream names it. A second filter on the same column would silently replace the first. */
const risonFilter = ({ col, opr, value }: RisonFilter, before: UserFilter): UserFilter => {
  const at = `q.filters.${col.slice(0, 40)}`;
  const made = filterOn(col, opr, value, at);
  if (Object.keys(made).some((name) => name in before)) throw invalid(at, 'is there twice');
  return made;
};

const filterOn = (col: string, opr: string, value: unknown, at: string): UserFilter => {
  const values = Array.isArray(value) ? value : [value];
  if (EQUAL.has(opr)) {
    switch (col) {
      case 'status':
        return { status: parsed(risonFilters.statuses, values, at) };
      case 'task_type':
        return { type: parsed(risonFilters.types, values, at) };
      case 'scope':
        return { scope: parsed(risonFilters.scopes, values, at) };
      case 'created_by':
        return { createdBy: parsed(risonFilters.users, values, at) };
      case 'subscribers':
        return { subscribers: parsed(risonFilters.users, values, at) };
      case 'tags':
        return { tags: parsed(risonFilters.tags, values, at) };
    }
  }
  if (CONTAINS.has(opr)) {
    if (col === 'task_name') return { name: parsed(risonFilters.text, value, at) };
    if (['task_type', 'task_key', 'all_text', 'id', 'uuid'].includes(col)) {
      return { text: parsed(risonFilters.text, value, at) };
    }
  }
  throw invalid(at, 'no such column, or not with this operator');
};

/** What the values of a filter are asked for: plain text, or Rison as upstream's lists send it. */
export type ValuesQuery = {
  readonly text: string;
  readonly size: number;
  readonly skip: number;
  /** Values that are wanted whether the text is in them or not. */
  readonly include: readonly string[];
};

/** Throws a Problem `INVALID_ARGUMENT`. */
export const valuesQueryOf = ({ q = '', page_size = DEFAULT_PAGE_SIZE }: ValuesParameters): ValuesQuery => {
  // Somebody's name does not stand in parentheses.
  if (!/^\(.*\)$/s.test(q)) {
    if (q.length > FILTER_TEXT) throw invalid('q', `is longer than ${FILTER_TEXT} characters`);
    return { text: q, size: page_size, skip: 0, include: [] };
  }
  const { filter = '', page = 0, page_size: size = page_size, include_ids } = parsed(risonValues, decode(q), 'q');
  const skip = page * size;
  if (skip > SKIP_LIMIT) throw invalid('q.page', `leaves out more than ${SKIP_LIMIT} values: filter them`);
  return { text: String(filter), size, skip, include: (include_ids ?? []).map(String) };
};

const decode = (q: string): unknown => {
  try {
    return rison.decode(q);
  } catch {
    throw invalid('q', 'is not Rison');
  }
};

const parsed = <T extends z.ZodType>(schema: T, value: unknown, at: string): z.output<T> => {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  throw problem('INVALID_ARGUMENT', 'the query cannot be used', { faults: faultsOf(result.error.issues, at) });
};

const invalid = (field: string, message: string) =>
  problem('INVALID_ARGUMENT', 'the query cannot be used', { faults: [{ field, message }] });
