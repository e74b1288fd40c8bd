import type { Actor, TaskRecord } from '@baton/core';
import { encodeData, PAYLOAD_LIMIT, type Address } from '@baton/protocols';
import { PayloadTooLargeError } from '../errors.ts';
import { askForTask } from './find-task.ts';
import { requireField, rules } from './rules.ts';
import { notDone, type ClientParts, type NotDone } from './submission.ts';

export type SignalRequest = {
  /** Of the task. */
  readonly id: string;
  /** Of the signal: sent again under the same one it is the same. */
  readonly signal: string;
  readonly name: string;
  readonly data?: Uint8Array;
};

/** `delivered`: the task waited for it and goes on. `kept`: it is there when the task waits for it. */
export type SignalOutcome = 'delivered' | 'kept';

export type Signalling =
  | {
      readonly kind: 'done';
      readonly outcome: SignalOutcome;
      readonly record: TaskRecord;
      readonly revision: number;
    }
  | NotDone;

/**
 * Checks what somebody wants to send. Throws InvalidArgumentError for a name that is none, PayloadTooLargeError for data that
 * is too large, EncodeError for what is no plain data.
 */
export const signalRequest = (id: string, name: unknown, data: unknown, signal: string): SignalRequest => {
  requireField('name', name, rules.signal);
  const made = { id, signal, name: name as string };
  if (data === undefined) return made;
  const bytes = encodeData(data);
  if (bytes.length <= PAYLOAD_LIMIT) return { ...made, data: bytes };
  throw new PayloadTooLargeError(
    `the data of a signal is ${bytes.length} bytes, at most ${PAYLOAD_LIMIT} are allowed: store it elsewhere and send where`,
  );
};

/** Sends a signal to a task (behaviour G5). The same for every surface that may write state. */
export const signalTask = async (
  parts: ClientParts,
  actor: Actor,
  address: Address,
  { id, signal, name, data }: SignalRequest,
): Promise<Signalling> => {
  const at = parts.ports.clock.now();
  const given = data === undefined ? {} : { data };
  const asked = await askForTask(parts, address, { kind: 'signal', at, actor, id, signal, name, ...given });
  if (asked.kind !== 'done') return notDone(asked);
  const { record, revision, answer } = asked;
  return { kind: 'done', outcome: answer.kind === 'delivered' ? 'delivered' : 'kept', record, revision };
};
