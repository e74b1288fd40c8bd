import type { Address, Names } from '@baton/protocols';
import type { Entry, RecordStore, Schedules } from '@baton/runtime';
import type { NatsWire } from '../connect.ts';
import { BucketFollower, keysOf, readAll, readKey, type RepeatedBucket } from './bucket-follower.ts';
import type { Wire } from '../wire.ts';

/** Schedules in a bucket of their own, which repeats what it has stored to the supervisors. */
export const createSchedules = (wire: NatsWire): Schedules => {
  const bucket = bucketOf(wire.names);
  return {
    store: createStore(wire, bucket),
    follow: ({ entry, caughtUp, lost }) =>
      BucketFollower.start(wire, bucket, {
        key: (key, revision, bytes) => {
          if (bytes.length > 0) entry({ address: key as Address, revision, bytes });
        },
        caughtUp,
        lost,
      }),
    all: async () => {
      const entries: Entry[] = [];
      await readAll(wire, bucket, await keysOf(wire, bucket), (key, { revision, bytes }) => {
        if (bytes.length > 0) entries.push({ address: key as Address, revision, bytes });
      });
      return entries;
    },
  };
};

const bucketOf = (names: Names): RepeatedBucket => ({
  stream: names.schedulesStream,
  prefix: names.schedulePrefix,
  all: names.allSchedules,
  repeatedPrefix: names.scheduledPrefix,
  allRepeated: names.allScheduled,
});

const createStore = (wire: Wire, bucket: RepeatedBucket): RecordStore => {
  /** Deleted by hand: absent, but not at revision 0. */
  const tombstones = new Map<Address, number>();
  return {
    get epoch() {
      return wire.epoch;
    },
    shortage: undefined,
    load: async (address) => {
      const stored = await readKey(wire, bucket, address);
      if (stored === undefined) return undefined;
      if (stored.bytes.length > 0) return { address, ...stored };
      tombstones.set(address, stored.revision);
      return undefined;
    },
    write: (address, bytes, expected, { ttlMs } = {}) => {
      const over = expected === 0 ? tombstones.get(address) : undefined;
      tombstones.delete(address);
      const life = ttlMs === undefined ? {} : { ttlMs };
      const options = { expected: over ?? expected, ...life };
      return wire.publisher.publish(wire.names.scheduleSubject(address), bytes, options);
    },
  };
};
