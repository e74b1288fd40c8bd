import type { Order, OrderField, Position, TaskRow } from '@baton/mongo';
import type { TaskRecord } from '@baton/core';

/** Names a list may be ordered by, as REST has them, and the fields behind them. */
export const ORDER_COLUMNS = {
  created_on: '_id',
  changed_on: 'changed_at',
  started_at: 'started_at',
  ended_at: 'ended_at',
  status: 'status',
  task_type: 'task_type',
  scope: 'scope',
} as const satisfies Readonly<Record<string, OrderField>>;

export type OrderColumn = keyof typeof ORDER_COLUMNS;

/** Where a task stands in an order. */
export const positionOf = (row: Pick<TaskRow, '_id' | Exclude<OrderField, '_id'>>, { field }: Order): Position => ({
  id: row._id,
  value: field === '_id' ? null : row[field],
});

/** The same for a record, without making a document of it. */
export const positionOfRecord = (record: TaskRecord, { field }: Order): Position => ({
  id: record.id,
  value: valueOf(record, field),
});

const valueOf = (record: TaskRecord, field: OrderField): Position['value'] => {
  switch (field) {
    case '_id':
      return null;
    case 'changed_at':
      return new Date(record.changedAt);
    case 'started_at':
      return record.startedAt === undefined ? null : new Date(record.startedAt);
    case 'ended_at':
      return record.endedAt === undefined ? null : new Date(record.endedAt);
    case 'status':
      return record.status;
    case 'task_type':
      return record.type;
    case 'scope':
      return record.scope;
  }
};

/** Negative when `a` comes before `b`. A missing value is the smallest, as in the database. */
export const comparePositions = (order: Order, a: Position, b: Position): number => {
  const rising = compareValues(a.value, b.value) || compareTexts(a.id, b.id);
  return order.direction === 'asc' ? rising : -rising;
};

const compareValues = (a: Position['value'], b: Position['value']): number => {
  if (a === null || b === null) return (a === null ? 0 : 1) - (b === null ? 0 : 1);
  if (a instanceof Date && b instanceof Date) return a.getTime() - b.getTime();
  return compareTexts(String(a), String(b));
};

const compareTexts = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
