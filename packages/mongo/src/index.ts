export { connectMongo, databaseOf } from './connect.ts';
export { MongoUnauthorizedError, MongoUnavailableError } from './errors.ts';
export { indexesFor } from './indexes.ts';
export { createTaskViews } from './views.ts';

export type { Mongo, MongoKind, MongoOptions } from './connect.ts';
export type { Page, TaskFilter } from './queries.ts';
export type {
  Order,
  OrderField,
  Outcomes,
  Position,
  QueueCount,
  RowPage,
  TaskBrief,
  TaskRow,
  Version,
} from './rows.ts';
export type { MongoTaskViews, TaskQueries } from './views.ts';
