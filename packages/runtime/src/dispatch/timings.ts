/** Every period and limit of dispatch, milliseconds unless the name says otherwise. */
export const DISPATCH_TIMINGS = {
  /** A worker claims what it is offered at once; what it has not claimed after this long goes to another one. */
  offerMs: 2_000,
  /** How often a queue looks for such offers. */
  lookMs: 500,
  /** A worker tells its credit again after this long, also when nothing has changed: so a message that was lost is found. */
  creditMs: 10_000,
  /** An answer to a credit is given at once; after this long it is not coming. */
  answerMs: 1_000,
  /** Between two questions who hosts a queue, at first and at most. */
  helloMs: 50,
  helloMaxMs: 500,
  /**
   * Of a limited queue a worker claims only what its host has confirmed no longer ago than this; the host counts on it after
   * a little more, since the question was asked before it was answered.
   */
  termMs: 1_500,
  voidMs: 2_500,
  /** Before a host starts anything in a limited queue, after all others have agreed that it is the host. */
  agreedMs: 3_000,
  /** The same, after the lease of a supervisor is over that may have been the host: it notices that, too, and then lets go. */
  departedMs: 2_500,
  /** A host that takes a queue over asks the others again whether they are up to date, where one of them has not said so. */
  syncMs: 1_000,
  /** What was to make room for another task, and could not be told to stop, is told again. */
  displaceMs: 1_000,
  /** Where a queue was found to count what is over: it hears of that by then. */
  behindMs: 100,
  /** A host looks at its own clock this often; one that did not for so long stood still, and may be the host no more. */
  tickMs: 250,
  stallMs: 1_000,
  /** Supervisors tell each other the number of their last message after this long. */
  beatMs: 1_000,
  /** What was lost between two supervisors is asked for at most this often. */
  askMs: 500,
} as const;

/** Bytes of records that the queues of one supervisor keep for their offers; beyond it workers read them from the bucket. */
export const OFFER_BYTES_LIMIT = 16 * 1024 * 1024;
/** So many each of them may keep also where others have taken all of that. */
export const OFFER_BYTES_EACH = 256 * 1024;

/** The tasks of one message take at most so many bytes together, well below `max_payload`; one with a large record may take more. */
export const MESSAGE_BYTES = 256 * 1024;

/** Tasks in one message between supervisors. */
export const MESSAGE_TASKS = 500;
