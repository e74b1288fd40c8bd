import { createHash } from 'node:crypto';
import {
  DEFAULT_RUN_OPTIONS,
  isTerminal,
  liveSuccessorOf,
  type Actor,
  type Fire,
  type ScheduleRecord,
  type ScheduleSpec,
  type SubmitMode,
} from '@baton/core';
import { addressOf, encode, OPERATION_TTL_MS, type Address } from '@baton/protocols';
import { cancelTask } from '../client/cancel.ts';
import { refusalText } from '../client/refusal-text.ts';
import type { RunOverrides } from '../client/run-options.ts';
import { OperationInDoubtError } from '../client/operate.ts';
import { submitTask, type SubmitParts, type SubmitRequest } from '../client/submit.ts';
import type { Submission } from '../client/submission.ts';
import { BatonError } from '../errors.ts';
import { IN_DOUBT, OVERLAP } from './fire-counts.ts';

/** What came of a try to make the task of a fire. */
export type Started =
  | { readonly kind: 'started'; readonly task: string; readonly address: Address }
  | { readonly kind: 'skipped'; readonly why: string }
  /** The task of an earlier fire is not over, and this one waits for it. */
  | { readonly kind: 'waits' }
  /** Nothing came of it, or nobody knows: tried again, which is safe. */
  | { readonly kind: 'again'; readonly cause: BatonError };

/** Notes of operations are forgotten after a day; what was begun before that by somebody else nobody can tell. */
const DOUBT_MS = OPERATION_TTL_MS - 3_600_000;

/** What a later try changes nothing about. */
const FINAL = new Set([
  ...['INVALID_ARGUMENT', 'PERMISSION_DENIED', 'UNKNOWN_TYPE', 'PAYLOAD_TOO_LARGE'],
  ...['DEFINITION_UNREADABLE', 'RECORD_CORRUPT'],
]);

/**
 * Makes the task of one fire. Its operation is named by the schedule and the fire, so that whoever tries, however often and
 * whatever died in between, comes to the same task (behaviour H2). All but `allow` share one key: whether an earlier one is
 * still active is decided by the task's own actor, and by nobody's memory (behaviour H3). `isMine`: nobody else can have
 * begun it.
 */
export const startFire = async (
  parts: SubmitParts,
  record: ScheduleRecord,
  fire: Fire,
  isMine: boolean,
): Promise<Started> => {
  const { clock } = parts.ports;
  if (!isMine && clock.now() - fire.decidedAt > DOUBT_MS) {
    return { kind: 'skipped', why: IN_DOUBT };
  }
  try {
    if (fire.overlap === 'cancel_other') await cancelOther(parts, record, fire);
    if (fire.overlap === 'buffer_all' && (await isBehind(parts, record, fire))) return { kind: 'waits' };
    const made = await submitTask(parts, actorOf(record), requestOf(record, fire));
    return startedOf(made, fire);
  } catch (error) {
    if (!(error instanceof BatonError)) throw error;
    return failed(error);
  }
};

const actorOf = ({ owner }: ScheduleRecord): Actor => owner;

/** The key its tasks share. */
export const keyOf = ({ name }: Pick<ScheduleRecord, 'name'>): string => `schedule:${name}`;

const requestOf = (record: ScheduleRecord, fire: Fire): SubmitRequest => {
  const { type, args, name } = record.spec.task;
  const mode = MODES[fire.overlap];
  const isAlone = fire.overlap === 'allow';
  return {
    type,
    overrides: { ...overridesOf(record.spec.task), mode },
    key: isAlone ? `${keyOf(record)}@${fire.id}` : keyOf(record),
    name: name ?? record.name,
    ...(args instanceof Uint8Array ? { args: { kind: 'inline', bytes: args } } : {}),
    operation: operationOf(record, fire),
  };
};

const MODES: Readonly<Record<Fire['overlap'], SubmitMode['kind']>> = {
  skip: 'reject',
  buffer_one: 'coalesce',
  buffer_all: 'reject',
  cancel_other: 'coalesce',
  allow: 'join',
};

