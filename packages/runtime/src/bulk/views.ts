import type { Address, TaskDocument } from '@baton/protocols';
import type { BulkFilter } from './order.ts';

export type FoundTask = {
  readonly id: string;
  /** Absent: the document has none that is one, and the task cannot be found. */
  readonly address?: Address;
  /** It is shared, and whoever asks waited for it when it was found. */
  readonly subscribed?: true;
  /** Why it is not run again: an operation of this user has within the last day, or a later failure of its key is. */
  readonly skip?: 'ALREADY_RETRIED' | 'SUPERSEDED';
};

export type FoundPage = {
  readonly tasks: readonly FoundTask[];
  /** Where the next one begins; absent: it was the last. */
  readonly next?: string;
};

/** What bulk operations need of the documents. Every method rejects with a BatonError while the database is away. */
export interface BulkViews {
  /** Up to `limit` tasks that match, newest first, behind that id, but none of Baton's own unless its type is named. */
  page(filter: BulkFilter, user: string, limit: number, after: string): Promise<FoundPage>;
  /** How many match; undefined when that takes too long to find out. */
  count(filter: BulkFilter): Promise<number | undefined>;
  get(id: string): Promise<TaskDocument | undefined>;
  /** Names of the objects that documents of these tasks refer to. */
  objectsOf(ids: readonly string[]): Promise<readonly string[]>;
  /** Deletes the documents of these tasks, where they have ended. Resolves with how many there were. */
  forget(ids: readonly string[]): Promise<number>;
  /** Those of these that are there. */
  there(ids: readonly string[]): Promise<readonly string[]>;
}
