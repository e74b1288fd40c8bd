import { isUtf8 } from 'node:buffer';

/**
 * Reads MessagePack of a shape that is known beforehand, value by value, without making anything in between. It knows the
 * usual forms alone: whatever else stands there throws UNUSUAL, and `codec.ts`, which knows all of them, says what it is.
 * One at a time: reading never waits.
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

/** Whether text, or a boolean, comes next. */
export const isTextNext = (): boolean => (bytes[at]! & 0xe0) === 0xa0 || bytes[at] === 0xd9 || bytes[at] === 0xda;
export const isBooleanNext = (): boolean => bytes[at] === 0xc2 || bytes[at] === 0xc3;

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
