import { backoffDelayMs, type Fire, type ScheduleCommand, type ScheduleRecord } from '@baton/core';
import { BACKFILL_TIMES } from '@baton/protocols';
import { BatonError } from '../errors.ts';
import type { Log } from '../log.ts';
import type { Ports } from '../ports.ts';
import { FireTimes, jitterOf } from './fire-times.ts';
import type { ScheduleAsked } from './kernel.ts';
import type { Started } from './start-fire.ts';

/** Looked at as often as that at least: the server's clock may have been set, or be known better. */
const LOOK_MS = 30_000;

/** A fire that waits for the task of an earlier one is tried again as often. */
const BUFFERED_MS = 500;

const AGAIN = { initialMs: 250, factor: 2, maxMs: 5_000, jitter: 0.5 };

export type ScheduleDutyParts = {
  readonly ports: Pick<Ports, 'clock' | 'chance'>;
  readonly supervisor: string;
  readonly log: Log;
  readonly once: { readonly say: (key: string, say: () => void) => void };
  readonly ask: (command: (record: ScheduleRecord | undefined) => ScheduleCommand) => Promise<ScheduleAsked>;
  readonly start: (record: ScheduleRecord, fire: Fire, isMine: boolean) => Promise<Started>;
};

/**
 * Fires one schedule, as long as it is this supervisor's. First it is stored which times fire, then their tasks are made,
 * then that is stored: whoever goes on after a crash finds what is not settled yet and makes the same tasks.
 */
export class ScheduleDuty {
  private readonly parts: ScheduleDutyParts;
  private record: ScheduleRecord | undefined;
  private times: FireTimes | undefined;
  private timer: { readonly cancel: () => void } | undefined;
  private revision = 0;
  private busy = false;
  private failures = 0;
  private stopped = false;
  /** Fires that were decided here: nobody else had begun them before. */
  private readonly mine = new Set<string>();

  constructor(parts: ScheduleDutyParts) {
    this.parts = parts;
  }

  /** As it is stored now. */
  seen(record: ScheduleRecord, revision: number): void {
    if (revision <= this.revision) return;
    this.revision = revision;
    const { record: known } = this;
    if (known === undefined || known.id !== record.id || known.spec !== record.spec) this.times = timesOf(record);
    this.record = record;
    this.plan(0);
  }

  stop(): void {
    this.stopped = true;
    this.timer?.cancel();
  }

  /** Looks again not before so long, and then when the next is due. */
  private plan(leastMs: number): void {
    const { clock } = this.parts.ports;
    this.timer?.cancel();
    if (this.stopped || this.busy) return;
    const ms = Math.max(leastMs, Math.min(LOOK_MS, this.nextAt() - clock.now()));
    this.timer = clock.after(ms, () => void this.work());
  }

  private nextAt(): number {
    const { record, times } = this;
    if (record === undefined) return Number.POSITIVE_INFINITY;
    if (record.waiting.length > 0) return 0;
    const next = record.paused === undefined ? times?.after(record.cursor) : undefined;
    return next === undefined ? Number.POSITIVE_INFINITY : next + jitterOf(record, next);
  }

  private async work(): Promise<void> {
    if (this.busy || this.stopped) return;
    this.busy = true;
    let pauseMs = 0;
    try {
      await this.tick();
      pauseMs = await this.startWaiting();
      this.failures = 0;
    } catch (error) {
      pauseMs = this.failed(error);
    } finally {
      this.busy = false;
    }
    this.plan(pauseMs);
  }

  private async tick(): Promise<void> {
    const { record, times } = this;
    const { clock } = this.parts.ports;
    if (record === undefined || times === undefined || record.paused !== undefined) return;
    const at = clock.now();
    const { due: all, left } = times.between(record.cursor, at, BACKFILL_TIMES);
    const early = all.findIndex((time) => time + jitterOf(record, time) > at);
    const due = early < 0 ? all : all.slice(0, early);
    // What is left out behind the first that has to wait is looked at with it.
    const before = early < 0 ? left : { count: 0, last: record.cursor };
    if (due.length === 0 && (before.count === 0 || times.between(record.cursor, at, 1).due.length > 0)) return;
    for (const time of due) this.mine.add(String(time));
    const { id } = record;
    await this.tell(() => ({ kind: 'tick', at, by: this.by, id, due, left: before }));
  }

  /** How long to pause before the next look. */
  private async startWaiting(): Promise<number> {
    for (const fire of this.record?.waiting ?? []) {
      const { record } = this;
      if (record === undefined || this.stopped) return 0;
      const started = await this.parts.start(record, fire, fire.kind !== 'time' || this.mine.has(fire.id));
      switch (started.kind) {
        case 'started':
          await this.settle(record, fire, { task: started.task, address: started.address });
          break;
        case 'skipped':
          await this.settle(record, fire, { skipped: started.why });
          break;
        case 'waits':
          this.mine.add(fire.id);
          return BUFFERED_MS;
        case 'again':
          throw started.cause;
      }
    }
    return 0;
  }

  private async settle(
    { id }: ScheduleRecord,
    fire: Fire,
    how: Extract<ScheduleCommand, { kind: 'settle' }>['how'],
  ): Promise<void> {
    const at = this.parts.ports.clock.now();
    await this.tell(() => ({ kind: 'settle', at, by: this.by, id, fire: fire.id, how }));
    this.mine.delete(fire.id);
  }

  private async tell(command: () => ScheduleCommand): Promise<void> {
    const asked = await this.parts.ask(command);
    if (asked.kind === 'done') this.revision = Math.max(this.revision, asked.revision);
    if (asked.kind === 'done') {
      if (asked.record.id !== this.record?.id || asked.record.spec !== this.record.spec)
        this.times = timesOf(asked.record);
      this.record = asked.record;
    } else if (asked.kind === 'refused') this.record = asked.held?.record.removed ? undefined : asked.held?.record;
    else throw asked.cause;
  }

  private failed(error: unknown): number {
    const { once, log, ports } = this.parts;
    const name = this.record?.name;
    const isKnown = error instanceof BatonError;
    once.say(`schedule ${isKnown ? error.code : 'broken'}`, () =>
      log[isKnown ? 'warn' : 'error']({ err: error, schedule: name }, 'a schedule cannot fire now; tried again'),
    );
    return backoffDelayMs(AGAIN, ++this.failures, ports.chance.random());
  }

  private get by(): string {
    return `supervisor:${this.parts.supervisor}`;
  }
}

/** Undefined: this program cannot read its times. It was checked by who has set it. */
const timesOf = ({ spec, anchor }: ScheduleRecord): FireTimes | undefined => {
  try {
    return new FireTimes(spec, anchor);
  } catch {
    return undefined;
  }
};
