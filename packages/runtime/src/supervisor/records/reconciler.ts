import type { Log } from '../../log.ts';
import type { Clock } from '../../ports/environment.ts';
import { probe, type ProbeOptions } from './probe.ts';
import type { RecordWatch } from './record-watch.ts';
import type { SaidOnce } from '../said-once.ts';
import type { SupervisorTimings } from '../timings.ts';

/** Partitions are probed at least this far apart. */
const LEAST_PAUSE_MS = 1_000;

export type ReconcilerOptions = ProbeOptions & {
  readonly clock: Clock;
  readonly timings: SupervisorTimings;
  readonly log: Log;
  readonly once: SaidOnce;
  readonly records: RecordWatch;
};

/** Probes the owned partitions one after the other, all of them in `reconcileMs`, and acts on what is found. */
export class Reconciler {
  private readonly options: ReconcilerOptions;
  private timer: { readonly cancel: () => void } | undefined;
  private stopped = true;
  private cursor = 0;

  constructor(options: ReconcilerOptions) {
    this.options = options;
  }

  start(): void {
    this.stopped = false;
    this.plan();
  }

  stop(): void {
    this.stopped = true;
    this.timer?.cancel();
  }

  private plan(): void {
    if (this.stopped) return;
    const { clock, timings, records } = this.options;
    const pauseMs = Math.max(LEAST_PAUSE_MS, timings.reconcileMs / Math.max(1, records.owned.length));
    this.timer = clock.after(pauseMs, () => void this.run().then(() => this.plan()));
  }

  /** Never rejects. */
  private async run(): Promise<void> {
    const { records, once, log } = this.options;
    const { owned, generation } = records;
    const partition = owned[this.cursor++ % owned.length];
    if (partition === undefined || !records.ready) return;
    try {
      const found = await probe(partition, this.options);
      // What was compared with has been replaced meanwhile.
      if (found === undefined || this.stopped || records.generation !== generation || !records.ready) return;
      const { missed, vanished } = found;
      if (missed.length === 0 && vanished.length === 0) return;
      const [example] = [...missed.map((entry) => entry.address), ...vanished];
      log.error(
        { partition, missed: missed.length, vanished: vanished.length, example },
        'the reader of the records has gone silent',
      );
      records.restart('it has not given what is stored');
    } catch (error) {
      once.say('probe', () =>
        log.warn({ err: error, partition }, 'a partition could not be compared; it is compared later'),
      );
    }
  }
}
