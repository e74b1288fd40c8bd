import { hostname } from 'node:os';
import { namesOf } from '@baton/protocols';
import { BatonError } from '../errors.ts';
import { createKernel } from '../kernel.ts';
import { silentLog, type Log } from '../log.ts';
import type { Lease, Ports } from '../ports.ts';
import { Courtesy } from './courtesy.ts';
import { foreign, takeIn } from './intake.ts';
import { LagAlarm } from './lag-alarm.ts';
import { Marker } from './marker.ts';
import { Patience, pause, Stopped } from './patience.ts';
import { reviveAside } from './revive.ts';
import { Source, type Batch } from './source.ts';
import { LagMeter, zeroCounters, type Counters, type Lag } from './stats.ts';
import { sweepBucket } from './sweep.ts';
import { Sweeper } from './sweeper.ts';
import type { TaskViews } from './views.ts';
import { Writer } from './writer.ts';

export type ProjectorPorts = Pick<Ports, 'store' | 'log' | 'feed' | 'operations' | 'presence' | 'clock' | 'chance'>;

export type ProjectorOptions = {
  readonly log?: Log;
  /** How long events may gather before a write when the projection keeps up, milliseconds. Default 200. */
  readonly paceMs?: number;
  /** A lag above this is warned about. Default 10,000. */
  readonly lagWarnMs?: number;
  /** Between two looks through the bucket. Default 10 minutes. */
  readonly sweepEveryMs?: number;
  /** Milliseconds this process has waited for a processor since it started; where that is much, tasks come first. */
  readonly waitedMs?: () => number;
  /** Something is broken beyond repair; the projector has ended. */
  readonly onBroken?: (error: unknown) => void;
};

export type Projector = {
  readonly lag: () => Lag;
  readonly counters: () => Readonly<Counters>;
  /** Looks through the bucket now; resolves with the number of tasks that were missing. */
  readonly sweep: () => Promise<number>;
  /** Finishes nothing by force: what is not acknowledged comes again. May be called more than once. */
  readonly stop: () => Promise<void>;
};

export const PACE_MS = 200;
export const LAG_WARN_MS = 10_000;
const SWEEP_EVERY_MS = 600_000;

/**
 * The projector actor: log -> newest record of every task -> one guarded write -> archive marks -> acknowledge.
 *
 * A batch is acknowledged only after its documents are written and its marks were asked for, so that a crash anywhere
 * brings it again, and again does no harm. Three batches are in hand at most: one being read, one being written, one
 * being marked. While the database is away nothing is read, so memory stays flat and only the projection waits (P3).
 */
export const startProjector = async (
  ports: ProjectorPorts,
  views: TaskViews,
  options: ProjectorOptions = {},
): Promise<Projector> => {
  const actor = new ProjectorActor(ports, views, options);
  await actor.start();
  return {
    lag: () => actor.meter.lag(),
    counters: () => actor.counters,
    sweep: () => actor.sweeper.now(),
    stop: () => actor.stop(),
  };
};

class ProjectorActor {
  readonly counters = zeroCounters();
  readonly meter: LagMeter;
  readonly sweeper: Sweeper;
  private readonly ports: ProjectorPorts;
  private readonly views: TaskViews;
  private readonly options: ProjectorOptions;
  private readonly log: Log;
  private readonly stopping = new AbortController();
  private readonly source: Source;
  private readonly writer: Writer;
  private readonly marker: Marker;
  private readonly viewsPatience: Patience;
  private readonly alarm: LagAlarm;
  private readonly courtesy: Courtesy;
  private running: Promise<void> = Promise.resolve();
  private lease: Lease | undefined;

  constructor(ports: ProjectorPorts, views: TaskViews, options: ProjectorOptions) {
    this.ports = ports;
    this.views = views;
    this.options = options;
    const { log = silentLog, paceMs = PACE_MS, lagWarnMs = LAG_WARN_MS, sweepEveryMs = SWEEP_EVERY_MS } = options;
    this.log = log;
    const { clock, feed } = ports;
    const { signal } = this.stopping;
    const { epoch } = ports.store;
    const { counters } = this;
    this.meter = new LagMeter(clock);
    this.viewsPatience = new Patience('MongoDB', ports, log, signal);
    this.source = new Source({
      log: ports.log,
      consumer: namesOf().projectorConsumer,
      clock,
      patience: new Patience('the event log', ports, log, signal),
      signal,
      paceMs,
    });
    this.writer = new Writer({ views, patience: this.viewsPatience, clock, epoch, log, counters });
    this.marker = new Marker({ kernel: createKernel(ports), operations: ports.operations, clock, counters });
    this.courtesy = new Courtesy(options.waitedMs ?? (() => 0));
    this.alarm = new LagAlarm(this.meter, clock, log, lagWarnMs);
    this.sweeper = new Sweeper({
      sweep: () => sweepBucket({ feed, epoch, clock, writer: this.writer, marker: this.marker, log, signal }),
      clock,
      log,
      everyMs: sweepEveryMs,
      meter: this.meter,
      counters,
    });
  }

