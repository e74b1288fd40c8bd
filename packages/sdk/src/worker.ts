import {
  checkNames,
  InvalidArgumentError,
  optionNames,
  requireField,
  requireSchema,
  rules,
  Worker,
  type Subscription,
} from '@baton/runtime';
import type { Core } from './core.ts';
import { durationMs, type Duration } from './duration.ts';
import { WrongRoleError } from './errors.ts';
import { guardStrays } from './stray-guard.ts';
import type { Schedules } from './schedules.ts';
import { taskIn } from './request.ts';
import type { Task } from './task.ts';
import { checkMetrics, openMetrics, type OpenMetrics, type WorkerMetrics, type WorkerStats } from './worker-metrics.ts';

export type WorkerOptions = {
  readonly tasks: readonly Pick<Task<never[], unknown>, 'definition' | 'schedules'>[];
  /** Queues this worker serves; `['default']` when not set. */
  readonly queues?: readonly string[];
  /** Tasks that run at once; 50 when not set. */
  readonly concurrency?: number;
  /** How long the module of an isolated task may take to load before the worker gives up; 60 s when not set. */
  readonly loadLimit?: Duration;
  /** Tells `/healthz`, `/readyz` and `/metrics` on this port until the worker has drained. Nowhere when not set. */
  readonly metrics?: WorkerMetrics;
  /**
   * What nobody catches in a task fails that task; what nobody catches elsewhere drains this worker and ends the process
   * with code 1, unless the program has a listener of its own (behaviour X9). False: the program handles
   * `unhandledRejection` and `uncaughtException` itself, and asks `takeStrayError` first. True when not set.
   */
  readonly handleStrayErrors?: boolean;
};

export type DrainOptions = {
  /** How long what runs may go on before it is told to stop; 30 s when not set. */
  readonly grace?: Duration;
  /**
   * Why, where the process ends because something is wrong with it, and not because it was asked to: what does not end in
   * time is counted as rescued and not run again without end (behaviour R10). For programs that handle stray errors.
   */
  readonly abnormal?: string;
};

/** Of a history entry; the whole of it is in the log. */
const WHY_LENGTH = 200;

const WORKER_NAMES = optionNames<WorkerOptions>({
  tasks: true,
  queues: true,
  concurrency: true,
  loadLimit: true,
  metrics: true,
  handleStrayErrors: true,
});
const DRAIN_NAMES = optionNames<DrainOptions>({ grace: true, abnormal: true });

const DEFAULT_CONCURRENCY = 50;
const DEFAULT_GRACE: Duration = '30s';

/** After the grace, bodies that were told to stop get this long before their tasks are given back. */
const STOP_MS = 2_000;

/** A worker in this process. */
export class BatonWorker {
  readonly id: string;
  private readonly worker: Worker;
  private readonly served: readonly Subscription[];
  private readonly statsNow: () => Omit<WorkerStats, 'draining'>;
  private readonly leave: () => Promise<void>;
  private draining = false;
  private metrics: OpenMetrics | undefined;
  private unguard = (): void => {};
  /** Its client need not close it any more. */
  private untie = (): void => {};

  private constructor(
    id: string,
    worker: Worker,
    served: readonly Subscription[],
    statsNow: () => Omit<WorkerStats, 'draining'>,
    leave: () => Promise<void>,
  ) {
    this.id = id;
    this.worker = worker;
    this.served = served;
    this.statsNow = statsNow;
    this.leave = leave;
  }

  /** Slots in use: tasks that run, and dispatches that are being claimed. */
  get running(): number {
    return this.worker.running;
  }

  /** Where its health and metrics are told, `http://127.0.0.1:9464`; undefined: nowhere. */
  get metricsUrl(): string | undefined {
    return this.metrics?.url;
  }

  stats(): WorkerStats {
    return { ...this.statsNow(), draining: this.draining };
  }

  static async start(core: Core, options: WorkerOptions, schedules: Schedules): Promise<BatonWorker> {
    checkNames(options, WORKER_NAMES);
    const { tasks, queues = ['default'], concurrency = DEFAULT_CONCURRENCY } = options;
    if (!Array.isArray(tasks) || !Array.isArray(queues)) throw new InvalidArgumentError('tasks and queues: are lists');
    if (tasks.length === 0) throw new InvalidArgumentError('a worker serves at least one task');
    if (queues.length === 0) throw new InvalidArgumentError('queues: a worker serves at least one queue');
    for (const [i, queue] of queues.entries()) requireField(`queues[${i}]`, queue, rules.queue);
    requireField('concurrency', concurrency, rules.concurrency);
    checkMetrics(options.metrics);
    const { loadLimit } = options;
    const limit = loadLimit === undefined ? {} : { loadLimitMs: durationMs(loadLimit, 'loadLimit') };
    const { ports, hosts, log, catalogue } = core;
    if (hosts === undefined)
      throw new WrongRoleError('a publisher runs no tasks: connect as a runtime to start a worker');
    const definitions = tasks.map((task) => taskIn(task));
    for (const { type, argsSchema } of definitions) await requireSchema(type, argsSchema);
    const host = hosts.forWorker();
    let worker: Worker | undefined;
    try {
      worker = new Worker({ ports, host, log, definitions, queues: [...new Set(queues)], concurrency, ...limit });
      await worker.start();
    } catch (error) {
      worker?.close();
      await hosts.leave(host);
      throw error;
    }
    // Before its schedules: they are for what runs here, whatever is kept of its types until a supervisor has heard of it.
    const served = definitions.map((definition) => catalogue.serve(definition.type, { ...definition }));
    try {
      for (const { definition, schedules: own } of tasks) {
        if (own !== undefined) await schedules.set(definition.type, { ...own, task: definition });
      }
    } catch (error) {
      for (const each of served) each.close();
      await worker.drain({ graceMs: 0, stopMs: STOP_MS });
      await hosts.leave(host);
      throw error;
    }
    const stats = () => ({
      slots: concurrency,
      busy: worker.running,
      bodies: host.running,
      lease: host.leaseCounts(),
    });
    const made = new BatonWorker(host.id, worker, served, stats, () => hosts.leave(host));
    made.untie = core.onClose(() => {
      worker.close();
      made.unguard();
      void made.metrics?.close();
    });
    const types = definitions.map(({ type }) => type);
    if (options.metrics !== undefined) await made.tell(core, options.metrics, { types, queues });
    if (options.handleStrayErrors !== false) {
      made.unguard = guardStrays((abnormal) => made.drain({ grace: 0, abnormal }), log);
    }
    return made;
  }

  /** Takes nothing new; waits `grace` for what runs, then tells it to stop, then gives it back (behaviour R5). */
  async drain(options: DrainOptions = {}): Promise<void> {
    checkNames(options, DRAIN_NAMES);
    const { grace = DEFAULT_GRACE, abnormal } = options;
    const graceMs = durationMs(grace, 'grace');
    this.draining = true;
    for (const each of this.served) each.close();
    const why = abnormal === undefined ? {} : { abnormal: abnormal.slice(0, WHY_LENGTH).toWellFormed() };
    await this.worker.drain({ graceMs, stopMs: STOP_MS, ...why });
    await this.leave();
    this.unguard();
    this.untie();
    await this.metrics?.close();
  }

  /** A worker that cannot tell its health is not started. */
  private async tell(core: Core, options: WorkerMetrics, serves: Parameters<typeof openMetrics>[3]): Promise<void> {
    try {
      this.metrics = await openMetrics(core, this, options, serves);
    } catch (error) {
      await this.drain({ grace: 0 });
      throw error;
    }
  }
}
