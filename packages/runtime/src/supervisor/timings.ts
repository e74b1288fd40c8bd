import { LEASE_MS, LEASE_RENEW_MS } from '@baton/protocols';

/** Every period and limit of a supervisor, milliseconds unless the name says otherwise. Tests shorten some. */
export type SupervisorTimings = {
  /** A node that was not heard of for this long is dead. */
  readonly leaseMs: number;
  /** Leases are judged this often; the share of the rescue bound that is spent on not looking. */
  readonly scanMs: number;
  /** Time between two scans that counts as attended; what is longer was a pause of this process. */
  readonly attentionMs: number;
  /** No node at all heard of for this long: it is the watch that is silent, not the nodes. */
  readonly canaryMs: number;
  /** Changes among the supervisors are waited for this long, so that a fleet that starts shuffles once. */
  readonly settleMs: number;
  /** Other supervisors are asked this often whether they are there: one whose connection is gone is missed at once. */
  readonly pingMs: number;
  /** After one is missed, before what it had is shared out. */
  readonly missingMs: number;
  /**
   * Records of tasks that do not wait for a worker are looked at this long after they came, others at the end of the turn in
   * which they came. Of several writes to one actor in between only the last one is decoded.
   */
  readonly intakeMs: number;
  /** How long after the deadline a supervisor acts: the worker does so at the deadline, and a race helps nobody. */
  readonly timeoutGraceMs: number;
  /** An abort that its worker has not observed is told to it again. */
  readonly pokeMs: number;
  /** The same, once it is shown as not stopping. */
  readonly pokeSlowlyMs: number;
  /** Whoever ended a task starts its successor; after this long the supervisor does. */
  readonly promoteMs: number;
  /** Each partition is compared with the bucket once in this time, one after the other. */
  readonly reconcileMs: number;
  /** A write must have come back through the feed after this long. */
  readonly echoMs: number;
  /** A reader that gives nothing before it has caught up is given up after this long. */
  readonly catchUpMs: number;
  /** At stop, what has begun may end for this long. */
  readonly stopMs: number;
  /** And requests of workers are told to ask again for this long once the lease is given back. */
  readonly lingerMs: number;
  /** Commands that are carried out at the same time. */
  readonly commandsAtOnce: number;
  /** How long other supervisors are waited for when they are asked where a task is. */
  readonly findMs: number;
  /** ActionRunner at the same time. */
  readonly parallelActions: number;
};

export const SUPERVISOR_TIMINGS: SupervisorTimings = {
  leaseMs: LEASE_MS,
  scanMs: 250,
  attentionMs: 1_000,
  canaryMs: 2 * LEASE_RENEW_MS,
  settleMs: 300,
  pingMs: 250,
  missingMs: 20,
  intakeMs: 20,
  timeoutGraceMs: 150,
  pokeMs: 1_000,
  pokeSlowlyMs: 10_000,
  promoteMs: 1_000,
  reconcileMs: 600_000,
  echoMs: 5_000,
  catchUpMs: 30_000,
  stopMs: 5_000,
  lingerMs: 100,
  commandsAtOnce: 256,
  findMs: 300,
  parallelActions: 64,
};
