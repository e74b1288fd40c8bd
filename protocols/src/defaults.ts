/** Every timing of the protocol, once. Milliseconds. */

/** A worker's lease is renewed this often ... */
export const LEASE_RENEW_MS = 1_000;

/** ... and is over when it was not renewed for this long, by the clock of whoever watches it. */
export const LEASE_MS = 6_000;

/** A worker that speaks through supervisors beats this often: three in a lease, so that two may be lost. */
export const WORK_BEAT_MS = 2_000;

/** Longest time a claim of such a worker waits for a task. */
export const WORK_WAIT_LIMIT_MS = 30_000;

/** What such a worker owns and has not listed in its beats for this long it does not run, and is given to others. */
export const WORK_FORGOTTEN_MS = 10_000;

/** A blocked event loop is not death until it lasts this long (behaviour R6). */
export const MAX_BLOCK_MS = 60_000;

/** What a worker may set in its place. */
export const MAX_BLOCK_RANGE_MS = { least: 2_000, most: 24 * 3_600_000 } as const;

/** Least time between two durable progress writes of one task (behaviour C4). */
export const PROGRESS_THROTTLE_MS = 2_000;

/** Least time between two live progress messages of one task. */
export const PROGRESS_LIVE_MS = 100;

/** How long an archived record stays before the server forgets it. */
export const ARCHIVE_TTL_MS = 60_000;

/**
 * The same of one that others wait for (behaviour G2): all supervisors may be away for so long, and none of those who
 * wait is told that it is gone.
 */
export const AWAITED_TTL_MS = 3_600_000;

/** Events are kept this long (behaviour E1). */
export const EVENTS_MAX_AGE_MS = 7 * 24 * 3_600_000;

/** The server knows an event that comes again for this long: twice a write of the store and a pause between. */
export const EVENTS_DUPLICATES_MS = 30_000;

/**
 * A reader of a projection that asks for nothing for this long may be succeeded by another process. As long as a lease:
 * what is dead is dead for all.
 */
export const PROJECTION_READER_MS = LEASE_MS;

/**
 * What lies in the object store and nobody refers to is removed after this long. Longer than the event log is kept: as
 * long as a document can be made from the log, what it refers to is there.
 */
export const ORPHAN_OBJECT_AGE_MS = EVENTS_MAX_AGE_MS + 24 * 3_600_000;

/** A task may be delayed by up to this long (behaviour X7): a year, and a day for who counts leap years. */
export const MAX_DELAY_MS = 366 * 24 * 3_600_000;

/** No timeout, delay, grace or other time of a task is longer. */
export const DURATION_LIMIT_MS = MAX_DELAY_MS;

/** Commands that were not carried out are kept this long. */
export const DEAD_MAX_AGE_MS = 7 * 24 * 3_600_000;

/** An operation id is remembered this long (behaviour D7). */
export const OPERATION_TTL_MS = 24 * 3_600_000;

/** One write or read of the store. Beyond it the result is unknown. */
export const STORE_TIMEOUT_MS = 5_000;

/** A worker says again what it serves this often, besides when it is asked: what tells of it may be lost. */
export const ANNOUNCE_MS = 30_000;

/** Modules of tasks are loaded within this long, or their worker does not start: an import may never end. */
export const LOAD_LIMIT_MS = 60_000;
export const LOAD_LIMIT_RANGE_MS = { least: 1_000, most: 3_600_000 } as const;
