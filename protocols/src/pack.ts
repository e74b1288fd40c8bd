import { isUtf8 } from 'node:buffer';

/**
 * Reads and writes MessagePack of a shape that is known beforehand, value by value, without making anything in between.
 * It knows the usual forms alone: whatever else stands there, or is to be written, throws UNUSUAL, and `codec.ts`, which
 * knows all of them, says what it is. One value at a time: reading and writing never wait.
 */
export const UNUSUAL = new Error('not of the usual form');

const EMPTY = new Uint8Array(0);

/** What is being read, and where. */
let bytes: Uint8Array = EMPTY;
let at = 0;
let end = 0;

/** Reads one value that takes all of the bytes. Throws UNUSUAL. */
export const readWhole = <T>(from: Uint8Array, read: () => T): T => {
  bytes = from;
  at = 0;
  end = from.length;
  try {
    const value = read();
    if (at !== end) throw UNUSUAL;
    return value;
  } finally {
    bytes = EMPTY;
  }
};

/** Where the next value begins. */
export const position = (): number => at;

/** A copy of the bytes since then. */
export const since = (start: number): Uint8Array => bytes.slice(start, at);

/** Steps over these bytes, if they come next: a value that is written as a known one was is that value. */
export const skip = (known: Uint8Array): boolean => {
  const { length } = known;
  if (length > end - at) return false;
  for (let i = 0; i < length; i++) if (bytes[at + i] !== known[i]) return false;
  at += length;
  return true;
};

/** Members of a map of up to 65,535 that comes next. */
export const readMapSize = (): number => {
  const code = take();
  if ((code & 0xf0) === 0x80) return code & 0x0f;
  if (code !== 0xde) throw UNUSUAL;
  return take() * 256 + take();
};

/** Items of a list that comes next, each of which takes a byte at least. */
export const readListSize = (): number => {
  const code = take();
  const size = (code & 0xf0) === 0x90 ? code & 0x0f : code === 0xdc ? take() * 256 + take() : -1;
  if (size < 0 || size > end - at) throw UNUSUAL;
  return size;
};

/** A finite number that is not below 0. */
export const readNumber = (): number => {
  const code = take();
  if (code < 0x80) return code;
  switch (code) {
    case 0xcc:
      return take();
    case 0xcd:
      return take() * 256 + take();
    case 0xce:
      return take() * 0x1_00_00_00 + take() * 0x1_00_00 + take() * 256 + take();
    case 0xcb: {
      if (at + 8 > end) throw UNUSUAL;
      for (let i = 0; i < 8; i++) scratchBytes[i] = bytes[at++]!;
      const value = scratch.getFloat64(0);
      if (value >= 0 && value < Infinity) return value;
      throw UNUSUAL;
    }
    default:
      throw UNUSUAL;
  }
};

const scratchBytes = new Uint8Array(8);
const scratch = new DataView(scratchBytes.buffer);

export const readBoolean = (): boolean => {
  const code = take();
  if (code !== 0xc2 && code !== 0xc3) throw UNUSUAL;
  return code === 0xc3;
};

/** Whether bytes come next; a map otherwise, or something unusual. */
export const isBytes = (): boolean => bytes[at]! >= 0xc4 && bytes[at]! <= 0xc6;

/** A view into what is read. */
export const readBytes = (): Uint8Array => {
  const code = take();
  let length = take();
  if (code !== 0xc4) length = length * 256 + take();
  if (code === 0xc6) length = (length * 256 + take()) * 256 + take();
  if (code < 0xc4 || code > 0xc6 || length > end - at) throw UNUSUAL;
  at += length;
  return new Uint8Array(bytes.buffer, bytes.byteOffset + at - length, length);
};

export const readText = (): string => {
  const start = textStart();
  return made(start, at);
};

/** Text that comes again and again: a name, a type, a worker. It is made once. */
export const readWord = (): string => {
  const start = textStart();
  const length = at - start;
  if (length === 0 || length > WORD_LENGTH) return made(start, at);
  const slot = (length * 31 + bytes[start]! * 7 + bytes[at - 1]! * 17 + bytes[start + (length >> 1)]! * 5) % WORDS;
  const known = words[slot];
  if (known !== undefined && isSame(known.bytes, start, length)) return known.text;
  const text = made(start, at);
  words[slot] = { bytes: bytes.slice(start, at), text };
  return text;
};

const WORD_LENGTH = 64;
const WORDS = 1_021;
const words: ({ readonly bytes: Uint8Array; readonly text: string } | undefined)[] = Array.from({ length: WORDS });

const isSame = (known: Uint8Array, start: number, length: number): boolean => {
  if (known.length !== length) return false;
  for (let i = 0; i < length; i++) if (known[i] !== bytes[start + i]) return false;
  return true;
};

/** Steps over text; where it began. */
const textStart = (): number => {
  const code = take();
  const length =
    (code & 0xe0) === 0xa0 ? code & 0x1f : code === 0xd9 ? take() : code === 0xda ? take() * 256 + take() : -1;
  if (length < 0 || length > end - at) throw UNUSUAL;
  const start = at;
  at += length;
  return start;
};

