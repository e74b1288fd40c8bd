import {
  LabelCap,
  OTHER,
  type Clock,
  type Supervisor,
  type SupervisorReport,
  type SupervisorStats,
} from '@baton/runtime';
import type { MetricSource, Readings } from './registry.ts';

const PRIORITIES = ['high', 'normal', 'low'] as const;

/** Queues, tasks and actions of a supervisor: what an autoscaler and an operator ask. */
export const supervisorSource = (supervisor: Supervisor, clock: Pick<Clock, 'now'>): MetricSource => {
  // Of those that workers serve, and those that admins have set something for.
  let known: ReadonlySet<string> = new Set();
  const queues = new LabelCap({ isKnown: (queue) => known.has(queue) });
  return {
    names: [
      'baton_queue_waiting_tasks',
      'baton_queue_unserved_tasks',
      'baton_queue_oldest_wait_seconds',
      'baton_queue_offered_tasks',
      'baton_queue_workers',
      'baton_queue_paused',
      'baton_queue_settings_known',
      'baton_supervisors',
      'baton_workers',
      'baton_remote_workers',
      'baton_supervisor_caught_up',
      'baton_supervisor_partitions',
      'baton_supervisor_watched_tasks',
      'baton_supervisor_timers',
      'baton_supervisor_actions_total',
      'baton_supervisor_actions_pending',
      'baton_supervisor_records_total',
      'baton_supervisor_unreadable_records',
      'baton_supervisor_watch_restarts_total',
      'baton_schedules',
      'baton_schedule_fires_total',
      'baton_commands_total',
      'baton_dead_letters_total',
    ],
    read: (readings) => {
      const report = supervisor.report();
      known = new Set([...report.served, ...report.pauses.map(({ queue }) => queue)]);
      for (const queue of known) queues.labelOf(queue);
      readQueues(readings, report, queues, clock.now());
      readSettings(readings, report, queues);
      readStats(readings, supervisor.stats());
    },
  };
};

type Sum = {
  readonly waiting: Record<(typeof PRIORITIES)[number], number>;
  unserved: number;
  oldestSeconds: number;
};

/** A queue that was there once is told as empty: an autoscaler that finds no number does nothing. */
const readQueues = ({ value }: Readings, report: SupervisorReport, cap: LabelCap, now: number): void => {
  const sums = new Map<string, Sum>();
  const sumOf = (label: string): Sum => {
    const known = sums.get(label);
    if (known !== undefined) return known;
    const sum: Sum = { waiting: { high: 0, normal: 0, low: 0 }, unserved: 0, oldestSeconds: 0 };
    sums.set(label, sum);
    return sum;
  };
  for (const { queue, waiting, unserved, oldestSince = now } of report.depths) {
    const sum = sumOf(cap.labelOf(queue));
    for (const priority of PRIORITIES) sum.waiting[priority] += waiting[priority];
    sum.unserved += unserved;
    sum.oldestSeconds = Math.max(sum.oldestSeconds, (now - oldestSince) / 1_000);
  }
  for (const queue of cap.known) sumOf(queue);
  for (const [queue, { waiting, unserved, oldestSeconds }] of sums) {
    for (const priority of PRIORITIES) value('baton_queue_waiting_tasks', waiting[priority], { queue, priority });
    value('baton_queue_unserved_tasks', unserved, { queue });
    value('baton_queue_oldest_wait_seconds', oldestSeconds, { queue });
  }
  const hosted = new Map<string, { offered: number; workers: number }>();
  for (const { queue, offered, workers } of report.hosted) {
    const label = cap.labelOf(queue);
    const sum = hosted.get(label) ?? { offered: 0, workers: 0 };
    hosted.set(label, sum);
    sum.offered += offered;
    // Of several queues under one name the workers are not told apart.
    sum.workers = label === OTHER ? Math.max(sum.workers, workers) : workers;
  }
  for (const [queue, { offered, workers }] of hosted) {
    value('baton_queue_offered_tasks', offered, { queue });
    value('baton_queue_workers', workers, { queue });
  }
};

/** A queue that was paused once is told as 0 for as long as something is kept for it. */
const readSettings = ({ value }: Readings, { pauses, knowsSettings }: SupervisorReport, cap: LabelCap): void => {
  value('baton_queue_settings_known', knowsSettings ? 1 : 0);
  const sums = new Map<string, Record<'queue' | 'type' | 'group' | 'unreadable', number>>();
  for (const { queue, whole, types, groups, unreadable } of pauses) {
    const label = cap.labelOf(queue);
    const sum = sums.get(label) ?? { queue: 0, type: 0, group: 0, unreadable: 0 };
    sums.set(label, sum);
    sum.queue += whole;
    sum.type += types;
    sum.group += groups;
    sum.unreadable += unreadable;
  }
  for (const [queue, sum] of sums)
    for (const [part, count] of Object.entries(sum)) value('baton_queue_paused', count, { queue, part });
};

const readStats = ({ value }: Readings, stats: SupervisorStats): void => {
  value('baton_supervisors', stats.supervisors);
  value('baton_workers', stats.workers);
  value('baton_remote_workers', stats.remoteWorkers);
  value('baton_supervisor_caught_up', stats.ready ? 1 : 0);
  value('baton_supervisor_partitions', stats.partitions);
  value('baton_supervisor_watched_tasks', stats.tasks);
  value('baton_supervisor_timers', stats.timers);
  for (const [action, outcomes] of Object.entries(stats.actions)) {
    for (const [outcome, count] of Object.entries(outcomes))
      value('baton_supervisor_actions_total', count, { action: action.replaceAll('-', '_'), outcome });
  }
  value('baton_supervisor_actions_pending', stats.load);
  value('baton_supervisor_records_total', stats.entries.taken, { step: 'read' });
  value('baton_supervisor_records_total', stats.entries.decoded, { step: 'decoded' });
  value('baton_supervisor_unreadable_records', stats.unreadable);
  value('baton_supervisor_watch_restarts_total', stats.restarts.records, { watch: 'records' });
  value('baton_supervisor_watch_restarts_total', stats.restarts.nodes, { watch: 'nodes' });
  value('baton_schedules', stats.schedules.size);
  for (const [outcome, count] of Object.entries(stats.schedules.fires))
    value('baton_schedule_fires_total', count, { outcome });
  const { carriedOut, refused, buried, again, newer } = stats.commands;
  const outcomes = { done: carriedOut, refused, dead_letter: buried.answered + buried.unanswered, again, newer };
  for (const [outcome, count] of Object.entries(outcomes)) value('baton_commands_total', count, { outcome });
  value('baton_dead_letters_total', buried.answered, { answered: 'yes' });
  value('baton_dead_letters_total', buried.unanswered, { answered: 'no' });
};
