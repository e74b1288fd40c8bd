import type { NodeRole } from '@baton/protocols';
import type { BatonError } from '../errors.ts';
import type { LeaseCounts } from '../metrics/counts.ts';
import type { Subscription } from './environment.ts';

/** A record that has little room left, its bytes as stored. */
export type FullRecord = { readonly task: string; readonly bytes: number };

export type NodeState = 'ready' | 'draining' | 'blocked';

export type NodeInfo = {
  readonly role: NodeRole;
  readonly id: string;
  readonly host: string;
  readonly pid: number;
  readonly startedAt: number;
  readonly state: NodeState;
  readonly queues?: readonly string[];
  readonly types?: readonly string[];
  /** Of them, those whose cancel handles it can take. */
  readonly cancels?: readonly string[];
  readonly concurrency?: number;
  readonly running?: number;
  /** Its machine's wall clock minus the server's when it started, milliseconds; absent where they agree to a second. */
  readonly clockAheadMs?: number;
  /** Of a supervisor: the fullest of the records it watches that are nearly full. */
  readonly fullRecords?: readonly FullRecord[];
};

/** What a node may say anew of itself while it lives. */
export type NodeChange = Partial<
  Pick<NodeInfo, 'state' | 'running' | 'queues' | 'types' | 'cancels' | 'concurrency' | 'fullRecords'>
>;

/** A lease on being alive. Renewed apart from the event loop of its holder. */
export type Lease = {
  readonly counts: () => LeaseCounts;
  readonly update: (change: NodeChange) => void;
  /** Gives the lease back: the node is gone now, nobody needs to wait for its end. */
  readonly release: () => Promise<void>;
};

export type LeaseListener = {
  /** Not renewed for a whole lease: others may count this node as dead now. May be followed by `regained`. */
  readonly lost: () => void;
  readonly regained: () => void;
  /** The event loop turns again, after it did not for so many milliseconds: others saw this node as blocked. */
  readonly unblocked?: (afterMs: number) => void;
};

export type NodesListener = {
  /** The node was seen alive; called for every renewal. */
  readonly seen: (info: NodeInfo) => void;
  /** The node gave its lease back. */
  readonly left: (role: NodeRole, id: string) => void;
  readonly caughtUp: () => void;
  readonly lost: (cause: BatonError) => void;
};

export interface Presence {
  hold(info: NodeInfo, listener: LeaseListener): Promise<Lease>;
  /**
   * Renews, once, the lease of a node that cannot do so itself. Resolves when it is renewed for certain; rejects with a
   * BatonError when it may not be.
   */
  renewFor(info: NodeInfo): Promise<void>;
  /** Gives the lease of such a node back. Rejects as `renewFor` does. */
  releaseFor(role: NodeRole, id: string): Promise<void>;
  follow(listener: NodesListener): Promise<Subscription>;
}
