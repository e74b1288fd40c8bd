import type { MongoTaskViews } from '@baton/mongo';
import { parseAddress } from '@baton/protocols';
import type { BulkFilter, BulkViews } from '@baton/runtime';
import { withoutOwn } from '../tasks/matching.ts';

/** A count that is worth waiting for: it is what progress is measured by. */
const COUNT_LIMIT = 1_000_000;
const COUNT_MS = 5_000;

/** The documents, as bulk operations ask them. */
export const createBulkViews = (
  views: Pick<MongoTaskViews, 'places' | 'count' | 'get' | 'objectsOf' | 'forget' | 'versions'>,
): BulkViews => ({
  page: async (filter, user, limit, after) => {
    const places = await views.places(meant(filter), { size: limit, after });
    const last = places.at(-1);
    const tasks = places.map(({ _id: id, address: text, scope, subscriber_ids: subscribers }) => {
      const address = parseAddress(text);
      const isHis = scope === 'shared' && subscribers.includes(user);
      return {
        id,
        ...(address === undefined ? {} : { address }),
        ...(isHis ? { subscribed: true as const } : {}),
      };
    });
    return places.length < limit || last === undefined ? { tasks } : { tasks, next: last._id };
  },
  count: (filter) => views.count(meant(filter), COUNT_LIMIT, undefined, COUNT_MS),
  get: (id) => views.get(id),
  objectsOf: (ids) => views.objectsOf(ids),
  forget: (ids) => views.forget(ids),
  there: async (ids) => (await views.versions(ids)).map(({ _id }) => _id),
});

/** Who says "everything that runs" does not mean what he says it with. */
const meant = ({ visibleTo, ...filter }: BulkFilter) => ({
  ...withoutOwn(filter),
  ...(visibleTo === undefined ? {} : { visibleTo }),
});
