import { SUBMIT_OUTCOMES } from '@baton/core';
import { decode, DecodeError, encode, parseAddress, RECORD_LIMIT } from '@baton/protocols';
import { BatonError, StoreRefusedError, type Operation, type Operations } from '@baton/runtime';
import { ApiError } from '../errors.ts';
import type { Wire } from '../wire.ts';
import { apiCodes } from '../codes.ts';

/** The answer to a message request: body as base64. */
type Stored = { readonly message: { readonly seq: number; readonly data?: string } };

/** A note is a record and a little more. */
const NOTE_LIMIT = RECORD_LIMIT + 4_096;

/** Notes of operation ids in a bucket of their own, which forgets them after a day. */
export const createOperations = (wire: Wire): Operations => ({
  load: async (hash) => {
    const { api, names } = wire;
    try {
      const { message } = await api.call<Stored>(`STREAM.MSG.GET.${names.operationsStream}`, {
        last_by_subj: names.operationSubject(hash),
      });
      return { operation: read(Buffer.from(message.data ?? '', 'base64'), hash), revision: message.seq };
    } catch (fault) {
      if (!(fault instanceof ApiError)) throw fault;
      if (fault.apiCode === apiCodes.noMessage) return undefined;
      const code = fault.apiCode === apiCodes.streamNotFound ? 'STORE_MISSING' : 'STORE_REFUSED';
      throw new StoreRefusedError(code, fault.message, { cause: fault });
    }
  },

  write: (hash, operation, expected) =>
    wire.publisher.publish(
      wire.names.operationSubject(hash),
      encode(operation),
      expected === undefined ? {} : { expected },
    ),
});

const read = (bytes: Uint8Array, hash: string): Operation => {
  try {
    const value = decode(bytes, NOTE_LIMIT);
    if (isMap(value)) {
      const { id, address: text, settled } = value;
      const address = typeof text === 'string' ? parseAddress(text) : undefined;
      if (typeof id === 'string' && address !== undefined) {
        return { id, address, ...(isMap(settled) ? { settled: settledIn(settled) } : {}) };
      }
    }
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
  }
  // Nothing may be made for it: it may stand for a task that is there.
  throw new BatonError('RECORD_CORRUPT', `the note of operation ${hash} cannot be read`);
};

const isMap = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const settledIn = (map: Readonly<Record<string, unknown>>): NonNullable<Operation['settled']> => {
  const { outcome, differs, bytes, revision } = map;
  return {
    outcome: SUBMIT_OUTCOMES.find((known) => known === outcome) ?? 'created',
    differs: differs === true,
    bytes: bytes instanceof Uint8Array ? bytes : new Uint8Array(),
    revision: typeof revision === 'number' ? revision : 0,
  };
};
