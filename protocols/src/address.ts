import { hash as hashText } from 'node:crypto';
import type { Scope } from '@baton/core';
import { Packr } from 'msgpackr';
import { NAME_PATTERN, PARTITIONS } from './limits.ts';
import { token } from './names.ts';

/** Where an actor lives: `<pp>.<type>.<hash>`. Only this module makes one, so no user text becomes a subject. */
export type Address = string & { readonly __brand: 'Address' };

export type Identity = {
  readonly scope: Scope;
  readonly type: string;
  readonly key: string;
  /** Part of the identity of private tasks only. */
  readonly user?: string;
};

const packr = new Packr({ useRecords: false });

/**
 * The address of a deduplication key (behaviour D1). The parts are hashed as a MessagePack array, which has lengths and
 * no separators, so that no two keys collide by what is written in them. Text is taken as it is, byte for byte: case,
 * spaces and Unicode forms make different keys. Throws a RangeError for a type that is no name, and for text that has no
 * bytes of its own (a lone surrogate).
 */
export const addressOf = (identity: Identity): Address => {
  const { scope, type, key, user } = identity;
  if (!NAME_PATTERN.test(type))
    throw new RangeError(`a task type is ${NAME_PATTERN.source}; got '${type.slice(0, 100)}'`);
  if (!key.isWellFormed() || user?.isWellFormed() === false) {
    throw new RangeError('a task key or a user id has a lone surrogate in it');
  }
  const parts = scope === 'private' ? [scope, type, key, user ?? ''] : [scope, type, key];
  const hash = hashText('sha256', packr.pack(parts), 'hex').slice(0, 32);
  return `${partitionOf(hash)}.${token(type)}.${hash}` as Address;
};

/** Two hex digits; the last byte of the hash modulo the number of partitions. */
export const partitionOf = (hash: string): string =>
  (Number.parseInt(hash.slice(30, 32), 16) % PARTITIONS).toString(16).padStart(2, '0');

const PARTITION_NAMES = Array.from({ length: PARTITIONS }, (_, i) => i.toString(16).padStart(2, '0'));

export const allPartitions = (): readonly string[] => PARTITION_NAMES;

const ADDRESS_PATTERN = /^[0-9a-f]{2}\.[A-Za-z0-9][A-Za-z0-9_=-]{0,99}\.[0-9a-f]{32}$/;

/** Reads an address that came over the wire; undefined when it is none, or one with the wrong partition. */
export const parseAddress = (text: string): Address | undefined =>
  ADDRESS_PATTERN.test(text) && text.slice(0, 2) === partitionOf(text.slice(-32)) ? (text as Address) : undefined;

/** Ids are UUIDs; what is longer or has other characters is no token of a subject. */
const ID_PATTERN = /^[A-Za-z0-9_-]{1,100}$/;

const UUID_PATTERN = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** Every task that was made by a submit has one: nobody needs to be asked where another one is. */
export const isUuid = (text: string): boolean => UUID_PATTERN.test(text);

/** Whether it can be the id of a task: what else is asked for is that of none. */
export const isTaskId = (text: string): boolean => ID_PATTERN.test(text);

/** Where the outcome of a task stands that had to make room for the next one of its key: `<address>.<task id>`. */
export type OutcomeKey = { readonly address: Address; readonly id: string };

/** Throws a RangeError for an id that cannot stand in a subject. */
export const outcomeKeyOf = (address: Address, id: string): string => {
  if (!ID_PATTERN.test(id)) throw new RangeError(`a task id is ${ID_PATTERN.source}; got '${id.slice(0, 100)}'`);
  return `${address}.${id}`;
};

/** Reads one that came over the wire; undefined when it is none. */
export const parseOutcomeKey = (text: string): OutcomeKey | undefined => {
  const end = text.lastIndexOf('.');
  const address = parseAddress(text.slice(0, end));
  const id = text.slice(end + 1);
  return address !== undefined && ID_PATTERN.test(id) ? { address, id } : undefined;
};

export const hashOf = (address: Address): string => address.slice(address.lastIndexOf('.') + 1);
/** One of those there are and no new text, so that a map is looked into without computing its hash. */
export const partitionOfAddress = (address: Address): string =>
  PARTITION_NAMES[16 * digitOf(address.charCodeAt(0)) + digitOf(address.charCodeAt(1))] ?? address.slice(0, 2);

const digitOf = (code: number): number => (code < 58 ? code - 48 : code - 87);
/** The type as it stands in subjects. */
export const typeTokenOf = (address: Address): string => address.slice(3, address.lastIndexOf('.'));
