import type { Data, TaskError, TaskRecord } from '@baton/core';
import {
  decodeData,
  DecodeError,
  encodeData,
  INLINE_DATA_LIMIT,
  LEFT_INLINE_LIMIT,
  objectName,
  PAYLOAD_LIMIT,
  type Address,
} from '@baton/protocols';
import { DataLostError, loadObject, storeObject } from '../data/large-data.ts';
import type { DataStore } from '../ports/data.ts';

/** What is known of an ended task: of its record, or of its document. */
export type Ended = Pick<TaskRecord, 'status' | 'payload' | 'result' | 'error'>;

/**
 * What a task has left to those that waited for it. It is theirs: each keeps it with its own record, so that it is there
 * however much later it begins, also when the other one has been pruned. A large result alone stays where it is.
 */
export type Left = {
  readonly payload?: Data;
  readonly result?: Data;
  readonly error?: Pick<TaskError, 'message' | 'type'>;
};

/** Payload and error are at most 64 KiB and 4,096 characters, the result as much as goes into a record. */
const LEFT_LIMIT = INLINE_DATA_LIMIT + PAYLOAD_LIMIT + 32 * 1024;

export const leftBy = ({ payload, result, error }: Ended): Left | undefined => {
  if (payload === undefined && result === undefined && error === undefined) return undefined;
  return {
    ...(payload === undefined ? {} : { payload }),
    ...(result === undefined ? {} : { result }),
    ...(error === undefined ? {} : { error: { message: error.message, type: error.type } }),
  };
};

/** Puts it where the record of the heir is going to refer to it. Rejects with a BatonError; repeating it does no harm. */
export const keepLeft = async (
  data: DataStore,
  heir: { readonly address: Address; readonly id: string },
  from: string,
  left: Left,
): Promise<Data> => {
  const bytes = encodeData(left);
  if (bytes.length <= LEFT_INLINE_LIMIT) return bytes;
  return storeObject(data, objectName(heir.address, heir.id, { leftBy: from }), bytes);
};

/** Rejects as `loadObject` does, and with DataLostError for what cannot be read. */
export const loadLeft = async (data: DataStore, kept: Data): Promise<Left> => {
  const bytes = kept instanceof Uint8Array ? kept : await loadObject(data, kept);
  try {
    const value = decodeData(bytes, LEFT_LIMIT);
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value;
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
  }
  throw new DataLostError('DATA_DAMAGED', 'what a task has left cannot be read');
};
