import { LEASE_MS, LEASE_RENEW_MS, MAX_BLOCK_MS, STORE_TIMEOUT_MS } from '@baton/protocols';
import type { Presence } from '@baton/runtime';
import type { DialSettings } from '../connection/dial.ts';
import type { LeaseTimings } from './lease-watch.ts';
import { NodesFollower } from './presence-follow.ts';
import { ThreadLease } from './presence-lease.ts';
import { checkNode, DELETED, encodeNode, OPERATION_HEADER } from './presence-node.ts';
import type { NatsWire } from '../connect.ts';

const BLOCKED_AFTER_MS = 1_000;

/** Clocks that differ by less agree. */
const CLOCK_AGREES_MS = 1_000;

export type PresenceSettings = {
  /** The lease thread connects by itself. */
  readonly dial: DialSettings;
  /** Default: those of the protocol. */
  readonly timings?: Partial<LeaseTimings>;
  /** Within this the first renewal must be confirmed. Default 5,000. */
  readonly startMs?: number;
};

/** Who is alive: a key a node in the nodes bucket, renewed from a thread and a connection of its own. */
export const createPresence = (wire: NatsWire, settings: PresenceSettings): Presence => ({
  hold: async (info, listener) => {
    const told = { ...info, ...clockOf(wire) };
    checkNode(told);
    return ThreadLease.start(told, listener, {
      dial: { ...settings.dial, name: `${settings.dial.name ?? 'baton'} lease` },
      subject: wire.names.nodeSubject(info.role, info.id),
      timings: { ...protocolTimings, ...settings.timings },
      startMs: settings.startMs ?? STORE_TIMEOUT_MS,
      onFault: wire.onFault,
    });
  },
  renewFor: async (info) => {
    checkNode(info);
    await stored(wire, wire.names.nodeSubject(info.role, info.id), encodeNode(info));
  },
  releaseFor: (role, id) => stored(wire, wire.names.nodeSubject(role, id), NOTHING, { [OPERATION_HEADER]: DELETED }),
  follow: (listener) => NodesFollower.start(wire, listener),
});

const NOTHING = new Uint8Array();

/** Resolves when it is; what nobody knows is an error here, since the lease may be over then. */
const stored = async (
  wire: NatsWire,
  subject: string,
  bytes: Uint8Array,
  headers: Readonly<Record<string, string>> = {},
): Promise<void> => {
  const result = await wire.publisher.publish(subject, bytes, { headers });
  if ('cause' in result) throw result.cause;
};

/** Where the clock of this machine is not the server's, others are to know: nothing here goes by it, other programs may. */
const clockOf = ({ clock }: Pick<NatsWire, 'clock'>): { readonly clockAheadMs?: number } => {
  const clockAheadMs = Math.round(Date.now() - clock.now());
  return Math.abs(clockAheadMs) < CLOCK_AGREES_MS ? {} : { clockAheadMs };
};

const protocolTimings: LeaseTimings = {
  renewMs: LEASE_RENEW_MS,
  leaseMs: LEASE_MS,
  blockedAfterMs: BLOCKED_AFTER_MS,
  maxBlockMs: MAX_BLOCK_MS,
};
