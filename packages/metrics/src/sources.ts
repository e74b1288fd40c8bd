import type { LeaseCounts, Ports, TaskMeter, TypeCounts } from '@baton/runtime';
import type { MetricName } from './names.ts';
import type { MetricSource, Readings } from './registry.ts';

/** Which service this is. `node`: its id in presence and histories. */
export const infoSource = (service: string, node = ''): MetricSource => ({
  names: ['baton_service_info'],
  read: ({ value }) => value('baton_service_info', 1, { service, node }),
});

export type Connection = Pick<Ports, 'link' | 'writes'> & { readonly store: Pick<Ports['store'], 'shortage'> };

/** The connection to NATS, and what is written over it. */
export const connectionSource = (ports: Connection): MetricSource => {
  const { link, store, writes } = ports;
  let disconnects = 0;
  link.onDisconnect(() => disconnects++);
  const names: MetricName[] = ['baton_nats_connected', 'baton_nats_disconnects_total', 'baton_store_full'];
  if (writes !== undefined) names.push('baton_writes_total', 'baton_commit_group_size');
  return {
    names,
    read: ({ value, histogram }) => {
      value('baton_nats_connected', link.connected ? 1 : 0);
      value('baton_nats_disconnects_total', disconnects);
      value('baton_store_full', store.shortage === undefined ? 0 : 1);
      if (writes === undefined) return;
      for (const kind of ['records', 'others'] as const) {
        for (const [outcome, count] of Object.entries(writes[kind]))
          value('baton_writes_total', count, { store: kind, outcome });
      }
      histogram('baton_commit_group_size', writes.groups);
    },
  };
};

/** The lease of this process; nothing while it has none. */
export const leaseSource = (lease: () => LeaseCounts | undefined): MetricSource => ({
  names: ['baton_lease_held', 'baton_lease_renewals_total', 'baton_lease_losses_total'],
  read: ({ value }) => {
    const counts = lease();
    value('baton_lease_held', counts?.held ? 1 : 0);
    value('baton_lease_renewals_total', counts?.renewals ?? 0);
    value('baton_lease_losses_total', counts?.losses ?? 0);
  },
});

/** What this process has done to tasks. */
export const taskSource = (meter: TaskMeter): MetricSource => ({
  names: [
    'baton_tasks_submitted_total',
    'baton_tasks_started_total',
    'baton_tasks_ended_total',
    'baton_task_retries_total',
    'baton_task_rescues_total',
    'baton_task_give_backs_total',
    'baton_task_aborts_total',
    'baton_task_timeouts_unenforced_total',
    'baton_tasks_not_stopping_total',
    'baton_task_queue_seconds',
    'baton_task_run_seconds',
    'baton_abort_seconds',
  ],
  read: (readings) => {
    for (const [type, counts] of meter.types) readType(readings, type, counts);
    for (const [queue, wait] of meter.waits) readings.histogram('baton_task_queue_seconds', wait, { queue });
    for (const [step, counts] of Object.entries(meter.aborts))
      readings.histogram('baton_abort_seconds', counts, { step });
  },
});

const readType = ({ value, histogram }: Readings, type: string, counts: TypeCounts): void => {
  value('baton_tasks_submitted_total', counts.created, { type, outcome: 'created' });
  value('baton_tasks_submitted_total', counts.joined, { type, outcome: 'joined' });
  value('baton_tasks_started_total', counts.started, { type });
  for (const [status, count] of Object.entries(counts.ended)) value('baton_tasks_ended_total', count, { type, status });
  value('baton_task_retries_total', counts.retries, { type });
  value('baton_task_rescues_total', counts.rescues, { type });
  value('baton_task_give_backs_total', counts.givenBack, { type });
  value('baton_task_aborts_total', counts.cancels, { type, cause: 'cancel' });
  value('baton_task_aborts_total', counts.timeouts, { type, cause: 'timeout' });
  value('baton_task_aborts_total', counts.expired, { type, cause: 'expired' });
  value('baton_task_aborts_total', counts.displaced, { type, cause: 'displaced' });
  value('baton_task_timeouts_unenforced_total', counts.unenforced, { type });
  value('baton_tasks_not_stopping_total', counts.notStopping, { type });
  histogram('baton_task_run_seconds', counts.run, { type });
};

/** The slots of a worker. */
export const workerSource = (
  stats: () => { readonly slots: number; readonly busy: number; readonly bodies: number },
): MetricSource => ({
  names: ['baton_worker_slots', 'baton_worker_slots_busy', 'baton_worker_bodies'],
  read: ({ value }) => {
    const { slots, busy, bodies } = stats();
    value('baton_worker_slots', slots);
    value('baton_worker_slots_busy', busy);
    value('baton_worker_bodies', bodies);
  },
});
