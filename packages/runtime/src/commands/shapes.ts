import { DEPENDENCIES_LIMIT } from '@baton/core';
import * as z from 'zod';
import { rules, TIME_SAYS } from '../client/rules.ts';

/** Shapes of commands from outside. Strict: what is not known is refused, not ignored. */

export const COMMAND_VERSION = 1;

const duration = rules.duration.shape;

/** A date, as MessagePack has them, or its ISO text; milliseconds since 1970 afterwards. */
const time = z.union(
  [z.date().transform((date) => date.getTime()), rules.instant.shape.transform((iso) => Date.parse(iso))],
  TIME_SAYS,
);

const backoff = z.strictObject({
  initial: duration.optional(),
  factor: rules.factor.shape.optional(),
  max: duration.optional(),
  jitter: rules.jitter.shape.optional(),
});

/** How a task is to be run, where its submit says it itself. */
export const runFields = {
  scope: rules.scope.shape.optional(),
  queue: rules.queue.shape.optional(),
  priority: rules.priority.shape.optional(),
  group: rules.group.shape.optional(),
  limit_key: rules.limitKey.shape.optional(),
  units: rules.units.shape.optional(),
  tags: rules.tags.shape.optional(),
  timeout: duration.nullable().optional(),
  max_attempts: rules.maxAttempts.shape.optional(),
  backoff: backoff.optional(),
  max_rescues: rules.maxRescues.shape.optional(),
  on_orphan: rules.onOrphan.shape.optional(),
  abort_grace: duration.optional(),
  isolation: rules.isolation.shape.optional(),
  mode: rules.mode.shape.optional(),
  window: duration.optional(),
  max_wait: duration.optional(),
  expires: duration.nullable().optional(),
};

const runShape = z.strictObject(runFields);

/** Characters of an id, or of an address, that is looked at by who finds the task. */
const PLACE = 200;
const id = z.string().min(1).max(PLACE);

/** A task that has to end before the one that is submitted begins. Its address saves a search. */
const dependencyShape = (hasAddress: boolean) => {
  const parts = { task: id, on_failure: rules.onFailure.shape.optional() };
  const address = z.string().max(PLACE).optional();
  return z.union([
    id.transform((task): DependencyField => ({ task })),
    hasAddress ? z.strictObject({ ...parts, address }) : z.strictObject(parts),
  ]);
};

export type DependencyField = {
  readonly task: string;
  readonly address?: string | undefined;
  readonly on_failure?: 'fail' | 'continue' | 'ignore' | undefined;
};

const dependenciesSays = `is a list of up to ${DEPENDENCIES_LIMIT} tasks: ids, or { task, on_failure }`;

export const dependenciesShape = (hasAddress: boolean) =>
  z.array(dependencyShape(hasAddress), dependenciesSays).max(DEPENDENCIES_LIMIT, dependenciesSays);

/** What every surface takes to submit a task, with the names of REST. */
export const submitFields = {
  type: rules.type.shape,
  args: rules.args.shape.optional(),
  task_key: rules.key.shape.optional(),
  task_name: rules.taskName.shape.optional(),
  ...runFields,
  run_at: time.optional(),
  delay: duration.optional(),
  expires_at: time.optional(),
  depends_on: dependenciesShape(true).optional(),
  operation_id: rules.operationId.shape.optional(),
  when_aborting: rules.whenAborting.shape.optional(),
  /** True: a type no worker has ever served is refused. */
  strict: rules.strict.shape.optional(),
};

/** For `refine`: two fields that say the same thing; the second is one too many. */
export const notBoth = (
  one: string,
  other: string,
): [(body: Readonly<Record<string, unknown>>) => boolean, { error: string; path: string[] }] => [
  (body) => body[one] === undefined || body[other] === undefined,
  { error: `${one} and ${other} cannot both be set`, path: [other] },
];

/** On whose behalf. Who may publish a command is trusted to say so (see deploy/nats). */
const user = z.strictObject({ id: rules.user.shape, admin: rules.admin.shape.optional() });

const envelope = { v: z.literal(COMMAND_VERSION).optional(), user: user.optional() };

/** The type may be left to the subject. */
export const submitCommand = z
  .strictObject({
    ...submitFields,
    ...envelope,
    type: rules.type.shape.optional(),
    /** What applies where the type is not known, of a sender that has its code. */
    fallback: runShape.optional(),
  })
  .refine(...notBoth('run_at', 'delay'))
  .refine(...notBoth('expires_at', 'expires'));

/** The id is looked at by who finds the task: a malformed one is answered like an unknown one. */
export const cancelCommand = z.strictObject({
  id: z.string().max(200),
  /** Where the task is, when it is known: saves a search, and finds ended ones, too. */
  address: z.string().max(200).optional(),
  force: z.boolean().optional(),
  ...envelope,
});

/** Of a task, by its id, as a cancel. */
export const signalCommand = z.strictObject({
  id: z.string().max(200),
  address: z.string().max(200).optional(),
  name: rules.signal.shape,
  data: z.unknown().optional(),
  operation_id: rules.operationId.shape.optional(),
  ...envelope,
});

/** Why a task waits: for who cannot ask the host of its queue himself. */
export const whyCommand = z.strictObject({
  id: z.string().max(200),
  address: z.string().max(200).optional(),
  ...envelope,
});

/** All of them, for who describes them to others. */
export const commandShapes = {
  submit: submitCommand,
  cancel: cancelCommand,
  signal: signalCommand,
  why: whyCommand,
  time,
} as const;

export type RunFields = z.output<typeof runShape>;
export type SubmitCommand = z.output<typeof submitCommand>;
export type CancelCommand = z.output<typeof cancelCommand>;
export type SignalCommand = z.output<typeof signalCommand>;
export type WhyCommand = z.output<typeof whyCommand>;
export type CommandUser = z.output<typeof user>;
