import { BatonError, systemChance, systemClock, type Ports, type RecordFeed } from '@baton/runtime';
import { connectNats, type NatsSettings, type NatsWire } from './connect.ts';
import { dialOf } from './connection/dial.ts';
import { createCommands } from './commands.ts';
import { createDefinitions } from './buckets/definitions.ts';
import { createDataStore } from './buckets/data-store.ts';
import { createDispatch } from './dispatch/dispatch.ts';
import { createEventLog } from './projection/event-log.ts';
import { createOperations } from './commit/operations.ts';
import { createPolledFeed } from './feed/polled-feed.ts';
import { createPresence, type PresenceSettings } from './presence/presence.ts';
import { createQueueSettings } from './buckets/queue-settings.ts';
import { createProjections } from './projection/projections.ts';
import { createRecordFeed } from './feed/record-feed.ts';
import { createRecordStore } from './commit/record-store.ts';
import { createSchedules } from './buckets/schedules.ts';
import { createSignals } from './dispatch/signals.ts';
import { createWork } from './dispatch/worker-requests.ts';

export type NatsPortsSettings = NatsSettings & {
  readonly presence?: Omit<PresenceSettings, 'dial'>;
};

export type NatsPorts = Ports & {
  readonly wire: NatsWire;
  readonly close: () => Promise<void>;
};

/** Everything the runtime needs, over one connection (and one more for every lease). Rejects as `connectNats` does. */
export const connectPorts = async (settings: NatsPortsSettings): Promise<NatsPorts> => {
  const wire = await connectNats(settings);
  const store = createRecordStore(wire);
  const signals = createSignals(wire);
  return {
    wire,
    writes: wire.writes,
    store,
    feed: withPolls(createRecordFeed(wire), createPolledFeed(store, signals)),
    projections: createProjections(wire),
    log: createEventLog(wire),
    data: createDataStore(wire),
    operations: createOperations(wire),
    commands: createCommands(wire),
    definitions: createDefinitions(wire),
    schedules: createSchedules(wire),
    queues: createQueueSettings(wire),
    dispatch: createDispatch(wire),
    presence: createPresence(wire, { ...settings.presence, dial: dialOf(settings) }),
    signals,
    work: createWork(wire),
    link: wire.link,
    clock: { ...systemClock, now: () => wire.clock.now() },
    chance: systemChance(),
    close: wire.close,
  };
};

/** Who may make no reader of the bucket, as most roles may not, follows single tasks all the same. */
const withPolls = (feed: RecordFeed, polled: RecordFeed): RecordFeed => ({
  follow: (partitions, listener) => feed.follow(partitions, listener),
  followActor: async (address, listener) => {
    try {
      return await feed.followActor(address, listener);
    } catch (fault) {
      if (fault instanceof BatonError && fault.code === 'PERMISSION_DENIED')
        return polled.followActor(address, listener);
      throw fault;
    }
  },
});
