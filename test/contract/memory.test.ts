import { commandsContract } from './commands.contract.ts';
import { dataStoreContract } from './data-store.contract.ts';
import { definitionsContract } from './definitions.contract.ts';
import { dispatchContract } from './dispatch.contract.ts';
import { eventLogContract } from './event-log.contract.ts';
import { projectionsContract } from './projections.contract.ts';
import { fullStoreContract, SMALL_STORE } from './full-store.contract.ts';
import { linkContract } from './link.contract.ts';
import { memoryBench } from './memory-bench.ts';
import { operationsContract } from './operations.contract.ts';
import { presenceContract } from './presence.contract.ts';
import { queueSettingsContract } from './queue-settings.contract.ts';
import { recordFeedContract } from './record-feed.contract.ts';
import { recordStoreContract } from './record-store.contract.ts';
import { schedulesContract } from './schedules.contract.ts';
import { signalsContract } from './signals.contract.ts';
import { workContract } from './work.contract.ts';

// Without any latency everything happens as fast as promises go, with it in many an order.
const worlds = {
  memory: { seed: 1, latencyMs: [0, 0] },
  'memory, slow wire': { seed: 2, latencyMs: [0, 4] },
} as const;

for (const [name, world] of Object.entries(worlds)) {
  const bench = memoryBench(world);
  recordStoreContract(name, bench);
  fullStoreContract(name, memoryBench({ ...world, tasksMaxBytes: SMALL_STORE }));
  recordFeedContract(name, bench);
  projectionsContract(name, bench);
  eventLogContract(name, bench);
  presenceContract(name, bench);
  commandsContract(name, bench);
  dataStoreContract(name, bench);
  dispatchContract(name, bench);
  operationsContract(name, bench);
  definitionsContract(name, bench);
  queueSettingsContract(name, bench);
  schedulesContract(name, bench);
  signalsContract(name, bench);
  workContract(name, bench);
  linkContract(name, bench);
}
