import type { KeptDefinition, ServedDefinition } from '@baton/core';
import type { Served } from '@baton/protocols';
import type { BatonError } from '../errors.ts';
import type { Subscription } from './environment.ts';
import type { WriteResult } from './store.ts';

export type DefinitionsListener = {
  /** The kept definition of a type, those that were there first. */
  readonly kept: (definition: KeptDefinition, revision: number) => void;
  /** Somebody has taken it away. */
  readonly gone: (type: string) => void;
  /** It is there, and not for this program to read. */
  readonly unreadable: (type: string) => void;
  readonly caughtUp: () => void;
  /** Nothing more is told: follow again. Told once. */
  readonly lost: (cause: BatonError) => void;
};

/** Definitions of types: workers tell what they serve, supervisors keep it, every door applies it (behaviour D10). */
export interface Definitions {
  /** Tells supervisors what a worker serves. At most once. */
  announce(worker: string, served: readonly Served[]): void;
  onAnnounced(listener: (offers: readonly ServedDefinition[]) => void): Subscription;
  /** Asks all workers to announce now. At most once. */
  ask(): void;
  onAsked(listener: () => void): Subscription;
  /** From the leader. Rejects as `RecordStore.load` does. */
  load(type: string): Promise<{ readonly kept: KeptDefinition; readonly revision: number } | undefined>;
  /** Compare-and-set; 0: none. Never rejects. */
  write(kept: KeptDefinition, expected: number): Promise<WriteResult>;
  /** All that are kept, then every change. Rejects as `load` does. */
  follow(listener: DefinitionsListener): Promise<Subscription>;
}
