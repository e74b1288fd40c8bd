import { createHash } from 'node:crypto';
import { isTerminal, liveSuccessorOf, type Actor, type Fire, type ScheduleRecord, type SubmitMode } from '@baton/core';
import { addressOf, encode, OPERATION_TTL_MS, type Address } from '@baton/protocols';
import { cancelTask } from '../client/cancel.ts';
import { refusalText } from '../client/refusal-text.ts';
import type { RunOverrides } from '../client/run-options.ts';
import { submitTask, type Submission, type SubmitParts, type SubmitRequest } from '../client/submit.ts';
import { BatonError } from '../errors.ts';

/** What came of a try to make the task of a fire. */
export type Started =
  | { readonly kind: 'started'; readonly task: string; readonly address: Address }
  | { readonly kind: 'skipped'; readonly why: string }
  /** The task of an earlier fire is not over, and this one waits for it. */
  | { readonly kind: 'waits'; readonly address: Address }
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
    return { kind: 'skipped', why: 'nobody can tell any more whether it was started' };
  }
  try {
    if (fire.overlap === 'cancel_other') await cancelOther(parts, record);
    const made = await submitTask(parts, actorOf(record), requestOf(record, fire));
    return startedOf(made, record, fire);
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
    overrides: { ...overridesOf(record), mode },
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

const overridesOf = ({ spec }: ScheduleRecord): RunOverrides => {
  const { scope, queue, priority, policy = {}, expiresMs } = spec.task;
  return {
    ...policy,
    ...(scope === undefined ? {} : { scope }),
    ...(queue === undefined ? {} : { queue }),
    ...(priority === undefined ? {} : { priority }),
    ...(expiresMs === undefined ? {} : { expiresMs }),
  };
};

const startedOf = (made: Submission, record: ScheduleRecord, fire: Fire): Started => {
  switch (made.kind) {
    case 'done':
      return made.outcome === 'created' || fire.overlap === 'allow'
        ? { kind: 'started', task: made.id, address: made.address }
        : { kind: 'skipped', why: 'overlap: one waits already for the task of an earlier fire' };
    case 'refused': {
      if (made.reason !== 'active') return { kind: 'skipped', why: refusalText(made.reason, made.record).message };
      const { record: active } = made;
      if (fire.overlap === 'buffer_all') return { kind: 'waits', address: addressIn(record, active?.scope) };
      return { kind: 'skipped', why: `overlap: the task of an earlier fire is ${active?.status ?? 'active'}` };
    }
    case 'failed':
    case 'unknown':
      return failed(made.cause);
  }
};

const failed = (cause: BatonError): Started =>
  FINAL.has(cause.code)
    ? { kind: 'skipped', why: `${cause.code}: ${cause.message}`.slice(0, 400) }
    : { kind: 'again', cause };

/** Where the tasks of a schedule live, as long as their scope is that. */
export const addressIn = (record: ScheduleRecord, scope: 'private' | 'shared' | 'system' = 'private'): Address =>
  addressOf({
    scope,
    type: record.spec.task.type,
    key: keyOf(record),
    ...(record.owner.user === undefined ? {} : { user: record.owner.user }),
  });

/** Stops the task of an earlier fire; one that cannot be stopped is waited for, as one more run behind it. */
const cancelOther = async (parts: SubmitParts, record: ScheduleRecord): Promise<void> => {
  const definition = await parts.catalogue.of(record.spec.task.type);
  const address = addressIn(record, record.spec.task.scope ?? definition?.scope);
  const held = await parts.kernel.load(address);
  if (held === undefined) return;
  const admin: Actor = { ...record.owner, admin: true };
  const waiting = liveSuccessorOf(held.record);
  const ids = isTerminal(held.record.status) ? [] : [held.record.id];
  for (const id of [...ids, ...(waiting === undefined ? [] : [waiting.spec.id])]) {
    const done = await cancelTask(parts, admin, address, { id, force: true });
    if (done.kind === 'failed' || done.kind === 'unknown') throw done.cause;
  }
};
