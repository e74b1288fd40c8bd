import { systemChance, systemClock, type Ports } from '@baton/runtime';
import { connectNats, type NatsSettings, type NatsWire } from './connect.ts';
import { dialOf } from './dial.ts';
import { createCommands } from './commands.ts';
import { createDefinitions } from './definitions.ts';
import { createDataStore } from './data-store.ts';
import { createEventLog } from './event-log.ts';
import { createLater } from './later.ts';
import { createOperations } from './operations.ts';
import { createPresence, type PresenceSettings } from './presence.ts';
import { createProjections } from './projections.ts';
import { createRecordFeed } from './record-feed.ts';
import { createRecordStore } from './record-store.ts';
import { createRunQueue, type RunQueueSettings } from './run-queue.ts';
import { createSignals } from './signals.ts';

export type NatsPortsSettings = NatsSettings & {
  readonly runQueue?: RunQueueSettings;
  readonly presence?: Omit<PresenceSettings, 'dial'>;
};

export type NatsPorts = Ports & {
  readonly wire: NatsWire;
  readonly close: () => Promise<void>;
};

/** Everything the runtime needs, over one connection (and one more for every lease). Rejects as `connectNats` does. */
export const connectPorts = async (settings: NatsPortsSettings): Promise<NatsPorts> => {
  const wire = await connectNats(settings);
  return {
    wire,
    store: createRecordStore(wire),
    feed: createRecordFeed(wire),
    projections: createProjections(wire),
    log: createEventLog(wire),
    data: createDataStore(wire),
    later: createLater(wire),
    operations: createOperations(wire),
    commands: createCommands(wire),
    definitions: createDefinitions(wire),
    queue: createRunQueue(wire, settings.runQueue),
    presence: createPresence(wire, { ...settings.presence, dial: dialOf(settings) }),
    signals: createSignals(wire),
    link: wire.link,
    clock: systemClock,
    chance: systemChance(),
    close: wire.close,
  };
};
