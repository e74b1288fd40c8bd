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

/** Queues, tasks and acts of a supervisor: what an autoscaler and an operator ask. */
export const supervisorSource = (supervisor: Supervisor, clock: Pick<Clock, 'now'>): MetricSource => {
  let served: ReadonlySet<string> = new Set();
  const queues = new LabelCap({ isKnown: (queue) => served.has(queue) });
  return {
    names: [
      'baton_queue_waiting_tasks',
      'baton_queue_unserved_tasks',
      'baton_queue_oldest_wait_seconds',
      'baton_queue_offered_tasks',
      'baton_queue_workers',
      'baton_supervisors',
      'baton_workers',
      'baton_remote_workers',
      'baton_supervisor_caught_up',
      'baton_supervisor_partitions',
      'baton_supervisor_watched_tasks',
      'baton_supervisor_timers',
      'baton_supervisor_acts_total',
      'baton_supervisor_acts_pending',
      'baton_supervisor_records_total',
      'baton_supervisor_unreadable_records',
      'baton_supervisor_watch_restarts_total',
      'baton_commands_total',
      'baton_dead_letters_total',
    ],
    read: (readings) => {
      const report = supervisor.report();
      ({ served } = report);
      for (const queue of served) queues.labelOf(queue);
      readQueues(readings, report, queues, clock.now());
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

const readStats = ({ value }: Readings, stats: SupervisorStats): void => {
  value('baton_supervisors', stats.supervisors);
  value('baton_workers', stats.workers);
  value('baton_remote_workers', stats.remoteWorkers);
  value('baton_supervisor_caught_up', stats.ready ? 1 : 0);
  value('baton_supervisor_partitions', stats.partitions);
  value('baton_supervisor_watched_tasks', stats.tasks);
  value('baton_supervisor_timers', stats.timers);
  for (const [act, outcomes] of Object.entries(stats.acts)) {
    for (const [outcome, count] of Object.entries(outcomes))
      value('baton_supervisor_acts_total', count, { act: act.replaceAll('-', '_'), outcome });
  }
  value('baton_supervisor_acts_pending', stats.load);
  value('baton_supervisor_records_total', stats.entries.taken, { step: 'read' });
  value('baton_supervisor_records_total', stats.entries.decoded, { step: 'decoded' });
  value('baton_supervisor_unreadable_records', stats.unreadable);
  value('baton_supervisor_watch_restarts_total', stats.restarts.records, { watch: 'records' });
  value('baton_supervisor_watch_restarts_total', stats.restarts.nodes, { watch: 'nodes' });
  const { carriedOut, refused, buried, again, newer } = stats.commands;
  const outcomes = { done: carriedOut, refused, dead_letter: buried, again, newer };
  for (const [outcome, count] of Object.entries(outcomes)) value('baton_commands_total', count, { outcome });
  value('baton_dead_letters_total', buried);
};
