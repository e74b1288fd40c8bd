/**
 * Looking at records without reading them. Of a task that changed four times in a batch only the last record is shown;
 * reading the other three would be most of the projector's work.
 *
 * The encoder writes `id` first, as a 36 character text: map header, key `id`, text header, text.
 */
const FIXMAP = 0x80;
const FIXMAP_END = 0x8f;
const MAP16 = 0xde;
const ID_HEADER = [0xa2, 0x69, 0x64, 0xd9, 0x24] as const;
const ID_LENGTH = 36;

/** `history` with one entry: the record a task began with. */
const FIRST_HISTORY = Buffer.from([0xa7, ...Buffer.from('history'), 0x91]);

/** Where the text of the id begins, or -1 when the record does not begin with one. */
const idAt = (bytes: Uint8Array): number => {
  const [head = 0] = bytes;
  const at = head >= FIXMAP && head <= FIXMAP_END ? 1 : head === MAP16 ? 3 : -1;
  if (at === -1 || bytes.length < at + ID_HEADER.length + ID_LENGTH) return -1;
  for (let i = 0; i < ID_HEADER.length; i++) if (bytes[at + i] !== ID_HEADER[i]) return -1;
  return at + ID_HEADER.length;
};

/** True when both are certainly records of one task. False says nothing. */
export const isSameTask = (a: Uint8Array, b: Uint8Array): boolean => {
  const [atA, atB] = [idAt(a), idAt(b)];
  if (atA === -1 || atB === -1) return false;
  for (let i = 0; i < ID_LENGTH; i++) if (a[atA + i] !== b[atB + i]) return false;
  return true;
};

/** True when it looks like the first record of a task. A guess: user data may hold the same bytes. */
export const looksFirst = (bytes: Uint8Array): boolean =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).includes(FIRST_HISTORY);
