import type { Backoff, Millis, Policy } from './task.ts';

/** Entries kept in a record's history; more are dropped from the middle, the first and the latest stay. */
export const HISTORY_LIMIT = 50;

/** Entries at the start of a history that are never dropped: how the task came to be. */
export const HISTORY_HEAD = 5;

export const DEFAULT_BACKOFF: Backoff = { initialMs: 1_000, factor: 2, maxMs: 300_000, jitter: 0.5 };

export const DEFAULT_MAX_ATTEMPTS = 1;
export const DEFAULT_MAX_RESCUES = 2;

/** The same where the worker itself says that it ends abnormally: that is the code it ran, and no machine that was lost. */
export const DEFAULT_MAX_ABNORMAL_ENDS = 1;

/** A debounced task is put off by so many windows at most, where its submit does not say how long. */
export const DEBOUNCE_WINDOWS = 10;

/** Signals and waits for some that one task may have. */
export const SIGNALS_LIMIT = 100;

/** Workers a canceller is given to, one after the other, where each dies before it has ended. */
export const CANCELLER_TRIES = 3;

/** Steps that one task may have. */
export const STEPS_LIMIT = 1_000;

/** Tasks that the handler of one may spawn: what is known of each stands in its record. */
export const CHILDREN_LIMIT = 100;

/** How long an aborted body may take before it is shown as not stopping (behaviour T6). */
export const DEFAULT_ABORT_GRACE_MS: Millis = 60_000;

export const maxAttemptsOf = (policy: Policy): number => policy.maxAttempts ?? DEFAULT_MAX_ATTEMPTS;
export const maxRescuesOf = (policy: Policy): number => policy.maxRescues ?? DEFAULT_MAX_RESCUES;
export const maxAbnormalEndsOf = (policy: Policy): number => policy.maxRescues ?? DEFAULT_MAX_ABNORMAL_ENDS;
export const abortGraceMsOf = (policy: Policy): Millis => policy.abortGraceMs ?? DEFAULT_ABORT_GRACE_MS;
export const backoffOf = (policy: Policy): Backoff => policy.backoff ?? DEFAULT_BACKOFF;
