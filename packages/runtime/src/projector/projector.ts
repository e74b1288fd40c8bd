import { hostname } from 'node:os';
import { PROJECTIONS } from '@baton/protocols';
import { silentLog, type Log } from '../log.ts';
import type { LeaseCounts } from '../metrics/counts.ts';
import type { Lease } from '../ports/presence.ts';
import type { Ports } from '../ports.ts';
import { ArchiveSink } from './archive-sink.ts';
import { zeroCounters, type Counters } from './counters.ts';
import { LoadPause, type Idle } from './load-pause.ts';
import { documentsSink } from './documents-sink.ts';
import { LagMeter, type Lag } from './lag.ts';
import { logSink } from './log-sink.ts';
import { OutageRetry, Stopped } from './outage-retry.ts';
import { Projection } from './projection.ts';
import { reviveAside } from './revive.ts';
import type { Sink } from './sink.ts';
import type { TaskViews } from './views.ts';
import { Writer } from './writer.ts';

export type ProjectorPorts = Pick<
  Ports,
  'store' | 'projections' | 'log' | 'operations' | 'presence' | 'signals' | 'clock' | 'chance'
>;

export type ProjectorOptions = {
  readonly log?: Log;
  /** False: there is no event log to project into. Default true; the same for all projectors of an installation. */
  readonly events?: boolean;
  /** Further projections. Nothing is archived before they have it, so they are given to every projector. */
  readonly sinks?: readonly Sink[];
  /** How long versions may gather before a write when a projection keeps up, milliseconds. Default 200. */
  readonly paceMs?: number;
  /** A lag above this is warned about. Default 10,000. */
  readonly lagWarnMs?: number;
  /** Between two looks how far each projection has come; marks come as late. Default 1,000. */
  readonly lookEveryMs?: number;
  /** With less than one idle, tasks come first. Default: there are always enough. */
  readonly idleProcessors?: () => Idle;
  /** Something is broken beyond repair; the projector has ended. */
  readonly onBroken?: (error: unknown) => void;
};

export type Projector = {
  /** How far each projection is behind, by its name: of all processes, not of this one. */
  readonly lags: () => Readonly<Record<string, Lag>>;
  readonly counters: () => Readonly<Counters>;
  /** Undefined after it has stopped. */
  readonly lease: () => LeaseCounts | undefined;
  /** Finishes nothing by force: what is not acknowledged comes again. May be called more than once. */
  readonly stop: () => Promise<void>;
};

export const PACE_MS = 200;
export const LAG_WARN_MS = 10_000;

const ENOUGH: Idle = { idle: 1, processors: 1 };

/** Longest pause between two tries at the broker: a cluster that has lost a server answers again within seconds. */
const NATS_PAUSE_MS = 500;

/**
 * The projector: documents, event log and archive marks, each a projection of its own with a place of its own in the
 * bucket. They run side by side and do not wait for each other, but for the marks, which come when all others have a
 * record (behaviour P6). Of several projectors each projection is served to one; which one may differ.
 */
export const startProjector = async (
  ports: ProjectorPorts,
  views: TaskViews,
  options: ProjectorOptions = {},
): Promise<Projector> => {
  const actor = new ProjectorActor(ports, views, options);
  await actor.start();
  return {
    lags: () => Object.fromEntries(Array.from(actor.meters, ([name, meter]) => [name, meter.lag()])),
    counters: () => actor.counters,
    lease: () => actor.lease?.counts(),
    stop: () => actor.stop(),
  };
};

class ProjectorActor {
  readonly counters = zeroCounters();
  readonly meters = new Map<string, LagMeter>();
  private readonly ports: ProjectorPorts;
  private readonly views: TaskViews;
  private readonly options: ProjectorOptions;
  private readonly log: Log;
  private readonly stopping = new AbortController();
  private readonly viewsRetry: OutageRetry;
  private readonly archive: ArchiveSink;
  private readonly projections: readonly Projection[];
  private running: Promise<void> = Promise.resolve();
  lease: Lease | undefined;

