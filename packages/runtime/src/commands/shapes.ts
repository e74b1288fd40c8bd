import { KEY_LENGTH, NAME_LENGTH, NAME_PATTERN, USER_LENGTH } from '@baton/protocols';
import { z } from 'zod';
import { durationMs } from '../client/duration.ts';

/** Shapes of commands from outside. Strict: what is not known is refused, not ignored. */

export const COMMAND_VERSION = 1;

/** Arguments of one call. */
const ARGUMENTS_LIMIT = 1_000;

const text = (limit: number) =>
  z
    .string()
    .min(1)
    .max(limit)
    .refine((value) => value.isWellFormed(), 'has a lone surrogate in it');

const name = z.string().regex(NAME_PATTERN, 'is 1 to 100 letters, digits, _ . and -');

/** Seconds, or text such as "5m"; milliseconds afterwards. */
const duration = z.union([z.number(), z.string().max(20)]).transform((value, context) => {
  try {
    return durationMs(value, 'it');
  } catch {
    context.addIssue({ code: 'custom', message: 'is a number of seconds or text like "90s" or "5m"' });
    return z.NEVER;
  }
});

/** A date, as MessagePack has them, or its ISO text; milliseconds since 1970 afterwards. */
const time = z.union([
  z.date().transform((date) => date.getTime()),
  z.iso.datetime({ offset: true }).transform((iso) => Date.parse(iso)),
]);

const backoff = z.strictObject({
  initial: duration.optional(),
  factor: z.number().min(1).max(100).optional(),
  max: duration.optional(),
  jitter: z.number().min(0).max(1).optional(),
});

/** What every surface takes to submit a task, with the names of REST. */
export const submitFields = {
  type: name,
  args: z.array(z.unknown()).max(ARGUMENTS_LIMIT).optional(),
  task_key: text(KEY_LENGTH).optional(),
  task_name: text(NAME_LENGTH).optional(),
  scope: z.enum(['private', 'shared', 'system']).optional(),
  timeout: duration.nullable().optional(),
  queue: name.optional(),
  priority: z.enum(['high', 'normal', 'low']).optional(),
  run_at: time.optional(),
  delay: duration.optional(),
  max_attempts: z.int().min(1).max(1_000).optional(),
  backoff: backoff.optional(),
  max_rescues: z.int().min(0).max(1_000).optional(),
  on_orphan: z.enum(['retry', 'fail']).optional(),
  abort_grace: duration.optional(),
  isolation: z.literal('thread').optional(),
  operation_id: text(KEY_LENGTH).optional(),
  when_aborting: z.enum(['queue', 'join', 'reject']).optional(),
};

/** On whose behalf. Who may publish a command is trusted to say so (see deploy/nats). */
const user = z.strictObject({ id: text(USER_LENGTH), admin: z.boolean().optional() });

const envelope = { v: z.literal(COMMAND_VERSION).optional(), user: user.optional() };

/** The type may be left to the subject. */
export const submitCommand = z
  .strictObject({ ...submitFields, ...envelope, type: name.optional() })
  .refine(({ run_at, delay }) => run_at === undefined || delay === undefined, 'run_at and delay cannot both be set');

/** The id is looked at by who finds the task: a malformed one is answered like an unknown one. */
export const cancelCommand = z.strictObject({
  id: z.string().max(200),
  /** Where the task is, when it is known: saves a search, and finds ended ones, too. */
  address: z.string().max(200).optional(),
  force: z.boolean().optional(),
  ...envelope,
});

export type SubmitCommand = z.output<typeof submitCommand>;
export type CancelCommand = z.output<typeof cancelCommand>;
export type CommandUser = z.output<typeof user>;
