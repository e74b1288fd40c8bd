import { isUtf8 } from 'node:buffer';

/**
 * Reads MessagePack without making anything of it, and finds what is no plain data before the decoder sees a byte: the
 * decoder knows regular expressions, errors, sets, shared pointers that unfold a few bytes into megabytes, and builds
 * all of it before anybody could look. It also repairs broken text silently, so two keys could become one.
 *
 * Plain data: null, booleans, finite numbers (integers up to 2^53 - 1), well-formed text, bytes, times, lists, and maps
 * whose keys are text.
 */
export type ScanLimits = {
  /** Lists and maps inside each other. At most 64. */
  readonly depth: number;
  /** Values altogether; keys are not counted. */
  readonly nodes: number;
};

/** Items still to come in each open list or map, and where its keys stand. Reused: a scan never waits. */
const left = new Int32Array(65);
const isMap = new Uint8Array(65);

/** The first fault, in words, or undefined. Never throws. */
export const scanFault = (bytes: Uint8Array, limits: ScanLimits): string | undefined => {
  const end = bytes.length;
  let at = 0;
  let nodes = 0;
  let level = 0;
  left[0] = 1;
  isMap[0] = 0;
  while (level >= 0) {
    const rest = left[level]!;
    if (rest === 0) {
      level--;
      continue;
    }
    left[level] = rest - 1;
    if (at >= end) return CUT;
    const code = bytes[at++]!;
    const isKey = isMap[level] === 1 && (rest & 1) === 0;
    if (!isKey && ++nodes > limits.nodes) return `more than ${limits.nodes} values`;

    // Text: by far the most frequent.
    let length = -1;
    if (code >= 0xa0 && code <= 0xbf) length = code & 0x1f;
    else if (code === 0xd9) length = uint(bytes, at, 1);
    else if (code === 0xda) length = uint(bytes, at, 2);
    else if (code === 0xdb) length = uint(bytes, at, 4);
    if (length >= 0) {
      at += code === 0xd9 ? 1 : code === 0xda ? 2 : code === 0xdb ? 4 : 0;
      if (length > end - at) return CUT;
      if (!isText(bytes, at, at + length)) return 'text that is not UTF-8';
      if (isKey && isProto(bytes, at, length)) return "the key '__proto__'";
      at += length;
      continue;
    }
    if (isKey) return 'a key that is not text';

    if (code <= 0x7f || code >= 0xe0 || code === 0xc0 || code === 0xc2 || code === 0xc3) continue;

    // Lists and maps.
    let count = -1;
    if (code <= 0x9f) count = code & 0x0f;
    else if (code === 0xdc || code === 0xde) count = uint(bytes, at, 2);
    else if (code === 0xdd || code === 0xdf) count = uint(bytes, at, 4);
    if (count >= 0) {
      at += code <= 0x9f ? 0 : code === 0xdc || code === 0xde ? 2 : 4;
      const map = code <= 0x8f || code >= 0xde;
      if (level >= limits.depth) return `deeper than ${limits.depth} levels`;
      if (count > limits.nodes - nodes) return `more than ${limits.nodes} values`;
      if (count > end - at) return CUT;
      level++;
      left[level] = map ? count * 2 : count;
      isMap[level] = map ? 1 : 0;
      continue;
    }

    const size = leafSize(bytes, at, code);
    if (size < 0) return `no plain data (byte 0x${code.toString(16)})`;
    if (size > end - at) return CUT;
    const fault = leafFault(bytes, at, code);
    if (fault !== undefined) return fault;
    at += size;
  }
  return at === end ? undefined : `${end - at} bytes too many`;
};

const CUT = 'cut short';

/** Big-endian; what lies beyond the end counts as nothing, since its length is checked by who asks. */
const uint = (bytes: Uint8Array, at: number, size: number): number => {
  let value = 0;
  for (let i = 0; i < size; i++) value = value * 256 + (bytes[at + i] ?? 0);
  return value;
};

/** Short text is looked at here: most of it is ASCII, and a native call costs more than the look. */
const isText = (bytes: Uint8Array, from: number, to: number): boolean => {
  if (to - from > 48) return isUtf8(bytes.subarray(from, to));
  for (let i = from; i < to; i++) if (bytes[i]! > 0x7f) return isUtf8(bytes.subarray(from, to));
  return true;
};

const PROTO: readonly number[] = Array.from('__proto__', (c) => c.charCodeAt(0));

const isProto = (bytes: Uint8Array, at: number, length: number): boolean =>
  length === 9 && bytes[at] === 0x5f && PROTO.every((byte, i) => bytes[at + i] === byte);

/** Bytes of a number, of bytes or of a time behind its code; -1: not plain data. */
const leafSize = (bytes: Uint8Array, at: number, code: number): number => {
  switch (code) {
    case 0xcc:
    case 0xd0:
      return 1;
    case 0xcd:
    case 0xd1:
      return 2;
    case 0xca:
    case 0xce:
    case 0xd2:
      return 4;
    case 0xcb:
    case 0xcf:
    case 0xd3:
      return 8;
    case 0xc4:
      return 1 + uint(bytes, at, 1);
    case 0xc5:
      return 2 + uint(bytes, at, 2);
    case 0xc6:
      return 4 + uint(bytes, at, 4);
    case 0xd6:
      return bytes[at] === TIME ? 5 : -1;
    case 0xd7:
      return bytes[at] === TIME ? 9 : -1;
    case 0xc7:
      return bytes[at] === 12 && bytes[at + 1] === TIME ? 14 : -1;
    default:
      return -1;
  }
};

/** The one extension type that is data. */
const TIME = 0xff;

const leafFault = (bytes: Uint8Array, at: number, code: number): string | undefined => {
  switch (code) {
    case 0xca:
      return (bytes[at]! & 0x7f) === 0x7f && bytes[at + 1]! >= 0x80 ? NOT_FINITE : undefined;
    case 0xcb:
      return (bytes[at]! & 0x7f) === 0x7f && bytes[at + 1]! >= 0xf0 ? NOT_FINITE : undefined;
    case 0xcf:
      return Number.isSafeInteger(uint(bytes, at, 8)) ? undefined : TOO_LARGE;
    case 0xd3:
      return Number.isSafeInteger(int64(bytes, at)) ? undefined : TOO_LARGE;
    case 0xd7:
      // 30 bits of nanoseconds, then 34 bits of seconds, which no Date is too small for.
      return Math.floor(uint(bytes, at + 1, 4) / 4) > MAX_NANOS ? NO_TIME : undefined;
    case 0xc7:
      return isTime(uint(bytes, at + 2, 4), int64(bytes, at + 6)) ? undefined : NO_TIME;
    default:
      return undefined;
  }
};

const NOT_FINITE = 'a number that is not finite';
const TOO_LARGE = 'an integer beyond 2^53';
const NO_TIME = 'a time that is none';
const MAX_NANOS = 999_999_999;

/** Seconds that a Date can hold. */
const MAX_SECONDS = 8_640_000_000_000;

const isTime = (nanos: number, seconds: number): boolean =>
  nanos <= MAX_NANOS && seconds >= -MAX_SECONDS && (seconds < MAX_SECONDS || (seconds === MAX_SECONDS && nanos === 0));

const int64 = (bytes: Uint8Array, at: number): number =>
  (uint(bytes, at, 4) | 0) * 4_294_967_296 + uint(bytes, at + 4, 4);
