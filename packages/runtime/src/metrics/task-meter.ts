import {
  isTerminal,
  readyAtOf,
  successorsOf,
  TERMINAL_STATUSES,
  type TaskRecord,
  type TerminalStatus,
} from '@baton/core';
import { ABORT_BOUNDS, Histogram, RUN_BOUNDS, WAIT_BOUNDS } from './histogram.ts';
import { LabelCap } from './label-cap.ts';

/** What this process has done to tasks of one type since it started. */
export type TypeCounts = {
  created: number;
  joined: number;
  started: number;
  readonly ended: Record<TerminalStatus, number>;
  retries: number;
  rescues: number;
  givenBack: number;
  /** Runs that ended where they waited for a signal. */
  suspended: number;
  cancels: number;
  timeouts: number;
  /** Ended because they were not started in time. */
  expired: number;
  /** Ended, or told to stop, since their group or key was full. */
  displaced: number;
  /** Timeouts that passed while nothing could be stopped. */
  unenforced: number;
  notStopping: number;
  /** Seconds an attempt took, from its claim to its end. */
  readonly run: Histogram;
};

/** Whether somebody vouches for a name, see LabelCap. */
export type Vouch = { readonly type?: (name: string) => boolean; readonly queue?: (name: string) => boolean };

/**
 * Counts what becomes of tasks, from the transitions this process itself has stored: each is stored by one process, so the
 * counts of all of them add up. Plain numbers in memory; a transition costs a look at a few fields.
 */
export class TaskMeter {
  readonly types = new Map<string, TypeCounts>();
  /** Seconds from ready to claimed, by queue. */
  readonly waits = new Map<string, Histogram>();
  /** Seconds from the request of an abort to each step of its proof. */
  readonly aborts = {
    delivered: new Histogram(ABORT_BOUNDS),
    observed: new Histogram(ABORT_BOUNDS),
    stopped: new Histogram(ABORT_BOUNDS),
  };
  private vouch: Vouch = {};
  private readonly typeNames = new LabelCap({ isKnown: (name) => this.vouch.type?.(name) ?? false });
  private readonly queueNames = new LabelCap({ isKnown: (name) => this.vouch.queue?.(name) ?? false });

  /** Who knows names that are in use. Said when that is there; before, all are strangers. */
  trust(vouch: Vouch): void {
    this.vouch = vouch;
  }

  /** `after` was stored in the place of `before`, by this process. Must not throw. */
  readonly stored = (before: TaskRecord | undefined, after: TaskRecord): void => {
    if (before === undefined || before.id !== after.id) return this.began(before, after);
    const counts = this.countsOf(after.type);
    const joined = (after.dedupeCount ?? 0) - (before.dedupeCount ?? 0);
    if (joined > 0) counts.joined += joined;
    if (after.successor !== undefined && after.successor !== before.successor) this.queuedBehind(before, after, counts);
    if (after.abort !== undefined) this.aborted(before, after, counts);
    if (before.status !== after.status) this.moved(before, after, counts);
    else if (after.timeoutUnenforced && !before.timeoutUnenforced) counts.unenforced++;
    else if (after.notStopping && !before.notStopping) counts.notStopping++;
  };

  /** A new task stands there. One that waited behind another was counted when it was submitted, by whoever took it. */
  private began(before: TaskRecord | undefined, after: TaskRecord): void {
    const isPromoted = before?.successor?.spec.id === after.id;
    const counts = this.countsOf(after.type);
    if (!isPromoted) {
      counts.created++;
      counts.joined += after.dedupeCount ?? 0;
    }
    if (isTerminal(after.status)) counts.ended[after.status]++;
  }

  private queuedBehind(before: TaskRecord, after: TaskRecord, counts: TypeCounts): void {
    const former = new Map(successorsOf(before).map(({ spec, dedupeCount = 0 }) => [spec.id, dedupeCount]));
    for (const { spec, dedupeCount = 0 } of successorsOf(after)) {
      const known = former.get(spec.id);
      if (known === undefined) counts.created++;
      counts.joined += dedupeCount - (known ?? 0);
    }
  }

  private moved(before: TaskRecord, after: TaskRecord, counts: TypeCounts): void {
    const { status, startedAt } = after;
    if (status === 'in_progress') {
      counts.started++;
      if (after.mode === 'async')
        this.waitOf(after.queue).observe(seconds(readyAtOf(after), startedAt ?? after.changedAt));
      return;
    }
    if (status === 'aborting') return;
    if (isTerminal(status)) counts.ended[status]++;
    else if ((after.failures ?? 0) > (before.failures ?? 0)) counts.retries++;
    else if ((after.rescues ?? 0) > (before.rescues ?? 0)) counts.rescues++;
    else if (after.waiting !== undefined) counts.suspended++;
    else counts.givenBack++;
    if (before.status !== 'pending' && startedAt !== undefined) counts.run.observe(seconds(startedAt, after.changedAt));
  }

  private aborted(before: TaskRecord, { abort, status }: TaskRecord, counts: TypeCounts): void {
    if (abort === undefined) return;
    if (before.abort === undefined) {
      counts[ASKED[abort.cause]]++;
    }
    const { at, deliveredAt, observedAt, stoppedAt } = abort;
    const { delivered, observed, stopped } = this.aborts;
    if (observedAt !== undefined && before.abort?.observedAt === undefined) {
      delivered.observe(seconds(at, deliveredAt ?? observedAt));
      observed.observe(seconds(at, observedAt));
    }
    // Where nothing ran there was nothing to stop.
    if (stoppedAt !== undefined && isTerminal(status) && before.status === 'aborting')
      stopped.observe(seconds(at, stoppedAt));
  }

  private countsOf(type: string): TypeCounts {
    const known = this.types.get(type);
    if (known !== undefined) return known;
    const label = this.typeNames.labelOf(type);
    const counts = this.types.get(label) ?? zeroCounts();
    this.types.set(label, counts);
    return counts;
  }

  private waitOf(queue: string): Histogram {
    const known = this.waits.get(queue);
    if (known !== undefined) return known;
    const label = this.queueNames.labelOf(queue);
    const wait = this.waits.get(label) ?? new Histogram(WAIT_BOUNDS);
    this.waits.set(label, wait);
    return wait;
  }
}

const ASKED = { cancel: 'cancels', timeout: 'timeouts', expired: 'expired', displaced: 'displaced' } as const;

const zeroCounts = (): TypeCounts => ({
  created: 0,
  joined: 0,
  started: 0,
  ended: Object.fromEntries(TERMINAL_STATUSES.map((status) => [status, 0])) as Record<TerminalStatus, number>,
  retries: 0,
  rescues: 0,
  givenBack: 0,
  suspended: 0,
  cancels: 0,
  timeouts: 0,
  expired: 0,
  displaced: 0,
  unenforced: 0,
  notStopping: 0,
  run: new Histogram(RUN_BOUNDS),
});

/** Between two times of the server's clock, milliseconds. It may have been set in between. */
const seconds = (from: number, to: number): number => Math.max(0, to - from) / 1_000;
