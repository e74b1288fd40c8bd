import { byUser, canSee, type Actor, type TaskRecord } from '@baton/core';
import { EncodeError, isUuid, parseAddress, type Address } from '@baton/protocols';
import { cancelTask } from '../client/cancel.ts';
import { findTask } from '../client/find-task.ts';
import { commandHash, signalIdOf } from '../client/operations.ts';
import { isPassing } from '../client/passing.ts';
import { refusalText, type RefusalText } from '../client/refusal-text.ts';
import { signalRequest, signalTask } from '../client/signal.ts';
import { submitTask, type SubmitParts } from '../client/submit.ts';
import { whyJson } from '../client/why-json.ts';
import { whyWaits } from '../client/why.ts';
import type { Dispatch } from '../ports/dispatch.ts';
import { BatonError } from '../errors.ts';
import type { CommandMessage, Place } from '../ports/commands.ts';
import { taskViewOf, type CommandAnswer } from './answer.ts';
import type { CommandReading } from './read-command.ts';
import { actorOf, requestOf } from './request-of.ts';

/** What to do with a command after a try. */
export type Outcome =
  | { readonly kind: 'answer'; readonly answer: CommandAnswer }
  /** It is bad, or may not be carried out: answered, and put aside for people to see. */
  | { readonly kind: 'bury'; readonly code: string; readonly message: string }
  /** Nothing came of it, or nobody knows: tried again, which is safe. */
  | { readonly kind: 'again'; readonly cause: BatonError }
  /** Nobody has said that he has the task. `isSure`: since it is nowhere, and not since somebody did not answer. */
  | { readonly kind: 'not-found'; readonly isSure: boolean };

export type CommandRules = {
  /** False: nothing new is accepted (behaviour X6); what was is still cancelled. */
  readonly enabled: boolean;
  /** Whether commands may speak for admins. */
  readonly admins: boolean;
};

export type CarryOutParts = SubmitParts & {
  readonly ports: { readonly dispatch: Pick<Dispatch, 'standing'> };
  readonly rules: CommandRules;
  /** Where the task of that id is, as far as it is known to anybody now. */
  readonly find: (id: string) => Promise<Place>;
};

type Readable = Extract<CommandReading, { kind: 'submit' | 'cancel' | 'signal' | 'why' }>;

/** Carries a command out, by the same decisions as for everybody else. Throws only what is a bug. */
export const carryOut = async (parts: CarryOutParts, reading: Readable, message: CommandMessage): Promise<Outcome> => {
  const actor = actorOf(reading.command.user);
  if (actor.admin && !parts.rules.admins) {
    return bury('PERMISSION_DENIED', 'commands may not speak for admins here: BATON_COMMAND_ADMINS is off');
  }
  try {
    switch (reading.kind) {
      case 'submit':
        return await submit(parts, actor, reading.command, message);
      case 'cancel':
        return await cancel(parts, actor, reading.command, message);
      case 'signal':
        return await signal(parts, actor, reading.command, message);
      case 'why':
        return await why(parts, actor, reading.command);
    }
  } catch (error) {
    if (error instanceof EncodeError) return bury('INVALID_ARGUMENT', error.message);
    if (!(error instanceof BatonError)) throw error;
    return failed(reading.kind, error, message);
  }
};

const submit = async (
  parts: CarryOutParts,
  actor: Actor,
  command: Extract<Readable, { kind: 'submit' }>['command'],
  message: CommandMessage,
): Promise<Outcome> => {
  if (!parts.rules.enabled) {
    return bury('DISABLED', 'the task framework is switched off by BATON_ENABLED or GLOBAL_TASK_FRAMEWORK');
  }
  const done = await submitTask(parts, actor, requestOf(command, message));
  switch (done.kind) {
    case 'done': {
      const { address, view, outcome, differs, known } = done;
      const task = taskViewOf(address, parts.ports.store.epoch, view.revision, view.record);
      return { kind: 'answer', answer: { ok: true, task, outcome, differs, known } };
    }
    case 'refused': {
      const text = refusalText(done.reason, done.record);
      return done.reason === 'admin_required' ? bury(text.code, text.message) : refusal(text);
    }
    case 'failed':
    case 'unknown':
      return failed('submit', done.cause, message);
  }
};

const cancel = async (
  parts: CarryOutParts,
  actor: Actor,
  { id, address: text, force = false }: Extract<Readable, { kind: 'cancel' }>['command'],
  message: CommandMessage,
): Promise<Outcome> => {
  const address = await placeOf(parts, id, text);
  if (typeof address !== 'string') return address;
  const done = await cancelTask(parts, actor, address, { id, force });
  switch (done.kind) {
    case 'done': {
      const task = taskViewOf(address, parts.ports.store.epoch, done.revision, done.record);
      return { kind: 'answer', answer: { ok: true, task, outcome: done.action } };
    }
    case 'refused':
      return repeated(parts, actor, address, done.record, message) ?? refused(done.reason, done.record, message);
    case 'failed':
    case 'unknown':
      return failed('cancel', done.cause, message);
  }
};