  async start(): Promise<void> {
    const { clock, chance, presence } = this.ports;
    const info = { role: 'projector', id: chance.uuid(), host: hostname(), pid: process.pid } as const;
    this.lease = await presence.hold(
      { ...info, startedAt: clock.now(), state: 'ready' },
      { lost: () => {}, regained: () => {} },
    );
    this.alarm.start();
    this.running = Promise.all([this.guard(this.project()), this.guard(this.lookAfter())]).then(() => {});
  }

  async stop(): Promise<void> {
    this.stopping.abort();
    this.alarm.stop();
    this.sweeper.stop();
    await this.source
      .close()
      .catch((error: unknown) => this.log.debug({ err: error }, 'the log reader was not closed'));
    await this.running;
    await this.lease?.release();
    this.lease = undefined;
  }

  /** Stopped is the normal end; anything else is a bug and is not run over again and again. */
  private async guard(work: Promise<void>): Promise<void> {
    try {
      await work;
    } catch (error) {
      if (error instanceof Stopped) return;
      this.stopping.abort();
      this.alarm.stop();
      this.sweeper.stop();
      this.options.onBroken?.(error);
    }
  }

  private async project(): Promise<void> {
    let reading = this.read();
    let marking: Promise<void> = Promise.resolve();
    try {
      for (;;) {
        const batch = await reading;
        reading = this.read();
        if (batch === undefined) continue;
        const projected = await this.write(batch);
        await marking;
        marking = this.finish(batch, projected);
        await this.rest(batch);
      }
    } finally {
      // Both settle at once when it stops; neither may be left to reject unseen.
      await Promise.allSettled([reading, marking]);
    }
  }

  private read(): Promise<InHand | undefined> {
    const reading = this.source.next().then((batch) => (batch === undefined ? undefined : this.takeInHand(batch)));
    // Awaited one write later: until then a rejection is nobody's.
    reading.catch(() => {});
    return reading;
  }

  private takeInHand(batch: Batch): InHand {
    const now = this.ports.clock.now();
    const intake = takeIn(batch.entries, { epoch: this.ports.store.epoch, now, archived: 'skip' });
    const aside = [...intake.aside, ...batch.unreadable.map((message) => foreign(message, now))];
    const events = batch.entries.length + batch.unreadable.length;
    const inHand = { ...intake, aside, events, waiting: batch.pending, ack: batch.ack };
    this.counters.batches++;
    this.counters.events += events;
    this.meter.taken(inHand, batch.pending);
    return inHand;
  }

  private async write(batch: InHand) {
    const written = await this.writer.write(batch.found);
    await this.writer.putAside(batch.aside);
    this.meter.written(batch);
    return written;
  }

  private async rest({ events, waiting, oldestAt }: InHand): Promise<void> {
    const { clock } = this.ports;
    const ageMs = oldestAt === undefined ? 0 : clock.now() - oldestAt;
    const ms = this.courtesy.restMs({ events, waiting, marked: this.counters.marked, ageMs });
    if (ms >= 1) await pause(clock, ms, this.stopping.signal);
  }

  private async finish(batch: InHand, projected: Parameters<Marker['mark']>[0]): Promise<void> {
    await this.marker.mark(projected);
    try {
      await batch.ack();
    } catch (error) {
      if (!(error instanceof BatonError)) throw error;
      this.log.debug({ code: error.code }, 'a batch was not acknowledged; it comes again');
    }
  }

  private async lookAfter(): Promise<void> {
    await this.viewsPatience.until(() => reviveAside(this.views, this.log));
    await this.sweeper.run();
  }
}

type InHand = ReturnType<typeof takeIn> & {
  readonly events: number;
  /** Events that waited behind these when they were taken. */
  readonly waiting: number;
  readonly ack: () => Promise<void>;
};
