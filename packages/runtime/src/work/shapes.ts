import { DATA_LIMIT, NODE_ID_PATTERN, WORK_CLAIM_TASKS, WORK_CLAIM_TYPES, WORK_WAIT_LIMIT_MS } from '@baton/protocols';
import { SIGNALS_LIMIT } from '@baton/core';
import * as z from 'zod';
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

const requestSays = `is 1 to ${REQUEST_LENGTH} characters`;
const request = z.string(requestSays).min(1, requestSays).max(REQUEST_LENGTH, requestSays);

const fence = z.strictObject({ epoch: z.int().min(0), revision: z.int().min(0) });

/** What people are shown of a worker. */
const label = z
  .string('is text')
  .max(200)
  .refine((value) => value.isWellFormed(), 'is well-formed Unicode');

const about = { host: label.optional(), pid: z.int().min(0).optional() };

/** How many run at once, or start in a time. */
const mostFields = {
  concurrency: rules.queueCount.shape.optional(),
  rate: z.strictObject({ units: rules.queueCount.shape, window: rules.duration.shape }).optional(),
};

const most = z.strictObject({ ...mostFields, when_full: rules.whenFull.shape.optional() });

/** A definition as REST and commands name its fields. */
const definition = z.strictObject({
  type: rules.type.shape,
  ...runFields,
  title: rules.title.shape.optional(),
  description: rules.description.shape.optional(),
  ...mostFields,
  per_group: most.optional(),
  per_key: most.optional(),
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

/** What a body waits for: the nth signal of that name in its run. `over`: it has been left, and its handlers have run. */
const wait = z.strictObject({
  signal: rules.signal.shape,
  number: z
    .int()
    .min(1)
    .max(SIGNALS_LIMIT + 1),
  timeout: rules.duration.shape.optional(),
  over: z.boolean().optional(),
});

const doesAgree = (end: { readonly outcome: string; readonly error?: unknown }): boolean =>
  end.outcome !== 'success' || end.error === undefined;
const agreeSays = 'outcome and error do not agree: a success has no error';
/** The same for whoever reads the schema. */
const AGREES = { not: { properties: { outcome: { const: 'success' } }, required: ['outcome', 'error'] } };

const LEFT_AGREES = {
  not: {
    required: ['result_object'],
    anyOf: [{ required: ['result'] }, { properties: { outcome: { not: { const: 'success' } } } }],
  },
};

/** Of the span of a run; what is none is dropped, and refuses nothing. */
const traceparent = z
  .unknown()
  .optional()
  .describe('W3C Trace Context of the span of the run; what is none is dropped.');

const run = z.strictObject({
  address: z.string().max(ADDRESS_LENGTH),
  fence,
  abortable: z.boolean().optional(),
  observed: z.boolean().optional(),
  finishing: z.union([z.boolean(), z.strictObject(bodyFields).refine(doesAgree, agreeSays).meta(AGREES)]).optional(),
  progress: z.unknown().optional(),
  payload: z.unknown().optional(),
  tags: z.unknown().optional(),
  traceparent,
});

export const beatRequest = z
  .strictObject({
    ...envelope,
    ...about,
    state: z.enum(['ready', 'draining', 'gone']).optional(),
    concurrency: rules.concurrency.shape.optional(),
    running: z.array(run).max(10_000).optional(),
  })
  .refine(
    ({ state, running }) => running !== undefined || state === 'gone',
    'running: names every run of the worker, an empty list where there is none; only who is gone leaves it out',
  )
  .meta({ anyOf: [{ required: ['running'] }, { properties: { state: { const: 'gone' } }, required: ['state'] }] });

export const finishRequest = z
  .strictObject({
    ...envelope,
    request,
    address: z.string().max(ADDRESS_LENGTH),
    fence,
    ...bodyFields,
    /** As the gateway answered when it took the result. */
    result_object: z
      .strictObject({
        size: z.int().min(0).max(DATA_LIMIT),
        digest: z.string().regex(/^[\da-f]{64}$/, 'is 64 hexadecimal digits'),
      })
      .optional(),
    outcome: z.enum(['success', 'failure', 'stopped', 'give_back', 'wait']),
    wait: wait.optional(),
    handler_errors: z.array(error).max(HANDLER_ERRORS).optional(),
    progress: z.unknown().optional(),
    payload: z.unknown().optional(),
    tags: z.unknown().optional(),
    traceparent,
    why: text.optional(),
    abnormal: z.boolean().optional(),
  })
  .refine(doesAgree, agreeSays)
  .refine(
    ({ outcome, result, result_object: object }) =>
      object === undefined || (outcome === 'success' && result === undefined),
    'result_object: is of a success, and in the place of result',
  )
  .meta({ allOf: [AGREES, LEFT_AGREES] });

/** All of them, for who describes them to others. */
export const workShapes = { claim: claimRequest, beat: beatRequest, finish: finishRequest } as const;

export type ClaimRequest = z.output<typeof claimRequest>;
export type BeatRequest = z.output<typeof beatRequest>;
export type RunFields = z.output<typeof run>;
export type FinishRequest = z.output<typeof finishRequest>;
export type ErrorFields = z.output<typeof error>;
export type DefinitionFields = z.output<typeof definition>;
export type MostFields = z.output<typeof most>;
