import { Packr, Unpackr } from 'msgpackr';
import { DATA_DEPTH, DATA_LIMIT, DATA_NODES, INLINE_DATA_LIMIT, LARGE_DATA_NODES } from './limits.ts';
import { written } from './msgpack-write.ts';
import { EncodeError, writePlain } from './plain.ts';
import { scanFault } from './scan.ts';
import { messageOf } from './thrown.ts';

/** MessagePack, and only the plain part of it: what may come in is decided by `scan.ts`, what may go out by `plain.ts`. */
const OPTIONS = {
  useRecords: false,
  mapsAsObjects: true,
  structuredClone: false,
  variableMapSize: true,
  // A member of that name is data like any other.
  useToJSON: false,
  // Integers beyond 2^53 do not get this far. Other languages write smaller ones in 64 bits too.
  int64AsType: 'number',
} as const;

const packr = new Packr(OPTIONS);
const unpackr = new Unpackr(OPTIONS);
const copier = new Unpackr({ ...OPTIONS, copyBuffers: true });

/** The bytes are not what they should be. They are put aside, never retried: they will not get better. */
export class DecodeError extends Error {
  override readonly name = 'DecodeError';
  readonly code = 'DECODE_FAILED';
}

/** Encodes a value this code made itself; no checks. */
export const encode = (value: unknown): Uint8Array => {
  const bytes = packr.pack(value);
  return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
};

/**
 * Decodes bytes of at most `limit` bytes into plain data of bounded depth and size. Bytes in it are views into those
 * that were given. Throws DecodeError only.
 */
export const decode = (bytes: Uint8Array, limit: number): unknown => unpack(bytes, limit, DATA_NODES);

/** The same without a limit to the number of values, which that of the bytes bounds; for shapes that are checked. */
export const unpack = (bytes: Uint8Array, limit: number, nodes = limit, by = unpackr): unknown => {
  if (bytes.length === 0) throw new DecodeError('no bytes');
  if (bytes.length > limit) throw new DecodeError(`${bytes.length} bytes, at most ${limit} are allowed`);
  const fault = scanFault(bytes, { depth: DATA_DEPTH, nodes });
  if (fault !== undefined) throw new DecodeError(fault);
  try {
    // A view of our own: the decoder notes things on what it reads, and makes Buffers of what is in a Buffer.
    return by.unpack(new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength));
  } catch (error) {
    throw new DecodeError(messageOf(error), { cause: error });
  }
};

/** Encodes user data (see `plain.ts`). Throws EncodeError only, which names the place of what cannot travel. */
export const encodeData = (value: unknown): Uint8Array => encodeUpTo(value, DATA_NODES);

/** Encoded arguments or a result, and whether they fit into a record. */
export type Sized = { readonly kind: 'inline' | 'large'; readonly bytes: Uint8Array };

/** The same for arguments and results, which may be large. Throws EncodeError only; the size is the caller's matter. */
export const encodeSized = (value: unknown): Sized => {
  let nodes = 0;
  const bytes = encodeUpTo(value, LARGE_DATA_NODES, (count) => (nodes = count));
  return { kind: bytes.length <= INLINE_DATA_LIMIT && nodes <= DATA_NODES ? 'inline' : 'large', bytes };
};

const encodeUpTo = (value: unknown, most: number, counted?: (nodes: number) => void): Uint8Array => {
  try {
    return written(() => {
      const nodes = writePlain(value, most);
      counted?.(nodes);
    });
  } catch (error) {
    if (error instanceof EncodeError) throw error;
    // A getter of the value, or a Proxy.
    throw new EncodeError(`not plain data: ${messageOf(error)}`, { cause: error });
  }
};

/**
 * User data of at most `limit` bytes. All of it is whoever asks for it: what he does to bytes in it is done neither to the
 * record they came from nor to what lies beside them in memory. Throws DecodeError only.
 */
export const decodeData = (bytes: Uint8Array, limit: number): unknown => unpack(bytes, limit, DATA_NODES, copier);

/**
 * The value in encoded data: arguments, payload or result, 8 MiB at most. All of it is its caller's, bytes too. Throws DecodeError
 * only.
 */
export const decodeLargeData = (bytes: Uint8Array): unknown => unpack(bytes, DATA_LIMIT, LARGE_DATA_NODES, copier);
