import { UNUSUAL } from './msgpack-read.ts';

/**
 * Writes MessagePack value by value. Functions with `Any` in their names write all there is of a kind; the others what has a
 * usual form, and throw UNUSUAL for the rest.
 */

const scratchBytes = new Uint8Array(8);
const scratch = new DataView(scratchBytes.buffer);

/** What is written goes into a piece of memory that many values share, one after the other. */
const PIECE = 16 * 1024;
let out = Buffer.allocUnsafeSlow(PIECE);
let begun = 0;
let to = 0;

/** Something is being written. Data may have getters, which may write something themselves: that goes elsewhere. */
let writing = false;

/** What `write` writes. Throws what that throws; nothing was written then. */
export const written = (write: () => void): Uint8Array => {
  if (writing) return writtenMeanwhile(write);
  if (out.length === 0) renew();
  writing = true;
  begun = to;
  try {
    write();
    return taken();
  } catch (error) {
    to = begun;
    throw error;
  } finally {
    writing = false;
  }
};

/** A piece of its own for what comes. The former one may have been transferred by somebody who was given a view of it. */
const renew = (): void => {
  out = Buffer.allocUnsafeSlow(PIECE);
  to = 0;
};

const taken = (): Uint8Array => {
  const value = new Uint8Array(out.buffer, begun, to - begun);
  if (out.length === PIECE) return value;
  // Of a large one nothing but itself is to be kept.
  renew();
  return value.slice();
};

const writtenMeanwhile = (write: () => void): Uint8Array => {
  const former = { out, begun, to };
  renew();
  writing = false;
  try {
    return written(write);
  } finally {
    ({ out, begun, to } = former);
    writing = true;
  }
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

export const writeListSize = (size: number): void => {
  need(3);
  if (size < 16) out[to++] = 0x90 | size;
  else if (size < 0x1_00_00) {
    out[to] = 0xdc;
    out.writeUInt16BE(size, to + 1);
    to += 3;
  } else throw UNUSUAL;
};

/** A whole number in one, two or four bytes behind a code, which grows by one with each of these widths. There is room. */
const writeSized = (code: number, value: number): void => {
  if (value < 0x1_00) {
    out[to++] = code;
    out[to++] = value;
  } else if (value < 0x1_00_00) {
    out[to] = code + 1;
    out.writeUInt16BE(value, to + 1);
    to += 3;
  } else {
    out[to] = code + 2;
    out.writeUInt32BE(value, to + 1);
    to += 5;
  }
};

/** A finite number that is not below 0. */
export const writeNumber = (value: number): void => {
  need(9);
  if (value >= 0 && value < 0x1_00_00_00_00 && value === value >>> 0) {
    if (value < 0x80) out[to++] = value;
    else writeSized(0xcc, value);
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
  writeSized(0xc4, length);
  out.set(value, to);
  to += length;
};

export const writeNull = (): void => {
  need(1);
  out[to++] = 0xc0;
};

/** Any finite number. Whole ones in as few bytes as they need up to 32 bits, all others as floats of 64. */
export const writeAnyNumber = (value: number): void => {
  if (value >= 0 || value !== value >> 0) return writeNumber(value);
  need(5);
  if (value >= -0x20) out[to++] = 0x100 + value;
  else if (value >= -0x80) {
    out[to++] = 0xd0;
    out[to++] = 0x100 + value;
  } else if (value >= -0x80_00) {
    out[to] = 0xd1;
    out.writeInt16BE(value, to + 1);
    to += 3;
  } else {
    out[to] = 0xd2;
    out.writeInt32BE(value, to + 1);
    to += 5;
  }
};

/** A time in milliseconds, in the shortest of the three forms that holds it. */
export const writeTime = (ms: number): void => {
  need(15);
  const seconds = Math.floor(ms / 1_000);
  const nanos = Math.round((ms - seconds * 1_000) * 1e6);
  if (nanos === 0 && seconds >= 0 && seconds <= 0xff_ff_ff_ff) {
    out[to] = 0xd6;
    out[to + 1] = TIME;
    out.writeUInt32BE(seconds, to + 2);
    to += 6;
  } else if (seconds >= 0 && seconds < 0x4_00_00_00_00) {
    out[to] = 0xd7;
    out[to + 1] = TIME;
    // 30 bits of nanoseconds, then 34 bits of seconds.
    out.writeUInt32BE(nanos * 4 + Math.floor(seconds / 0x1_00_00_00_00), to + 2);
    out.writeUInt32BE(seconds >>> 0, to + 6);
    to += 10;
  } else {
    out[to] = 0xc7;
    out[to + 1] = 12;
    out[to + 2] = TIME;
    out.writeUInt32BE(nanos, to + 3);
    out.writeBigInt64BE(BigInt(seconds), to + 7);
    to += 15;
  }
};

/** The extension type of times. */
const TIME = 0xff;

export const writeAnyListSize = (size: number): void => {
  if (size < 0x1_00_00) return writeListSize(size);
  need(5);
  out[to] = 0xdd;
  out.writeUInt32BE(size, to + 1);
  to += 5;
};

/** The size of a map is known when its members are written: a place for it, wide enough for so many. */
export const openMap = (most: number): number => {
  const width = most < 16 ? 1 : most < 0x1_00_00 ? 3 : 5;
  need(width);
  to += width;
  return to - width - begun;
};

export const closeMap = (place: number, most: number, size: number): void => {
  const start = begun + place;
  if (most < 16) out[start] = 0x80 | size;
  else if (most < 0x1_00_00) {
    out[start] = 0xde;
    out.writeUInt16BE(size, start + 1);
  } else {
    out[start] = 0xdf;
    out.writeUInt32BE(size, start + 1);
  }
};

/** Text that is not well-formed cannot be written: it would be repaired without a word. */
export const writeText = (text: string): void => {
  if (writeShort(text)) return;
  const length = Buffer.byteLength(text);
  if (length >= 0x1_00_00 || (length !== text.length && !text.isWellFormed())) throw UNUSUAL;
  writeLong(text, length);
};

/** Any text that is well-formed. */
export const writeAnyText = (text: string): void => {
  if (!writeShort(text)) writeLong(text, Buffer.byteLength(text));
};

/** Letter by letter, where that is cheaper than a call: false for all others. */
const writeShort = (text: string): boolean => {
  const { length } = text;
  if (length >= 32) return false;
  need(length + 1);
  const start = to++;
  for (let i = 0; i < length; i++) {
    const code = text.charCodeAt(i);
    if (code >= 0x80) {
      to = start;
      return false;
    }
    out[to++] = code;
  }
  out[start] = 0xa0 | length;
  return true;
};

const writeLong = (text: string, length: number): void => {
  need(length + 5);
  if (length < 32) out[to++] = 0xa0 | length;
  else writeSized(0xd9, length);
  to += out.write(text, to, length === text.length ? 'latin1' : 'utf8');
};
