import { parentPort, workerData } from 'node:worker_threads';
import { BatonError, passWarnings } from '@baton/runtime';
import type { NatsConnection } from '@nats-io/nats-core';
import { dial, LEASE_REDIAL } from '../connection/dial.ts';
import type { FromThread, LeaseTask, ToThread } from './lease-messages.ts';
import { LeaseRenewer } from './lease-renewer.ts';

/** The thread that keeps one node's lease, whatever its owner's event loop does. */

const port = parentPort;
if (port === null) throw new Error('lease.thread is started as a worker thread');

const tell = (news: FromThread): void => port.postMessage(news);
const task = workerData as LeaseTask;
passWarnings((warning) => tell({ kind: 'warning', warning }));

try {
  const nc = await dial(task.dial, LEASE_REDIAL);
  const renewer = new LeaseRenewer(nc, task, tell);
  port.on('message', (order: ToThread) => {
    if (order.kind === 'change') renewer.change(order.change);
    else void leave(renewer, nc);
  });
} catch (fault) {
  const code = fault instanceof BatonError ? fault.code : 'LEASE_NOT_STARTED';
  tell({ kind: 'fault', code, message: fault instanceof Error ? fault.message : String(fault) });
  port.close();
}

async function leave(renewer: LeaseRenewer, nc: NatsConnection): Promise<void> {
  await renewer.release();
  await nc.close();
}
