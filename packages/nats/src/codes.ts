/** Numbers and units of the server's protocol, each in this one place. */

/** The server's `err_code`s this program tells apart. Names as in the server's own list. */
export const apiCodes = {
  /** The last sequence under the subject is another one. */
  wrongLastSequence: 10_071,
  /** The same while another write on the subject is under way: on several copies losers of a race get this one. */
  wrongLastSequenceInFlight: 10_164,
  accountResourcesExceeded: 10_002,
  insufficientResources: 10_023,
  memoryExceeded: 10_028,
  storageExceeded: 10_047,
  storeFailed: 10_077,
  maxStreamBytes: 10_122,
  messageTooLarge: 10_054,
  tooManyRequests: 10_167,
  batchesInFlight: 10_210,
  batchIncomplete: 10_176,
  atomicDisabled: 10_174,
  streamNotFound: 10_059,
  streamExists: 10_058,
  notEnabled: 10_076,
  notEnabledForAccount: 10_039,
  clusterNotAvailable: 10_008,
  noMessage: 10_037,
  consumerNotFound: 10_014,
  /** It is there with another configuration. */
  consumerExists: 10_148,
  /** It could not be made, since somebody takes it away just now. */
  consumerCreate: 10_012,
} as const;

/** Statuses of messages that carry no data. */
export const status = {
  heartbeat: 100,
  endOfBatch: 204,
  noMessages: 404,
  requestTimeout: 408,
  noResponders: 503,
} as const;

/** The server counts durations and times in nanoseconds. */
export const NANOS_PER_MS = 1_000_000;
