import { RECORD_VERSION, type TaskRecord } from '@baton/core';
import { addressOf, type Address } from './address.ts';
import { DecodeError, encode, unpack } from './codec.ts';
import { RECORD_LIMIT } from './limits.ts';
import { EncodeError } from './plain.ts';
import { readWhole, UNUSUAL } from './msgpack-read.ts';
import { written } from './msgpack-write.ts';
import { readUsual, recordFault, writeUsual } from './record-shape.ts';

/** What came out of stored bytes. `newer`: written by a later version, to be left alone (behaviour X10). */
export type RecordReading =
  | { readonly kind: 'record'; readonly record: TaskRecord }
  | { readonly kind: 'newer'; readonly version: number }
  | { readonly kind: 'corrupt'; readonly reason: string };

/**
 * Throws EncodeError for what is no record: one that nobody can read would block its key for good, so it is not written.
 */
export const encodeRecord = (record: TaskRecord): Uint8Array => {
  try {
    return written(() => writeUsual(record));
  } catch (error) {
    if (error !== UNUSUAL) throw error;
  }
  const fault = recordFault(record);
  if (fault !== undefined) throw new EncodeError(`not a record: ${fault}`);
  return encode(record);
};

/** Reads a record; never throws. */
export const readRecord = (bytes: Uint8Array): RecordReading => {
  try {
    if (bytes.length <= RECORD_LIMIT) return { kind: 'record', record: readWhole(bytes, readUsual) };
  } catch (error) {
    if (error !== UNUSUAL) throw error;
  }
  return readUnusual(bytes);
};

/** By the general codec, which knows every form: what it says counts where it is asked. */
export const readUnusual = (bytes: Uint8Array): RecordReading => {
  let value: unknown;
  try {
    value = unpack(bytes, RECORD_LIMIT);
  } catch (error) {
    return { kind: 'corrupt', reason: error instanceof Error ? error.message : String(error) };
  }
  if (typeof value !== 'object' || value === null) return { kind: 'corrupt', reason: 'not a map' };
  const version: unknown = 'v' in value ? value.v : undefined;
  if (Number.isSafeInteger(version) && (version as number) > RECORD_VERSION)
    return { kind: 'newer', version: version as number };
  const fault = recordFault(value);
  return fault === undefined ? { kind: 'record', record: value as TaskRecord } : { kind: 'corrupt', reason: fault };
};

/**
 * Reads a record and sees to it that it stands at its own address: what stands at another key's would be joined, run and
 * shown as that key's task. For whoever meets it for the first time; costs a hash.
 */
export const readRecordAt = (address: Address, bytes: Uint8Array): RecordReading => {
  const reading = readRecord(bytes);
  if (reading.kind !== 'record' || isAt(address, reading.record)) return reading;
  return { kind: 'corrupt', reason: 'it is the record of another key than that of its address' };
};

const isAt = (address: Address, { scope, type, key, creator }: TaskRecord): boolean => {
  try {
    return addressOf({ scope, type, key, ...(creator === undefined ? {} : { user: creator }) }) === address;
  } catch {
    // Of a type that is no name.
    return false;
  }
};

/** Reads a record, such as the body of an event; throws DecodeError for one of a newer version, and for what is none. */
export const decodeRecord = (bytes: Uint8Array): TaskRecord => {
  const reading = readRecord(bytes);
  switch (reading.kind) {
    case 'record':
      return reading.record;
    case 'newer':
      throw new DecodeError(`record version ${reading.version} is newer than this program`);
    case 'corrupt':
      throw new DecodeError(reading.reason);
  }
};
