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
  /** As it is stored now. Rejects with a BatonError. */
  readonly load: () => Promise<{ readonly record: ScheduleRecord; readonly revision: number } | undefined>;
  readonly ask: (command: (record: ScheduleRecord | undefined) => ScheduleCommand) => Promise<ScheduleAsked>;
  /** A try of which nothing came. */
  readonly again: () => void;
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
    this.take(record, revision);
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
      // Nobody may have told what became of it meanwhile.
      if (this.failures > 0) await this.look();
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

  private async look(): Promise<void> {
    const held = await this.parts.load();
    if (held === undefined || held.revision >= this.revision) this.take(held?.record, held?.revision ?? 0);
  }

  private async tick(): Promise<void> {
    const { record, times } = this;
    const { clock } = this.parts.ports;
    if (record === undefined || times === undefined || record.paused !== undefined) return;
    const at = clock.now();
    const { due: all, left } = times.between(record.cursor, at, BACKFILL_TIMES);
    const early = all.findIndex((time) => time + jitterOf(record, time) > at);
    const due = early < 0 ? all : all.slice(0, early);
    const last = due.at(-1) ?? record.cursor;
    // What is left out behind the first that has to wait is looked at with it.
    const before = early < 0 ? left : times.between(record.cursor, last, BACKFILL_TIMES).left;
    if (due.length === 0 && before.count === 0) return;
    const behind = all.length < BACKFILL_TIMES ? undefined : times.after(last);
    const next = behind === undefined || behind > at ? {} : { next: behind };
    for (const time of due) this.mine.add(String(time));
    const { id } = record;
    await this.tell(() => ({ kind: 'tick', at, by: this.by, id, due, left: before, ...next }));
  }

  /** How long to pause before the next look. One that waits for its turn holds up only those that wait for it too. */
  private async startWaiting(): Promise<number> {
    const { id, waiting = [] } = this.record ?? {};
    let pauseMs = 0;
    for (const fire of waiting) {
      const { record } = this;
      // Meanwhile it may be another one of that name, and none of these its fires.
      if (record === undefined || record.id !== id || this.stopped) return 0;
      if (pauseMs > 0 && fire.overlap === 'buffer_all') {
        // Nobody begins it before its turn.
        this.mine.add(fire.id);
        continue;
      }
      if (pauseMs > 0 && (fire.overlap === 'skip' || fire.overlap === 'buffer_one')) {
        await this.settle(record, fire, { skipped: 'overlap: an earlier fire waits for its turn' });
        continue;
      }
      const started = await this.parts.start(record, fire, this.mine.has(fire.id));
      switch (started.kind) {
        case 'started':
          await this.settle(record, fire, { task: started.task, address: started.address });
          break;
        case 'skipped':
          await this.settle(record, fire, { skipped: started.why });
          break;
        case 'waits':
          this.mine.add(fire.id);
          pauseMs = BUFFERED_MS;
          break;
        case 'again':
          throw started.cause;
      }
    }
    return pauseMs;
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
    if (asked.kind === 'done') this.take(asked.record, asked.revision);
    else if (asked.kind === 'refused') this.take(asked.held?.record, asked.held?.revision ?? 0);
    else throw asked.cause;
  }

  private take(record: ScheduleRecord | undefined, revision: number): void {
    const { record: known } = this;
    this.revision = Math.max(this.revision, revision);
    this.record = record?.removed ? undefined : record;
    if (record !== undefined && (known?.id !== record.id || known.spec !== record.spec))
      this.times = this.timesOf(record);
  }

  private failed(error: unknown): number {
    const { once, log, ports } = this.parts;
    const name = this.record?.name;
    const isKnown = error instanceof BatonError;
    this.parts.again();
    once.say(`schedule ${isKnown ? error.code : 'broken'}`, () =>
      log[isKnown ? 'warn' : 'error']({ err: error, schedule: name }, 'a schedule cannot fire now; tried again'),
    );
    return backoffDelayMs(AGAIN, ++this.failures, ports.chance.random());
  }

  /** Undefined: this program cannot read its times. It was checked by who has set it, which may be of another version. */
  private timesOf({ name, spec, anchor }: ScheduleRecord): FireTimes | undefined {
    try {
      return new FireTimes(spec, anchor);
    } catch (error) {
      const { once, log } = this.parts;
      const text = 'the times of a schedule cannot be read here: it does not fire';
      once.say(`times of schedule ${name}`, () => log.warn({ err: error, schedule: name }, text));
      return undefined;
    }
  }

  private get by(): string {
    return `supervisor:${this.parts.supervisor}`;
  }
}
