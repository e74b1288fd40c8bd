import { NODE_ID_PATTERN, WORK_CLAIM_TASKS, WORK_CLAIM_TYPES, WORK_WAIT_LIMIT_MS } from '@baton/protocols';
import { z } from 'zod';
import { rules } from '../client/rules.ts';
import { runFields } from '../commands/shapes.ts';

/** Shapes of the requests of workers. Strict: what is not known is refused, not ignored. */

export const WORK_VERSION = 1;

/** Queues of one worker. */
const QUEUES = 100;
/** Characters of a worker's name: behind it stands what proves it, in one node id. */
const NAME_LENGTH = 80;
const SECRET_LENGTH = { least: 16, most: 200 } as const;
const REQUEST_LENGTH = 100;
const ADDRESS_LENGTH = 200;
/** Failures of handlers in one end. */
const HANDLER_ERRORS = 100;

const nameSays = `is 1 to ${NAME_LENGTH} letters, digits, - and _`;
const worker = z.string(nameSays).max(NAME_LENGTH, nameSays).regex(NODE_ID_PATTERN, nameSays);

/** Text of any kind; what is too long is cut where it is kept. */
const text = z
  .string('is text')
  .refine((value) => value.isWellFormed(), 'is well-formed Unicode')
  .max(200_000);

const envelope = {
  v: z.literal(WORK_VERSION).optional(),
  worker,
  secret: z
    .string('is text')
    .min(SECRET_LENGTH.least, `is ${SECRET_LENGTH.least} to ${SECRET_LENGTH.most} characters that nobody can guess`)
    .max(SECRET_LENGTH.most),
};

const request = z.string('is text').min(1).max(REQUEST_LENGTH);

const fence = z.strictObject({ epoch: z.int().min(0), revision: z.int().min(0) });

const about = { host: z.string().max(200).optional(), pid: z.int().min(0).optional() };

/** A definition as REST and commands name its fields. */
const definition = z.strictObject({
  type: rules.type.shape,
  ...runFields,
  title: rules.title.shape.optional(),
  description: rules.description.shape.optional(),
  args_schema: z.record(z.string(), z.unknown()).optional(),
});

const seconds = z
  .number('is a number of seconds')
  .min(0)
  .max(WORK_WAIT_LIMIT_MS / 1_000, `is at most ${WORK_WAIT_LIMIT_MS / 1_000} seconds`);

export const claimRequest = z
  .strictObject({
    ...envelope,
    ...about,
    request,
    queue: rules.queue.shape.optional(),
    queues: z.array(rules.queue.shape).min(1).max(QUEUES).optional(),
    types: z.array(rules.type.shape).min(1).max(WORK_CLAIM_TYPES).optional(),
    max: z.int().min(1).max(WORK_CLAIM_TASKS).optional(),
    wait: seconds.optional(),
    concurrency: rules.concurrency.shape.optional(),
    definitions: z.array(definition).max(WORK_CLAIM_TYPES).optional(),
  })
  .refine(({ queue, queues }) => queue === undefined || queues === undefined, 'queue and queues cannot both be set');

const error = z.strictObject({ message: text, type: text.optional(), stack: text.optional() });

/** What a body came to. */
const bodyFields = {
  outcome: z.enum(['success', 'failure']),
  result: z.unknown().optional(),
  error: error.optional(),
  terminal: z.boolean().optional(),
  retry_after: rules.duration.shape.optional(),
};

const run = z.strictObject({
  address: z.string().max(ADDRESS_LENGTH),
  fence,
  abortable: z.boolean().optional(),
  observed: z.boolean().optional(),
  finishing: z.union([z.boolean(), z.strictObject(bodyFields)]).optional(),
  progress: z.unknown().optional(),
  payload: z.unknown().optional(),
});

export const beatRequest = z.strictObject({
  ...envelope,
  ...about,
  state: z.enum(['ready', 'draining', 'gone']).optional(),
  concurrency: rules.concurrency.shape.optional(),
  running: z.array(run).max(10_000),
});

export const finishRequest = z.strictObject({
  ...envelope,
  request,
  address: z.string().max(ADDRESS_LENGTH),
  fence,
  ...bodyFields,
  outcome: z.enum(['success', 'failure', 'stopped', 'give_back']),
  handler_errors: z.array(error).max(HANDLER_ERRORS).optional(),
  progress: z.unknown().optional(),
  payload: z.unknown().optional(),
  why: text.optional(),
  abnormal: z.boolean().optional(),
});

/** All of them, for who describes them to others. */
export const workShapes = { claim: claimRequest, beat: beatRequest, finish: finishRequest } as const;

export type ClaimRequest = z.output<typeof claimRequest>;
export type BeatRequest = z.output<typeof beatRequest>;
export type RunFields = z.output<typeof run>;
export type FinishRequest = z.output<typeof finishRequest>;
export type ErrorFields = z.output<typeof error>;
export type DefinitionFields = z.output<typeof definition>;