  constructor(ports: ProjectorPorts, views: TaskViews, options: ProjectorOptions) {
    this.ports = ports;
    this.views = views;
    this.options = options;
    this.log = options.log ?? silentLog;
    const { log, counters } = this;
    const { clock, store, log: events } = ports;
    const outageRetry = this.outageRetry('MongoDB');
    this.viewsRetry = outageRetry;
    const writer = new Writer({ views, outageRetry, clock, epoch: store.epoch, log, counters });
    const sinks: readonly Sink[] = [
      documentsSink(writer, { epoch: store.epoch, clock }),
      ...(options.events === false
        ? []
        : [logSink({ events, outageRetry: this.outageRetry('the event log', NATS_PAUSE_MS), clock, log, counters })]),
      ...(options.sinks ?? []),
    ];
    for (const { name } of sinks) this.meters.set(name, this.meter(name));
    const own = this.meter(PROJECTIONS.archive);
    this.archive = new ArchiveSink({
      ...ports,
      views,
      outageRetry: this.outageRetry('archive marks', NATS_PAUSE_MS),
      viewsRetry: outageRetry,
      log,
      counters,
      signal: this.stopping.signal,
      others: [...this.meters.values()],
      own,
    });
    this.meters.set(this.archive.name, own);
    this.projections = [...sinks, this.archive].map((sink) => this.projection(sink));
  }

  async start(): Promise<void> {
    const { clock, chance, presence } = this.ports;
    const info = { role: 'projector', id: chance.uuid(), host: hostname(), pid: process.pid } as const;
    this.lease = await presence.hold(
      { ...info, startedAt: clock.now(), state: 'ready' },
      { lost: () => {}, regained: () => {} },
    );
    for (const meter of this.meters.values()) meter.start();
    const work = [...this.projections.map((projection) => projection.run()), this.revive()];
    this.running = Promise.all(work.map((one) => this.guard(one))).then(() => {});
  }

  async stop(): Promise<void> {
    this.halt();
    await Promise.all(this.projections.map((projection) => projection.close()));
    await this.running;
    await this.lease?.release();
    this.lease = undefined;
  }

  private halt(): void {
    this.stopping.abort();
    for (const meter of this.meters.values()) meter.stop();
  }

  /** Stopped is the normal end; anything else is a bug and is not run over again and again. */
  private async guard(work: Promise<unknown>): Promise<void> {
    try {
      await work;
    } catch (error) {
      if (error instanceof Stopped) return;
      this.halt();
      this.options.onBroken?.(error);
    }
  }

  private projection(sink: Sink): Projection {
    const { projections, clock } = this.ports;
    const { paceMs = PACE_MS, idleProcessors = () => ENOUGH } = this.options;
    const { signal } = this.stopping;
    return new Projection(sink, {
      projections,
      clock,
      outageRetry: this.outageRetry(`reading for the projection '${sink.name}'`, NATS_PAUSE_MS),
      loadPause: new LoadPause({ idleProcessors, clock, signal }),
      log: this.log,
      counters: this.counters,
      signal,
      paceMs,
    });
  }

  private meter(name: string): LagMeter {
    const { projections, clock } = this.ports;
    const { lagWarnMs: limitMs = LAG_WARN_MS, lookEveryMs } = this.options;
    const everyMs = lookEveryMs === undefined ? {} : { everyMs: lookEveryMs };
    return new LagMeter({ name, projections, clock, log: this.log, limitMs, ...everyMs });
  }

  private outageRetry(what: string, longestMs?: number): OutageRetry {
    return new OutageRetry(what, this.ports, this.log, this.stopping.signal, longestMs);
  }

  /** What was put aside by an older program may be projected now, and forgotten. */
  private async revive(): Promise<void> {
    const { views, viewsRetry, archive, log } = this;
    const revived = await viewsRetry.until(() => reviveAside(views, log));
    const last = Math.max(0, ...revived.map(({ revision }) => revision));
    await archive.until(() => archive.floor() >= last);
    await archive.mark(revived);
  }
}
