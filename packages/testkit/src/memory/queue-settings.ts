import { readQueueSettings } from '@baton/protocols';
import type { Entry, QueueSettingsPort } from '@baton/runtime';
import { follow, type Followed } from './followed.ts';
import type { Process } from './process.ts';
import type { Records } from './records.ts';
import { memoryStore } from './store.ts';
import type { Surroundings } from './surroundings.ts';
import { answerOf, call } from './wire.ts';

/** What is set for queues: a bucket like that of the records, and small. */
export const memoryQueueSettings = (around: Surroundings, process: Process, records: Records): QueueSettingsPort => ({
  store: memoryStore(around, process, records),
  follow: async ({ kept, unreadable, caughtUp, lost }) => {
    const stored = ({ address, bytes, revision }: Entry): void => {
      const reading = readQueueSettings(bytes, address);
      if (reading.kind === 'settings') kept(reading.settings, revision);
      else unreadable(address, reading.kind);
    };
    const listener = { stored, caughtUp, lost };
    return answerOf(
      await call(around, process, 'definition.follow', 'queues', () =>
        follow(around, process, bucketOf(records), listener),
      ),
    );
  },
});

const bucketOf = (records: Records): Followed<Entry> => ({
  op: 'definition.kept',
  keyOf: ({ address }) => address,
  stored: () => records.all(),
  onWrite: (hear) => records.onWrite(hear),
});
