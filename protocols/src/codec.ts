import { addExtension, Packr, Unpackr } from 'msgpackr';
import { DATA_DEPTH, DATA_NODES } from './limits.ts';

/**
 * MessagePack, and only the plain part of it. The library decodes more than the format needs (regular expressions,
 * errors, typed arrays, object pointers that expand a few bytes into megabytes); none of that is data here.
 */
const OPTIONS = { useRecords: false, mapsAsObjects: true, structuredClone: false, variableMapSize: true } as const;

const packr = new Packr(OPTIONS);
const unpackr = new Unpackr(OPTIONS);

/** Extension types of the library that carry live objects. Its records (0x72) come as maps or not at all. */
const FORBIDDEN_EXTENSIONS = [0x42, 0x45, 0x53, 0x58, 0x62, 0x65, 0x69, 0x70, 0x72, 0x73, 0x74, 0x78];

for (const type of FORBIDDEN_EXTENSIONS) {
  addExtension({
    type,
    unpack: () => {
      throw new DecodeError(`extension type 0x${type.toString(16)} is not data`);
    },
  });
}

/** The bytes are not what they should be. They are put aside, never retried: they will not get better. */
export class DecodeError extends Error {
  override readonly name = 'DecodeError';
  readonly code = 'DECODE_FAILED';
}

/** A value that cannot travel: a function, a cycle, a BigInt, something too deep. */
export class EncodeError extends TypeError {
  override readonly name = 'EncodeError';
  readonly code = 'NOT_PLAIN_DATA';
}

/** Encodes a value this code made itself; no checks. */
export const encode = (value: unknown): Uint8Array => {
  const bytes = packr.pack(value);
  return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
};

/** Decodes bytes of at most `limit` bytes into plain data of bounded depth and size. Throws DecodeError only. */
export const decode = (bytes: Uint8Array, limit: number): unknown => {
  const value = unpack(bytes, limit);
  const fault = faultOf(value);
  if (fault !== undefined) throw new DecodeError(fault);
  return value;
};

/** Decodes without looking at what came out; for shapes that have a check of their own. Throws DecodeError only. */
export const unpack = (bytes: Uint8Array, limit: number): unknown => {
  if (bytes.length === 0) throw new DecodeError('no bytes');
  if (bytes.length > limit) throw new DecodeError(`${bytes.length} bytes, at most ${limit} are allowed`);
  try {
    return unpackr.unpack(bytes);
  } catch (error) {
    throw new DecodeError(error instanceof Error ? error.message : String(error), { cause: error });
  }
};

/**
 * Encodes user data: JSON-like values, Date and Uint8Array (behaviour X4). Throws EncodeError that names the place.
 * Undefined members are left out as JSON does.
 */
export const encodeData = (value: unknown): Uint8Array => {
  const fault = faultOf(value);
  if (fault !== undefined) throw new EncodeError(`not plain data: ${fault}`);
  return encode(withoutUndefined(value));
};

export const decodeData = (bytes: Uint8Array, limit: number): unknown => decode(bytes, limit);

type Visit = { readonly value: unknown; readonly depth: number; readonly path: string };

/** What is wrong with a value as plain data, or undefined. Iterative, so that depth is a finding and not a crash. */
const faultOf = (root: unknown): string | undefined => {
  if (isLeaf(root)) return undefined;
  const stack: Visit[] = [{ value: root, depth: 0, path: '$' }];
  let nodes = 0;
  for (let visit = stack.pop(); visit !== undefined; visit = stack.pop()) {
    const { value, depth, path } = visit;
    if (++nodes > DATA_NODES) return `more than ${DATA_NODES} values (or a cycle)`;
    const leaf = leafFault(value);
    if (leaf !== undefined) return `${leaf} at ${path}`;
    if (isLeaf(value)) continue;
    if (depth >= DATA_DEPTH) return `deeper than ${DATA_DEPTH} levels (or a cycle) at ${path}`;
    if (Array.isArray(value)) {
      if (value.length > DATA_NODES) return `more than ${DATA_NODES} values at ${path}`;
      value.forEach((v, i) => stack.push({ value: v, depth: depth + 1, path: `${path}[${i}]` }));
      continue;
    }
    for (const [k, v] of Object.entries(value as object)) {
      const fault = keyFault(k);
      if (fault !== undefined) return `${fault} at ${path}`;
      stack.push({ value: v, depth: depth + 1, path: `${path}.${k}` });
    }
  }
  return undefined;
};

const isLeaf = (value: unknown): boolean =>
  value === null || typeof value !== 'object' || value instanceof Uint8Array || value instanceof Date;

const leafFault = (value: unknown): string | undefined => {
  switch (typeof value) {
    case 'string':
      return value.isWellFormed() ? undefined : 'a string with a lone surrogate';
    case 'number':
    case 'boolean':
    case 'undefined':
      return undefined;
    case 'object':
      if (value instanceof Date) return Number.isNaN(value.getTime()) ? 'an invalid Date' : undefined;
      return isPlain(value) ? undefined : `a ${value?.constructor?.name ?? 'object'} object`;
    default:
      return `a ${typeof value}`;
  }
};

const isPlain = (value: object | null): boolean => {
  if (value === null || Array.isArray(value) || value instanceof Uint8Array) return true;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
};

/** The decoder renames `__proto__` to keep it harmless; refusing it keeps what was sent and what is read the same. */
const keyFault = (key: string): string | undefined => {
  if (key === '__proto__' || key === '__proto_') return `the key '${key}'`;
  return key.isWellFormed() ? undefined : 'a key with a lone surrogate';
};

/** Only for what passed the check: no cycles, bounded depth. */
const withoutUndefined = (value: unknown): unknown => {
  if (isLeaf(value)) return value;
  if (Array.isArray(value)) return value.map((v) => (v === undefined ? null : withoutUndefined(v)));
  return Object.fromEntries(
    Object.entries(value as object)
      .filter(([, v]) => v !== undefined)
      .map(([k, v]) => [k, withoutUndefined(v)]),
  );
};
