import { backoffDelayMs, type ScheduleCommand, type ScheduleRecord } from '@baton/core';
import { scheduleAddressOf, type Address } from '@baton/protocols';
import type { SubmitParts } from '../client/submit.ts';
import { ownedBy } from '../dispatch/rendezvous.ts';
import { BatonError } from '../errors.ts';
import type { Log } from '../log.ts';
import type { Entry } from '../ports/store.ts';
import type { Subscription } from '../ports/environment.ts';
import { FireMeter, type FireCounts } from './fire-counts.ts';
import { ScheduleDuty } from './schedule-duty.ts';
import { startFire } from './start-fire.ts';
import { createScheduleKernel, scheduleOf, type ScheduleKernel } from './kernel.ts';

/** Between two tries to follow the bucket. */
const AGAIN = { initialMs: 500, factor: 2, maxMs: 10_000, jitter: 0.5 };

export type ScheduleHostParts = SubmitParts & {
  readonly supervisor: string;
  readonly log: Log;
  readonly once: { readonly say: (key: string, say: () => void) => void };
};

/**
 * Fires the schedules that are this supervisor's: rendezvous hashing over the live ones gives each a host. Two hosts for a
 * moment are harmless, as what they decide is a compare-and-set and what they make is named by the fire.
 */
export class ScheduleHost {
  private readonly parts: ScheduleHostParts;
  private readonly kernel: ScheduleKernel;
  private readonly meter: FireMeter;
  private readonly duties = new Map<string, ScheduleDuty>();
  private readonly known = new Map<string, { readonly record: ScheduleRecord; readonly revision: number }>();
  private members: readonly string[] | undefined;
  private watch: Subscription | undefined;
  private timer: { readonly cancel: () => void } | undefined;
  private failures = 0;
  /** Of the watch there is, or is being opened: what an earlier one still says is not listened to. */
  private life = 0;
  private isCurrent = false;
  private stopped = false;

  constructor(parts: ScheduleHostParts) {
    this.parts = parts;
    this.meter = new FireMeter(parts);
    this.kernel = createScheduleKernel(parts.ports, this.meter.stored);
  }

  /** Schedules this supervisor fires, and what became of its fires. */
  stats(): { readonly size: number; readonly fires: FireCounts } {
    return { size: this.duties.size, fires: this.meter.counts };
  }

  start(): void {
    void this.follow();
  }

  stop(): void {
    this.stopped = true;
    this.timer?.cancel();
    this.watch?.close();
    for (const duty of this.duties.values()) duty.stop();
    this.duties.clear();
  }

  /** Who is there now. */
  share(members: readonly string[]): void {
    this.members = members;
    this.assign();
  }

  private async follow(): Promise<void> {
    const { ports, log } = this.parts;
    const there = new Set<string>();
    const life = ++this.life;
    let isAll = false;
    try {
      const watch = await ports.schedules.follow({
        entry: (entry) => {
          if (life !== this.life) return;
          if (!isAll) there.add(entry.address);
          this.take(entry);
        },
        caughtUp: () => {
          if (life !== this.life) return;
          this.failures = 0;
          this.isCurrent = true;
          isAll = true;
          // Removed while nobody told of it, and forgotten since.
          for (const name of this.known.keys()) if (!there.has(scheduleAddressOf(name))) this.forget(name);
          this.assign();
        },
        lost: (cause) => this.again(life, cause),
      });
      if (this.stopped || life !== this.life) watch.close();
      else this.watch = watch;
    } catch (error) {
      if (!(error instanceof BatonError)) log.error({ err: error }, 'schedules cannot be followed');
      this.again(life, error);
    }
  }

  /** What is known goes on meanwhile: whatever it comes to is decided on what is stored. */
  private again(life: number, cause: unknown): void {
    if (this.stopped || life !== this.life) return;
    this.life++;
    const { ports, log } = this.parts;
    const pauseMs = backoffDelayMs(AGAIN, ++this.failures, ports.chance.random());
    if (this.failures > 1) log.debug({ err: cause }, 'schedules are not followed now; tried again');
    this.timer = ports.clock.after(pauseMs, () => void this.follow());
  }

  private take(entry: Entry): void {
    const { once, log } = this.parts;
    try {
      const record = scheduleOf(entry);
      const { name } = record;
      if (entry.revision <= (this.known.get(name)?.revision ?? 0)) return;
      if (record.removed) {
        this.forget(name);
        return;
      }
      this.known.set(name, { record, revision: entry.revision });
      const duty = this.duties.get(name);
      if (duty !== undefined) duty.seen(record, entry.revision);
      else if (this.isCurrent) this.assign();
    } catch (error) {
      if (!(error instanceof BatonError)) throw error;
      once.say(`schedule ${entry.address}`, () =>
        log.warn({ err: error, schedule: entry.address }, 'a schedule cannot be read and does not fire'),
      );
    }
  }

  private forget(name: string): void {
    this.known.delete(name);
    this.duties.get(name)?.stop();
    this.duties.delete(name);
  }

  private assign(): void {
    const { members, parts } = this;
    if (members === undefined || !this.isCurrent || this.stopped) return;
    const mine = new Set(ownedBy(parts.supervisor, [...this.known.keys()], members));
    for (const [name, duty] of this.duties) {
      if (mine.has(name)) continue;
      duty.stop();
      this.duties.delete(name);
    }
    for (const name of mine) {
      const known = this.known.get(name);
      if (known === undefined || this.duties.has(name)) continue;
      const ask = (command: (record: ScheduleRecord | undefined) => ScheduleCommand) => this.ask(name, command);
      const duty = new ScheduleDuty({
        ...parts,
        ask,
        load: () => this.kernel.load(scheduleAddressOf(name)),
        again: () => this.meter.counts.again++,
        start: (record, fire, isMine) => startFire(parts, record, fire, isMine),
      });
      this.duties.set(name, duty);
      duty.seen(known.record, known.revision);
    }
  }

  private ask(name: string, command: (record: ScheduleRecord | undefined) => ScheduleCommand) {
    const address: Address = scheduleAddressOf(name);
    return this.kernel.ask(address, (held) => command(held?.record));
  }
}