/** Of this schedule and no other of its name. */
const operationOf = ({ id }: ScheduleRecord, fire: Fire): string =>
  createHash('sha256')
    .update(encode(['schedule', id, fire.id]))
    .digest('hex')
    .slice(0, 32);

/** What the tasks of a schedule say otherwise than the definition of their type. */
export const overridesOf = (task: ScheduleSpec['task']): RunOverrides => {
  const { scope, queue, priority, group, limitKey, units, tags, policy = {}, expiresMs } = task;
  return {
    ...policy,
    ...(scope === undefined ? {} : { scope }),
    ...(queue === undefined ? {} : { queue }),
    ...(priority === undefined ? {} : { priority }),
    ...(group === undefined ? {} : { group }),
    ...(limitKey === undefined ? {} : { limitKey }),
    ...(units === undefined ? {} : { units }),
    ...(tags === undefined ? {} : { tags }),
    ...(expiresMs === undefined ? {} : { expiresMs }),
  };
};

const startedOf = (made: Submission, fire: Fire): Started => {
  switch (made.kind) {
    case 'done':
      return made.outcome === 'created' || fire.overlap === 'allow'
        ? { kind: 'started', task: made.id, address: made.address }
        : { kind: 'skipped', why: `${OVERLAP}one waits already for the task of an earlier fire` };
    case 'refused': {
      if (made.reason !== 'active') return { kind: 'skipped', why: refusalText(made.reason, made.record).message };
      const { record: active } = made;
      if (fire.overlap === 'buffer_all') return { kind: 'waits' };
      return { kind: 'skipped', why: `${OVERLAP}the task of an earlier fire is ${active?.status ?? 'active'}` };
    }
    case 'failed':
    case 'unknown':
      return failed(made.cause);
  }
};

const failed = (cause: BatonError): Started => {
  // One that was skipped is asked for again, and the key has had another task since.
  if (cause instanceof OperationInDoubtError) return { kind: 'skipped', why: IN_DOUBT };
  if (!FINAL.has(cause.code)) return { kind: 'again', cause };
  return { kind: 'skipped', why: `${cause.code}: ${cause.message}`.slice(0, 400) };
};

/** What stands where the tasks of a schedule live, as long as their scope is that. */
const standing = async ({ catalogue, kernel }: SubmitParts, { owner, spec, name }: ScheduleRecord) => {
  const { type, scope } = spec.task;
  const definition = await catalogue.of(type);
  const address = addressOf({
    scope: scope ?? definition?.scope ?? DEFAULT_RUN_OPTIONS.scope,
    type,
    key: keyOf({ name }),
    ...(owner.user === undefined ? {} : { user: owner.user }),
  });
  return { address, task: (await kernel.load(address))?.record };
};

/** Looked at before its operation is begun, since that is in doubt for good once the key has had another task. */
const isBehind = async (parts: SubmitParts, record: ScheduleRecord, fire: Fire): Promise<boolean> => {
  const { task } = await standing(parts, record);
  return task !== undefined && !isTerminal(task.status) && task.operation !== operationOf(record, fire);
};

/**
 * Stops the task of an earlier fire; one that cannot be stopped is waited for, as one more run behind it. A fire that is
 * begun again may find its own.
 */
const cancelOther = async (parts: SubmitParts, record: ScheduleRecord, fire: Fire): Promise<void> => {
  const { address, task } = await standing(parts, record);
  if (task === undefined) return;
  const admin: Actor = { ...record.owner, admin: true };
  const own = operationOf(record, fire);
  const waiting = liveSuccessorOf(task)?.spec;
  const active = isTerminal(task.status) ? [] : [task];
  for (const { id, operation } of [...active, ...(waiting === undefined ? [] : [waiting])]) {
    if (operation === own) continue;
    const done = await cancelTask(parts, admin, address, { id, force: true });
    if (done.kind === 'failed' || done.kind === 'unknown') throw done.cause;
  }
};
