import { createHash } from 'node:crypto';
import { encode, encodeRecord, type Address } from '@baton/protocols';
import type { Actor, TaskRecord } from '@baton/core';
import { OutcomeUnknownError } from '../errors.ts';
import type { CommandMessage } from '../ports/commands.ts';
import type { Operation, Operations } from '../ports/operations.ts';

/**
 * Operation ids (behaviour D7): what a submit is going to make is noted before it is made, and what became of it after it.
 * Every user has ids of his own, and so has what acts without one: nobody meets another one's by chance or by guessing.
 */
export const operationHash = (actor: Actor, operationId: string): string =>
  hashOf(actor.user === undefined ? [operationId] : [actor.user, operationId]);

/** The id of a signal that names an operation: each user has his own. */
export const signalIdOf = (actor: Actor, operationId: string | undefined): string | undefined =>
  operationId === undefined ? undefined : hashOf(['signal', actor.user ?? null, operationId]);

/** Of a command that names no operation: it may be delivered again, and is known by where it is stored. */
export const commandHash = ({ sequence, storedAt }: Pick<CommandMessage, 'sequence' | 'storedAt'>): string =>
  hashOf(['command', sequence, storedAt]);

const hashOf = (parts: readonly unknown[]): string =>
  createHash('sha256').update(encode(parts)).digest('hex').slice(0, 32);

export type Begun =
  /** Nobody has begun it before; `revision` is that of the note. */
  | { readonly kind: 'first'; readonly revision: number }
  | { readonly kind: 'again'; readonly operation: Operation; readonly revision: number };

/** Notes what is going to be made, unless something was noted before. Rejects with a BatonError: nothing may be made then. */
export const beginOperation = async (operations: Operations, hash: string, wanted: Operation): Promise<Begun> => {
  const result = await operations.write(hash, wanted, 0);
  if (result.kind === 'written') return { kind: 'first', revision: result.revision };
  if (result.kind === 'failed') throw result.cause;
  const found = await operations.load(hash);
  if (found === undefined) {
    // It may still be on its way. It would harm nothing: a note without a task lets the task be made.
    throw result.kind === 'unknown'
      ? result.cause
      : new OutcomeUnknownError('the note of an operation id has vanished');
  }
  return found.operation.id === wanted.id
    ? { kind: 'first', revision: found.revision }
    : { kind: 'again', operation: found.operation, revision: found.revision };
};

/** What is noted of a task when it is there, or before its record is forgotten: without what may be large. */
export const settledOperation = (
  address: Address,
  record: TaskRecord,
  revision: number,
  how: Pick<NonNullable<Operation['settled']>, 'outcome' | 'differs'>,
): Operation => {
  const { args: _args, payload: _payload, successor: _successor, ...kept } = record;
  return { id: record.id, address, settled: { ...how, revision, bytes: encodeRecord(kept) } };
};
