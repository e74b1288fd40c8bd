import type { Address } from '@baton/protocols';
import type { SubmitParts } from '../client/submit.ts';
import type { Log } from '../log.ts';
import type { Held, Kernel } from '../kernel.ts';
import type { Chance, Clock } from '../ports/environment.ts';
import type { DataStore } from '../ports/data.ts';
import type { Signals } from '../ports/signals.ts';
import type { ThreadPool } from '../thread/thread-pool.ts';
import type { RunSpan } from '../trace/run-span.ts';
import type { TaskDefinition } from './definition.ts';

/** What one run of one body is given. */
export type RunSettings = {
  readonly kernel: Kernel;
  readonly clock: Clock;
  readonly chance: Chance;
  readonly signals: Signals;
  readonly data: DataStore;
  /** Largest encoded result, bytes. */
  readonly dataLimit: number;
  /** What spawning a child takes. */
  readonly submits: SubmitParts;
  readonly log: Log;
  readonly address: Address;
  readonly worker: string;
  /** The record as the claim left it. */
  readonly claimed: Held;
  readonly definition: TaskDefinition;
  readonly threads: ThreadPool;
  readonly throttleMs: number;
  /** Where it is traced. */
  readonly span?: RunSpan | undefined;
};