const made = (start: number, stop: number): string => {
  for (let i = start; i < stop; i++) {
    if (bytes[i]! < 0x80) continue;
    const view = bytes.subarray(start, stop);
    if (!isUtf8(view)) throw UNUSUAL;
    return utf8Slice.call(bytes, start, stop);
  }
  return latin1Slice.call(bytes, start, stop);
};

/** Of any Uint8Array: making a Buffer of it first costs as much as the text. */
const { latin1Slice, utf8Slice } = Buffer.prototype as unknown as Record<
  'latin1Slice' | 'utf8Slice',
  (this: Uint8Array, start: number, end: number) => string
>;

const take = (): number => {
  if (at >= end) throw UNUSUAL;
  return bytes[at++]!;
};

/** What is written goes into a piece of memory that many values share, one after the other. */
const PIECE = 64 * 1024;
let out = Buffer.allocUnsafeSlow(PIECE);
let begun = 0;
let to = 0;

/** What `write` writes. Throws UNUSUAL; nothing was written then. */
export const written = (write: () => void): Uint8Array => {
  begun = to;
  try {
    write();
  } catch (error) {
    to = begun;
    throw error;
  }
  return new Uint8Array(out.buffer, begun, to - begun);
};

/** Sees to it that so many bytes more fit. */
const need = (more: number): void => {
  if (to + more <= out.length) return;
  const size = to - begun;
  const next = Buffer.allocUnsafeSlow(Math.max(PIECE, 2 * (size + more)));
  out.copy(next, 0, begun, to);
  out = next;
  begun = 0;
  to = size;
};

/** Bytes that are there already: a key, a value that never changes. Short ones. */
export const writeRaw = (raw: Uint8Array): void => {
  const { length } = raw;
  need(length);
  for (let i = 0; i < length; i++) out[to++] = raw[i]!;
};

/** The size of a map of up to 15 members is known when they are written: a place for it. */
export const openMap = (): number => {
  need(1);
  return to++ - begun;
};

export const closeMap = (place: number, size: number): void => {
  if (size > 15) throw UNUSUAL;
  out[begun + place] = 0x80 | size;
};

/** The same for a map of 16 members and more. */
export const openLargeMap = (): number => {
  need(3);
  to += 3;
  return to - 3 - begun;
};

export const closeLargeMap = (place: number, size: number): void => {
  if (size < 16) throw UNUSUAL;
  out[begun + place] = 0xde;
  out.writeUInt16BE(size, begun + place + 1);
};

export const writeListSize = (size: number): void => {
  need(3);
  if (size < 16) out[to++] = 0x90 | size;
  else if (size < 0x1_00_00) {
    out[to] = 0xdc;
    out.writeUInt16BE(size, to + 1);
    to += 3;
  } else throw UNUSUAL;
};

export const writeNumber = (value: number): void => {
  need(9);
  if (value >= 0 && value < 0x1_00_00_00_00 && value === value >>> 0) {
    if (value < 0x80) out[to++] = value;
    else if (value < 0x1_00) {
      out[to] = 0xcc;
      out[to + 1] = value;
      to += 2;
    } else if (value < 0x1_00_00) {
      out[to] = 0xcd;
      out.writeUInt16BE(value, to + 1);
      to += 3;
    } else {
      out[to] = 0xce;
      out.writeUInt32BE(value, to + 1);
      to += 5;
    }
    return;
  }
  scratch.setFloat64(0, value);
  out[to++] = 0xcb;
  for (let i = 0; i < 8; i++) out[to++] = scratchBytes[i]!;
};

export const writeBoolean = (value: boolean): void => {
  need(1);
  out[to++] = value ? 0xc3 : 0xc2;
};

export const writeBytes = (value: Uint8Array): void => {
  const { length } = value;
  need(length + 5);
  if (length < 0x1_00) {
    out[to++] = 0xc4;
    out[to++] = length;
  } else if (length < 0x1_00_00) {
    out[to] = 0xc5;
    out.writeUInt16BE(length, to + 1);
    to += 3;
  } else {
    out[to] = 0xc6;
    out.writeUInt32BE(length, to + 1);
    to += 5;
  }
  out.set(value, to);
  to += length;
};

/** Text that is not well-formed cannot be written: it would be repaired without a word. */
export const writeText = (text: string): void => {
  const { length } = text;
  need(3 * length + 5);
  if (length < 32) {
    const start = to++;
    for (let i = 0; i < length; i++) {
      const code = text.charCodeAt(i);
      if (code >= 0x80) {
        to = start;
        return writeLong(text);
      }
      out[to++] = code;
    }
    out[start] = 0xa0 | length;
    return;
  }
  writeLong(text);
};

const writeLong = (text: string): void => {
  const length = Buffer.byteLength(text);
  if (length !== text.length && !text.isWellFormed()) throw UNUSUAL;
  if (length < 32) out[to++] = 0xa0 | length;
  else if (length < 0x1_00) {
    out[to++] = 0xd9;
    out[to++] = length;
  } else if (length < 0x1_00_00) {
    out[to] = 0xda;
    out.writeUInt16BE(length, to + 1);
    to += 3;
  } else throw UNUSUAL;
  if (length === text.length) to += out.latin1Write(text, to);
  else to += out.utf8Write(text, to);
};
