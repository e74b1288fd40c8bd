import { KEY_LENGTH } from '@baton/protocols';
import {
  dependenciesShape,
  FILTER_TEXT,
  FILTER_VALUES,
  filterValues,
  notBoth,
  rules,
  submitFields,
} from '@baton/runtime';
import * as z from 'zod';
import { ORDER_COLUMNS, type OrderColumn } from './order.ts';

/** Shapes of requests. Strict: what is not known is refused, not ignored. */

export const PAGE_SIZE_LIMIT = 100;
export const DEFAULT_PAGE_SIZE = 25;

/** A parameter that is empty is one that was not given. */
const given = <T extends z.ZodType>(schema: T) =>
  z.preprocess((value) => (value === '' ? undefined : value), schema.optional());

const listOf = <T extends z.ZodType<unknown, string>>(item: T) =>
  given(
    z
      .string()
      .max(FILTER_VALUES * (KEY_LENGTH + 1))
      .transform((text) => text.split(','))
      .pipe(z.array(item).min(1).max(FILTER_VALUES)),
  );

const wholeText = (minimum: number, maximum: number) =>
  given(
    z
      .string()
      .regex(/^\d{1,7}$/, 'is a whole number')
      .transform(Number)
      .pipe(z.int().min(minimum).max(maximum)),
    // For the document: what comes as text is a number all the same.
  ).meta({ type: 'integer', minimum, maximum, pattern: undefined });

const orderColumns = Object.keys(ORDER_COLUMNS) as [OrderColumn, ...OrderColumn[]];

const filters = {
  status: listOf(filterValues.status),
  type: listOf(filterValues.type),
  scope: listOf(filterValues.scope),
  created_by: listOf(filterValues.user),
  subscriber: listOf(filterValues.user),
  tag: z
    .preprocess(
      (value) => (value === '' ? undefined : typeof value === 'string' ? [value] : value),
      filterValues.tags.optional(),
    )
    .describe('name:value; several are written as several tag=, all of which a task has, or one of those of one name'),
  name: given(filterValues.text),
  text: given(filterValues.text),
};

export const listParameters = z.strictObject({
  ...filters,
  order_by: given(z.enum(orderColumns)),
  order_direction: given(z.enum(['asc', 'desc'])),
  page_size: wholeText(1, PAGE_SIZE_LIMIT),
  cursor: given(z.string().max(2_000)),
  q: given(z.string().max(4_000)),
});

/** Tasks whose live progress one list of events may carry as well. */
const PROGRESS_LIMIT = 10;

export const eventParameters = z.strictObject({
  ...filters,
  page_size: wholeText(1, PAGE_SIZE_LIMIT),
  last_event_id: given(z.string().max(100)),
  progress: given(
    z
      .string()
      .max(PROGRESS_LIMIT * 37)
      .transform((text) => text.toLowerCase().split(','))
      .pipe(z.array(z.uuid()).min(1).max(PROGRESS_LIMIT)),
  ),
});

export const taskEventParameters = z.strictObject({ last_event_id: given(z.string().max(100)) });

/** What Superset's lists send as `q`. Only what can be done: an unknown column or operator is refused. */
export const risonList = z.strictObject({
  columns: z.array(z.string().max(100)).max(100).optional(),
  select_columns: z.array(z.string().max(100)).max(100).optional(),
  keys: z.array(z.string().max(100)).max(10).optional(),
  filters: z
    .array(z.strictObject({ col: z.string().max(100), opr: z.string().max(100), value: z.unknown() }))
    .max(20)
    .optional(),
  order_column: z.enum(orderColumns).optional(),
  order_direction: z.enum(['asc', 'desc']).optional(),
  page: z.int().min(0).optional(),
  page_size: z.int().min(1).max(PAGE_SIZE_LIMIT).optional(),
});

/** What they send where values of a filter are asked for. Rison reads some texts as numbers. */
export const risonValues = z.strictObject({
  filter: z.union([z.string().max(FILTER_TEXT), z.number()]).optional(),
  page: z.int().min(0).optional(),
  page_size: z.int().min(1).max(PAGE_SIZE_LIMIT).optional(),
  include_ids: z
    .array(z.union([z.string().max(KEY_LENGTH), z.number()]))
    .max(FILTER_VALUES)
    .optional(),
});

export const risonFilters = {
  statuses: z.array(filterValues.status).min(1).max(FILTER_VALUES),
  types: z.array(filterValues.type).min(1).max(FILTER_VALUES),
  scopes: z.array(filterValues.scope).min(1).max(FILTER_VALUES),
  users: z.array(filterValues.user).min(1).max(FILTER_VALUES),
  text: filterValues.text,
  tags: filterValues.tags,
};

const { isolation: _isolation, ...bodyFields } = submitFields;

/** What a command takes as well, by the same names and rules; `run_at` as JSON has it. */
export const submitBody = z
  .strictObject({
    ...bodyFields,
    timeout: submitFields.timeout.describe('seconds, "5m", or null for none'),
    expires: submitFields.expires.describe('seconds, "5m", or null for none'),
    run_at: rules.instant.shape.optional(),
    expires_at: rules.instant.shape.optional(),
    depends_on: dependenciesShape(false).optional(),
  })
  .refine(...notBoth('run_at', 'delay'))
  .refine(...notBoth('expires_at', 'expires'));

export const cancelBody = z
  .strictObject({ force: z.boolean().optional() })
  .nullish()
  .describe('force: an admin stops it for everyone');

export const signalBody = z
  .strictObject({
    name: rules.signal.shape,
    data: z.unknown().optional().describe('any JSON value up to 64 KiB'),
    operation_id: rules.operationId.shape.optional().describe('sent again with the same one it is the same signal'),
  })
  .describe('for ctx.waitForSignal(name)');

export const priorityBody = z.strictObject({ priority: rules.priority.shape });

export const retryBody = z
  .strictObject({
    operation_id: rules.operationId.shape
      .optional()
      .describe('retried again with the same one it is the same new task'),
  })
  .nullish();

/** Looked at by the route itself: a malformed id is answered like an absent one. */
export const idParameter = z.strictObject({ uuid: z.string() });

export const statusChangesParameters = z.strictObject({
  cursor: given(z.string().max(100)),
  task_type: listOf(filterValues.type),
});

export const valuesParameters = z.strictObject({
  q: given(z.string().max(4_000)).describe('text, or Rison: (filter:text,page:0,page_size:25,include_ids:!(a))'),
  page_size: wholeText(1, PAGE_SIZE_LIMIT),
});

export type SignalBody = z.output<typeof signalBody>;
export type SubmitBody = z.output<typeof submitBody>;
export type ListParameters = z.output<typeof listParameters>;
export type ValuesParameters = z.output<typeof valuesParameters>;
export type EventParameters = z.output<typeof eventParameters>;
export type RisonList = z.output<typeof risonList>;
