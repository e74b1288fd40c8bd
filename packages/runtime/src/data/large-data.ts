import { createHash } from 'node:crypto';
import type { Data, ObjectReference } from '@baton/core';
import { DATA_LIMIT, decodeData, decodeLargeData, RECORD_LIMIT } from '@baton/protocols';
import { BatonError } from '../errors.ts';
import type { DataStore } from '../ports/data.ts';

/** Large data that a record or a document refers to cannot be had: it was pruned, or is damaged. It will not come back. */
export class DataLostError extends BatonError {
  override readonly name = 'DataLostError';
  constructor(code: 'DATA_MISSING' | 'DATA_DAMAGED', message: string) {
    super(code, message);
  }
}

/** Stores encoded data as an object. Rejects with a BatonError; the object is not to be referred to then. */
export const storeObject = async (data: DataStore, name: string, bytes: Uint8Array): Promise<ObjectReference> => {
  await data.put(name, bytes);
  return { object: name, size: bytes.length, digest: digestOf(bytes) };
};

/** The bytes behind a reference. Rejects with DataLostError, or with another BatonError when it may work later. */
export const loadObject = async (data: DataStore, reference: ObjectReference): Promise<Uint8Array> => {
  const { object, size, digest } = reference;
  if (size > DATA_LIMIT) throw new DataLostError('DATA_DAMAGED', `the object ${object} is said to be ${size} bytes`);
  const bytes = await data.get(object);
  if (bytes === undefined) {
    const text = `the data was in the object ${object}, which is no more: its task was pruned`;
    throw new DataLostError('DATA_MISSING', text);
  }
  if (bytes.length !== size || digestOf(bytes) !== digest) {
    throw new DataLostError('DATA_DAMAGED', `the object ${object} is not what was stored`);
  }
  return bytes;
};

/**
 * The value behind arguments or a result of a record, wherever it lies. Rejects as `loadObject` does, and with DecodeError
 * for bytes that nobody can read.
 */
export const loadValue = async (data: DataStore, of: Data | undefined): Promise<unknown> => {
  if (of === undefined) return undefined;
  return of instanceof Uint8Array ? decodeData(of, RECORD_LIMIT) : decodeLargeData(await loadObject(data, of));
};

/** Takes away what nobody refers to. The sweep does it where this fails. */
export const dropObject = async (data: DataStore, reference: Data | undefined): Promise<void> => {
  if (reference === undefined || reference instanceof Uint8Array) return;
  try {
    await data.remove(reference.object);
  } catch (error) {
    if (!(error instanceof BatonError)) throw error;
  }
};

/** SHA-256, hex: how large data is told apart. */
export const digestOf = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');
