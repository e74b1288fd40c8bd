import type { TaskDocument } from '@baton/protocols';
import type { Collection, IndexDescription } from 'mongodb';
import type { MongoKind } from './connect.ts';
import { guarded } from './errors.ts';

/**
 * Newest first is `_id` itself. Beside it only what the list filters by and what is selective: every index slows each
 * write down (DocumentDB, server time to insert a document: 10 µs without indexes, 72 with these; `subscriber_ids` and
 * `status` 18 each, `ended_at` 6). Scope has three values and text is searched as part of a word: both read along `_id`.
 *
 * Where the server reads a compound index in order, `_id` follows the field, and a page is read without sorting.
 */
const FILTERS = [
  'status',
  'subscriber_ids',
  'task_type',
  'created_by',
] as const satisfies readonly (keyof TaskDocument)[];

/** Who waits for a task. Of tasks that wait for nothing there is no entry. */
const WAITERS: IndexDescription = { name: 'depends_on_ids', key: { depends_on_ids: 1 }, sparse: true };

/**
 * Of tasks without tags there is no entry. A compound index has one of every document, so where pages are read in its order
 * it is a partial one.
 */
const TAGS: Readonly<Record<'mongod' | 'documentdb', IndexDescription>> = {
  mongod: {
    name: 'tag_terms',
    key: { tag_terms: 1, _id: -1 },
    partialFilterExpression: { tag_terms: { $exists: true } },
  },
  documentdb: { name: 'tag_terms', key: { tag_terms: 1 }, sparse: true },
};

/** Oldest first, for prune. */
const ENDED: IndexDescription = { name: 'ended_at', key: { ended_at: 1 } };

export const indexesFor = (kind: MongoKind): readonly IndexDescription[] => [
  ...FILTERS.map((field) => ({ name: field, key: kind === 'mongod' ? { [field]: 1, _id: -1 } : { [field]: 1 } })),
  ENDED,
  WAITERS,
  kind === 'mongod' ? TAGS.mongod : TAGS.documentdb,
];

/** Makes what is missing. Rejects when an index of the same name is another one. */
export const ensureIndexes = async (tasks: Collection<TaskDocument>, kind: MongoKind): Promise<void> =>
  guarded(async () => void (await tasks.createIndexes([...indexesFor(kind)])));
