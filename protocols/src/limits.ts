/** Every limit of the protocol, once. Bytes unless the name says otherwise. */

/** Encoded arguments and results up to this size live in the record; larger ones in the object store. */
export const INLINE_DATA_LIMIT = 64 * 1024;

/** Arguments and results are never larger, encoded, also in the object store (behaviour X4). May be set lower, not higher. */
export const DATA_LIMIT = 8 * 1024 * 1024;

/** A large object is kept in pieces of this size: well below `max_payload`, and few for what is not huge. */
export const OBJECT_CHUNK = 128 * 1024;

/** A payload is never larger (behaviour C3). */
export const PAYLOAD_LIMIT = 64 * 1024;

/** A record on the wire. Below the server's `max_payload` of 1 MiB, with room for headers. */
export const RECORD_LIMIT = 800 * 1024;

/**
 * A record takes subscribers, successors, a payload and a result up to this size; beyond it they are refused or go to the
 * object store (behaviour R9). The rest is its own: 50 transitions with users and reasons of the greatest length are some
 * 105 KB in the widest letters, an error with its stack 125 KB, owner, abort and progress 5 KB, the ends of 100 tasks it
 * waited for 40 KB.
 */
export const RECORD_ROOM = 512 * 1024;

/** A command on the wire, its arguments included. Below the server's `max_payload`, too. */
export const COMMAND_LIMIT = 768 * 1024;

/**
 * Arguments, or a result, of one task in a message of the worker protocol, encoded; larger ones do not fit into a message
 * with what stands beside them.
 */
export const WORK_DATA_LIMIT = 700 * 1024;

/** Tasks in one answer to a claim take at most so many bytes together; one alone may be larger. */
export const WORK_ANSWER_BYTES = 512 * 1024;

/** Tasks one claim of the worker protocol asks for, and types it names. */
export const WORK_CLAIM_TASKS = 1_000;
export const WORK_CLAIM_TYPES = 1_000;

/** Commands that wait for a supervisor, all together; beyond it publishers are refused. The server sets this much aside. */
export const COMMANDS_MAX_BYTES = 64 * 1024 * 1024;

/**
 * The event log, unless told otherwise; the oldest go first. About 400,000 tasks of 5 kB; the server sets this much aside,
 * so it also has to fit onto the disk of a small machine.
 */
export const EVENTS_MAX_BYTES = 2 * 1024 * 1024 * 1024;

/** Commands that were not carried out, all together; the oldest go first. */
export const DEAD_MAX_BYTES = 16 * 1024 * 1024;

/**
 * Share of a store with a limit that is kept for the tasks that are there (behaviour R8): to be joined, run, ended and
 * cancelled. Their records grow on the way to the end, to about twice of what they were, and stay a minute longer.
 */
export const STORE_RESERVE = 0.2;

/** The smallest limit the tasks bucket can be given: one record of the largest size has to fit into the reserve. */
export const TASKS_MAX_BYTES_LEAST = 4 * 1024 * 1024;

/** What a task leaves to one that waited for it lies in that one's record up to this size, encoded; beside it beyond. */
export const LEFT_INLINE_LIMIT = 256;

/** Characters of a task key, a name, a type, a user id. */
export const KEY_LENGTH = 256;
export const NAME_LENGTH = 256;

/** Bytes of a cancel handle. */
export const CANCEL_HANDLE_LIMIT = 16 * 1024;

/** Of a step of a body. */
export const STEP_NAME_LENGTH = 100;
export const TYPE_LENGTH = 100;
export const USER_LENGTH = 256;

/** Arguments of one call. */
export const ARGUMENTS_LIMIT = 1_000;

/** Most attempts, and most rescues, a task may be given. */
export const ATTEMPTS_LIMIT = 1_000;
export const RESCUES_LIMIT = 1_000;

/** A delay between two attempts grows by at most this factor. */
export const BACKOFF_FACTOR_LIMIT = 100;

/** Tasks one worker may run at once. */
export const CONCURRENCY_LIMIT = 10_000;

/** Characters kept of an error's message and stack. */
export { ERROR_MESSAGE_LENGTH, ERROR_STACK_LENGTH } from '@baton/core';

/** Levels of nesting and number of values in user data. */
export const DATA_DEPTH = 32;
export const DATA_NODES = 20_000;

/** Number of values in arguments and results that lie in the object store: they are read by who asked for them only. */
export const LARGE_DATA_NODES = 400_000;

/** Partitions of the key space. Stored with the bucket, checked at start: it can't change under a running system. */
export const PARTITIONS = 64;

/** Ids of workers and supervisors: one subject token. */
export const NODE_ID_PATTERN = /^[A-Za-z0-9_-]{1,100}$/;

/** Type and queue names. A dot is written `=` in subjects, so that a name stays one token. */
export const NAME_PATTERN = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,99}$/;

/** Types of Baton's own tasks begin with this, and no others do. */
export const OWN_TYPE_PREFIX = 'baton.';

export const isOwnType = (type: string): boolean => type.startsWith(OWN_TYPE_PREFIX);

/** Names of types that are not Baton's own. */
export const TYPE_PATTERN = /^(?!baton\.)[A-Za-z0-9][A-Za-z0-9_.-]{0,99}$/;

/** What people read of a type: its title and its description. */
export const TITLE_LENGTH = 100;
export const DESCRIPTION_LENGTH = 4_000;

/** The schema of a type's arguments, as JSON. */
export const ARGS_SCHEMA_LIMIT = 32 * 1024;

/** The definition of one type as it is kept, with who disagrees. */
export const DEFINITION_LIMIT = 64 * 1024;

/** The record of one schedule: its arguments, 50 entries of history, up to 1,000 fires that wait. */
export const SCHEDULE_LIMIT = 512 * 1024;

/** Expressions of one schedule, days it leaves out, times of one backfill. */
export const SCHEDULE_CRONS = 20;
export const SCHEDULE_DATES = 1_000;
export const BACKFILL_TIMES = 1_000;

/** One message of a worker about what it serves; the rest goes in more of them. */
export const ANNOUNCEMENT_LIMIT = 256 * 1024;

/** What is set for one queue. */
export const QUEUE_SETTINGS_LIMIT = 256 * 1024;

/** Most a limit may allow, of tasks at once and of units in a window; most units of one task; most of a group's weight. */
export const QUEUE_COUNT_LIMIT = 1_000_000;
export const UNITS_LIMIT = 10_000;
export const WEIGHT_LIMIT = 1_000;

/** A group is named by whoever submits. */
export const GROUP_LENGTH = 256;

/** The window of a rate, milliseconds. */
export const RATE_WINDOW_MS = { least: 100, most: 24 * 60 * 60 * 1_000 } as const;
