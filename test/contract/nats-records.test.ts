import { natsBench } from '../support/nats-bench.ts';
import { eventLogContract } from './event-log.contract.ts';
import { linkContract } from './link.contract.ts';
import { recordFeedContract } from './record-feed.contract.ts';
import { recordStoreContract } from './record-store.contract.ts';

recordStoreContract('nats', natsBench);
recordFeedContract('nats', natsBench);
eventLogContract('nats', natsBench);
linkContract('nats', natsBench);
