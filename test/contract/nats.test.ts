// limit: 600s
import { commandsContract } from './commands.contract.ts';
import { dataStoreContract } from './data-store.contract.ts';
import { definitionsContract } from './definitions.contract.ts';
import { dispatchContract } from './dispatch.contract.ts';
import { eventLogContract } from './event-log.contract.ts';
import { projectionsContract } from './projections.contract.ts';
import { fullStoreContract, SMALL_STORE } from './full-store.contract.ts';
import { linkContract } from './link.contract.ts';
import { natsBench } from './nats-bench.ts';
import { operationsContract } from './operations.contract.ts';
import { presenceContract } from './presence.contract.ts';
import { queueSettingsContract } from './queue-settings.contract.ts';
import { recordFeedContract } from './record-feed.contract.ts';
import { recordStoreContract } from './record-store.contract.ts';
import { schedulesContract } from './schedules.contract.ts';
import { signalsContract } from './signals.contract.ts';
import { workContract } from './work.contract.ts';

const bench = natsBench();

recordStoreContract('nats', bench);
// Writes one by one, writes in atomic batches: the same meaning.
recordStoreContract('nats, singles', natsBench({ commit: 'single' }));
recordStoreContract('nats, groups', natsBench({ commit: 'group' }));
for (const commit of ['single', 'group'] as const) {
  fullStoreContract(`nats, ${commit}`, natsBench({ commit, tasksMaxBytes: SMALL_STORE }));
}
recordFeedContract('nats', bench);
projectionsContract('nats', bench);
eventLogContract('nats', bench);
presenceContract('nats', bench);
commandsContract('nats', bench);
dataStoreContract('nats', bench);
dispatchContract('nats', bench);
operationsContract('nats', bench);
definitionsContract('nats', bench);
queueSettingsContract('nats', bench);
schedulesContract('nats', bench);
signalsContract('nats', bench);
workContract('nats', bench);
linkContract('nats', bench);
