import { RECORD_VERSION, TERMINAL_STATUSES, type Status } from '@baton/core';

/**
 * Whether an encoded record is of a task that has ended and has no successor, seen without decoding it.
 *
 * A supervisor is given every record that is written and has nothing to do with most of them, since the last state of
 * a task is its end. Stepping over the fields costs a tenth of decoding and checking them. False also for whatever does
 * not look like a record of this version: decoding will say what it is.
 */
export const isOver = (bytes: Uint8Array): boolean => {
  const first = bytes[0] ?? 0;
  const isSmall = (first & 0xf0) === 0x80;
  if (!isSmall && first !== MAP_16) return false;
  const fields = isSmall ? first & 0x0f : size(bytes, 1, 2);
  let at = isSmall ? 1 : 3;
  let ended = false;
  let version = 0;
  for (let i = 0; i < fields; i++) {
    const key = at;
    at = next(bytes, key);
    if (is(bytes, key, SUCCESSOR)) return false;
    if (is(bytes, key, STATUS)) {
      ended = TERMINAL.some((status) => is(bytes, at, status));
      if (!ended) return false;
    } else if (is(bytes, key, VERSION)) version = bytes[at] ?? 0;
    at = next(bytes, at);
    if (at > bytes.length) return false;
  }
  // A version above 127 is no byte of its own and never equals ours.
  return ended && version > 0 && version <= RECORD_VERSION && at === bytes.length;
};

/**
 * Whether the task may be waiting for a worker. False only where it is plain that it is not: our own writers put version
 * and status first, and another status than `pending` stands there.
 */
export const mayWait = (bytes: Uint8Array): boolean =>
  bytes[0] !== MAP_16 ||
  !is(bytes, 3, VERSION) ||
  bytes[5] !== RECORD_VERSION ||
  !is(bytes, 6, STATUS) ||
  is(bytes, 13, PENDING);

/** Whether it is plain that the task runs, as `mayWait` sees it. */
export const plainlyRuns = (bytes: Uint8Array): boolean =>
  bytes[0] === MAP_16 &&
  is(bytes, 3, VERSION) &&
  bytes[5] === RECORD_VERSION &&
  is(bytes, 6, STATUS) &&
  RUNNING.some((status) => is(bytes, 13, status));

const MAP_16 = 0xde;

/** As they stand in a record: the length byte of a short string, then the text. */
const written = (text: string): Uint8Array => Uint8Array.of(0xa0 | text.length, ...Buffer.from(text, 'latin1'));

const STATUS = written('status');
const SUCCESSOR = written('successor');
const VERSION = written('v');
const PENDING = written('pending');
const TERMINAL = TERMINAL_STATUSES.map(written);
const RUNNING = (['in_progress', 'aborting'] as const satisfies readonly Status[]).map(written);

const is = (bytes: Uint8Array, at: number, text: Uint8Array): boolean => {
  for (let i = 0; i < text.length; i++) if (bytes[at + i] !== text[i]) return false;
  return true;
};

/** A big-endian number of `width` bytes; beyond the end of the bytes it is read as zeros. */
const size = (bytes: Uint8Array, at: number, width: number): number => {
  let value = 0;
  for (let i = 0; i < width; i++) value = value * 256 + (bytes[at + i] ?? 0);
  return value;
};

/** Place behind the value at `at`, its members included; beyond the end when the bytes end before it does. */
const next = (bytes: Uint8Array, at: number): number => {
  let values = 1;
  let place = at;
  while (values > 0 && place < bytes.length) {
    const byte = bytes[place] ?? 0;
    values += membersOf(bytes, place, byte) - 1;
    place += widthOf(bytes, place, byte);
  }
  return values > 0 ? bytes.length + 1 : place;
};

/** Values that follow inside of the one at `at`. */
const membersOf = (bytes: Uint8Array, at: number, byte: number): number => {
  if (byte < 0x80 || (byte > 0x9f && byte < 0xdc) || byte > 0xdf) return 0;
  if (byte < 0x90) return 2 * (byte & 0x0f);
  if (byte < 0xa0) return byte & 0x0f;
  const count = size(bytes, at + 1, byte === 0xdc || byte === MAP_16 ? 2 : 4);
  return byte < MAP_16 ? count : 2 * count;
};

/** Bytes of the value at `at` without its members; the table of the MessagePack specification. */
const widthOf = (bytes: Uint8Array, at: number, byte: number): number => {
  if (byte < 0xa0 || byte >= 0xe0) return 1;
  if (byte < 0xc0) return 1 + (byte & 0x1f);
  if (byte < 0xc4) return 1;
  if (byte < 0xc7) return sized(bytes, at, 2 ** (byte - 0xc4), 0);
  if (byte < 0xca) return sized(bytes, at, 2 ** (byte - 0xc7), 1);
  if (byte < 0xcc) return byte === 0xca ? 5 : 9;
  if (byte < 0xd0) return 1 + 2 ** (byte - 0xcc);
  if (byte < 0xd4) return 1 + 2 ** (byte - 0xd0);
  if (byte < 0xd9) return 2 + 2 ** (byte - 0xd4);
  if (byte < 0xdc) return sized(bytes, at, 2 ** (byte - 0xd9), 0);
  return byte === 0xdc || byte === MAP_16 ? 3 : 5;
};

const sized = (bytes: Uint8Array, at: number, width: number, more: number): number =>
  1 + width + more + size(bytes, at + 1, width);