/** Delivered again it is the same signal. */
const signal = async (
  parts: CarryOutParts,
  actor: Actor,
  command: Extract<Readable, { kind: 'signal' }>['command'],
  message: CommandMessage,
): Promise<Outcome> => {
  const { id, address: text, name, data, operation_id: operationId } = command;
  const request = signalRequest(id, name, data, signalIdOf(actor, operationId) ?? commandHash(message));
  const address = await placeOf(parts, id, text);
  if (typeof address !== 'string') return address;
  const done = await signalTask(parts, actor, address, request);
  switch (done.kind) {
    case 'done': {
      const task = taskViewOf(address, parts.ports.store.epoch, done.revision, done.record);
      return { kind: 'answer', answer: { ok: true, task, outcome: done.outcome } };
    }
    case 'refused':
      if (done.reason === 'not_found' && message.deliveries > 1)
        return refusal({ code: 'OUTCOME_UNKNOWN', message: 'the task is gone; it may have had this signal before' });
      return refusal(refusalText(done.reason, done.record));
    case 'failed':
    case 'unknown':
      return failed('signal', done.cause, message);
  }
};

/** Nobody is asked for what can be the id of none. */
const placeOf = async (
  { find }: Pick<CarryOutParts, 'find'>,
  id: string,
  address: string | undefined,
): Promise<Address | Outcome> => {
  if (address !== undefined) return parseAddress(address) ?? unknownTask();
  if (!isUuid(id)) return unknownTask();
  const place = await find(id);
  return place === undefined || place === 'nowhere' ? { kind: 'not-found', isSure: place === 'nowhere' } : place;
};

/** Changes nothing: asked again it is answered again. */
const why = async (
  { ports, kernel, find }: CarryOutParts,
  actor: Actor,
  { id, address: text }: Extract<Readable, { kind: 'why' }>['command'],
): Promise<Outcome> => {
  const address = await placeOf({ find }, id, text);
  if (typeof address !== 'string') return address;
  const { dispatch, clock, store } = ports;
  const known = await whyWaits({ kernel, store, dispatch, clock }, address, id, (record) => canSee(record, actor));
  const found = await findTask({ kernel, store }, address, id);
  if (known === undefined || found === undefined) return unknownTask();
  const task = taskViewOf(address, store.epoch, found.revision, found.record);
  return { kind: 'answer', answer: { ok: true, task, outcome: 'told', why: whyJson(known) } };
};

/** Delivered again after it was carried out: it is not too late for what this very command has ended. */
const repeated = (
  parts: CarryOutParts,
  actor: Actor,
  address: Address,
  record: TaskRecord | undefined,
  { deliveries, storedAt }: CommandMessage,
): Outcome | undefined => {
  const abort = record?.abort;
  if (deliveries <= 1 || record === undefined || record.status !== 'aborted' || abort?.by !== byUser(actor.user))
    return;
  if (abort.at < storedAt - CLOCK_MARGIN_MS) return;
  const task = taskViewOf(address, parts.ports.store.epoch, 0, record);
  return { kind: 'answer', answer: { ok: true, task, outcome: 'aborted' } };
};

/** Our clock made the one time, the server's the other. */
const CLOCK_MARGIN_MS = 2_000;

const refused = (
  reason: Parameters<typeof refusalText>[0],
  record: TaskRecord | undefined,
  { deliveries }: CommandMessage,
): Outcome => {
  // Who has left a shared task sees it no more: whether that was by this command nobody can tell now.
  if (reason === 'not_found' && deliveries > 1) {
    const message = 'the task cannot be seen; it may be that this command has left it before';
    return refusal({ code: 'OUTCOME_UNKNOWN', message });
  }
  return refusal(refusalText(reason, record));
};

export const unknownTask = (): Outcome => refusal(refusalText('not_found', undefined));

/** For which the publisher is told and nobody else: as in any system, somebody comes too late. */
const refusal = (text: RefusalText): Outcome => ({ kind: 'answer', answer: { ok: false, ...text } });

const bury = (code: string, message: string): Outcome => ({ kind: 'bury', code, message });

/** What nobody knows may be known at the next try; not for ever. */
const UNKNOWN_TRIES = 10;

/**
 * What is to become of a command that came to nothing. A full store refuses what is new at once, as on every surface; a
 * cancel waits for room: it is wanted all the more. What will be the same next time is answered and put aside now.
 */
const failed = (verb: Readable['kind'], cause: BatonError, { deliveries }: CommandMessage): Outcome => {
  const { code, message } = cause;
  const passes =
    isPassing(cause) ||
    (code === 'STORE_FULL' && verb !== 'submit') ||
    (code === 'OUTCOME_UNKNOWN' && deliveries < UNKNOWN_TRIES);
  return passes ? { kind: 'again', cause } : bury(code, message);
};
