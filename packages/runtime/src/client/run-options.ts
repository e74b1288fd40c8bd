import {
  areFew,
  DEFAULT_BACKOFF,
  DEFAULT_RUN_OPTIONS,
  definitionDifferences,
  TAGS_LIMIT,
  withTags,
  type Actor,
  type Backoff,
  type KnownType,
  type Policy,
  type Priority,
  type RunOptions,
  type Scope,
  type Tags,
} from '@baton/core';
import { InvalidArgumentError, PermissionDeniedError, UnknownTypeError } from '../errors.ts';
import { submitOptionsOf, type SubmitOverrides } from './submit-mode.ts';

/** What a submit says itself of how its task is to be run. Times are milliseconds. */
export type RunOverrides = SubmitOverrides & {
  readonly scope?: Scope;
  readonly queue?: string;
  readonly priority?: Priority;
  readonly group?: string;
  readonly limitKey?: string;
  readonly units?: number;
  /** Beside those of the definition; of one name this value counts. */
  readonly tags?: Tags;
  /** 0: none. */
  readonly timeoutMs?: number;
  readonly maxAttempts?: number;
  readonly backoff?: Partial<Backoff>;
  readonly maxRescues?: number;
  readonly onOrphan?: 'retry' | 'fail';
  readonly abortGraceMs?: number;
  readonly isolation?: 'thread';
};

/**
 * What a submit may say otherwise than the definition of its type, and who may (behaviour D10). The one place for all
 * doors. To say the same as the definition is no override. Nobody takes `system` from a type: its handler is for admins.
 */
export const OVERRIDES: Readonly<Record<keyof RunOverrides, 'anybody' | 'admin' | 'nobody'>> = {
  // Who sees a task is not for him to say who submits it.
  scope: 'admin',
  queue: 'anybody',
  priority: 'anybody',
  group: 'anybody',
  limitKey: 'anybody',
  units: 'anybody',
  tags: 'anybody',
  timeoutMs: 'anybody',
  maxAttempts: 'anybody',
  backoff: 'anybody',
  maxRescues: 'anybody',
  onOrphan: 'anybody',
  abortGraceMs: 'anybody',
  // How the body is run is known to who runs it, and supervisors go by it.
  isolation: 'nobody',
  mode: 'anybody',
  windowMs: 'anybody',
  maxWaitMs: 'anybody',
  expiresMs: 'anybody',
};

/** Whether types nobody has ever served are taken. */
export type UnknownTypes = 'accept' | 'refuse';

export type Wanted = {
  readonly type: string;
  readonly overrides: RunOverrides;
  /** What applies where the type is not known: of a program that has its code; the defaults of the protocol otherwise. */
  readonly fallback?: KnownType;
  readonly strict?: boolean;
};

/**
 * How the task of a submit is to be run. `definition`: that of its type, undefined where no worker has ever served it.
 * Throws PermissionDeniedError and InvalidArgumentError for what may not be said otherwise.
 */
export const runOptionsOf = (definition: RunOptions | undefined, wanted: Wanted, actor: Actor): RunOptions => {
  const { type, overrides, fallback = DEFAULT_RUN_OPTIONS } = wanted;
  if (definition === undefined) return applyOverrides(fallback, overrides);
  // Most submits say nothing of it.
  if (Object.keys(overrides).length === 0) return definition;
  const options = applyOverrides(definition, overrides);
  for (const field of definitionDifferences(definition, options)) requireRight(field, type, definition, actor);
  return options;
};

const requireRight = (field: string, type: string, { scope }: RunOptions, actor: Actor): void => {
  const right = OVERRIDES[field as keyof RunOverrides];
  if (field === 'scope' && scope === 'system') {
    throw new PermissionDeniedError(
      'PERMISSION_DENIED',
      `scope: ${type} is a system type; its tasks have no other scope`,
    );
  }
  if (right === 'nobody') throw new InvalidArgumentError(`${field}: is said by the definition of ${type} alone`);
  if (right === 'admin' && !actor.admin) {
    const text = `${field}: tasks of ${type} are ${scope}; only an admin may submit one of another scope`;
    throw new PermissionDeniedError('PERMISSION_DENIED', text);
  }
};

/** Throws UnknownTypeError where such types are refused. */
export const requireKnown = (
  definition: RunOptions | undefined,
  { type, strict }: Wanted,
  unknown: UnknownTypes,
): void => {
  if (definition !== undefined || (unknown === 'accept' && strict !== true)) return;
  throw new UnknownTypeError(
    `no worker has ever served tasks of type ${type}: check its name, or start a worker first`,
  );
};

/** The options with these in place of their own. */
export const applyOverrides = (base: RunOptions, overrides: RunOverrides): RunOptions => {
  const { scope = base.scope, queue = base.queue, priority = base.priority } = overrides;
  const { group = base.group, limitKey = base.limitKey, units = base.units } = overrides;
  const { timeoutMs, maxAttempts, backoff, maxRescues, onOrphan, abortGraceMs, isolation } = overrides;
  const policy: { -readonly [K in keyof Policy]: Policy[K] } = { ...base.policy };
  if (timeoutMs === 0) delete policy.timeoutMs;
  else if (timeoutMs !== undefined) policy.timeoutMs = timeoutMs;
  if (maxAttempts !== undefined) policy.maxAttempts = maxAttempts;
  if (backoff !== undefined) policy.backoff = { ...(base.policy.backoff ?? DEFAULT_BACKOFF), ...backoff };
  if (maxRescues !== undefined) policy.maxRescues = maxRescues;
  if (onOrphan !== undefined) policy.onOrphan = onOrphan;
  if (abortGraceMs !== undefined) policy.abortGraceMs = abortGraceMs;
  if (isolation !== undefined) policy.isolation = isolation;
  const submit = submitOptionsOf(base.submit, overrides);
  const tags = overrides.tags === undefined ? base.tags : withTags(base.tags, overrides.tags);
  if (!areFew(tags)) throw new InvalidArgumentError(`tags: with those of its type they are more than ${TAGS_LIMIT}`);
  return {
    ...{ scope, queue, priority, policy },
    ...(group === undefined ? {} : { group }),
    ...(limitKey === undefined ? {} : { limitKey }),
    ...(units === undefined ? {} : { units }),
    ...(tags === undefined ? {} : { tags }),
    ...(submit === undefined ? {} : { submit }),
    ...(base.limits === undefined ? {} : { limits: base.limits }),
  };
};
