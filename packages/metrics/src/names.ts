/** One metric: its kind in Prometheus' words, what it says, its labels. */
export type MetricShape = {
  readonly type: 'counter' | 'gauge' | 'histogram';
  readonly help: string;
  readonly labels: readonly string[];
};

const counter = (help: string, ...labels: readonly string[]): MetricShape => ({ type: 'counter', help, labels });
const gauge = (help: string, ...labels: readonly string[]): MetricShape => ({ type: 'gauge', help, labels });
const histogram = (help: string, ...labels: readonly string[]): MetricShape => ({ type: 'histogram', help, labels });

/**
 * Every metric of Baton's own but the gateway's requests, by name. `deploy/metrics/README.md` says which service has which and
 * what to watch them for; a test holds that page to what the services answer.
 */
export const METRICS = {
  baton_service_info: gauge('1; which service this is, and its id as a node where it has one', 'service', 'node'),
  baton_nats_connected: gauge('1 while there is a connection to NATS that has been looked at'),
  baton_nats_disconnects_total: counter('Connections to NATS that were lost'),
  baton_lease_held: gauge('1 while the lease of this process is held: others count it as alive'),
  baton_lease_renewals_total: counter('Renewals of the lease that the server has confirmed'),
  baton_lease_losses_total: counter('Times the lease was lost: it could not be renewed for a whole lease'),
  baton_writes_total: counter('Writes to streams, by what came of them', 'store', 'outcome'),
  baton_commit_group_size: histogram('Records written to the store together'),
  baton_store_full: gauge('1 while new tasks are refused because the store has no room'),

  baton_tasks_submitted_total: counter(
    'Submits this process has stored: new tasks, and joins of active ones',
    'type',
    'outcome',
  ),
  baton_tasks_started_total: counter('Attempts that began', 'type'),
  baton_tasks_ended_total: counter('Tasks that this process brought to their final state', 'type', 'status'),
  baton_task_retries_total: counter('Failed attempts after which the task is tried again', 'type'),
  baton_task_rescues_total: counter('Runs taken from workers that died or ended abnormally', 'type'),
  baton_task_give_backs_total: counter('Runs that draining workers gave back', 'type'),
  baton_task_aborts_total: counter(
    'Aborts that were asked for, and tasks that were not started in time',
    'type',
    'cause',
  ),
  baton_task_timeouts_unenforced_total: counter('Timeouts that passed while nothing could be stopped', 'type'),
  baton_tasks_not_stopping_total: counter(
    'Runs that went on for longer than their grace after they were told to stop',
    'type',
  ),
  baton_task_queue_seconds: histogram('From ready to claimed', 'queue'),
  baton_task_run_seconds: histogram('From claimed to the end of the attempt', 'type'),
  baton_abort_seconds: histogram('From the request of an abort to each step of its proof', 'step'),

  baton_worker_slots: gauge('Tasks this worker runs at once'),
  baton_worker_slots_busy: gauge('Slots in use: runs, and offers that are being claimed'),
  baton_worker_bodies: gauge('Bodies that run in this process, also those of inline calls and of tasks it has lost'),

  baton_queue_waiting_tasks: gauge(
    'Tasks that wait for a worker, in the partitions of this supervisor',
    'queue',
    'priority',
  ),
  baton_queue_unserved_tasks: gauge('Those of them that no live worker takes', 'queue'),
  baton_queue_oldest_wait_seconds: gauge('How long the one that waits longest has waited', 'queue'),
  baton_queue_offered_tasks: gauge('Tasks on offer to a worker, on the supervisor that hosts the queue', 'queue'),
  baton_queue_workers: gauge('Workers that serve the queue, on the supervisor that hosts it', 'queue'),
  baton_queue_paused: gauge(
    'Pauses that stand: of the queue, of types, of groups; unreadable: what is set for it cannot be read, and nothing starts',
    'queue',
    'part',
  ),
  baton_queue_settings_known: gauge('1 while what is set for queues is known; nothing starts while it is not'),
  baton_supervisors: gauge('Supervisors that this one sees, itself among them'),
  baton_workers: gauge('Live workers that this supervisor sees'),
  baton_remote_workers: gauge('Workers of the worker protocol that this supervisor speaks for'),
  baton_supervisor_caught_up: gauge('1 when all records of its partitions have been read'),
  baton_supervisor_partitions: gauge('Partitions this supervisor watches'),
  baton_supervisor_watched_tasks: gauge('Tasks that have not ended, in its partitions'),
  baton_supervisor_timers: gauge('Those of them with a timer: delays, timeouts, graces'),
  baton_supervisor_actions_total: counter(
    'What it did about tasks; again: nothing came of it, and it is tried again',
    'action',
    'outcome',
  ),
  baton_supervisor_actions_pending: gauge('Actions under way or queued'),
  baton_supervisor_records_total: counter('Versions of records it was given, and those it had to decode', 'step'),
  baton_supervisor_unreadable_records: gauge('Records nobody here can read'),
  baton_supervisor_watch_restarts_total: counter('Readers that were opened again', 'watch'),
  baton_schedules: gauge('Schedules this supervisor fires'),
  baton_schedule_fires_total: counter(
    'Fires of schedules by what became of them; again: nothing yet, and it is tried again',
    'outcome',
  ),
  baton_commands_total: counter('Commands over NATS, by what came of them', 'outcome'),
  baton_dead_letters_total: counter(
    'Commands put aside as dead letters; answered: who sent it was told why',
    'answered',
  ),

  baton_projection_behind: gauge('Versions in the state bucket that the projection does not have', 'projection'),
  baton_projection_lag_seconds: gauge('Age of the oldest version that the projection does not have', 'projection'),
  baton_projector_versions_total: counter('Versions of records read, of all projections'),
  baton_projector_batches_total: counter('Batches they came in'),
  baton_projector_documents_total: counter(
    'Documents written, and those not written because what was there was as new',
    'outcome',
  ),
  baton_projector_events_total: counter('Versions appended to the event log, and those it can never take', 'outcome'),
  baton_projector_archive_marks_total: counter(
    'Archive marks written, and records that no mark can be written to',
    'outcome',
  ),
  baton_quarantined_total: counter('What was put aside because it cannot be projected', 'kind'),
} as const satisfies Readonly<Record<`baton_${string}`, MetricShape>>;

export type MetricName = keyof typeof METRICS;
