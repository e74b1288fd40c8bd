import { readQueueSettings, token, untoken, type Names } from '@baton/protocols';
import type { QueueSettingsPort, RecordStore } from '@baton/runtime';
import { BucketFollower, readKey, type RepeatedBucket } from './bucket-follower.ts';
import type { NatsWire } from '../connect.ts';

/** What is set for queues, in a bucket of its own. */
export const createQueueSettings = (wire: NatsWire): QueueSettingsPort => {
  const { names, publisher } = wire;
  const bucket = bucketOf(names);
  /** Settings deleted by hand leave an empty message: absent, but not at revision 0. */
  const tombstones = new Map<string, number>();
  const store: RecordStore = {
    epoch: wire.epoch,
    shortage: undefined,
    load: async (queue) => {
      const stored = await readKey(wire, bucket, token(queue));
      if (stored === undefined) return undefined;
      if (stored.bytes.length > 0) return { address: queue, revision: stored.revision, bytes: stored.bytes };
      tombstones.set(queue, stored.revision);
      return undefined;
    },
    write: (queue, bytes, expected) => {
      const over = expected === 0 ? tombstones.get(queue) : undefined;
      tombstones.delete(queue);
      return publisher.publish(names.queueSubject(queue), bytes, { expected: over ?? expected });
    },
  };
  return {
    store,
    follow: (listener) =>
      BucketFollower.start(wire, bucket, {
        key: (key, revision, bytes) => {
          const queue = untoken(key);
          if (bytes.length === 0) return listener.gone(queue);
          const reading = readQueueSettings(bytes, queue);
          if (reading.kind === 'settings') return listener.kept(reading.settings, revision);
          listener.unreadable(queue, reading.kind === 'newer' ? `version ${reading.version}` : reading.reason);
        },
        caughtUp: listener.caughtUp,
        lost: listener.lost,
      }),
  };
};

const bucketOf = (names: Names): RepeatedBucket => ({
  stream: names.queuesStream,
  all: names.allQueues,
  prefix: names.queuePrefix,
  repeatedPrefix: names.queueSetPrefix,
  allRepeated: names.allQueueSet,
});
